package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// watcher waits for process descriptors in one epoll set. A watch is named by a number that is never used again, so an
// event that was under way when its watch was taken back finds nothing and harms nobody.
type watcher struct {
	epoll  int
	exited func(key string)

	mu    sync.Mutex
	last  int32
	ids   map[string]int32
	items map[int32]item
}

type item struct {
	key string
	fd  int
}

func newWatcher(exited func(string)) (*watcher, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return &watcher{epoll: epoll, exited: exited, ids: map[string]int32{}, items: map[int32]item{}}, nil
}

// watch replaces an earlier watch of the same key. The descriptor is opened before the start time is read: from then on
// it means one process for ever, and if the times agree it is the right one.
func (w *watcher) watch(pid int, start, key string) error {
	w.unwatch(key)
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
		// No such process, or by now the number of a thread: not the one that was meant.
		w.exited(key)
		return nil
	}
	if err != nil {
		return fmt.Errorf("pidfd_open %d: %w", pid, err)
	}
	now, err := startTime(pid)
	if err != nil || now != start {
		_ = unix.Close(fd)
		w.exited(key)
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last++
	if err := unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: w.last}); err != nil {
		_ = unix.Close(fd)
		return fmt.Errorf("epoll add: %w", err)
	}
	w.ids[key] = w.last
	w.items[w.last] = item{key: key, fd: fd}
	return nil
}

func (w *watcher) unwatch(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if id, ok := w.ids[key]; ok {
		w.drop(id)
	}
}

// drop needs the lock. Closing the only descriptor takes it out of the epoll set.
func (w *watcher) drop(id int32) (string, bool) {
	i, ok := w.items[id]
	if !ok {
		return "", false
	}
	delete(w.items, id)
	delete(w.ids, i.key)
	_ = unix.Close(i.fd)
	return i.key, true
}

func (w *watcher) loop() {
	events := make([]unix.EpollEvent, 64)
	for {
		n, err := unix.EpollWait(w.epoll, events, -1)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			// The set is ours alone: this cannot happen, and being silent for ever would be worse.
			fmt.Fprintf(os.Stderr, "watch: epoll_wait: %v\n", err)
			os.Exit(1)
		}
		for _, e := range events[:n] {
			w.mu.Lock()
			key, ok := w.drop(e.Fd)
			w.mu.Unlock()
			if ok {
				w.exited(key)
			}
		}
	}
}

// startTime is field 22 of /proc/PID/stat. The name in field 2 may hold anything, parentheses and blanks too.
func startTime(pid int) (string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	_, after, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')')+1:]), " ")
	fields := strings.Fields(after)
	if len(fields) < 20 {
		return "", errors.New("stat is cut short")
	}
	return fields[19], nil
}

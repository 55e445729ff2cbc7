// Package watch tells of changes below a directory, by inotify. A watcher owns one inotify descriptor and the events
// that were not yet taken; beyond a limit the newest are dropped.
package watch

import (
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"pandastack.dev/guest/internal/files"
	"pandastack.dev/guest/internal/wire"
)

// Kind of a change.
type Kind int

// The kinds, numbered as on the wire.
const (
	Create Kind = 1
	Write  Kind = 2
	Remove Kind = 3
	Rename Kind = 4
	Chmod  Kind = 5
)

// Event is one change; Name is relative to the watched directory.
type Event struct {
	Name string
	Kind Kind
}

// Limits of one watcher.
const (
	maxDirectories = 16384
	maxPending     = 16384
	interest       = unix.IN_CREATE | unix.IN_MODIFY | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO |
		unix.IN_ATTRIB | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR
)

// Watcher watches until Close.
type Watcher struct {
	root      string
	recursive bool
	file      *os.File
	dirs      map[int32]string // by watch number, relative; touched by the reading goroutine only after New
	names     map[string]bool  // of the directories that are watched
	upload    uint32           // cookie of the newest upload that was renamed away from its temporary name
	replaces  bool
	wake      chan struct{}
	done      chan struct{}

	mu      sync.Mutex
	pending []Event
}

// New starts to watch a directory, and everything below it where recursive.
func New(root string, recursive bool) (*Watcher, error) {
	info, err := os.Stat(root)
	if err != nil {
		return nil, wire.FromSystem(err, root)
	}
	if !info.IsDir() {
		return nil, wire.Errorf(wire.InvalidArgument, "path '%s' is not a directory", root)
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, wire.Errorf(wire.Exhausted, "watch: %v", err)
	}
	w := &Watcher{
		root: root, recursive: recursive, file: os.NewFile(uintptr(fd), "inotify"),
		dirs: map[int32]string{}, names: map[string]bool{},
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	if err := w.addTree("", false); err != nil {
		w.file.Close()
		return nil, err
	}
	go w.read()
	return w, nil
}

// Wake fires when there are events to take. Done closes when the watcher has ended.
func (w *Watcher) Wake() <-chan struct{} { return w.wake }

// Done closes when nothing will come any more.
func (w *Watcher) Done() <-chan struct{} { return w.done }

// Take empties the queue.
func (w *Watcher) Take() []Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.pending
	w.pending = nil
	return taken
}

// Close ends the watcher.
func (w *Watcher) Close() {
	w.file.Close()
	<-w.done
}

// addTree watches a directory; with tell, what is found in it is told as created, since it came before the watch did.
func (w *Watcher) addTree(name string, tell bool) error {
	if err := w.add(name); err != nil || !w.recursive {
		return err
	}
	top := filepath.Join(w.root, name)
	_ = filepath.WalkDir(top, func(at string, item fs.DirEntry, err error) error {
		if err != nil || at == top {
			return nil
		}
		below, _ := filepath.Rel(w.root, at)
		if tell {
			w.tell(Event{below, Create})
		}
		if item.IsDir() && (len(w.dirs) >= maxDirectories || w.add(below) != nil) {
			return filepath.SkipDir
		}
		return nil
	})
	return nil
}

func (w *Watcher) add(name string) error {
	number, err := unix.InotifyAddWatch(w.fd(), filepath.Join(w.root, name), interest)
	if err != nil {
		if err == unix.ENOSPC {
			return wire.Errorf(wire.Exhausted, "too many watches")
		}
		return wire.FromSystem(err, filepath.Join(w.root, name))
	}
	w.dirs[int32(number)] = name
	w.names[name] = true
	return nil
}

func (w *Watcher) fd() int {
	fd := -1
	if raw, err := w.file.SyscallConn(); err == nil {
		_ = raw.Control(func(number uintptr) { fd = int(number) })
	}
	return fd
}

func (w *Watcher) read() {
	defer close(w.done)
	buffer := make([]byte, 64<<10)
	for {
		n, err := w.file.Read(buffer)
		if err != nil {
			return
		}
		for rest := buffer[:n]; len(rest) >= unix.SizeofInotifyEvent; {
			number := int32(binary.NativeEndian.Uint32(rest))
			mask := binary.NativeEndian.Uint32(rest[4:])
			cookie := binary.NativeEndian.Uint32(rest[8:])
			length := int(binary.NativeEndian.Uint32(rest[12:]))
			if unix.SizeofInotifyEvent+length > len(rest) {
				break
			}
			name := strings.TrimRight(string(rest[unix.SizeofInotifyEvent:unix.SizeofInotifyEvent+length]), "\x00")
			rest = rest[unix.SizeofInotifyEvent+length:]
			w.take(number, mask, cookie, name)
		}
	}
}

func (w *Watcher) take(number int32, mask, cookie uint32, name string) {
	dir, known := w.dirs[number]
	if mask&unix.IN_IGNORED != 0 {
		w.drop(number)
	}
	if !known || mask&(unix.IN_IGNORED|unix.IN_Q_OVERFLOW) != 0 {
		return
	}
	self := name == ""
	if self && dir != "" {
		return // its parent's watch tells the same
	}
	path := filepath.Join(dir, name)
	if mask&unix.IN_CREATE != 0 && mask&unix.IN_ISDIR != 0 && w.names[path] {
		return // found already when its parent was looked through
	}
	if ours, replaces := files.IsBeside(name); ours {
		if mask&unix.IN_MOVED_FROM != 0 {
			w.upload, w.replaces = cookie, replaces
		}
		return
	}
	if mask&unix.IN_MOVED_TO != 0 && cookie == w.upload {
		// An upload came to its end: what a watcher wants to know of is the file.
		if !w.replaces {
			w.tell(Event{path, Create})
		}
		w.tell(Event{path, Write})
		return
	}
	for _, pair := range []struct {
		bit  uint32
		kind Kind
	}{
		{unix.IN_CREATE | unix.IN_MOVED_TO, Create}, {unix.IN_MODIFY, Write},
		{unix.IN_DELETE | unix.IN_DELETE_SELF, Remove}, {unix.IN_MOVED_FROM | unix.IN_MOVE_SELF, Rename},
		{unix.IN_ATTRIB, Chmod},
	} {
		if mask&pair.bit != 0 {
			w.tell(Event{path, pair.kind})
		}
	}
	if w.recursive && mask&unix.IN_ISDIR != 0 {
		if mask&(unix.IN_CREATE|unix.IN_MOVED_TO) != 0 && len(w.dirs) < maxDirectories {
			_ = w.addTree(path, true)
		} else if mask&unix.IN_MOVED_FROM != 0 {
			w.forget(path)
		}
	}
}

// forget drops the watches of a directory that was moved away: their names would be wrong from now on.
func (w *Watcher) forget(path string) {
	for number, dir := range w.dirs {
		if dir == path || strings.HasPrefix(dir, path+"/") {
			_, _ = unix.InotifyRmWatch(w.fd(), uint32(number))
			w.drop(number)
		}
	}
}

func (w *Watcher) drop(number int32) {
	delete(w.names, w.dirs[number])
	delete(w.dirs, number)
}

func (w *Watcher) tell(event Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.pending); n > 0 && w.pending[n-1] == event && event.Kind == Write {
		return // a burst of writes to one file is one change
	}
	if len(w.pending) < maxPending {
		w.pending = append(w.pending, event)
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Package reseed signals programs that want to know when their machine was cloned, since the generators they seeded
// themselves then stand where those of all other clones stand.
//
// A program registers with a file of its process id's name in a directory that is open to everybody in the sandbox. So
// nothing in there is believed: only the owner of a process registers it, only a short list of signals is sent, never
// to the first process or the agent, and what is no registration, or one of a process that has ended, is removed.
package reseed

import (
	"errors"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Dir is where programs register.
const Dir = "/run/pandastack/reseed"

const (
	// maxEntries bounds how much of the directory is looked at. With more in it, processes are looked up instead.
	maxEntries = 1024
	maxSignals = 512
	maxBytes   = 64

	defaultSignal = unix.SIGURG // does nothing to a program that does not wait for it
	// The kernel's numbers; the C library keeps some of the lower ones.
	firstRealtime, lastRealtime = 44, 64
)

// Prepare makes the directory, for everybody to write to and nobody to take another's file away.
func Prepare(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return os.Chmod(dir, 0o777|os.ModeSticky)
}

// Tell signals the registered processes. It neither waits for them nor fails.
func Tell(dir string) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	names, all := list(fd, maxEntries)
	if !all {
		names = processes() // whoever floods the directory keeps nobody else from being told
	}
	told := 0
	for _, name := range names {
		if told == maxSignals {
			return
		}
		pid, signal, ok := read(fd, name)
		if ok && unix.Kill(pid, signal) == nil {
			told++
		} else if all {
			_ = unix.Unlinkat(fd, name, 0)
		}
	}
}

// read gives whom a registration names and what to send, if it is to be believed.
func read(dir int, name string) (pid int, signal unix.Signal, ok bool) {
	pid, ok = processID(name)
	if !ok {
		return 0, 0, false
	}
	text, owner, ok := content(dir, name)
	if !ok {
		return 0, 0, false
	}
	signal, started, ok := parse(text)
	if !ok {
		return 0, 0, false
	}
	process, ok := look(pid)
	return pid, signal, ok && process.owner == owner && (started == "" || started == process.started)
}

func processID(name string) (int, bool) {
	pid, err := strconv.ParseInt(name, 10, 32)
	if err != nil || strconv.FormatInt(pid, 10) != name || pid <= 1 || int(pid) == os.Getpid() {
		return 0, false
	}
	return int(pid), true
}

// content opens nothing but small files with one name: opening a device may do something, a FIFO may block, and a
// second name may be that of somebody else's file.
func content(dir int, name string) (text string, owner uint32, ok bool) {
	var before, after unix.Stat_t
	if unix.Fstatat(dir, name, &before, unix.AT_SYMLINK_NOFOLLOW) != nil || !isPlain(&before) {
		return "", 0, false
	}
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", 0, false
	}
	defer unix.Close(fd)
	if unix.Fstat(fd, &after) != nil || !isPlain(&after) {
		return "", 0, false
	}
	var buffer [maxBytes + 1]byte
	n, err := unix.Read(fd, buffer[:])
	if err != nil || n > maxBytes {
		return "", 0, false
	}
	return string(buffer[:n]), after.Uid, true
}

func isPlain(about *unix.Stat_t) bool {
	return about.Mode&unix.S_IFMT == unix.S_IFREG && about.Nlink == 1 && about.Size <= maxBytes
}

// parse reads "[signal [start time]]". The start time tells the process from a later one with the same id.
func parse(text string) (signal unix.Signal, started string, ok bool) {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return defaultSignal, "", true
	}
	number, err := strconv.ParseUint(fields[0], 10, 8)
	if err != nil || len(fields) > 2 || !mayBeSent(unix.Signal(number)) {
		return 0, "", false
	}
	if len(fields) == 2 {
		started = fields[1]
	}
	return unix.Signal(number), started, true
}

func mayBeSent(signal unix.Signal) bool {
	switch signal {
	case unix.SIGURG, unix.SIGUSR1, unix.SIGUSR2:
		return true
	}
	return signal >= firstRealtime && signal <= lastRealtime
}

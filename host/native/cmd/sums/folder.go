package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// maxFiles is far more than a snapshot has; each is an open descriptor.
const maxFiles = 128

// folder is a directory with each of its files open. What the names mean later does not matter any more.
type folder struct {
	dir   *os.File
	files []*file // sorted by name, without sums.json
}

type file struct {
	*os.File
	name     string
	size     int64
	modified time.Time
	sums     []sum
}

// odd is something in the directory that a snapshot never has.
type odd struct{ name, what string }

func (o *odd) Error() string { return fmt.Sprintf("%q %s", o.name, o.what) }

func openFolder(path string) (*folder, error) {
	dir, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &failure{code: "missing", text: err.Error()}
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		return nil, &odd{what: "is no directory"}
	case err != nil:
		return nil, err
	}
	f := &folder{dir: dir}
	if err := f.openFiles(); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

func (f *folder) close() {
	_ = f.dir.Close()
	for _, file := range f.files {
		_ = file.Close()
	}
}

func (f *folder) openFiles() error {
	names, err := f.dir.Readdirnames(maxFiles + 2)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == sumsName })
	if len(names) > maxFiles {
		return &odd{what: fmt.Sprintf("has more than %d files", maxFiles)}
	}
	slices.Sort(names)
	for _, name := range names {
		file, err := f.open(name)
		if err != nil {
			return err
		}
		f.files = append(f.files, file)
	}
	return nil
}

// open looks at the kind first: opening a device does something already, and a FIFO would wait.
func (f *folder) open(name string) (*file, error) {
	if !utf8.ValidString(name) {
		return nil, &odd{name, "has a name that is no UTF-8"}
	}
	var stat unix.Stat_t
	if err := unix.Fstatat(int(f.dir.Fd()), name, &stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return nil, vanished(name, err)
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, &odd{name, "is no regular file"}
	}
	fd, err := unix.Openat(int(f.dir.Fd()), name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ELOOP) {
		return nil, &odd{name, "is a link"}
	}
	if err != nil {
		return nil, vanished(name, err)
	}
	opened := &file{File: os.NewFile(uintptr(fd), name), name: name}
	info, err := opened.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &odd{name, "is no regular file"}
	}
	if err != nil {
		_ = opened.Close()
		return nil, err
	}
	opened.size, opened.modified = info.Size(), info.ModTime()
	return opened, nil
}

func vanished(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &odd{name, "is gone"}
	}
	return &os.PathError{Op: "open", Path: name, Err: err}
}

// unchanged tells of a file that was written to while it was read.
func (f *folder) unchanged() error {
	for _, file := range f.files {
		info, err := file.Stat()
		if err != nil {
			return err
		}
		if info.Size() != file.size || !info.ModTime().Equal(file.modified) {
			return &odd{file.name, "changed while it was read"}
		}
	}
	return nil
}

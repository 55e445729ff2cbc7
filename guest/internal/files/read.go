package files

import (
	"bytes"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"pandastack.dev/guest/internal/wire"
)

// maxUnsizedBytes ends the reading of files that do not know their own length, as those of /proc.
const maxUnsizedBytes = 64 << 20

const headBytes = 64 << 10

// Source is a file opened for reading. SizeBytes is -1 when only reading on tells.
type Source struct {
	io.Reader
	File      *os.File
	Info      os.FileInfo
	SizeBytes int64
}

// Close releases the file.
func (s *Source) Close() error { return s.File.Close() }

// Open opens a regular file for reading. It never waits: not for the writer of a FIFO, and not in a /proc file
// without end, which is read without blocking and up to a limit.
func Open(path string) (*Source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, wire.FromSystem(err, path)
	}
	if err := mustBeRegular(path, info); err != nil {
		return nil, err
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, wire.FromSystem(err, path)
	}
	source, err := newSource(os.NewFile(uintptr(fd), path), path)
	if err != nil {
		return nil, err
	}
	return source, nil
}

func newSource(file *os.File, path string) (*Source, error) {
	info, err := file.Stat()
	if err == nil {
		err = mustBeRegular(path, info) // it may have been swapped since the first look
	} else {
		err = wire.FromSystem(err, path)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	source := &Source{File: file, Info: info, SizeBytes: info.Size()}
	if source.SizeBytes > headBytes {
		source.Reader = io.LimitReader(file, source.SizeBytes)
		return source, nil
	}
	// Small, empty, or generated on reading: its length is what reading gives.
	raw := rawReader{file}
	head := make([]byte, headBytes)
	if source.SizeBytes > 0 {
		head = head[:source.SizeBytes]
	}
	n, err := io.ReadFull(raw, head)
	switch {
	case err == io.EOF || err == io.ErrUnexpectedEOF || (err == nil && source.SizeBytes > 0):
		source.SizeBytes = int64(n)
		source.Reader = bytes.NewReader(head[:n])
	case err == nil:
		source.SizeBytes = -1
		source.Reader = io.MultiReader(bytes.NewReader(head), io.LimitReader(raw, maxUnsizedBytes-int64(n)))
	default:
		file.Close()
		return nil, wire.FromSystem(err, path)
	}
	return source, nil
}

func mustBeRegular(path string, info os.FileInfo) error {
	if info.IsDir() {
		return wire.Errorf(wire.InvalidArgument, "path '%s' is a directory", path)
	}
	if !info.Mode().IsRegular() {
		return wire.Errorf(wire.InvalidArgument, "path '%s' is not a regular file", path)
	}
	return nil
}

// rawReader reads without the runtime's poller: a file that has nothing to give now is at its end.
type rawReader struct{ file *os.File }

func (r rawReader) Read(into []byte) (int, error) {
	raw, err := r.file.SyscallConn()
	if err != nil {
		return 0, err
	}
	for {
		var n int
		var errno error
		if err := raw.Control(func(fd uintptr) { n, errno = unix.Read(int(fd), into) }); err != nil {
			return 0, err
		}
		switch {
		case errno == unix.EINTR:
			continue
		case errno == unix.EAGAIN || (errno == nil && n == 0):
			return 0, io.EOF
		case errno != nil:
			return 0, errno
		}
		return n, nil
	}
}

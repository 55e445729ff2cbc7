package files

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"pandastack.dev/guest/internal/wire"
)

var writes atomic.Uint64

// Names of files that are being written, by whether they will replace one.
const (
	besideNew = ".pandastack-write-new-"
	besideOld = ".pandastack-write-old-"
)

// IsBeside tells a file that Write has not finished from all others, so that watchers can speak of its result only.
func IsBeside(name string) (ours, replaces bool) {
	base := filepath.Base(name)
	replaces = strings.HasPrefix(base, besideOld)
	return replaces || strings.HasPrefix(base, besideNew), replaces
}

// Write replaces or makes the file at path with what body gives. The bytes go to a new file beside it, which takes
// its name, mode and owner when it is complete: no reader sees half of it and a broken upload leaves nothing.
// A symlink is followed. size is what was written.
func Write(path string, body io.Reader, owner *Owner, finish func(*os.File) error) (size int64, err error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	before, err := os.Stat(path)
	if err == nil {
		if err := mustBeRegular(path, before); err != nil {
			return 0, err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return 0, wire.FromSystem(err, path)
	}
	dir := filepath.Dir(path)
	if _, err := MakeDirs(dir, owner); err != nil {
		return 0, err
	}
	unique := strconv.FormatUint(writes.Add(1), 36) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	name := filepath.Join(dir, besideNew+unique)
	if before != nil {
		name = filepath.Join(dir, besideOld+unique)
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return 0, wire.FromSystem(err, path)
	}
	defer func() {
		if err != nil {
			file.Close()
			os.Remove(name)
		}
	}()
	if size, err = io.Copy(plainWriter{file}, body); err != nil {
		return 0, refusal(err, path)
	}
	if before != nil {
		takeOver(file, before)
	} else {
		owner.Give(name)
	}
	if finish != nil {
		if err = finish(file); err != nil {
			return 0, wire.FromSystem(err, path)
		}
	}
	if err = file.Close(); err != nil {
		return 0, wire.FromSystem(err, path)
	}
	if err = os.Rename(name, path); err != nil {
		return 0, wire.FromSystem(err, path)
	}
	return size, nil
}

// refusal tells a full disk from an upload that broke off.
func refusal(err error, path string) error {
	var write *fs.PathError
	if errors.As(err, &write) {
		return wire.FromSystem(err, path)
	}
	var known *wire.Error
	if errors.As(err, &known) {
		return known
	}
	return wire.Errorf(wire.InvalidArgument, "the body broke off: %v", err)
}

const copyBytes = 256 << 10

var copyBuffers = sync.Pool{New: func() any { return new([copyBytes]byte) }}

// plainWriter hides the other methods of a file, so that io.Copy keeps to one bounded buffer.
type plainWriter struct{ file *os.File }

func (w plainWriter) Write(chunk []byte) (int, error) { return w.file.Write(chunk) }

func (w plainWriter) ReadFrom(from io.Reader) (total int64, err error) {
	pooled := copyBuffers.Get().(*[copyBytes]byte)
	defer copyBuffers.Put(pooled)
	buffer := pooled[:]
	for {
		n, readErr := from.Read(buffer)
		if n > 0 {
			written, err := w.file.Write(buffer[:n])
			total += int64(written)
			if err != nil {
				return total, err
			}
		}
		if readErr == io.EOF {
			return total, nil
		}
		if readErr != nil {
			return total, readErr
		}
	}
}

// takeOver gives a replacement the mode and owner of what it replaces.
func takeOver(file *os.File, before os.FileInfo) {
	if sys, ok := before.Sys().(*syscall.Stat_t); ok {
		_ = file.Chown(int(sys.Uid), int(sys.Gid))
	}
	_ = file.Chmod(before.Mode().Perm()) // not setuid: the content is another
}

package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"

	"golang.org/x/sys/unix"
)

type sealed struct {
	sum            sum
	unique, shared uint64
}

// seal writes the sums of all files beside them. When it returns without error, all of it is on the disk; only the name
// of the directory itself is not flushed, because it is about to change.
func seal(ctx context.Context, h *hasher, path string) (sealed, error) {
	f, err := openFolder(path)
	if err != nil {
		return sealed{}, asRefused(err)
	}
	defer f.close()
	if err := f.makeRoom(); err != nil {
		return sealed{}, err
	}
	// The disk writes while the processors hash.
	flushed := f.flush()
	err = h.each(ctx, f.files, func(file *file, chunk int64, s sum) error {
		file.sums[chunk] = s
		return nil
	})
	if failed := flushed(); err == nil {
		err = failed
	}
	if err == nil {
		err = f.unchanged()
	}
	if err == nil {
		// After a flush that took long: who cancels wants to take the directory away.
		err = ctx.Err()
	}
	if err != nil {
		return sealed{}, asRefused(err)
	}
	return f.finish()
}

// makeRoom also refuses what another name elsewhere could still change.
func (f *folder) makeRoom() error {
	var chunks int64
	for _, file := range f.files {
		var stat unix.Stat_t
		if err := unix.Fstat(int(file.Fd()), &stat); err != nil {
			return err
		}
		if stat.Nlink != 1 {
			return refused(file.name, "%q has another name", file.name)
		}
		if chunks += chunksOf(file.size); chunks > maxChunks {
			return refused("", "more than %d bytes", int64(maxChunks)*chunkBytes)
		}
		file.sums = make([]sum, chunksOf(file.size))
	}
	return nil
}

// flush begins to bring every file to the disk; the function it returns waits for that.
func (f *folder) flush() func() error {
	var files sync.WaitGroup
	errs := make([]error, len(f.files))
	for i, file := range f.files {
		files.Go(func() { errs[i] = file.Sync() })
	}
	return func() error {
		files.Wait()
		return errors.Join(errs...)
	}
}

func (f *folder) finish() (sealed, error) {
	var s sealed
	text, err := encode(f)
	if err != nil {
		return s, err
	}
	if err := f.writeSums(text); err != nil {
		return s, err
	}
	for _, file := range f.files {
		unique, shared, err := room(file.File)
		if err != nil {
			return s, err
		}
		s.unique, s.shared = s.unique+unique, s.shared+shared
	}
	s.sum = sha256.Sum256(text)
	return s, nil
}

func asRefused(err error) error {
	var o *odd
	if errors.As(err, &o) {
		return refused(o.name, "%v", o)
	}
	return err
}

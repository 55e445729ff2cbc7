package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
)

// verify is content with exactly the files that were sealed, byte for byte, and with nothing else in the directory.
func verify(ctx context.Context, h *hasher, path, want string) error {
	f, err := openFolder(path)
	if err != nil {
		return asCorrupt(err)
	}
	defer f.close()
	text, err := f.readSums()
	if err != nil {
		return asCorrupt(err)
	}
	if got := sum(sha256.Sum256(text)); got.String() != want {
		return corrupt(sumsName, "%s is another one: it has %v", sumsName, got)
	}
	entries, err := decode(text)
	if err != nil {
		return err
	}
	if err := f.match(entries); err != nil {
		return err
	}
	return asCorrupt(h.each(ctx, f.files, func(file *file, chunk int64, s sum) error {
		if s == file.sums[chunk] {
			return nil
		}
		failure := corrupt(file.name, "%q has other bytes in chunk %d", file.name, chunk)
		failure.chunk = &chunk
		return failure
	}))
}

// match gives each file the sums it has to have.
func (f *folder) match(entries map[string]fileEntry) error {
	for _, file := range f.files {
		entry, ok := entries[file.name]
		if !ok {
			return corrupt(file.name, "%q was not sealed", file.name)
		}
		if entry.Size != file.size {
			return corrupt(file.name, "%q has %d bytes and had %d", file.name, file.size, entry.Size)
		}
		file.sums = entry.SHA256
		delete(entries, file.name)
	}
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		return corrupt(name, "%q is gone", name)
	}
	return nil
}

func asCorrupt(err error) error {
	var o *odd
	if errors.As(err, &o) {
		return corrupt(o.name, "%v", o)
	}
	return err
}

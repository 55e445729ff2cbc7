package main

import (
	"context"
	"crypto/sha256"
	"io"
	"sync"
)

const chunkBytes = 1 << 20

// hasher reads and hashes chunks, for all requests together no more at a time than it has buffers. A request waits for a
// buffer at each chunk, so that a small one is not kept waiting by a large one.
type hasher struct{ buffers chan []byte }

func newHasher(atOnce int) *hasher {
	h := &hasher{buffers: make(chan []byte, atOnce)}
	for range atOnce {
		h.buffers <- make([]byte, chunkBytes)
	}
	return h
}

func chunksOf(size int64) int64 { return size/chunkBytes + min(1, size%chunkBytes) }

// each calls `take` with the sum of each chunk, beside each other and in no order. The first error ends it all.
func (h *hasher) each(parent context.Context, files []*file, take func(*file, int64, sum) error) error {
	ctx, stop := context.WithCancelCause(parent)
	defer stop(nil)
	next := chunkByChunk(files)
	var workers sync.WaitGroup
	for range cap(h.buffers) {
		workers.Go(func() {
			for file, chunk, ok := next(); ok; file, chunk, ok = next() {
				if err := h.one(ctx, file, chunk, take); err != nil {
					stop(err)
					return
				}
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

func (h *hasher) one(ctx context.Context, file *file, chunk int64, take func(*file, int64, sum) error) error {
	var buffer []byte
	select {
	case buffer = <-h.buffers:
		defer func() { h.buffers <- buffer }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	// With both at hand select takes any of the two.
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	at := chunk * chunkBytes
	part := buffer[:min(chunkBytes, file.size-at)]
	if n, err := file.ReadAt(part, at); n < len(part) {
		if err == io.EOF {
			return &odd{file.name, "was cut while it was read"}
		}
		return err
	}
	return take(file, chunk, sha256.Sum256(part))
}

// chunkByChunk hands out each chunk of each file once; safe for use from all goroutines.
func chunkByChunk(files []*file) func() (*file, int64, bool) {
	var mu sync.Mutex
	current, chunk := 0, int64(-1)
	return func() (*file, int64, bool) {
		mu.Lock()
		defer mu.Unlock()
		chunk++
		for current < len(files) && chunk >= chunksOf(files[current].size) {
			current, chunk = current+1, 0
		}
		if current == len(files) {
			return nil, 0, false
		}
		return files[current], chunk, true
	}
}

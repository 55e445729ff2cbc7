package main

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
)

const (
	maxKeyBytes = 128
	maxRequests = 1024
	// maxOpen requests hold the files of their directories open; the others wait for their turn.
	maxOpen = 16
)

// desk knows the requests under way. Safe for use from all goroutines.
type desk struct {
	hasher *hasher
	say    func(answer)
	turns  chan struct{}

	mu    sync.Mutex
	stops map[string]context.CancelFunc
}

func newDesk(h *hasher, say func(answer)) *desk {
	return &desk{hasher: h, say: say, turns: make(chan struct{}, maxOpen), stops: map[string]context.CancelFunc{}}
}

// take never waits for a request, so that a cancel always gets through.
func (d *desk) take(r request) {
	if err := check(r); err != nil {
		d.say(explain(r.Key, err))
		return
	}
	if r.Op == "cancel" {
		d.cancel(r.Of)
		d.say(answer{Key: r.Key, OK: true})
		return
	}
	ctx, err := d.enter(r.Key)
	if err != nil {
		d.say(explain(r.Key, err))
		return
	}
	go func() {
		a, err := d.serve(ctx, r)
		d.cancel(r.Key)
		if err != nil {
			a = explain(r.Key, err)
		}
		d.say(a)
	}()
}

func (d *desk) serve(ctx context.Context, r request) (answer, error) {
	select {
	case d.turns <- struct{}{}:
		defer func() { <-d.turns }()
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
	if r.Op == "verify" {
		return answer{Key: r.Key, OK: true}, verify(ctx, d.hasher, r.Dir, r.SHA256)
	}
	s, err := seal(ctx, d.hasher, r.Dir)
	return answer{Key: r.Key, OK: true, SHA256: s.sum.String(), UniqueBytes: &s.unique, SharedBytes: &s.shared}, err
}

func (d *desk) enter(key string) (context.Context, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.stops[key]; ok {
		return nil, refused("", "a request with this key is under way")
	}
	if len(d.stops) >= maxRequests {
		return nil, refused("", "more than %d requests", maxRequests)
	}
	ctx, stop := context.WithCancel(context.Background())
	d.stops[key] = stop
	return ctx, nil
}

// cancel forgets the request; one that is not there has been answered already.
func (d *desk) cancel(key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if stop, ok := d.stops[key]; ok {
		stop()
		delete(d.stops, key)
	}
}

func check(r request) error {
	switch {
	case r.Key == "" || len(r.Key) > maxKeyBytes:
		return refused("", "key has not 1 to %d bytes", maxKeyBytes)
	case r.Op == "cancel":
		return nil
	case r.Op != "seal" && r.Op != "verify":
		return refused("", "neither seal, verify nor cancel")
	case !filepath.IsAbs(r.Dir) || filepath.Clean(r.Dir) != r.Dir || r.Dir == "/" || strings.ContainsRune(r.Dir, 0):
		return refused("", "%.80q is no absolute, clean path of a directory", r.Dir)
	case r.Op == "verify" && !isSum(r.SHA256):
		return refused("", "sha256 is not 64 hex digits in lower case")
	}
	return nil
}

package proc

import (
	"sync/atomic"
)

// captureBudgetBytes is what all results together may hold while they are collected and sent.
const captureBudgetBytes = 256 << 20

var captured atomic.Int64

// capture collects both streams of a command up to one limit. Each stream is written by one goroutine.
type capture struct {
	stdout, stderr []byte
	left           atomic.Int64
	taken          atomic.Int64
	truncated      atomic.Bool
}

func (c *capture) add(into *[]byte, chunk []byte) {
	size := c.reserve(int64(len(chunk)))
	if size < int64(len(chunk)) {
		c.truncated.Store(true)
	}
	if size == 0 {
		return
	}
	if captured.Add(size) > captureBudgetBytes {
		captured.Add(-size)
		c.truncated.Store(true)
		return
	}
	c.taken.Add(size)
	*into = append(*into, chunk[:size]...)
}

// reserve takes up to size bytes out of what is left.
func (c *capture) reserve(size int64) int64 {
	for {
		left := c.left.Load()
		take := min(left, size)
		if c.left.CompareAndSwap(left, left-take) {
			return take
		}
	}
}

func (c *capture) release() {
	captured.Add(-c.taken.Swap(0))
}

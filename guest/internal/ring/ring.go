// Package ring is a bounded byte queue of records that grows to its limit and then forgets the oldest.
//
// Positions are absolute byte offsets that only grow, so a reader may keep one across evictions. The caller locks.
package ring

// Ring holds whole records between Tail and Head.
type Ring struct {
	buffer []byte
	tail   uint64
	head   uint64
}

const firstBytes = 4 << 10

// Len is the number of bytes held.
func (r *Ring) Len() int { return int(r.head - r.tail) }

// Cap is the memory taken.
func (r *Ring) Cap() int { return len(r.buffer) }

// Tail is the offset of the oldest byte held.
func (r *Ring) Tail() uint64 { return r.tail }

// Head is the offset one past the newest byte.
func (r *Ring) Head() uint64 { return r.head }

// Append copies the pieces in one after another and grows up to limit bytes; the caller has dropped enough before.
func (r *Ring) Append(limit int, pieces ...[]byte) {
	size := 0
	for _, piece := range pieces {
		size += len(piece)
	}
	if need := r.Len() + size; need > len(r.buffer) {
		r.grow(need, limit)
	}
	for _, piece := range pieces {
		at := int(r.head % uint64(len(r.buffer)))
		n := copy(r.buffer[at:], piece)
		copy(r.buffer, piece[n:])
		r.head += uint64(len(piece))
	}
}

func (r *Ring) grow(need, limit int) {
	size := max(len(r.buffer), firstBytes)
	for size < need {
		size *= 2
	}
	if size > limit {
		size = max(limit, need)
	}
	r.resize(size)
}

func (r *Ring) resize(size int) {
	next := make([]byte, size)
	held := r.Len()
	for done := 0; done < held; {
		from := int((r.tail + uint64(done)) % uint64(len(r.buffer)))
		to := int((r.tail + uint64(done)) % uint64(size))
		n := min(held-done, len(r.buffer)-from, size-to)
		copy(next[to:to+n], r.buffer[from:from+n])
		done += n
	}
	r.buffer = next
}

// Drop forgets n bytes from the tail.
func (r *Ring) Drop(n int) { r.tail += uint64(n) }

// Shrink gives memory back down to what is held.
func (r *Ring) Shrink() {
	if held := r.Len(); held == 0 {
		r.buffer = nil
	} else if len(r.buffer) > 2*held {
		r.resize(held)
	}
}

// Copy fills into with bytes from offset on and says how many there were.
func (r *Ring) Copy(into []byte, offset uint64) int {
	n := int(min(uint64(len(into)), r.head-offset))
	for done := 0; done < n; {
		from := int((offset + uint64(done)) % uint64(len(r.buffer)))
		done += copy(into[done:n], r.buffer[from:])
	}
	return n
}

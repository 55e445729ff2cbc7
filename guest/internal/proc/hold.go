package proc

import (
	"sync/atomic"

	"pandastack.dev/guest/internal/wire"
)

// Limits of what is held for re-attaching: by each record, and how little each gets when all together hold too much.
const (
	HeldPerRecordBytes = 4 << 20
	heldBudgetBytes    = 128 << 20
	heldWhenTightBytes = 256 << 10
)

var heldBytes atomic.Int64

// append adds output as a frame. It waits while a live reader has not yet taken what would have to be dropped: that
// is what slows a process down to its reader's speed.
func (r *Record) append(kind byte, chunk []byte) {
	if heldBytes.Load() > heldBudgetBytes {
		r.table.makeRoom()
	}
	r.mu.Lock()
	r.appendLocked(kind, chunk)
	r.chargeLocked()
	r.wakeLocked()
	r.mu.Unlock()
}

func (r *Record) appendLocked(kind byte, payload []byte) {
	size := wire.FrameHeaderBytes + len(payload)
	limit := HeldPerRecordBytes
	if heldBytes.Load() > heldBudgetBytes {
		limit = heldWhenTightBytes
	}
	for kind != wire.FrameExit && r.ring.Len()+size > limit && r.ring.Len() > 0 {
		if r.someoneNeedsOldestLocked() {
			r.room.Wait()
			continue
		}
		r.dropOldestLocked()
	}
	r.seq++
	header := wire.Header(kind, r.seq, len(payload))
	r.ring.Append(HeldPerRecordBytes, header[:], payload)
}

func (r *Record) someoneNeedsOldestLocked() bool {
	for reader := range r.readers {
		if reader.offset <= r.ring.Tail() {
			return true
		}
	}
	return false
}

func (r *Record) dropOldestLocked() {
	var header [wire.FrameHeaderBytes]byte
	r.ring.Copy(header[:], r.ring.Tail())
	_, seq, length, _ := wire.ParseHeader(header[:])
	r.ring.Drop(wire.FrameHeaderBytes + length)
	r.dropped.add(seq, uint64(length))
}

// chargeLocked keeps the sum over all records right.
func (r *Record) chargeLocked() {
	now := int64(r.ring.Cap())
	if r.forgotten {
		now = 0
	}
	heldBytes.Add(now - r.charged)
	r.charged = now
}

func (r *Record) wakeLocked() {
	for reader := range r.readers {
		select {
		case reader.wake <- struct{}{}:
		default:
		}
	}
}

// forget gives the memory back. Readers that are still attached keep what they hold of it until they are through.
func (r *Record) forget() {
	r.mu.Lock()
	r.forgotten = true
	r.chargeLocked()
	r.mu.Unlock()
}

// history knows how many bytes of output lie below a sequence number, of frames that are gone: exactly for the newest
// dropped one, closely for older ones.
type history struct {
	points []point
	bytes  uint64
	last   uint64
}

type point struct{ seq, bytes uint64 }

const maxPoints = 512

func (h *history) add(seq, size uint64) {
	h.bytes += size
	h.last = seq
	if n := len(h.points); n == 0 || h.bytes-h.points[n-1].bytes >= 1<<20 {
		if n == maxPoints {
			for i := 0; i < maxPoints/2; i++ {
				h.points[i] = h.points[2*i+1]
			}
			h.points = h.points[:maxPoints/2]
		}
		h.points = append(h.points, point{seq, h.bytes})
	}
}

// since is how many bytes were dropped above seq.
func (h *history) since(seq uint64) uint64 {
	if seq >= h.last {
		return 0
	}
	before := point{}
	for _, p := range append(h.points, point{h.last, h.bytes}) {
		if p.seq > seq {
			// Between two known points, assume frames of equal length.
			share := float64(seq-before.seq) / float64(p.seq-before.seq)
			return h.bytes - before.bytes - uint64(share*float64(p.bytes-before.bytes))
		}
		before = p
	}
	return 0
}

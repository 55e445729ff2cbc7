package proc

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"pandastack.dev/guest/internal/wire"
)

// Reader is one attached listener. While it is attached, output it has not taken is not dropped.
type Reader struct {
	record *Record
	after  uint64
	offset uint64
	gap    uint64 // bytes of output that were gone before it came, not yet told
	last   uint64 // sequence number of the last frame taken
	wake   chan struct{}
	stop   func() bool
}

// Attach starts a reader above a sequence number. It ends with Close, or by itself with ctx.
func (r *Record) Attach(ctx context.Context, after uint64) *Reader {
	reader := &Reader{record: r, after: after, last: after, wake: make(chan struct{}, 1)}
	r.mu.Lock()
	reader.gap = r.dropped.since(after)
	reader.offset = r.ring.Tail()
	for reader.offset < r.ring.Head() {
		kind, seq, size := r.frameAtLocked(reader.offset)
		if seq > after || kind == wire.FrameExit {
			break
		}
		reader.offset += uint64(size)
	}
	if r.readers == nil {
		r.readers = map[*Reader]struct{}{}
	}
	r.readers[reader] = struct{}{}
	r.mu.Unlock()
	reader.stop = context.AfterFunc(ctx, reader.leave)
	return reader
}

func (r *Record) frameAtLocked(offset uint64) (kind byte, seq uint64, size int) {
	var header [wire.FrameHeaderBytes]byte
	r.ring.Copy(header[:], offset)
	kind, seq, length, _ := wire.ParseHeader(header[:])
	return kind, seq, wire.FrameHeaderBytes + length
}

// Close detaches.
func (d *Reader) Close() {
	d.stop()
	d.leave()
}

func (d *Reader) leave() {
	d.record.mu.Lock()
	delete(d.record.readers, d)
	d.record.mu.Unlock()
	d.record.room.Broadcast()
}

// LastSeq is the sequence number of the last frame given out.
func (d *Reader) LastSeq() uint64 { return d.last }

// Next fills buffer, of at least a frame's size, with as many whole frames as there are. It waits for at most idle
// and then gives nothing. io.EOF follows the exit frame; an error of ctx means nobody listens any more.
func (d *Reader) Next(ctx context.Context, buffer []byte, idle time.Duration) (int, error) {
	var timer *time.Timer
	for {
		n, ended := d.take(buffer)
		if n > 0 {
			return n, nil
		}
		if ended {
			return 0, io.EOF
		}
		if timer == nil {
			timer = time.NewTimer(idle)
			defer timer.Stop()
		}
		select {
		case <-d.wake:
		case <-timer.C:
			return 0, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

func (d *Reader) take(buffer []byte) (n int, ended bool) {
	r := d.record
	r.mu.Lock()
	defer r.mu.Unlock()
	if d.gap > 0 {
		_, seq, _ := r.frameAtLocked(d.offset)
		payload, _ := json.Marshal(map[string]uint64{"dropped_bytes": d.gap})
		d.gap = 0
		return len(wire.AppendFrame(buffer[:0], wire.FrameGap, max(seq, 1)-1, payload)), false
	}
	before := d.offset
	for d.offset < r.ring.Head() {
		kind, seq, size := r.frameAtLocked(d.offset)
		if n+size > len(buffer) {
			break
		}
		if seq > d.after || kind == wire.FrameExit {
			n += r.ring.Copy(buffer[n:n+size], d.offset)
			d.last = seq
		}
		d.offset += uint64(size)
	}
	if d.offset != before {
		r.room.Broadcast()
	}
	return n, n == 0 && r.end != nil && d.offset == r.ring.Head()
}

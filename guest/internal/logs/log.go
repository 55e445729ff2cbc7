// Package logs keeps the last lines that commands wrote, of all commands together, for reading back and following.
//
// The log owns its memory: one ring of MaxBytes. A slow follower loses lines (it sees that by the sequence numbers);
// it never slows the commands.
package logs

import (
	"bytes"
	"encoding/binary"
	"sync"
	"time"

	"pandastack.dev/guest/internal/ring"
)

// Streams of a line. Terminal output counts as stdout.
const (
	Stdout = 1
	Stderr = 2
)

// Limits: what is held in all, and where a line without an end is cut.
const (
	MaxBytes     = 1 << 20
	MaxLineBytes = 8 << 10
)

// record: seq u64 | unix_ms u64 | stream u8 | length u32 | text
const headerBytes = 21

// Log is safe for concurrent use.
type Log struct {
	mu      sync.Mutex
	ring    ring.Ring
	seq     uint64
	changed chan struct{}
}

// New makes an empty log.
func New() *Log { return &Log{} }

// Entry is one line; Text points into the reader's buffer.
type Entry struct {
	Seq    uint64
	UnixMs int64
	Stream byte
	Text   []byte
}

// put adds a line; the caller holds the lock and tells the followers afterwards.
func (l *Log) put(stream byte, unixMs uint64, line []byte) {
	var header [headerBytes]byte
	l.seq++
	binary.BigEndian.PutUint64(header[0:], l.seq)
	binary.BigEndian.PutUint64(header[8:], unixMs)
	header[16] = stream
	binary.BigEndian.PutUint32(header[17:], uint32(len(line)))
	for l.ring.Len()+headerBytes+len(line) > MaxBytes {
		l.dropOldest()
	}
	l.ring.Append(MaxBytes, header[:], line)
}

func (l *Log) tellFollowers() {
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

func (l *Log) dropOldest() {
	var header [headerBytes]byte
	l.ring.Copy(header[:], l.ring.Tail())
	l.ring.Drop(headerBytes + int(binary.BigEndian.Uint32(header[17:])))
}

// Reader walks the log from its oldest line on.
type Reader struct {
	log    *Log
	offset uint64
	buffer []byte
}

// NewReader starts before the oldest line held.
func (l *Log) NewReader() *Reader { return &Reader{log: l, buffer: make([]byte, 64<<10)} }

// Next gives the lines that follow, valid until the next call. With none, it gives a channel that closes when there
// are some.
func (r *Reader) Next() ([]Entry, <-chan struct{}) {
	r.log.mu.Lock()
	r.offset = max(r.offset, r.log.ring.Tail())
	n := r.log.ring.Copy(r.buffer, r.offset)
	if n == 0 {
		if r.log.changed == nil {
			r.log.changed = make(chan struct{})
		}
		changed := r.log.changed
		r.log.mu.Unlock()
		return nil, changed
	}
	r.log.mu.Unlock()
	var entries []Entry
	held := r.buffer[:n]
	for len(held) >= headerBytes {
		size := headerBytes + int(binary.BigEndian.Uint32(held[17:]))
		if len(held) < size {
			break
		}
		entries = append(entries, Entry{
			Seq:    binary.BigEndian.Uint64(held),
			UnixMs: int64(binary.BigEndian.Uint64(held[8:])),
			Stream: held[16],
			Text:   held[headerBytes:size],
		})
		held = held[size:]
		r.offset += uint64(size)
	}
	return entries, nil
}

// Assembler cuts what one stream of one process writes into lines. Its owner calls it from one goroutine at a time.
type Assembler struct {
	log     *Log
	stream  byte
	pending []byte
}

// Assemble makes an assembler for a stream.
func (l *Log) Assemble(stream byte) *Assembler { return &Assembler{log: l, stream: stream} }

// Write takes the next bytes of the stream. A nil Assembler keeps nothing.
func (a *Assembler) Write(chunk []byte) {
	if a == nil {
		return
	}
	a.log.mu.Lock()
	defer a.log.mu.Unlock()
	now := uint64(time.Now().UnixMilli())
	for len(chunk) > 0 {
		room := MaxLineBytes - len(a.pending)
		piece, rest, whole := chunk, []byte(nil), false
		if end := bytes.IndexByte(chunk[:min(len(chunk), room+1)], '\n'); end >= 0 {
			piece, rest, whole = chunk[:end], chunk[end+1:], true
		} else if len(chunk) > room {
			piece, rest, whole = chunk[:room], chunk[room:], true
		}
		chunk = rest
		if !whole {
			a.pending = append(a.pending, piece...)
			break
		}
		if len(a.pending) > 0 {
			piece = append(a.pending, piece...)
			a.pending = a.pending[:0]
		}
		a.log.put(a.stream, now, bytes.TrimSuffix(piece, []byte{'\r'}))
	}
	a.log.tellFollowers()
}

// Flush ends an unfinished line.
func (a *Assembler) Flush() {
	if a == nil {
		return
	}
	if len(a.pending) > 0 {
		a.log.mu.Lock()
		a.log.put(a.stream, uint64(time.Now().UnixMilli()), a.pending)
		a.log.tellFollowers()
		a.log.mu.Unlock()
		a.pending = nil
	}
}

// Package logs keeps the last of what commands wrote, of all commands together, for reading back line by line and for
// following.
//
// The log owns its memory: one ring of MaxBytes, holding pieces as they were read, since a command can write far more
// lines than anybody reads. Lines are cut by the reader. A slow follower loses lines (it sees that by the sequence
// numbers); it never slows the commands.
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

// Limits: what is held in all, and where a line without an end is cut (its parts share a sequence number).
const (
	MaxBytes     = 1 << 20
	MaxLineBytes = 8 << 10
)

// Log is safe for concurrent use.
type Log struct {
	mu      sync.Mutex
	ring    ring.Ring
	lines   uint64 // that have ended
	sources uint64
	changed chan struct{}
}

// New makes an empty log.
func New() *Log { return &Log{} }

// piece is the header of a record: what one source wrote at once. An empty one ends the source's unfinished line.
type piece struct {
	linesBefore uint64
	unixMs      uint64
	source      uint64
	stream      byte
	length      uint32
}

const pieceBytes = 29

func (p piece) encode() (into [pieceBytes]byte) {
	binary.BigEndian.PutUint64(into[0:], p.linesBefore)
	binary.BigEndian.PutUint64(into[8:], p.unixMs)
	binary.BigEndian.PutUint64(into[16:], p.source)
	into[24] = p.stream
	binary.BigEndian.PutUint32(into[25:], p.length)
	return into
}

func decode(from []byte) piece {
	return piece{
		linesBefore: binary.BigEndian.Uint64(from[0:]),
		unixMs:      binary.BigEndian.Uint64(from[8:]),
		source:      binary.BigEndian.Uint64(from[16:]),
		stream:      from[24],
		length:      binary.BigEndian.Uint32(from[25:]),
	}
}

func (l *Log) put(source uint64, stream byte, text []byte, ended uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.ring.Len()+pieceBytes+len(text) > MaxBytes {
		var oldest [pieceBytes]byte
		l.ring.Copy(oldest[:], l.ring.Tail())
		l.ring.Drop(pieceBytes + int(decode(oldest[:]).length))
	}
	header := piece{l.lines, uint64(time.Now().UnixMilli()), source, stream, uint32(len(text))}.encode()
	l.ring.Append(MaxBytes, header[:], text)
	l.lines += ended
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// Assembler takes what one stream of one process writes. Its owner calls it from one goroutine at a time.
type Assembler struct {
	log        *Log
	source     uint64
	stream     byte
	unfinished bool
}

// Assemble makes an assembler for a stream.
func (l *Log) Assemble(stream byte) *Assembler {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sources++
	return &Assembler{log: l, source: l.sources, stream: stream}
}

// Write takes the next bytes of the stream.
func (a *Assembler) Write(text []byte) {
	const most = 64 << 10 // what a reader's buffer takes for certain
	for ; len(text) > 0; text = text[min(most, len(text)):] {
		part := text[:min(most, len(text))]
		a.unfinished = part[len(part)-1] != '\n'
		a.log.put(a.source, a.stream, part, uint64(bytes.Count(part, []byte{'\n'})))
	}
}

// Flush ends an unfinished line.
func (a *Assembler) Flush() {
	if a.unfinished {
		a.unfinished = false
		a.log.put(a.source, a.stream, nil, 1)
	}
}

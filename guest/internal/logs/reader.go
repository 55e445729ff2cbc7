package logs

import "bytes"

// Entry is one line, or a part of one that is too long.
type Entry struct {
	Seq    uint64
	UnixMs int64
	Stream byte
	Text   []byte
}

// maxUnfinished bounds the unfinished lines a reader keeps, each of at most MaxLineBytes.
const maxUnfinished = 512

// Reader walks the log from the oldest line that is held.
type Reader struct {
	log        *Log
	offset     uint64
	buffer     []byte
	unfinished map[uint64][]byte
}

// NewReader starts before the oldest line held.
func (l *Log) NewReader() *Reader {
	return &Reader{log: l, buffer: make([]byte, pieceBytes+64<<10), unfinished: map[uint64][]byte{}}
}

// Next gives the lines of the next piece to a function, which must not keep them. Where there is no piece it gives a
// channel that closes when there is one.
func (r *Reader) Next(each func(Entry)) <-chan struct{} {
	r.log.mu.Lock()
	r.offset = max(r.offset, r.log.ring.Tail())
	n := r.log.ring.Copy(r.buffer, r.offset)
	if n == 0 {
		if r.log.changed == nil {
			r.log.changed = make(chan struct{})
		}
		changed := r.log.changed
		r.log.mu.Unlock()
		return changed
	}
	r.log.mu.Unlock()
	header := decode(r.buffer)
	r.offset += pieceBytes + uint64(header.length)
	r.cut(header, r.buffer[pieceBytes:pieceBytes+header.length], each)
	return nil
}

func (r *Reader) cut(header piece, text []byte, each func(Entry)) {
	seq := header.linesBefore
	tell := func(line []byte) {
		each(Entry{seq + 1, int64(header.unixMs), header.stream, line})
	}
	pending := r.unfinished[header.source]
	if len(text) == 0 {
		tell(pending)
		pending = nil
	}
	for len(text) > 0 {
		room := MaxLineBytes - len(pending)
		end := bytes.IndexByte(text[:min(len(text), room+1)], '\n')
		switch {
		case end >= 0:
			tell(bytes.TrimSuffix(append(pending, text[:end]...), []byte{'\r'}))
			pending, text = pending[:0], text[end+1:]
			seq++
		case len(text) > room:
			tell(append(pending, text[:room]...))
			pending, text = pending[:0], text[room:]
		default:
			pending, text = append(pending, text...), nil
		}
	}
	if len(pending) == 0 {
		delete(r.unfinished, header.source)
		return
	}
	if len(r.unfinished) >= maxUnfinished {
		clear(r.unfinished)
	}
	r.unfinished[header.source] = pending
}

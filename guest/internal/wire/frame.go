// Package wire has the shapes of the plain HTTP face that more than one package needs: frames and errors.
package wire

import "encoding/binary"

// Frame types. A frame is: type u8 | seq u64 BE | length u32 BE | payload.
const (
	FrameStart     = 1
	FrameStdout    = 2
	FrameStderr    = 3
	FramePTY       = 4
	FrameExit      = 5
	FrameGap       = 6
	FrameKeepalive = 7
)

// FrameHeaderBytes is the size of what precedes the payload; MaxPayloadBytes is the longest payload.
const (
	FrameHeaderBytes = 13
	MaxPayloadBytes  = 65536
)

// Frame is a decoded frame; the payload points into the decoded bytes.
type Frame struct {
	Type    byte
	Seq     uint64
	Payload []byte
}

// Header encodes what precedes a payload of the given length.
func Header(kind byte, seq uint64, length int) (header [FrameHeaderBytes]byte) {
	header[0] = kind
	binary.BigEndian.PutUint64(header[1:], seq)
	binary.BigEndian.PutUint32(header[9:], uint32(length))
	return header
}

// AppendFrame encodes a whole frame.
func AppendFrame(into []byte, kind byte, seq uint64, payload []byte) []byte {
	header := Header(kind, seq, len(payload))
	return append(append(into, header[:]...), payload...)
}

// ParseHeader reads a frame's header; ok is false for too few bytes, an unknown type or an excessive length.
func ParseHeader(from []byte) (kind byte, seq uint64, length int, ok bool) {
	if len(from) < FrameHeaderBytes {
		return 0, 0, 0, false
	}
	kind = from[0]
	seq = binary.BigEndian.Uint64(from[1:])
	size := binary.BigEndian.Uint32(from[9:])
	if kind < FrameStart || kind > FrameKeepalive || size > MaxPayloadBytes {
		return 0, 0, 0, false
	}
	return kind, seq, int(size), true
}

// ParseFrame decodes the first frame and returns what follows it; ok is false when it is incomplete or malformed.
func ParseFrame(from []byte) (frame Frame, rest []byte, ok bool) {
	kind, seq, length, ok := ParseHeader(from)
	if !ok || len(from) < FrameHeaderBytes+length {
		return Frame{}, from, false
	}
	end := FrameHeaderBytes + length
	return Frame{kind, seq, from[FrameHeaderBytes:end]}, from[end:], true
}

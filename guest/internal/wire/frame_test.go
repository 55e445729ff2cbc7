package wire

import (
	"bytes"
	"testing"
)

func FuzzParseFrame(f *testing.F) {
	f.Add(AppendFrame(nil, FrameStdout, 7, []byte("payload")))
	f.Add(AppendFrame(AppendFrame(nil, FrameStart, 0, []byte("{}")), FrameKeepalive, 1, nil))
	f.Add([]byte{5, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		for rest := data; ; {
			frame, next, ok := ParseFrame(rest)
			if !ok {
				return
			}
			again := AppendFrame(nil, frame.Type, frame.Seq, frame.Payload)
			if len(frame.Payload) > MaxPayloadBytes || !bytes.Equal(again, rest[:len(rest)-len(next)]) {
				t.Fatalf("%x came back as %x", rest, again)
			}
			rest = next
		}
	})
}

func TestAFrameIsTypeThenNumberThenLengthThenPayload(t *testing.T) {
	got := AppendFrame(nil, FrameStderr, 258, []byte("hi"))
	want := []byte{3, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 2, 'h', 'i'}
	if !bytes.Equal(got, want) {
		t.Fatalf("%x", got)
	}
}

package proc

import (
	"bytes"
	"testing"
)

func TestHistoryKnowsExactlyWhatIsGoneSinceTheStart(t *testing.T) {
	var h history
	for seq := uint64(1); seq <= 100_000; seq++ {
		h.add(seq, 20_000)
	}
	if got := h.since(0); got != 2_000_000_000 {
		t.Fatal(got)
	}
	if got := h.since(100_000); got != 0 {
		t.Fatal(got)
	}
	if got := h.since(50_000); got < 990_000_000 || got > 1_010_000_000 {
		t.Fatal(got)
	}
	if len(h.points) > maxPoints {
		t.Fatal(len(h.points))
	}
}

func TestACutDoesNotSplitACharacter(t *testing.T) {
	for text, want := range map[string]string{
		"abc": "abc", "ab\xc3": "ab", "ab\xc3\xa4": "ab\xc3\xa4", "a\xf0\x9f\x98": "a", "\xff\xff": "\xff\xff", "": "",
	} {
		if got := wholeRunes([]byte(text)); !bytes.Equal(got, []byte(want)) {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestTwoStreamsShareOneLimit(t *testing.T) {
	var c capture
	c.left.Store(10)
	c.add(&c.stdout, []byte("123456"))
	c.add(&c.stderr, []byte("abcdef"))
	c.add(&c.stdout, []byte("x"))
	if string(c.stdout) != "123456" || string(c.stderr) != "abcd" || !c.truncated.Load() {
		t.Fatalf("%q %q", c.stdout, c.stderr)
	}
	before := captured.Load()
	c.release()
	c.release()
	if before-captured.Load() != 10 {
		t.Fatal("the budget is off")
	}
}

package logs

import (
	"fmt"
	"strings"
	"testing"
)

func readAll(r *Reader) (lines []string, seqs []uint64) {
	for r.Next(func(e Entry) {
		lines, seqs = append(lines, string(e.Text)), append(seqs, e.Seq)
	}) == nil {
	}
	return lines, seqs
}

func TestLinesOfSeveralSourcesAreKeptApart(t *testing.T) {
	log := New()
	a, b := log.Assemble(Stdout), log.Assemble(Stderr)
	a.Write([]byte("on"))
	b.Write([]byte("two\r\nthr"))
	a.Write([]byte("e\n\n"))
	b.Flush()
	a.Flush()
	lines, seqs := readAll(log.NewReader())
	if fmt.Sprintf("%q", lines) != `["two" "one" "" "thr"]` || fmt.Sprint(seqs) != "[1 2 3 4]" {
		t.Fatalf("%q %v", lines, seqs)
	}
}

func TestALineWithoutEndIsCutAndNothingIsLost(t *testing.T) {
	log := New()
	a := log.Assemble(Stdout)
	a.Write([]byte(strings.Repeat("x", 3*MaxLineBytes+5) + "\nend\n"))
	lines, seqs := readAll(log.NewReader())
	if len(lines) != 5 || len(lines[0]) != MaxLineBytes || len(lines[3]) != 5 || lines[4] != "end" ||
		fmt.Sprint(seqs) != "[1 1 1 1 2]" {
		t.Fatal(len(lines), seqs)
	}
}

func TestTheLogIsBoundedAndALateReaderSeesTheNewest(t *testing.T) {
	log := New()
	a := log.Assemble(Stdout)
	reader := log.NewReader()
	for i := range 100_000 {
		a.Write([]byte(fmt.Sprintf("a line that has the number %d\n", i)))
	}
	if log.ring.Cap() > MaxBytes {
		t.Fatal(log.ring.Cap())
	}
	lines, seqs := readAll(reader)
	if last := lines[len(lines)-1]; last != "a line that has the number 99999" || seqs[len(seqs)-1] != 100_000 || seqs[0] == 1 {
		t.Fatal(last, seqs[0])
	}
}

func TestAFollowerIsWoken(t *testing.T) {
	log := New()
	reader := log.NewReader()
	changed := reader.Next(nil)
	log.Assemble(Stdout).Write([]byte("x\n"))
	<-changed
	if lines, _ := readAll(reader); len(lines) != 1 {
		t.Fatal(lines)
	}
}

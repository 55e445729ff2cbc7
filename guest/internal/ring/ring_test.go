package ring

import (
	"bytes"
	"math/rand"
	"testing"
)

func TestARingGivesBackWhatWasPutInAcrossGrowthAndWrapping(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	const limit = 20_000
	var r Ring
	var model []byte
	for range 5000 {
		piece := make([]byte, random.Intn(900))
		random.Read(piece)
		for r.Len()+len(piece) > limit {
			n := min(r.Len(), 1+random.Intn(500))
			r.Drop(n)
			model = model[n:]
		}
		half := len(piece) / 2
		r.Append(limit, piece[:half], piece[half:])
		model = append(model, piece...)
		if random.Intn(50) == 0 {
			r.Shrink()
		}
		from := random.Intn(len(model) + 1)
		got := make([]byte, random.Intn(2000))
		n := r.Copy(got, r.Tail()+uint64(from))
		if want := model[from:min(len(model), from+len(got))]; !bytes.Equal(got[:n], want) {
			t.Fatalf("%d bytes from %d differ", n, from)
		}
		if r.Cap() > limit {
			t.Fatalf("it grew to %d", r.Cap())
		}
	}
}

// Command runsc is gVisor's own, unchanged, but for the collector of its heap: while the heap is small it is let grow to
// a fixed size first, and only then follows Go's usual rule. A restore makes some ten megabytes of objects at once, and
// collecting them four times over took a third of it.
package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"

	"gvisor.dev/gvisor/runsc/cli/maincli"
	"gvisor.dev/gvisor/runsc/version"
)

// heapFloorBytes is how far the heap may grow before anything is collected. It is part of what a sandbox is allowed on
// top of its guest's memory.
const heapFloorBytes = 32 << 20

// usualPercent is Go's default.
const usualPercent = 100

// The version is set by the linker, and has to be linked in for that.
var _ = version.Version()

func main() {
	debug.SetGCPercent(percentFor(initialHeapBytes))
	runtime.SetFinalizer(&sentinel{}, tune)
	maincli.Main()
}

// initialHeapBytes is what is alive in a sandbox that holds nothing yet.
const initialHeapBytes = 4 << 20

// percentFor lets a heap of which so much is alive grow to the floor, or to twice its size.
func percentFor(aliveBytes uint64) int {
	if aliveBytes == 0 {
		aliveBytes = 1
	}
	return max(usualPercent, int(heapFloorBytes*100/aliveBytes)-100)
}

// sentinel is garbage as soon as it is made: its finalizer runs after each collection.
type sentinel struct{ _ [16]byte }

func tune(s *sentinel) {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() == metrics.KindUint64 {
		debug.SetGCPercent(percentFor(sample[0].Value.Uint64()))
	}
	runtime.SetFinalizer(s, tune)
}

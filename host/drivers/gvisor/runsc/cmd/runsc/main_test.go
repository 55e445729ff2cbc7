package main

import "testing"

func TestASmallHeapGrowsToTheFloorAndALargeOneByTheUsualRule(t *testing.T) {
	for alive, want := range map[uint64]int{
		0:        heapFloorBytes*100 - 100,
		4 << 20:  700,
		8 << 20:  300,
		16 << 20: 100,
		64 << 20: 100,
		1 << 40:  100,
	} {
		if got := percentFor(alive); got != want {
			t.Errorf("%d bytes alive: %d %%, not %d %%", alive, got, want)
		}
	}
}

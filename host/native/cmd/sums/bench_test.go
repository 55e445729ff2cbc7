package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Where the temporary directory is decides what the flush costs: TMPDIR=... go test -bench . -run none ./cmd/sums
func BenchmarkDirectory(b *testing.B) {
	h := newHasher(2)
	for _, mib := range []int64{50, 1024} {
		dir := b.TempDir()
		fill := func(b *testing.B) {
			b.Helper()
			block := noise(chunkBytes)
			for _, part := range []struct {
				name   string
				chunks int64
			}{{"pages", mib * 9 / 10}, {"disk", mib - mib*9/10}} {
				path := filepath.Join(dir, part.name)
				_ = os.Remove(path)
				file, err := os.Create(path)
				for i := int64(0); err == nil && i < part.chunks; i++ {
					_, err = file.Write(block)
				}
				if err != nil {
					b.Fatal(err)
				}
				_ = file.Close()
			}
		}
		mustSeal := func(b *testing.B) sealed {
			b.Helper()
			s, err := seal(context.Background(), h, dir)
			if err != nil {
				b.Fatal(err)
			}
			return s
		}
		b.Run(fmt.Sprintf("seal what was just written %d MiB", mib), func(b *testing.B) {
			b.SetBytes(mib << 20)
			for b.Loop() {
				b.StopTimer()
				fill(b)
				b.StartTimer()
				mustSeal(b)
			}
		})
		b.Run(fmt.Sprintf("flush what was just written %d MiB", mib), func(b *testing.B) {
			b.SetBytes(mib << 20)
			for b.Loop() {
				b.StopTimer()
				fill(b)
				f, err := openFolder(dir)
				if err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				if err := f.flush()(); err != nil {
					b.Fatal(err)
				}
				f.close()
			}
		})
		fill(b)
		sum := mustSeal(b).sum.String()
		b.Run(fmt.Sprintf("seal what is on the disk %d MiB", mib), func(b *testing.B) {
			b.SetBytes(mib << 20)
			for b.Loop() {
				mustSeal(b)
			}
		})
		b.Run(fmt.Sprintf("verify %d MiB", mib), func(b *testing.B) {
			b.SetBytes(mib << 20)
			for b.Loop() {
				if err := verify(context.Background(), h, dir, sum); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

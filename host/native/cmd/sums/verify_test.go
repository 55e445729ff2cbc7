package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type damage struct {
	name string
	do   func(dir string) error
	file string // that is named; "a|b": any of the two
}

func (d damage) check(t *testing.T, p *process, dir, sum string) {
	t.Helper()
	if a := p.verify(dir, sum); !a.OK {
		t.Fatalf("%s: before: %+v", d.name, a)
	}
	if err := d.do(dir); err != nil {
		t.Fatalf("%s: %v", d.name, err)
	}
	if a := p.verify(dir, sum); a.OK || a.Code != "corrupt" || !slices.Contains(strings.Split(d.file, "|"), a.File) {
		t.Errorf("%s: %+v", d.name, a)
	}
}

func flip(path string, at int64) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	one := make([]byte, 1)
	if _, err := file.ReadAt(one, at); err != nil {
		return err
	}
	one[0] ^= 0x10
	_, err = file.WriteAt(one, at)
	return err
}

func TestOneFlippedBitAnywhereIsCorrupt(t *testing.T) {
	p, dir := start(t), snapshot(t)
	sum := p.mustSeal(dir)
	for _, name := range []string{"abc", "disk", "one chunk", "pages", "sums.json"} {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []int64{0, 1, chunkBytes - 1, chunkBytes, 2*chunkBytes + 7, info.Size() - 1} {
			if at >= info.Size() {
				continue
			}
			if err := flip(path, at); err != nil {
				t.Fatal(err)
			}
			a := p.verify(dir, sum)
			if a.Code != "corrupt" || a.File != name {
				t.Errorf("%s at %d: %+v", name, at, a)
			}
			if name != "sums.json" && (a.Chunk == nil || *a.Chunk != at/chunkBytes) {
				t.Errorf("%s at %d is in another chunk: %+v", name, at, a)
			}
			if err := flip(path, at); err != nil {
				t.Fatal(err)
			}
			if a := p.verify(dir, sum); !a.OK {
				t.Fatalf("%s flipped back: %+v", name, a)
			}
		}
	}
}

func TestEveryOtherDamageIsCorrupt(t *testing.T) {
	p := start(t)
	at := filepath.Join
	append := func(path string) error {
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return err
		}
		defer file.Close()
		_, err = file.Write([]byte{0})
		return err
	}
	swap := func(dir, a, b string) error {
		for _, step := range [][2]string{{a, "aside"}, {b, a}, {"aside", b}} {
			if err := os.Rename(at(dir, step[0]), at(dir, step[1])); err != nil {
				return err
			}
		}
		return nil
	}
	link := func(dir, name string) error {
		outside := dir + " " + name
		if err := os.Rename(at(dir, name), outside); err != nil {
			return err
		}
		return os.Symlink(outside, at(dir, name))
	}
	for _, d := range []damage{
		{"a byte less", func(dir string) error { return os.Truncate(at(dir, "pages"), 3*chunkBytes+4096) }, "pages"},
		{"a chunk less", func(dir string) error { return os.Truncate(at(dir, "pages"), 3*chunkBytes) }, "pages"},
		{"nothing left", func(dir string) error { return os.Truncate(at(dir, "abc"), 0) }, "abc"},
		{"a byte more", func(dir string) error { return append(at(dir, "pages")) }, "pages"},
		{"a byte more after a whole chunk", func(dir string) error { return append(at(dir, "one chunk")) }, "one chunk"},
		{"a byte in the empty one", func(dir string) error { return append(at(dir, "empty")) }, "empty"},
		{"a byte more of sums", func(dir string) error { return append(at(dir, "sums.json")) }, "sums.json"},
		{"fewer sums", func(dir string) error { return os.Truncate(at(dir, "sums.json"), 100) }, "sums.json"},
		{"a file more", func(dir string) error { return os.WriteFile(at(dir, "more"), nil, 0o600) }, "more"},
		{"a directory more", func(dir string) error { return os.Mkdir(at(dir, "more"), 0o700) }, "more"},
		{"a file less", func(dir string) error { return os.Remove(at(dir, "disk")) }, "disk"},
		{"the empty file less", func(dir string) error { return os.Remove(at(dir, "empty")) }, "empty"},
		{"no sums", func(dir string) error { return os.Remove(at(dir, "sums.json")) }, "sums.json"},
		{"another name", func(dir string) error { return os.Rename(at(dir, "disk"), at(dir, "dusk")) }, "dusk"},
		{"two of one size in each other's place", func(dir string) error { return swap(dir, "disk", "pages") }, "disk|pages"},
		{"two in each other's place", func(dir string) error { return swap(dir, "abc", "empty") }, "abc"},
		{"a link instead of a file", func(dir string) error { return link(dir, "pages") }, "pages"},
		{"a link instead of the sums", func(dir string) error { return link(dir, "sums.json") }, "sums.json"},
	} {
		dir := snapshot(t)
		d.check(t, p, dir, p.mustSeal(dir))
	}
}

func TestSumsThatWereMadeToFitOtherFilesAreCorrupt(t *testing.T) {
	p, dir := start(t), snapshot(t)
	sum := p.mustSeal(dir)
	damage{"sealed again", func(dir string) error {
		err := flip(filepath.Join(dir, "abc"), 0)
		p.mustSeal(dir)
		return err
	}, "sums.json"}.check(t, p, dir, sum)
}

func TestALinkInPlaceOfTheDirectoryIsCorrupt(t *testing.T) {
	p, dir := start(t), snapshot(t)
	sum := p.mustSeal(dir)
	damage{"link", func(dir string) error {
		if err := os.Rename(dir, dir+" aside"); err != nil {
			return err
		}
		return os.Symlink(dir+" aside", dir)
	}, ""}.check(t, p, dir, sum)
}

// Of damage in two chunks the one found first is told, and that is one of them.
func TestTheFirstOfManyDamagesEndsIt(t *testing.T) {
	p, dir := start(t), snapshot(t)
	sum := p.mustSeal(dir)
	damage{"two bits", func(dir string) error {
		if err := flip(filepath.Join(dir, "pages"), 0); err != nil {
			return err
		}
		return flip(filepath.Join(dir, "pages"), 3*chunkBytes)
	}, "pages"}.check(t, p, dir, sum)
}

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestWhatWasSealedIsVerified(t *testing.T) {
	p, dir := start(t), snapshot(t)
	sum := p.mustSeal(dir)
	if a := p.verify(dir, sum); !a.OK {
		t.Fatalf("%+v", a)
	}
	if again := p.mustSeal(dir); again != sum {
		t.Fatalf("sealed again it is %s, not %s", again, sum)
	}
}

func TestTheSumsAreThoseOfEachChunk(t *testing.T) {
	p, dir := start(t), snapshot(t)
	sum := p.mustSeal(dir)
	text, err := os.ReadFile(filepath.Join(dir, "sums.json"))
	if err != nil {
		t.Fatal(err)
	}
	if hexSum(text) != sum {
		t.Fatalf("answered %s, and sums.json has %s", sum, hexSum(text))
	}
	var list struct {
		Version    int
		ChunkBytes int
		Files      []struct {
			Name   string
			Size   int
			SHA256 []string
		}
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	if list.Version != 1 || list.ChunkBytes != 1048576 {
		t.Fatalf("%+v", list)
	}
	var names []string
	for _, file := range list.Files {
		names = append(names, file.Name)
		content, err := os.ReadFile(filepath.Join(dir, file.Name))
		if err != nil || len(content) != file.Size {
			t.Fatalf("%s has %d bytes (%v), not %d", file.Name, len(content), err, file.Size)
		}
		for _, sum := range file.SHA256 {
			chunk := content[:min(1048576, len(content))]
			if hexSum(chunk) != sum {
				t.Fatalf("%s: %s is not the sum of its chunk", file.Name, sum)
			}
			content = content[len(chunk):]
		}
		if len(content) != 0 {
			t.Fatalf("%s has %d bytes without a sum", file.Name, len(content))
		}
	}
	if got, _ := json.Marshal(names); string(got) != `["abc","disk","empty","one chunk","pages"]` {
		t.Fatalf("%s", got)
	}
	if list.Files[0].SHA256[0] != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Fatalf("%+v", list.Files[0])
	}
}

func hexSum(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func TestWhatASealThatWasCutShortHasLeftIsReplaced(t *testing.T) {
	p, dir := start(t), snapshot(t)
	sum := p.mustSeal(dir)
	outside := filepath.Join(t.TempDir(), "outside")
	write(t, outside, []byte("content"))
	for name, leave := range map[string]func(path string) error{
		"half of one": func(path string) error { return os.WriteFile(path, []byte(`{"version"`), 0o600) },
		"a link":      func(path string) error { return os.Symlink(outside, path) },
		"a name":      func(path string) error { return os.Link(outside, path) },
	} {
		path := filepath.Join(dir, "sums.json")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := leave(path); err != nil {
			t.Fatal(err)
		}
		if again := p.mustSeal(dir); again != sum {
			t.Fatalf("%s: sealed again it is %s, not %s", name, again, sum)
		}
	}
	if content, _ := os.ReadFile(outside); string(content) != "content" {
		t.Fatalf("outside is %q", content)
	}
}

func TestADirectoryWithAnythingButPlainFilesIsNotSealed(t *testing.T) {
	p := start(t)
	for name, spoil := range map[string]func(path string) error{
		"directory":   func(path string) error { return os.Mkdir(path, 0o700) },
		"link":        func(path string) error { return os.Symlink("abc", path) },
		"second name": func(path string) error { return os.Link(filepath.Join(filepath.Dir(path), "abc"), path) },
		"fifo":        func(path string) error { return unix.Mkfifo(path, 0o600) },
		"socket":      func(path string) error { return unix.Mknod(path, unix.S_IFSOCK|0o600, 0) },
		"\xff":        func(path string) error { return os.WriteFile(path, nil, 0o600) },
	} {
		dir := snapshot(t)
		if err := spoil(filepath.Join(dir, name)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if a := p.seal(dir); a.Code != "refused" || a.File == "" {
			t.Errorf("%s: %+v", name, a)
		}
		if _, err := os.Lstat(filepath.Join(dir, "sums.json")); err == nil {
			t.Errorf("%s: sums.json is there", name)
		}
	}
}

func TestALinkToADirectoryIsNotSealed(t *testing.T) {
	p, dir := start(t), snapshot(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if a := p.seal(link); a.Code != "refused" {
		t.Fatalf("%+v", a)
	}
}

func TestADirectoryThatIsNotThereIsMissing(t *testing.T) {
	p, dir := start(t), snapshot(t)
	sum := p.mustSeal(dir)
	none := filepath.Join(dir, "none")
	if a := p.seal(none); a.Code != "missing" {
		t.Fatalf("%+v", a)
	}
	if a := p.verify(none, sum); a.Code != "missing" {
		t.Fatalf("%+v", a)
	}
}

func TestMoreThanSumsCanBeKeptOfIsRefused(t *testing.T) {
	p, dir := start(t), endless(t)
	write(t, filepath.Join(dir, "one more"), []byte("x"))
	if a := p.seal(dir); a.Code != "refused" {
		t.Fatalf("%+v", a)
	}
}

// The memory file system does not tell extents; that of the temporary directory does, or falls back in the same way.
func TestTheRoomThatFilesTakeIsToldHolesLeftOut(t *testing.T) {
	p := start(t)
	memory, err := os.MkdirTemp("/dev/shm", "sums-")
	if err != nil {
		t.Skip("no memory file system")
	}
	defer os.RemoveAll(memory)
	for _, dir := range []string{memory, t.TempDir()} {
		write(t, filepath.Join(dir, "full"), noise(8*chunkBytes))
		write(t, filepath.Join(dir, "hole"), nil)
		if err := os.Truncate(filepath.Join(dir, "hole"), 64*chunkBytes); err != nil {
			t.Fatal(err)
		}
		fray(t, filepath.Join(dir, "frayed"), 3*extentsAtOnce)
		a := p.seal(dir)
		if want := uint64(8*chunkBytes + 3*extentsAtOnce*4096); !a.OK || *a.UniqueBytes != want || *a.SharedBytes != 0 {
			t.Errorf("%s: %+v %d %d", dir, a, *a.UniqueBytes, *a.SharedBytes)
		}
	}
}

// fray writes single blocks with holes between them, each an extent.
func fray(t *testing.T, path string, blocks int64) {
	t.Helper()
	write(t, path, nil)
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := file.Truncate(blocks * 64 * 1024); err != nil {
		t.Fatal(err)
	}
	for i := range blocks {
		if _, err := file.WriteAt(noise(4096), i*64*1024); err != nil {
			t.Fatal(err)
		}
	}
}

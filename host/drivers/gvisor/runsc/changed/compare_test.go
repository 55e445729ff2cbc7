package changed

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gvisor.dev/gvisor/pkg/erofs"
	"pandastack.dev/runsc/upper"
)

// imageOf makes a real image: names that end in a slash are directories.
func imageOf(t *testing.T, files map[string]string) *erofs.Image {
	t.Helper()
	if _, err := exec.LookPath("mkfs.erofs"); err != nil {
		t.Skip("needs mkfs.erofs")
	}
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree")
	for name, text := range files {
		path := filepath.Join(tree, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if target, isLink := strings.CutPrefix(text, "->"); isLink {
			if err := os.Symlink(target, path); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, "image")
	made, err := exec.Command("mkfs.erofs", "-Enoinline_data", "-x-1", "--all-root", "-T0", out, tree).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, made)
	}
	file, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	image, err := erofs.OpenImage(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(image.Close)
	return image
}

// disk holds contents one after another, a page each.
type disk struct{ bytes.Buffer }

const page = 4096

func (d *disk) file(text string) *upper.Node {
	node := &upper.Node{Kind: upper.File, Mode: 0o644, Size: int64(len(text))}
	for start := 0; start < len(text); start += page {
		offset := uint64(d.Len())
		part := text[start:min(start+page, len(text))]
		d.WriteString(part)
		d.Write(make([]byte, page-len(part)))
		node.Segments = append(node.Segments, upper.Segment{Start: uint64(start), End: uint64(start + page), Offset: offset})
	}
	return node
}

type children = map[string]*upper.Node

func directory(of children) *upper.Node {
	return &upper.Node{Kind: upper.Directory, Mode: 0o755, Children: of}
}

func opaque(of children) *upper.Node {
	node := directory(of)
	node.Opaque = true
	return node
}

var whiteout = &upper.Node{Kind: upper.Whiteout}

func compared(t *testing.T, image *erofs.Image, d *disk, root children, entriesMax int) ([]Entry, bool) {
	t.Helper()
	entries, truncated, _, err := New(image, bytes.NewReader(d.Bytes()), entriesMax).Of(directory(root))
	if err != nil {
		t.Fatal(err)
	}
	return entries, truncated
}

func brief(entries []Entry) []string {
	var lines []string
	for _, e := range entries {
		lines = append(lines, fmt.Sprintf("%s %s %s", e.Change, e.Kind, e.Path))
	}
	return lines
}

func expect(t *testing.T, entries []Entry, want ...string) {
	t.Helper()
	if got := brief(entries); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestTellsWhatDiffersInTheOrderOfPaths(t *testing.T) {
	image := imageOf(t, map[string]string{
		"etc/same": "same", "etc/other": "before", "etc/gone": "gone", "usr/lib/a": "a", "usr/lib/b/c": "c",
	})
	var d disk
	entries, truncated := compared(t, image, &d, children{
		"etc": directory(children{
			"same": d.file("same"), "other": d.file("after"), "gone": whiteout, "never-was": whiteout,
			"new": directory(children{"file": d.file("x")}),
		}),
		"usr": directory(children{"lib": whiteout}),
	}, 100)
	expect(t, entries,
		"removed file /etc/gone", "added directory /etc/new", "added file /etc/new/file",
		"changed file /etc/other", "removed directory /usr/lib")
	if truncated {
		t.Error("nothing was left out")
	}
	if other := entries[3]; *other.Text != "after" || *other.BaseText != "before" || other.SizeBytes != 5 {
		t.Errorf("%+v", other)
	}
	if gone := entries[0]; gone.Sha256 != nil || *gone.BaseSha256 != *sumOf("gone") || gone.SizeBytes != 4 {
		t.Errorf("%+v", gone)
	}
}

func TestAnOpaqueDirectoryHidesAllThatIsNotInIt(t *testing.T) {
	image := imageOf(t, map[string]string{"d/kept": "kept", "d/hidden": "h", "d/sub/deep": "deep", "d/whole/x": "x"})
	var d disk
	entries, _ := compared(t, image, &d, children{
		"d": opaque(children{"kept": d.file("kept"), "sub": directory(children{"new": d.file("n")})}),
	}, 100)
	expect(t, entries,
		"removed file /d/hidden", "removed file /d/sub/deep", "added file /d/sub/new", "removed directory /d/whole")
}

func TestThingsThatBecameOtherThings(t *testing.T) {
	image := imageOf(t, map[string]string{"file": "was a file", "link": "->target", "dir/x": "x", "same": "->target"})
	var d disk
	entries, _ := compared(t, image, &d, children{
		"file": directory(nil),
		"link": {Kind: upper.Pipe, Mode: 0o600},
		"dir":  d.file("is a file"),
		"same": {Kind: upper.Link, Mode: 0o644, Target: "target"},
	}, 100)
	expect(t, entries, "changed file /dir", "changed directory /file", "changed other /link")
	if entries[0].BaseSha256 != nil || *entries[0].Text != "is a file" {
		t.Errorf("%+v", entries[0])
	}
	if *entries[1].BaseSha256 != *sumOf("was a file") || *entries[2].BaseSha256 != *sumOf("target") {
		t.Errorf("%+v", entries[1:])
	}
}

func TestPermissionsAloneAreAChange(t *testing.T) {
	image := imageOf(t, map[string]string{"tool": "x", "d/file": "y"})
	var d disk
	tool := d.file("x")
	tool.Mode = 0o755
	locked := directory(children{"file": d.file("y")})
	locked.Mode = 0o700
	entries, _ := compared(t, image, &d, children{"tool": tool, "d": locked}, 100)
	expect(t, entries, "changed directory /d", "changed file /tool")
}

func TestOtherFileSystemsAreNotLookedInto(t *testing.T) {
	image := imageOf(t, map[string]string{"tmp/x": "x"})
	var d disk
	root := children{}
	for _, name := range elsewhere {
		root[name] = opaque(children{"file": d.file("x")})
	}
	root["home"] = directory(children{"tmp": directory(nil)})
	entries, _ := compared(t, image, &d, root, 100)
	expect(t, entries, "added directory /home", "added directory /home/tmp")
}

func TestTextIsGivenOfBothOrOfNone(t *testing.T) {
	large := strings.Repeat("x", textMaxBytes+1)
	image := imageOf(t, map[string]string{
		"was-large": large, "now-large": "x", "was-binary": "\x00", "now-binary": "x", "text": strings.Repeat("y", textMaxBytes),
	})
	var d disk
	entries, _ := compared(t, image, &d, children{
		"was-large": d.file("x"), "now-large": d.file(large), "was-binary": d.file("x"), "now-binary": d.file("\xff"),
		"text": d.file("ü"), "new-large": d.file(large), "new": d.file("new"),
	}, 100)
	var with []string
	for _, e := range entries {
		if e.Text != nil {
			with = append(with, e.Path)
		}
		if e.Change == altered && (e.Text == nil) != (e.BaseText == nil) {
			t.Errorf("%s has one text", e.Path)
		}
		if e.Sha256 == nil {
			t.Errorf("%s has no sum", e.Path)
		}
	}
	if !slices.Equal(with, []string{"/new", "/text"}) {
		t.Errorf("text of %q", with)
	}
}

func TestAllTextsTogetherAreBounded(t *testing.T) {
	image := imageOf(t, map[string]string{"x": "x"})
	var d disk
	root := children{}
	text := strings.Repeat("t", textMaxBytes)
	for n := range textsMaxBytes/textMaxBytes + 10 {
		root[fmt.Sprintf("%04d", n)] = d.file(text)
	}
	entries, _ := compared(t, image, &d, root, 1000)
	given := 0
	for _, e := range entries {
		if e.Text != nil {
			given++
		}
	}
	if given != textsMaxBytes/textMaxBytes || len(entries) != len(root) {
		t.Errorf("%d texts of %d files", given, len(entries))
	}
}

func TestNoMoreEntriesThanAskedFor(t *testing.T) {
	image := imageOf(t, map[string]string{"x": "x"})
	var d disk
	root := children{"a": d.file("a"), "b": d.file("b"), "c": d.file("c")}
	for most, cut := range map[int]bool{0: true, 2: true, 3: false} {
		entries, truncated := compared(t, image, &d, root, most)
		if len(entries) != most || truncated != cut {
			t.Errorf("%d entries of at most %d, truncated %v", len(entries), most, truncated)
		}
	}
}

func TestEndlessFilesAreNotSummedAndHideNothing(t *testing.T) {
	image := imageOf(t, map[string]string{"grown": "x"})
	var d disk
	endless := func() *upper.Node { return &upper.Node{Kind: upper.File, Mode: 0o644, Size: 1 << 62} }
	entries, truncated := compared(t, image, &d, children{"a": endless(), "b": d.file("b"), "grown": endless()}, 100)
	expect(t, entries, "added file /a", "added file /b", "changed file /grown")
	if entries[0].Sha256 != nil || entries[2].Sha256 != nil || *entries[1].Sha256 != *sumOf("b") || truncated {
		t.Errorf("%+v", entries)
	}
	if entries[0].SizeBytes != safeIntegerMax {
		t.Errorf("%d bytes cannot be told", entries[0].SizeBytes)
	}
}

func TestReadsAgainWhatMovedAndNothingElse(t *testing.T) {
	image := imageOf(t, map[string]string{"x": "x"})
	var d disk
	stays, before, after := d.file("stays"), d.file("before"), d.file("after")
	comparison := New(image, bytes.NewReader(d.Bytes()), 100)
	for round, step := range []struct {
		moving  *upper.Node
		text    string
		settled bool
	}{{before, "before", false}, {before, "before", true}, {after, "after", false}, {after, "after", true}} {
		entries, _, settled, err := comparison.Of(directory(children{"moving": step.moving, "stays": stays}))
		if err != nil || settled != step.settled || *entries[0].Text != step.text || *entries[1].Text != "stays" {
			t.Errorf("round %d: settled %v, %+v, %v", round, settled, entries, err)
		}
	}
}

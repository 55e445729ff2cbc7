package upper

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"
)

func listOf(size uint64, segments ...Segment) []byte {
	list := binary.LittleEndian.AppendUint64(nil, size)
	for _, s := range segments {
		for _, n := range []uint64{s.Start, s.End, s.Offset} {
			list = binary.LittleEndian.AppendUint64(list, n)
		}
	}
	return list
}

type entry struct {
	header tar.Header
	body   []byte
}

func file(name string, body []byte) entry {
	return entry{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(body))}, body}
}

func dir(name string) entry {
	return entry{tar.Header{Name: name + "/", Typeflag: tar.TypeDir, Mode: 0o755}, nil}
}

func archive(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range entries {
		if err := w.WriteHeader(&e.header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(e.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func read(t *testing.T, limits Limits, entries ...entry) Layer {
	t.Helper()
	layer, err := Read(bytes.NewReader(archive(t, entries...)), limits)
	if err != nil {
		t.Fatal(err)
	}
	return layer
}

func TestReadsEveryKind(t *testing.T) {
	opaque := dir("./opaque")
	opaque.header.PAXRecords = map[string]string{opaqueRecord: "y"}
	layer := read(t, DefaultLimits,
		entry{tar.Header{Name: "./", Typeflag: tar.TypeDir}, nil},
		opaque,
		file("./opaque/file", listOf(5, Segment{0, 4096, 8192})),
		entry{tar.Header{Name: "./link", Typeflag: tar.TypeSymlink, Linkname: "/etc/x"}, nil},
		entry{tar.Header{Name: "./hard", Typeflag: tar.TypeLink, Linkname: "./opaque/file"}, nil},
		entry{tar.Header{Name: "./pipe", Typeflag: tar.TypeFifo}, nil},
		entry{tar.Header{Name: "./gone", Typeflag: tar.TypeChar}, nil},
		entry{tar.Header{Name: "./null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}, nil},
	)
	root := layer.Root.Children
	for name, kind := range map[string]Kind{
		"opaque": Directory, "link": Link, "hard": File, "pipe": Pipe, "gone": Whiteout, "null": Device,
	} {
		if root[name] == nil || root[name].Kind != kind {
			t.Errorf("%s is %+v", name, root[name])
		}
	}
	if !root["opaque"].Opaque || root["link"].Target != "/etc/x" {
		t.Errorf("opaque %+v, link %+v", root["opaque"], root["link"])
	}
	if found := root["opaque"].Children["file"]; root["hard"] != found || found.Size != 5 || found.Mode != 0o644 {
		t.Errorf("file %+v", found)
	}
	if layer.Truncated || layer.Unread {
		t.Error("nothing is missing")
	}
}

func TestLeavesOutWhatLeadsElsewhere(t *testing.T) {
	layer := read(t, DefaultLimits,
		file("../outside", listOf(0)), file("./a/../../outside", listOf(0)), file("/./x", listOf(0)),
		file("./lost/child", listOf(0)), file("./plain", listOf(0)), file("./plain/child", listOf(0)),
		entry{tar.Header{Name: "./hard", Typeflag: tar.TypeLink, Linkname: "./nowhere"}, nil},
	)
	if len(layer.Root.Children) != 1 || layer.Root.Children["plain"] == nil {
		t.Errorf("found %v", layer.Root.Children)
	}
	if !layer.Truncated {
		t.Error("it is not said that parts are missing")
	}
}

func TestRefusesListsThatAreNone(t *testing.T) {
	for name, body := range map[string][]byte{
		"too short":         {1, 2, 3},
		"not whole":         append(listOf(1), 1),
		"backwards":         listOf(1, Segment{4096, 8192, 0}, Segment{0, 4096, 8192}),
		"overlapping":       listOf(1, Segment{0, 8192, 0}, Segment{4096, 12288, 0}),
		"empty segment":     listOf(1, Segment{0, 0, 0}),
		"beyond every file": listOf(1, Segment{0, 4096, 1 << 63}),
	} {
		if _, err := Read(bytes.NewReader(archive(t, file("./f", body))), DefaultLimits); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestRefusesWhatIsCutShort(t *testing.T) {
	whole := archive(t, dir("./d"), file("./d/f", listOf(9, Segment{0, 4096, 0})))
	for _, length := range []int{100, 512 + 100, 512 + 512 + 4} {
		if _, err := Read(bytes.NewReader(whole[:length]), DefaultLimits); err == nil {
			t.Errorf("%d of %d bytes: taken", length, len(whole))
		}
	}
}

func TestStopsAtEachLimit(t *testing.T) {
	var entries []entry
	for n := range 10 {
		entries = append(entries, file(fmt.Sprintf("./%d", n), listOf(1, Segment{0, 4096, 0})))
	}
	whole := DefaultLimits
	for name, change := range map[string]func(*Limits){
		"bytes":    func(l *Limits) { l.Bytes = 3000 },
		"nodes":    func(l *Limits) { l.Nodes = 3 },
		"segments": func(l *Limits) { l.Segments = 3 },
	} {
		limits := whole
		change(&limits)
		layer := read(t, limits, entries...)
		if !layer.Truncated || !layer.Unread || len(layer.Root.Children) == 0 || len(layer.Root.Children) > 3 {
			t.Errorf("%s: %d of 10 files, %+v", name, len(layer.Root.Children), layer)
		}
	}
	if layer := read(t, whole, entries...); layer.Truncated || len(layer.Root.Children) != 10 {
		t.Errorf("within limits: %+v", layer)
	}
}

func TestLeavesOutPathsThatAreTooLong(t *testing.T) {
	long := "./" + strings.Repeat("n", 200)
	limits := DefaultLimits
	limits.PathBytes = 300
	layer := read(t, limits, dir(long), dir(long+"/"+strings.Repeat("m", 200)), file("./short", listOf(0)))
	if !layer.Truncated || layer.Unread || len(layer.Root.Children) != 2 {
		t.Errorf("%+v", layer)
	}
	for _, child := range layer.Root.Children {
		if len(child.Children) != 0 {
			t.Error("the one too long is there")
		}
	}
}

func TestContentHasHolesAndPartsInAnyPlace(t *testing.T) {
	disk := append(bytes.Repeat([]byte{'a'}, 4096), bytes.Repeat([]byte{'b'}, 4096)...)
	node := &Node{Kind: File, Size: 4*4096 + 5, Segments: []Segment{
		{Start: 4096, End: 8192, Offset: 4096},
		{Start: 8192, End: 12288, Offset: 0},
		// The disk file ends before it.
		{Start: 16384, End: 20480, Offset: 1 << 40},
	}}
	want := slicesOf(make([]byte, 4096), disk[4096:], disk[:4096], make([]byte, 4096+5))
	got, err := io.ReadAll(node.Content(bytes.NewReader(disk)))
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes, error %v", len(got), err)
	}
	short := &Node{Kind: File, Size: 3, Segments: []Segment{{0, 4096, 4096}}}
	if got, err = io.ReadAll(short.Content(bytes.NewReader(disk))); err != nil || string(got) != "bbb" {
		t.Fatalf("%q, error %v", got, err)
	}
}

func slicesOf(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestSameIsNotSaidOfWhatMovedOrAged(t *testing.T) {
	node := Node{Size: 1, Modified: 1, Segments: []Segment{{0, 4096, 0}}}
	if !node.Same(&Node{Size: 1, Modified: 1, Segments: []Segment{{0, 4096, 0}}}) {
		t.Error("the same is another")
	}
	for _, other := range []Node{
		{Size: 2, Modified: 1, Segments: node.Segments},
		{Size: 1, Modified: 2, Segments: node.Segments},
		{Size: 1, Modified: 1, Segments: []Segment{{0, 4096, 4096}}},
	} {
		if node.Same(&other) {
			t.Errorf("%+v is taken for the same", other)
		}
	}
}

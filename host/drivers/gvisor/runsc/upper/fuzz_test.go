package upper

import (
	"archive/tar"
	"bytes"
	"io"
	"testing"
)

// FuzzRead looks for bytes that break the reader or make it give more than its limits allow.
func FuzzRead(f *testing.F) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range []entry{
		dir("./d"),
		file("./d/f", listOf(9000, Segment{0, 4096, 8192}, Segment{4096, 8192, 0})),
		{tar.Header{Name: "./d/l", Typeflag: tar.TypeSymlink, Linkname: "f"}, nil},
		{tar.Header{Name: "./h", Typeflag: tar.TypeLink, Linkname: "./d/f"}, nil},
		{tar.Header{Name: "./w", Typeflag: tar.TypeChar}, nil},
	} {
		_ = w.WriteHeader(&e.header)
		_, _ = w.Write(e.body)
	}
	_ = w.Close()
	f.Add(out.Bytes())
	limits := Limits{Bytes: 1 << 20, Nodes: 50, Segments: 50, PathBytes: 200}
	disk := bytes.NewReader(make([]byte, 16384))
	f.Fuzz(func(t *testing.T, input []byte) {
		layer, err := Read(bytes.NewReader(input), limits)
		if err != nil {
			return
		}
		nodes := 0
		var walk func(node *Node, depth int)
		walk = func(node *Node, depth int) {
			if nodes++; nodes > limits.Nodes+1 || depth > limits.PathBytes || len(node.Segments) > limits.Segments {
				t.Fatalf("%d nodes, %d deep, %d segments", nodes, depth, len(node.Segments))
			}
			if node.Kind == File {
				n, err := io.Copy(io.Discard, io.LimitReader(node.Content(disk), 1<<20))
				if err == nil && n != min(node.Size, 1<<20) {
					t.Fatalf("%d bytes of %d", n, node.Size)
				}
			}
			for _, child := range node.Children {
				walk(child, depth+1)
			}
		}
		walk(layer.Root, 0)
	})
}

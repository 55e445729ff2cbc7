package upper

import (
	"archive/tar"
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// Limits bound what a layer may take of our memory and time.
type Limits struct {
	Bytes    int64
	Nodes    int
	Segments int
	// PathBytes is the longest path that is kept.
	PathBytes int
}

// DefaultLimits are for layers of some hundred thousand files; a tree of that size takes some 100 MiB.
var DefaultLimits = Limits{Bytes: 1 << 30, Nodes: 400_000, Segments: 2_000_000, PathBytes: 4096}

var (
	errNowhere = errors.New("a file's content lies nowhere")
	errTooMuch = errors.New("too much")
)

const (
	opaqueRecord  = "SCHILY.xattr.trusted.overlay.opaque"
	sizeBytes     = 8
	segmentBytes  = 24
	permissions   = 0o7777
	segmentsAlone = 1024
	bufferBytes   = 1 << 20
)

// Layer is what was read.
type Layer struct {
	Root *Node
	// Truncated: parts are missing, because there was too much or they lie too deep.
	Truncated bool
	// Unread: there was so much that the rest of the input was left where it is.
	Unread bool
}

// Read takes what it can within the limits.
func Read(in io.Reader, limits Limits) (Layer, error) {
	r := &reader{limits: limits, root: &Node{Kind: Directory, Children: map[string]*Node{}}}
	archive := tar.NewReader(&bounded{in: bufio.NewReaderSize(in, bufferBytes), left: limits.Bytes})
	for {
		header, err := archive.Next()
		if err == io.EOF {
			return Layer{Root: r.root, Truncated: r.truncated}, nil
		}
		if err == nil {
			err = r.take(header, archive)
		}
		if errors.Is(err, errTooMuch) || errors.Is(err, tar.ErrFieldTooLong) {
			return Layer{Root: r.root, Truncated: true, Unread: true}, nil
		}
		if err != nil {
			return Layer{}, fmt.Errorf("reading the disk's layer: %w", err)
		}
	}
}

type reader struct {
	limits          Limits
	root            *Node
	nodes, segments int
	truncated       bool
}

// bounded is a LimitReader that does not pass its limit off as the end.
type bounded struct {
	in   io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooMuch
	}
	n, err := b.in.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

func (r *reader) take(header *tar.Header, content io.Reader) error {
	names := namesIn(header.Name)
	if len(names) == 0 {
		return nil
	}
	if len(header.Name) > r.limits.PathBytes {
		r.truncated = true
		return nil
	}
	parent := r.find(names[:len(names)-1])
	if parent == nil || parent.Kind != Directory {
		// Its directory was too deep or is no directory: the whole is not what it should be.
		r.truncated = true
		return nil
	}
	node, err := r.node(header, content)
	if node == nil || err != nil {
		return err
	}
	if r.nodes++; r.nodes > r.limits.Nodes {
		return errTooMuch
	}
	parent.Children[names[len(names)-1]] = node
	return nil
}

// namesIn is empty for the root, and for what would lead elsewhere.
func namesIn(path string) []string {
	path = strings.TrimSuffix(strings.TrimPrefix(path, "./"), "/")
	if path == "" || path == "." {
		return nil
	}
	names := strings.Split(path, "/")
	for _, name := range names {
		if name == "" || name == "." || name == ".." {
			return nil
		}
	}
	return names
}

func (r *reader) find(names []string) *Node {
	node := r.root
	for _, name := range names {
		if node = node.Children[name]; node == nil {
			return nil
		}
	}
	return node
}

func (r *reader) node(header *tar.Header, content io.Reader) (*Node, error) {
	node := &Node{Mode: uint32(header.Mode) & permissions, Modified: header.ModTime.UnixNano()}
	switch header.Typeflag {
	case tar.TypeDir:
		node.Kind = Directory
		node.Children = map[string]*Node{}
		node.Opaque = header.PAXRecords[opaqueRecord] == "y"
	case tar.TypeReg:
		node.Kind = File
		return node, r.places(node, header.Size, content)
	case tar.TypeSymlink:
		node.Kind, node.Target = Link, header.Linkname
	case tar.TypeLink:
		first := r.find(namesIn(header.Linkname))
		if first == nil || first.Kind == Directory {
			r.truncated = true
			return nil, nil
		}
		return first, nil
	case tar.TypeFifo:
		node.Kind = Pipe
	case tar.TypeChar, tar.TypeBlock:
		node.Kind = Device
		if header.Typeflag == tar.TypeChar && header.Devmajor == 0 && header.Devminor == 0 {
			node.Kind = Whiteout
		}
	default:
		return nil, fmt.Errorf("an entry of kind %q", header.Typeflag)
	}
	return node, nil
}

func (r *reader) places(node *Node, length int64, content io.Reader) error {
	count := (length - sizeBytes) / segmentBytes
	if length < sizeBytes || (length-sizeBytes)%segmentBytes != 0 {
		return fmt.Errorf("%d bytes are no list of places", length)
	}
	if r.segments += int(min(count, math.MaxInt32)); r.segments > r.limits.Segments {
		return errTooMuch
	}
	var head [sizeBytes]byte
	if _, err := io.ReadFull(content, head[:]); err != nil {
		return err
	}
	node.Size = int64(min(binary.LittleEndian.Uint64(head[:]), math.MaxInt64))
	// What is not there yet is not believed to come.
	node.Segments = make([]Segment, 0, min(count, segmentsAlone))
	var end uint64
	for range count {
		var one [segmentBytes]byte
		if _, err := io.ReadFull(content, one[:]); err != nil {
			return err
		}
		segment := Segment{
			Start:  binary.LittleEndian.Uint64(one[:]),
			End:    binary.LittleEndian.Uint64(one[8:]),
			Offset: binary.LittleEndian.Uint64(one[16:]),
		}
		if segment.Start < end || segment.End <= segment.Start || segment.Offset > math.MaxInt64 {
			return errNowhere
		}
		end = segment.End
		node.Segments = append(node.Segments, segment)
	}
	return nil
}

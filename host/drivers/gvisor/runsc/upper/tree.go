// Package upper reads the writable layer of a sandbox's root disk from what its kernel writes for `runsc fscheckpoint`:
// a tar whose regular files hold, in place of their content, where that content lies in the machine's disk file.
//
// `runsc tar rootfs-upper` would give the content itself, but reads each file whole into the memory of the sandbox's
// kernel: a sparse file that is longer than the machine has memory ends the machine.
//
// All of it is said by the sandbox, so names, sizes and places may be anything.
package upper

import (
	"io"
	"math"
	"slices"
)

// Kind is what a name in the layer stands for.
type Kind uint8

const (
	Directory Kind = iota + 1
	File
	Link
	Pipe
	Device
	// Whiteout hides what the image has under this name.
	Whiteout
)

// Node is one inode of the layer. A file with several names is one node in several directories.
type Node struct {
	Kind Kind
	// Mode has permission bits only.
	Mode   uint32
	Target string
	// Opaque directories hide all that the image has in theirs.
	Opaque   bool
	Children map[string]*Node
	// Size is what the guest believes; what is in no segment is zeros.
	Size     int64
	Modified int64
	Segments []Segment
}

// Segment says where a part of a file's content lies in the disk file.
type Segment struct {
	Start, End, Offset uint64
}

// Same tells whether a file's content is where it was, and is as old.
func (n *Node) Same(other *Node) bool {
	return n.Size == other.Size && n.Modified == other.Modified && slices.Equal(n.Segments, other.Segments)
}

// Content reads a file from start to end out of the disk file.
func (n *Node) Content(disk io.ReaderAt) io.Reader {
	return &content{disk: disk, left: n.Segments, size: uint64(max(n.Size, 0))}
}

type content struct {
	disk io.ReaderAt
	left []Segment
	at   uint64
	size uint64
}

func (c *content) Read(p []byte) (int, error) {
	if c.at >= c.size {
		return 0, io.EOF
	}
	p = p[:min(uint64(len(p)), c.size-c.at)]
	for len(c.left) > 0 && c.left[0].End <= c.at {
		c.left = c.left[1:]
	}
	if len(c.left) == 0 || c.left[0].Start > c.at {
		if len(c.left) > 0 {
			p = p[:min(uint64(len(p)), c.left[0].Start-c.at)]
		}
		clear(p)
		c.at += uint64(len(p))
		return len(p), nil
	}
	segment := c.left[0]
	p = p[:min(uint64(len(p)), segment.End-c.at)]
	offset := segment.Offset + (c.at - segment.Start)
	if offset > math.MaxInt64-uint64(len(p)) {
		return 0, errNowhere
	}
	n, err := c.disk.ReadAt(p, int64(offset))
	if err == io.EOF {
		// The disk file ends where nothing was written yet.
		clear(p[n:])
		n, err = len(p), nil
	}
	c.at += uint64(n)
	return n, err
}

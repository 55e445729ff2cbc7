package changed

import (
	"errors"
	"io"
	"slices"

	"gvisor.dev/gvisor/pkg/erofs"
	"pandastack.dev/runsc/upper"
)

// Comparison keeps what it has read of the files, for when the same disk is compared again a moment later.
type Comparison struct {
	image      *erofs.Image
	sums       sums
	entriesMax int

	entries []Entry
}

// New compares with this image; contents of the guest's files are read from its disk file.
func New(image *erofs.Image, disk io.ReaderAt, entriesMax int) *Comparison {
	return &Comparison{
		image:      image,
		entriesMax: entriesMax,
		sums: sums{
			disk:      disk,
			originals: map[string]content{},
			guests:    map[string]guestContent{},
		},
	}
}

// elsewhere are directories of the root where other file systems are mounted.
var elsewhere = []string{"dev", "proc", "run", "sys", "tmp"}

var errEnough = errors.New("as many entries as were asked for")

// Of answers with the differences in the order of their paths, and whether some were left out. Settled: nothing had to
// be read that was not known, so what was read before belongs to this very layer.
func (c *Comparison) Of(root *upper.Node) (entries []Entry, truncated, settled bool, err error) {
	c.entries = nil
	c.sums.fresh = 0
	base, err := rootOf(c.image)
	if err != nil {
		return nil, false, false, err
	}
	err = c.directory("", root, base, false)
	truncated = errors.Is(err, errEnough)
	if truncated {
		err = nil
	}
	return c.entries, truncated, c.sums.fresh == 0, err
}

func (c *Comparison) add(e Entry) error {
	if len(c.entries) >= c.entriesMax {
		return errEnough
	}
	c.entries = append(c.entries, e)
	return nil
}

// directory compares what is in a directory of the layer. Covered: the image's is hidden by it.
func (c *Comparison) directory(path string, node *upper.Node, base *original, covered bool) error {
	names := make([]string, 0, len(node.Children))
	for name := range node.Children {
		names = append(names, name)
	}
	if covered {
		hidden, err := base.names()
		if err != nil {
			return err
		}
		names = append(names, hidden...)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if path == "" && slices.Contains(elsewhere, name) {
			continue
		}
		below, err := base.child(c.image, name)
		if err == nil {
			err = c.one(path+"/"+name, node.Children[name], below, covered)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Comparison) one(path string, node *upper.Node, base *original, covered bool) error {
	switch {
	case node == nil || node.Kind == upper.Whiteout:
		if base == nil {
			return nil
		}
		return c.removal(path, base)
	case node.Kind == upper.Directory:
		return c.subdirectory(path, node, base, covered)
	default:
		return c.leaf(path, node, base)
	}
}

func (c *Comparison) removal(path string, base *original) error {
	entry := Entry{Path: path, Change: removed, Kind: base.kind(), SizeBytes: lengthOf(base), Mode: base.permissions()}
	if err := c.describeBase(&entry, path, base, true); err != nil {
		return err
	}
	return c.add(entry)
}

func (c *Comparison) subdirectory(path string, node *upper.Node, base *original, covered bool) error {
	entry := Entry{Path: path, Change: added, Kind: kindDirectory, Mode: node.Mode}
	if base != nil {
		entry.Change = altered
	}
	if base == nil || !base.IsDir() || base.permissions() != node.Mode {
		if err := c.describeBase(&entry, path, base, false); err != nil {
			return err
		}
		if err := c.add(entry); err != nil {
			return err
		}
	}
	return c.directory(path, node, base, covered || node.Opaque)
}

// leaf compares anything but a directory.
func (c *Comparison) leaf(path string, node *upper.Node, base *original) error {
	entry := Entry{Path: path, Change: added, Kind: kindOf(node), Mode: node.Mode}
	if base != nil {
		entry.Change = altered
	}
	both := base != nil && base.kind() == kindFile && node.Kind == upper.File
	switch node.Kind {
	case upper.File:
		entry.SizeBytes = sizeOf(uint64(node.Size))
		small := base == nil || base.kind() != kindFile || base.Size() <= textMaxBytes
		read, err := c.sums.guest(path, node, small)
		if err != nil {
			return err
		}
		entry.Sha256, entry.Text = read.sum, read.text
	case upper.Link:
		entry.SizeBytes = int64(len(node.Target))
		entry.Sha256 = sumOf(node.Target)
	}
	if err := c.describeBase(&entry, path, base, both && entry.Text != nil); err != nil {
		return err
	}
	if both && entry.BaseText == nil {
		entry.Text = nil
	}
	if base != nil && unchanged(&entry, base) {
		return nil
	}
	return c.add(entry)
}

func (c *Comparison) describeBase(entry *Entry, path string, base *original, withText bool) error {
	if base == nil {
		return nil
	}
	switch base.kind() {
	case kindFile:
		read, err := c.sums.original(path, base, withText)
		entry.BaseSha256, entry.BaseText = read.sum, read.text
		return err
	case kindLink:
		target, err := base.Readlink()
		entry.BaseSha256 = sumOf(target)
		return err
	}
	return nil
}

// unchanged leaves out the permissions of links, which nobody looks at. What could not be summed may have changed.
func unchanged(entry *Entry, base *original) bool {
	switch {
	case entry.Kind != base.kind():
		return false
	case entry.Kind == kindOther:
		return entry.Mode == base.permissions()
	case entry.Sha256 == nil || entry.BaseSha256 == nil || *entry.Sha256 != *entry.BaseSha256:
		return false
	}
	return entry.Kind == kindLink || entry.Mode == base.permissions()
}

func kindOf(node *upper.Node) string {
	switch node.Kind {
	case upper.File:
		return kindFile
	case upper.Link:
		return kindLink
	}
	return kindOther
}

func lengthOf(o *original) int64 {
	if o.kind() == kindFile || o.kind() == kindLink {
		return sizeOf(o.Size())
	}
	return 0
}

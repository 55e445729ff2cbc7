package changed

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/erofs"
	"gvisor.dev/gvisor/pkg/errors/linuxerr"
)

// original is what the image has under a path; nil where it has nothing.
type original struct{ erofs.Inode }

func rootOf(image *erofs.Image) (*original, error) {
	inode, err := image.Inode(image.RootNid())
	return &original{inode}, err
}

// child is nil also where there is no directory to look into.
func (o *original) child(image *erofs.Image, name string) (*original, error) {
	if o == nil || !o.IsDir() {
		return nil, nil
	}
	nid, err := o.Lookup(name)
	if errors.Is(err, linuxerr.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	inode, err := image.Inode(nid)
	return &original{inode}, err
}

func (o *original) names() ([]string, error) {
	if o == nil || !o.IsDir() {
		return nil, nil
	}
	var names []string
	err := o.IterDirents(func(name string, _ uint8, _ uint64) error {
		if name != "." && name != ".." {
			names = append(names, name)
		}
		return nil
	})
	return names, err
}

func (o *original) kind() string {
	switch uint32(o.Mode()) & unix.S_IFMT {
	case unix.S_IFREG:
		return kindFile
	case unix.S_IFDIR:
		return kindDirectory
	case unix.S_IFLNK:
		return kindLink
	}
	return kindOther
}

func (o *original) permissions() uint32 { return uint32(o.Mode()) & 0o7777 }

// content of a file, out of the image's memory mapping.
func (o *original) content() (io.Reader, error) {
	ranges, err := o.DataRanges()
	if err != nil {
		return nil, err
	}
	return &parts{ranges[0].Bytes, ranges[1].Bytes}, nil
}

type parts [2][]byte

func (p *parts) Read(into []byte) (int, error) {
	for i := range p {
		if len(p[i]) > 0 {
			n := copy(into, p[i])
			p[i] = p[i][n:]
			return n, nil
		}
	}
	return 0, io.EOF
}

package changed

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"unicode/utf8"

	"pandastack.dev/runsc/upper"
)

const (
	textMaxBytes = 64 << 10
	// textsMaxBytes is for all texts of one answer together.
	textsMaxBytes = 8 << 20
	// summedMaxBytes ends the summing, because a guest's files can be endless and take no room.
	summedMaxBytes = 8 << 30
)

// content is what is known of a file's bytes. Without a sum, there was too much to read.
type content struct {
	sum  *string
	text *string
}

// sums reads files, each only once as long as it does not change, and keeps to the limits above.
type sums struct {
	disk      io.ReaderAt
	summed    int64
	texts     int
	originals map[string]content
	guests    map[string]guestContent
	// fresh counts the files of the guest that were read since it was last set to zero.
	fresh int
}

type guestContent struct {
	content
	of *upper.Node
}

func (s *sums) original(path string, o *original, withText bool) (content, error) {
	if known, ok := s.originals[path]; ok {
		return known, nil
	}
	in, err := o.content()
	if err != nil {
		return content{}, err
	}
	read, err := s.read(in, o.Size(), withText)
	s.originals[path] = read
	return read, err
}

func (s *sums) guest(path string, node *upper.Node, withText bool) (content, error) {
	if known, ok := s.guests[path]; ok && known.of.Same(node) {
		return known.content, nil
	}
	s.fresh++
	read, err := s.read(node.Content(s.disk), uint64(node.Size), withText)
	s.guests[path] = guestContent{read, node}
	return read, err
}

func (s *sums) read(in io.Reader, size uint64, withText bool) (content, error) {
	if size > uint64(max(summedMaxBytes-s.summed, 0)) {
		return content{}, nil
	}
	s.summed += int64(size)
	hash := sha256.New()
	if !withText || size > textMaxBytes || s.texts+int(size) > textsMaxBytes {
		_, err := io.Copy(hash, in)
		return content{sum: hexOf(hash.Sum(nil))}, err
	}
	all, err := io.ReadAll(in)
	if err != nil {
		return content{}, err
	}
	hash.Write(all)
	read := content{sum: hexOf(hash.Sum(nil))}
	if utf8.Valid(all) && bytes.IndexByte(all, 0) < 0 {
		text := string(all)
		s.texts += len(text)
		read.text = &text
	}
	return read, nil
}

func sumOf(text string) *string {
	sum := sha256.Sum256([]byte(text))
	return hexOf(sum[:])
}

func hexOf(sum []byte) *string {
	text := hex.EncodeToString(sum)
	return &text
}

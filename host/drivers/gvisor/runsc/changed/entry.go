// Package changed compares the writable layer of a root disk with the image below it. Its entries are the lines that
// the host wire calls `changedFile`.
package changed

import "math"

const (
	added   = "added"
	altered = "changed"
	removed = "removed"

	kindFile      = "file"
	kindDirectory = "directory"
	kindLink      = "link"
	kindOther     = "other"
)

// Entry is one difference.
type Entry struct {
	Path       string  `json:"path"`
	Change     string  `json:"change"`
	Kind       string  `json:"kind"`
	SizeBytes  int64   `json:"sizeBytes"`
	Mode       uint32  `json:"mode"`
	Sha256     *string `json:"sha256"`
	BaseSha256 *string `json:"baseSha256"`
	Text       *string `json:"text"`
	BaseText   *string `json:"baseText"`
}

// End is the last line.
type End struct {
	Done      bool   `json:"done"`
	Truncated bool   `json:"truncated"`
	Image     string `json:"image"`
}

// safeIntegerMax is the largest number that whoever reads the lines can tell from its neighbours.
const safeIntegerMax = 1<<53 - 1

func sizeOf(bytes uint64) int64 { return int64(min(bytes, safeIntegerMax, math.MaxInt64)) }

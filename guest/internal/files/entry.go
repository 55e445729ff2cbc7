package files

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"syscall"

	"pandastack.dev/guest/internal/account"
	"pandastack.dev/guest/internal/wire"
)

// MaxEntries of one directory that are listed.
const MaxEntries = 200_000

// Entry is one file as the plain face tells it.
type Entry struct {
	Name   string `json:"name"`
	Path   string `json:"path"`
	IsDir  bool   `json:"is_dir"`
	Size   int64  `json:"size"`
	Mode   string `json:"mode"`
	Perm   string `json:"perm"`
	Mtime  int64  `json:"mtime"`
	Owner  string `json:"owner"`
	Group  string `json:"group"`
	Target string `json:"target,omitempty"`
}

// Describe tells about a file, of a symlink about the link itself.
func Describe(path string, accounts *account.Book) (*Entry, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, wire.FromSystem(err, path)
	}
	return entry(path, info, accounts), nil
}

func entry(path string, info os.FileInfo, accounts *account.Book) *Entry {
	mode := info.Mode()
	perm := uint32(mode.Perm())
	for bit, set := range map[uint32]os.FileMode{0o4000: os.ModeSetuid, 0o2000: os.ModeSetgid, 0o1000: os.ModeSticky} {
		if mode&set != 0 {
			perm |= bit
		}
	}
	e := &Entry{
		Name: info.Name(), Path: path, IsDir: info.IsDir(), Size: info.Size(), Mode: letter(mode),
		Perm: fmt.Sprintf("%04o", perm), Mtime: info.ModTime().Unix(),
	}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		e.Owner, e.Group = accounts.UserName(sys.Uid), accounts.GroupName(sys.Gid)
	}
	if e.Mode == "l" {
		e.Target, _ = os.Readlink(path)
	}
	return e
}

func letter(mode os.FileMode) string {
	switch {
	case mode.IsRegular():
		return "f"
	case mode.IsDir():
		return "d"
	case mode&os.ModeSymlink != 0:
		return "l"
	case mode&os.ModeNamedPipe != 0:
		return "p"
	case mode&os.ModeSocket != 0:
		return "s"
	case mode&os.ModeCharDevice != 0:
		return "c"
	default:
		return "b"
	}
}

// Names lists a directory, sorted.
func Names(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, wire.FromSystem(err, path)
	}
	if !info.IsDir() {
		return nil, wire.Errorf(wire.InvalidArgument, "path '%s' is not a directory", path)
	}
	dir, err := os.Open(path)
	if err != nil {
		return nil, wire.FromSystem(err, path)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(MaxEntries + 1)
	if len(names) > MaxEntries {
		return nil, wire.Errorf(wire.TooLarge, "directory '%s' has more than %d entries", path, MaxEntries)
	}
	if err != nil && len(names) == 0 && !errors.Is(err, io.EOF) {
		return nil, wire.FromSystem(err, path)
	}
	sort.Strings(names)
	return names, nil
}

package e2b

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/types/known/timestamppb"

	"pandastack.dev/guest/gen/filesystem"
	"pandastack.dev/guest/internal/wire"
)

// metadataPrefix is where an upload's X-Metadata- headers end up, as extended attributes of the file.
const (
	metadataPrefix   = "user.e2b."
	maxMetadataBytes = 64 << 10
)

// entry describes a file; of a symlink, the type is its target's.
func (s *Server) entry(at string) (*filesystem.EntryInfo, error) {
	info, err := os.Lstat(at)
	if err != nil {
		return nil, rpcError(wire.FromSystem(err, at))
	}
	e := &filesystem.EntryInfo{Name: filepath.Base(at), Path: at, Type: typeOf(info.Mode())}
	if info.Mode()&os.ModeSymlink != 0 {
		target, err := filepath.EvalSymlinks(at)
		if err != nil {
			target, _ = os.Readlink(at)
		}
		e.SymlinkTarget = &target
		if behind, err := os.Stat(at); err == nil {
			e.Type = typeOf(behind.Mode())
			info = behind
		}
	}
	e.Size = info.Size()
	e.Mode = uint32(info.Mode().Perm())
	e.Permissions = info.Mode().String()
	e.ModifiedTime = timestamppb.New(info.ModTime())
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		e.Owner, e.Group = s.Accounts.UserName(sys.Uid), s.Accounts.GroupName(sys.Gid)
	}
	e.Metadata = readMetadata(at, info)
	return e, nil
}

func typeOf(mode os.FileMode) filesystem.FileType {
	switch {
	case mode.IsRegular():
		return filesystem.FileType_FILE_TYPE_FILE
	case mode.IsDir():
		return filesystem.FileType_FILE_TYPE_DIRECTORY
	case mode&os.ModeSymlink != 0:
		return filesystem.FileType_FILE_TYPE_SYMLINK
	default:
		return filesystem.FileType_FILE_TYPE_UNSPECIFIED
	}
}

func readMetadata(at string, info os.FileInfo) map[string]string {
	if !info.Mode().IsRegular() {
		return nil
	}
	names := make([]byte, maxMetadataBytes)
	n, err := unix.Listxattr(at, names)
	if err != nil || n <= 0 {
		return nil
	}
	var found map[string]string
	for name := range strings.SplitSeq(string(names[:n]), "\x00") {
		key, ours := strings.CutPrefix(name, metadataPrefix)
		if !ours {
			continue
		}
		var value [4096]byte
		if n, err := unix.Getxattr(at, name, value[:]); err == nil {
			if found == nil {
				found = map[string]string{}
			}
			found[key] = strings.ToValidUTF8(string(value[:n]), "\ufffd")
		}
	}
	return found
}

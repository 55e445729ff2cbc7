// Package files reads and changes files of the sandbox for callers outside. The whole root is the sandbox's own, so
// there is nothing to escape from; what matters is that no file, however odd, can hang or fill the agent.
package files

import (
	"os"
	"path/filepath"
	"strings"

	"pandastack.dev/guest/internal/wire"
)

const maxPathBytes = 4096

// Resolve makes a path absolute: relative ones are joined to base.
func Resolve(path, base string) (string, error) {
	switch {
	case path == "":
		return "", wire.Errorf(wire.InvalidArgument, "path is empty")
	case strings.IndexByte(path, 0) >= 0:
		return "", wire.Errorf(wire.InvalidArgument, "path contains a NUL byte")
	case len(path) > maxPathBytes:
		return "", wire.Errorf(wire.InvalidArgument, "path is longer than %d bytes", maxPathBytes)
	}
	if !strings.HasPrefix(path, "/") {
		path = filepath.Join(base, path)
	}
	return filepath.Clean(path), nil
}

// Owner is who new files and directories belong to. Nil: the agent's own account.
type Owner struct{ UID, GID int }

// Give hands a new file over.
func (o *Owner) Give(path string) {
	if o != nil && (o.UID != os.Geteuid() || o.GID != os.Getegid()) {
		_ = os.Lchown(path, o.UID, o.GID)
	}
}

// MakeDirs makes a directory with its parents and gives the new ones to owner. made is false if it was there.
func MakeDirs(path string, owner *Owner) (made bool, err error) {
	info, err := os.Stat(path)
	if err == nil {
		if !info.IsDir() {
			return false, wire.Errorf(wire.Conflict, "path '%s' exists and is not a directory", path)
		}
		return false, nil
	}
	var missing []string
	for at := path; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(at); err == nil || at == "/" {
			break
		}
		missing = append(missing, at)
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return false, wire.FromSystem(err, path)
	}
	for _, dir := range missing {
		owner.Give(dir)
	}
	return true, nil
}

package files

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"pandastack.dev/guest/internal/wire"
)

// Mover moves between file systems where rename cannot: a program of the sandbox, under a deadline.
type Mover func(ctx context.Context, argv []string) (ok bool, message string)

// Remove deletes recursively. A missing path is not found.
func Remove(path string) error {
	if path == "/" {
		return wire.Errorf(wire.InvalidArgument, "the root directory cannot be removed")
	}
	if _, err := os.Lstat(path); err != nil {
		return wire.FromSystem(err, path)
	}
	if err := os.RemoveAll(path); err != nil {
		return wire.FromSystem(err, path)
	}
	return nil
}

// Rename moves a file or directory, and replaces a file that has the new name.
func Rename(ctx context.Context, from, to string, mover Mover) error {
	if _, err := os.Lstat(from); err != nil {
		return wire.FromSystem(err, from)
	}
	if to != from && strings.HasPrefix(to, strings.TrimSuffix(from, "/")+"/") {
		return wire.Errorf(wire.InvalidArgument, "'%s' cannot be moved into itself", from)
	}
	if _, err := os.Stat(filepath.Dir(to)); err != nil {
		return wire.FromSystem(err, filepath.Dir(to))
	}
	err := os.Rename(from, to)
	if errors.Is(err, syscall.EXDEV) && mover != nil {
		if ok, message := mover(ctx, []string{"mv", "-f", "-T", "--", from, to}); !ok {
			return wire.Errorf(wire.Conflict, "'%s' could not be moved: %s", from, message)
		}
		return nil
	}
	if err != nil {
		return wire.FromSystem(err, to)
	}
	return nil
}

package e2b

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"connectrpc.com/connect"

	"pandastack.dev/guest/gen/filesystem"
	"pandastack.dev/guest/internal/account"
	"pandastack.dev/guest/internal/files"
	"pandastack.dev/guest/internal/wire"
)

type filesystemFace struct {
	*Server
	mu       sync.Mutex
	watchers map[string]*polled
}

func newFilesystem(s *Server) *filesystemFace {
	return &filesystemFace{Server: s, watchers: map[string]*polled{}}
}

// path resolves what a client named for its account: empty is the home, ~/ is expanded, ~somebody is refused.
func path(text string, user *account.User) (string, error) {
	if text == "" || text == "~" {
		return user.Home, nil
	}
	if rest, ok := strings.CutPrefix(text, "~/"); ok {
		text = "./" + rest
	} else if strings.HasPrefix(text, "~") {
		return "", wire.Errorf(wire.InvalidArgument, "home directories of other users are not expanded")
	}
	return files.Resolve(text, user.Home)
}

func (f *filesystemFace) resolve(header http.Header, text string) (string, *account.User, error) {
	user, err := f.callerOf(header)
	if err != nil {
		return "", nil, err
	}
	resolved, err := path(text, user)
	return resolved, user, rpcError(err)
}

func ownerOf(user *account.User) *files.Owner {
	return &files.Owner{UID: int(user.UID), GID: int(user.GID)}
}

func (f *filesystemFace) Stat(
	_ context.Context, request *connect.Request[filesystem.StatRequest],
) (*connect.Response[filesystem.StatResponse], error) {
	at, _, err := f.resolve(request.Header(), request.Msg.GetPath())
	if err != nil {
		return nil, err
	}
	entry, err := f.entry(at)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&filesystem.StatResponse{Entry: entry}), nil
}

func (f *filesystemFace) MakeDir(
	_ context.Context, request *connect.Request[filesystem.MakeDirRequest],
) (*connect.Response[filesystem.MakeDirResponse], error) {
	at, user, err := f.resolve(request.Header(), request.Msg.GetPath())
	if err != nil {
		return nil, err
	}
	made, err := files.MakeDirs(at, ownerOf(user))
	if err == nil && !made {
		return nil, connect.NewError(connect.CodeAlreadyExists, errors.New("directory '"+at+"' already exists"))
	}
	var refusal *wire.Error
	if errors.As(err, &refusal) && refusal.Code == wire.Conflict {
		return nil, connect.NewError(connect.CodeInvalidArgument, refusal)
	}
	if err != nil {
		return nil, rpcError(err)
	}
	entry, err := f.entry(at)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&filesystem.MakeDirResponse{Entry: entry}), nil
}

func (f *filesystemFace) Move(
	ctx context.Context, request *connect.Request[filesystem.MoveRequest],
) (*connect.Response[filesystem.MoveResponse], error) {
	from, user, err := f.resolve(request.Header(), request.Msg.GetSource())
	if err != nil {
		return nil, err
	}
	to, _, err := f.resolve(request.Header(), request.Msg.GetDestination())
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(from); err != nil {
		return nil, rpcError(wire.FromSystem(err, from))
	}
	if _, err := files.MakeDirs(filepath.Dir(to), ownerOf(user)); err != nil {
		return nil, rpcError(err)
	}
	if err := files.Rename(ctx, from, to, f.Server.Move); err != nil {
		return nil, rpcError(err)
	}
	entry, err := f.entry(to)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&filesystem.MoveResponse{Entry: entry}), nil
}

func (f *filesystemFace) Remove(
	_ context.Context, request *connect.Request[filesystem.RemoveRequest],
) (*connect.Response[filesystem.RemoveResponse], error) {
	at, _, err := f.resolve(request.Header(), request.Msg.GetPath())
	if err != nil {
		return nil, err
	}
	var refusal *wire.Error
	if err := files.Remove(at); err != nil && !(errors.As(err, &refusal) && refusal.Code == wire.NotFound) {
		return nil, rpcError(err)
	}
	return connect.NewResponse(&filesystem.RemoveResponse{}), nil
}

const maxDepth = 1024

func (f *filesystemFace) ListDir(
	ctx context.Context, request *connect.Request[filesystem.ListDirRequest],
) (*connect.Response[filesystem.ListDirResponse], error) {
	top, _, err := f.resolve(request.Header(), request.Msg.GetPath())
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(top)
	if err != nil {
		return nil, rpcError(wire.FromSystem(err, top))
	}
	if !info.IsDir() {
		return nil, connect.NewError(connect.CodeInvalidArgument, errors.New("path '"+top+"' is not a directory"))
	}
	real, err := filepath.EvalSymlinks(top)
	if err != nil {
		return nil, rpcError(wire.FromSystem(err, top))
	}
	depth := min(max(int(request.Msg.GetDepth()), 1), maxDepth)
	reply := &filesystem.ListDirResponse{}
	err = filepath.WalkDir(real, func(at string, item fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if at == real {
			return err
		}
		below, _ := filepath.Rel(real, at)
		level := strings.Count(below, "/") + 1
		if err == nil && level <= depth {
			if entry, err := f.entry(filepath.Join(top, below)); err == nil {
				reply.Entries = append(reply.Entries, entry)
			}
		}
		if len(reply.Entries) > files.MaxEntries {
			return wire.Errorf(wire.Exhausted, "there are more than %d entries", files.MaxEntries)
		}
		if item != nil && item.IsDir() && (level >= depth || err != nil) {
			return filepath.SkipDir
		}
		return nil
	})
	if err != nil {
		var refusal *wire.Error
		if !errors.As(err, &refusal) && ctx.Err() == nil {
			err = wire.FromSystem(err, top)
		}
		return nil, rpcError(err)
	}
	return connect.NewResponse(reply), nil
}

package e2b

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"
	"golang.org/x/sys/unix"

	"pandastack.dev/guest/gen/filesystem"
	"pandastack.dev/guest/internal/watch"
)

// maxWatchers bounds both kinds together. A polled watcher that nobody asks is given up after a while.
const (
	maxWatchers   = 128
	pollForgotten = 15 * time.Minute
)

var watching atomic.Int32

type polled struct {
	*watch.Watcher
	root         string
	includeEntry bool
	forget       *time.Timer
}

type watchRequest interface {
	GetPath() string
	GetRecursive() bool
	GetIncludeEntry() bool
	GetAllowNetworkMounts() bool
}

func (f *filesystemFace) open(header http.Header, request watchRequest) (*watch.Watcher, string, error) {
	root, _, err := f.resolve(header, request.GetPath())
	if err != nil {
		return nil, "", err
	}
	if !request.GetAllowNetworkMounts() && isNetworkMount(root) {
		return nil, "", connect.NewError(connect.CodeInvalidArgument, errors.New("path '"+root+"' is on a network mount"))
	}
	if watching.Add(1) > maxWatchers {
		watching.Add(-1)
		return nil, "", connect.NewError(connect.CodeResourceExhausted, errors.New("too many watchers"))
	}
	watcher, err := watch.New(root, request.GetRecursive())
	if err != nil {
		watching.Add(-1)
		return nil, "", rpcError(err)
	}
	return watcher, root, nil
}

func shut(watcher *watch.Watcher) {
	watcher.Close()
	watching.Add(-1)
}

func isNetworkMount(path string) bool {
	var about unix.Statfs_t
	if unix.Statfs(path, &about) != nil {
		return false
	}
	switch uint32(about.Type) {
	case unix.NFS_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.SMB_SUPER_MAGIC,
		unix.FUSE_SUPER_MAGIC, unix.AFS_SUPER_MAGIC, unix.CEPH_SUPER_MAGIC:
		return true
	}
	return false
}

func (f *filesystemFace) event(root string, change watch.Event, includeEntry bool) *filesystem.FilesystemEvent {
	event := &filesystem.FilesystemEvent{Name: change.Name, Type: filesystem.EventType(change.Kind)}
	if includeEntry {
		event.Entry, _ = f.entry(filepath.Join(root, change.Name)) // nil once it is gone
	}
	return event
}

func (f *filesystemFace) WatchDir(
	ctx context.Context, request *connect.Request[filesystem.WatchDirRequest],
	stream *connect.ServerStream[filesystem.WatchDirResponse],
) error {
	watcher, root, err := f.open(request.Header(), request.Msg)
	if err != nil {
		return err
	}
	defer shut(watcher)
	started := &filesystem.WatchDirResponse_Start{Start: &filesystem.WatchDirResponse_StartEvent{}}
	if err := stream.Send(&filesystem.WatchDirResponse{Event: started}); err != nil {
		return err
	}
	idle := keepaliveOf(request.Header())
	timer := time.NewTimer(idle)
	defer timer.Stop()
	for {
		select {
		case <-watcher.Wake():
			for _, change := range watcher.Take() {
				event := f.event(root, change, request.Msg.GetIncludeEntry())
				wrapped := &filesystem.WatchDirResponse_Filesystem{Filesystem: event}
				if err := stream.Send(&filesystem.WatchDirResponse{Event: wrapped}); err != nil {
					return err
				}
			}
		case <-timer.C:
			alive := &filesystem.WatchDirResponse_Keepalive{Keepalive: &filesystem.WatchDirResponse_KeepAlive{}}
			if err := stream.Send(&filesystem.WatchDirResponse{Event: alive}); err != nil {
				return err
			}
		case <-watcher.Done():
			return connect.NewError(connect.CodeInternal, errors.New("the watch broke off"))
		case <-ctx.Done():
			return rpcError(ctx.Err())
		}
		timer.Reset(idle)
	}
}

func (f *filesystemFace) CreateWatcher(
	_ context.Context, request *connect.Request[filesystem.CreateWatcherRequest],
) (*connect.Response[filesystem.CreateWatcherResponse], error) {
	watcher, root, err := f.open(request.Header(), request.Msg)
	if err != nil {
		return nil, err
	}
	id := "w" + rand.Text()
	p := &polled{Watcher: watcher, root: root, includeEntry: request.Msg.GetIncludeEntry()}
	f.mu.Lock()
	p.forget = time.AfterFunc(pollForgotten, func() { f.remove(id) })
	f.watchers[id] = p
	f.mu.Unlock()
	return connect.NewResponse(&filesystem.CreateWatcherResponse{WatcherId: id}), nil
}

func (f *filesystemFace) GetWatcherEvents(
	_ context.Context, request *connect.Request[filesystem.GetWatcherEventsRequest],
) (*connect.Response[filesystem.GetWatcherEventsResponse], error) {
	f.mu.Lock()
	p := f.watchers[request.Msg.GetWatcherId()]
	f.mu.Unlock()
	if p == nil {
		return nil, errNoWatcher(request.Msg.GetWatcherId())
	}
	p.forget.Reset(pollForgotten)
	reply := &filesystem.GetWatcherEventsResponse{}
	for _, change := range p.Take() {
		reply.Events = append(reply.Events, f.event(p.root, change, p.includeEntry))
	}
	return connect.NewResponse(reply), nil
}

func (f *filesystemFace) RemoveWatcher(
	_ context.Context, request *connect.Request[filesystem.RemoveWatcherRequest],
) (*connect.Response[filesystem.RemoveWatcherResponse], error) {
	if !f.remove(request.Msg.GetWatcherId()) {
		return nil, errNoWatcher(request.Msg.GetWatcherId())
	}
	return connect.NewResponse(&filesystem.RemoveWatcherResponse{}), nil
}

func (f *filesystemFace) remove(id string) bool {
	f.mu.Lock()
	p := f.watchers[id]
	delete(f.watchers, id)
	f.mu.Unlock()
	if p == nil {
		return false
	}
	p.forget.Stop()
	shut(p.Watcher)
	return true
}

func errNoWatcher(id string) error {
	return connect.NewError(connect.CodeNotFound, errors.New("watcher with id "+clip(id)+" not found"))
}

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/control/client"
	"gvisor.dev/gvisor/pkg/sentry/checkpoint"
	"gvisor.dev/gvisor/pkg/urpc"
	"gvisor.dev/gvisor/runsc/boot"
)

const (
	// socketPathMax is what fits into an address.
	socketPathMax  = 108
	diskFilePrefix = "runsc-filestore-"
	pipeBytes      = 1 << 20
)

// connect does as runsc does, which keeps it to itself.
func connect(path string) (*urpc.Client, error) {
	if len(path) >= socketPathMax {
		fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, fmt.Errorf("opening the control socket: %w", err)
		}
		defer unix.Close(fd)
		path = filepath.Join("/proc/self/fd", strconv.Itoa(fd))
	}
	conn, err := client.ConnectTo(path)
	if err != nil {
		return nil, fmt.Errorf("connecting to the sandbox: %w", err)
	}
	return conn, nil
}

// describe has the kernel of the sandbox write its root disk's layer, and stand still until it has. The pages are
// thrown away: they are in the disk file, where we read them ourselves.
func describe(conn *urpc.Client, layer, null *os.File) error {
	_, _ = unix.FcntlInt(layer.Fd(), unix.F_SETPIPE_SZ, pipeBytes)
	args := boot.FSSaveArgs{Paths: []checkpoint.ResourceID{{Path: "/"}}}
	args.FilePayload.Files = []*os.File{null, layer, null, null}
	if err := conn.Call(boot.ContMgrFSSave, &args, nil); err != nil {
		return fmt.Errorf("asking for the disk's layer: %w", err)
	}
	return nil
}

// diskFile is the file without a name in which the kernel of the sandbox keeps the contents of the layer. Whatever a
// kernel that was taken over holds open instead, it could read itself.
func diskFile(pid int) (*os.File, error) {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		target, err := os.Readlink(path)
		if err != nil || !strings.HasPrefix(filepath.Base(target), diskFilePrefix) {
			continue
		}
		file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			return nil, err
		}
		if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
			file.Close()
			return nil, fmt.Errorf("%s is no file", target)
		}
		return file, nil
	}
	return nil, fmt.Errorf("the sandbox has no disk file")
}

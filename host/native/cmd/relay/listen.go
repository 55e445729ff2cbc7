package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// predecessorTimeout is how long the relay of a killed agent may take to notice and go.
const predecessorTimeout = 3 * time.Second

var errServed = errors.New("is already served")

// listen takes the place of a socket that a killed relay left behind, but not of one that is served. Nobody can
// connect before owner and mode are as they should be.
func listen(path string, gid int) (*net.UnixListener, error) {
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("socket %q is not an absolute path", path)
	}
	err := removeStale(path)
	for began := time.Now(); errors.Is(err, errServed) && time.Since(began) < predecessorTimeout; err = removeStale(path) {
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		return nil, err
	}
	old := unix.Umask(0o777)
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	unix.Umask(old)
	if err != nil {
		return nil, err
	}
	if err = os.Chown(path, -1, gid); err == nil {
		err = os.Chmod(path, 0o660)
	}
	if err != nil {
		_ = listener.Close()
		return nil, err
	}
	return listener, nil
}

func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("%s exists and is no socket", path)
	}
	if probe, err := net.Dial("unix", path); err == nil {
		_ = probe.Close()
		return fmt.Errorf("%s %w", path, errServed)
	}
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

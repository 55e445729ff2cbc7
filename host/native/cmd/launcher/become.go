package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

const (
	minimalPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	maxLogBytes = 1 << 20
)

// become does not return when it succeeds. On failure it says where to write the reason, because by then the process
// may already have another stderr.
func become(r *request) (io.Writer, error) {
	report := os.NewFile(uintptr(os.Stderr.Fd()), "stderr")
	if err := executable(r.argv[0]); err != nil {
		return report, err
	}
	stdin, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return report, fmt.Errorf("open /dev/null: %w", err)
	}
	output := stdin
	if r.stdio != "" {
		if output, err = openLog(r.stdio); err != nil {
			return report, err
		}
	}
	for _, step := range []func() error{
		func() error { return enterCgroups(r.procs) },
		func() error { return limit(r) },
		newSession,
		func() error { return os.Chdir("/") },
	} {
		if err := step(); err != nil {
			return report, err
		}
	}
	unix.Umask(0o022)
	// A copy of the starter's stderr, closed by the exec: its end without a byte is the news of success.
	keep, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return report, fmt.Errorf("keep stderr: %w", err)
	}
	report = os.NewFile(uintptr(keep), "stderr")
	for target, source := range []int{stdin, output, output} {
		if err := unix.Dup3(source, target, 0); err != nil {
			return report, fmt.Errorf("replace stdio: %w", err)
		}
	}
	// Marked rather than closed: the Go runtime still uses descriptors of its own until the exec.
	if err := unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return report, fmt.Errorf("close_range: %w", err)
	}
	return report, fmt.Errorf("exec %s: %w", r.argv[0], unix.Exec(r.argv[0], r.argv, []string{minimalPath}))
}

func executable(path string) error {
	var s unix.Stat_t
	if err := unix.Lstat(path, &s); err != nil {
		return fmt.Errorf("program %s: %w", path, err)
	}
	if s.Mode&unix.S_IFMT != unix.S_IFREG || s.Mode&0o111 == 0 {
		return fmt.Errorf("program %s is not a regular executable file", path)
	}
	return nil
}

// openLog opens for appending, so that whoever bounds the file may cut it at any time, and starts it anew when an
// earlier program has filled it.
func openLog(path string) (int, error) {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return -1, fmt.Errorf("open log %s: %w", path, err)
	}
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil {
		return -1, fmt.Errorf("stat log %s: %w", path, err)
	}
	if s.Mode&unix.S_IFMT != unix.S_IFREG {
		return -1, fmt.Errorf("log %s is not a regular file", path)
	}
	if s.Size > maxLogBytes {
		if err := unix.Ftruncate(fd, 0); err != nil {
			return -1, fmt.Errorf("cut log %s: %w", path, err)
		}
	}
	return fd, nil
}

func enterCgroups(procs []string) error {
	for _, path := range procs {
		if err := enterCgroup(path); err != nil {
			return fmt.Errorf("enter %s: %w", path, err)
		}
	}
	return nil
}

func enterCgroup(path string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	// A wrong path must not become a number written into somebody's file.
	var s unix.Statfs_t
	if err := unix.Fstatfs(fd, &s); err != nil {
		return err
	}
	if s.Type != unix.CGROUP_SUPER_MAGIC && s.Type != unix.CGROUP2_SUPER_MAGIC {
		return errors.New("not on a cgroup file system")
	}
	// 0 is the writer, whatever id it has in the pid namespace of the reader.
	_, err = unix.Write(fd, []byte("0"))
	return err
}

func limit(r *request) error {
	none := unix.Rlimit{}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &none); err != nil {
		return fmt.Errorf("limit core: %w", err)
	}
	if r.openFiles > 0 {
		files := unix.Rlimit{Cur: r.openFiles, Max: r.openFiles}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
			return fmt.Errorf("limit open files: %w", err)
		}
	}
	if r.oomScoreAdj != nil {
		if err := os.WriteFile("/proc/self/oom_score_adj", fmt.Appendf(nil, "%d", *r.oomScoreAdj), 0); err != nil {
			return err
		}
	}
	return nil
}

// newSession leaves the starter's terminal and process group. A starter that already detached us has done it.
func newSession() error {
	_, err := unix.Setsid()
	if err == nil {
		return nil
	}
	if session, e := unix.Getsid(0); e == nil && session == os.Getpid() {
		return nil
	}
	return fmt.Errorf("setsid: %w (started as leader of a process group?)", err)
}

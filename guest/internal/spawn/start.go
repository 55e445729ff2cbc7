package spawn

import (
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"pandastack.dev/guest/internal/child"
	"pandastack.dev/guest/internal/wire"
)

// Start forks and executes the plan with the given stdin, stdout and stderr, in a new session. With a pty all three
// are its terminal side, which becomes the controlling terminal.
func (s *Sandbox) Start(plan *Plan, stdio [3]uintptr, onExit func(*child.Child)) (*child.Child, error) {
	attr := &syscall.ProcAttr{
		Dir:   plan.cwd,
		Env:   plan.env,
		Files: stdio[:],
		Sys:   &syscall.SysProcAttr{Setsid: true, Setctty: plan.pty, Ctty: 0},
	}
	if plan.user.UID != selfUID || plan.user.GID != selfGID || len(plan.user.Groups) > 0 {
		attr.Sys.Credential = &syscall.Credential{
			Uid: plan.user.UID, Gid: plan.user.GID, Groups: plan.user.Groups, NoSetGroups: selfUID != 0,
		}
	}
	if plan.script != "" {
		fd, err := scriptFile(plan.script)
		if err != nil {
			return nil, wire.Errorf(wire.Exhausted, "script file: %v", err)
		}
		defer unix.Close(fd)
		attr.Files = append(attr.Files, uintptr(fd))
	}
	c, err := child.Start(plan.path, plan.argv, attr, onExit)
	if err != nil {
		return nil, plan.explain(err)
	}
	if s.LowerOOM {
		_ = os.WriteFile("/proc/"+strconv.Itoa(c.Pid)+"/oom_score_adj", []byte("0"), 0)
	}
	return c, nil
}

var selfUID, selfGID = uint32(os.Geteuid()), uint32(os.Getegid())

// scriptFile holds a command that is too long for an argument list.
func scriptFile(text string) (int, error) {
	fd, err := unix.MemfdCreate("cmd", unix.MFD_CLOEXEC)
	if err != nil {
		return -1, err
	}
	for rest := []byte(text); len(rest) > 0; {
		n, err := unix.Write(fd, rest)
		if err != nil && err != unix.EINTR {
			unix.Close(fd)
			return -1, err
		}
		rest = rest[max(n, 0):]
	}
	return fd, nil
}

// Pipe makes a pipe of which our end works with the runtime's poller and the other end is an ordinary one.
func Pipe(weRead bool) (ours *os.File, theirs int, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, -1, wire.Errorf(wire.Exhausted, "pipe: %v", err)
	}
	mine := fds[0]
	theirs = fds[1]
	if !weRead {
		mine, theirs = theirs, mine
	}
	if err := unix.SetNonblock(mine, true); err != nil {
		unix.Close(fds[0])
		unix.Close(fds[1])
		return nil, -1, wire.Errorf(wire.Internal, "pipe: %v", err)
	}
	return os.NewFile(uintptr(mine), "pipe"), theirs, nil
}

var devNull = func() int {
	fd, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return fd
}()

// Null is /dev/null, opened once for all processes.
func Null() int { return devNull }

// Package child starts processes and is the only place that reaps any, our own and the orphans that fall to pid 1.
//
// One loop peeks at whatever has ended (WNOWAIT), so that a pid stays taken until its owner has been told and its
// process group has been dealt with; only then is it reaped. Nobody else may call wait.
package child

import (
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Child is a process this agent has started.
type Child struct {
	Pid    int
	onExit func()
	done   chan struct{}

	mu     sync.Mutex
	reaped bool
	status syscall.WaitStatus
}

var (
	// starting is held shared while a process is forked and entered in owned: a zombie that is not in owned can
	// then be told from one that is about to be.
	starting sync.RWMutex
	ownedMu  sync.Mutex
	owned    = map[int]*Child{}
	loopOnce sync.Once
	wake     = make(chan struct{}, 1)
)

const idleLook = 10 * time.Second

// Start forks and executes. onExit, if any, is called from the reaping loop before Done closes and must not block.
func Start(path string, argv []string, attr *syscall.ProcAttr, onExit func(*Child)) (*Child, error) {
	loopOnce.Do(func() { go reapForever() })
	starting.RLock()
	pid, err := syscall.ForkExec(path, argv, attr)
	if err != nil {
		starting.RUnlock()
		return nil, err
	}
	c := &Child{Pid: pid, done: make(chan struct{})}
	if onExit != nil {
		c.onExit = func() { onExit(c) }
	}
	ownedMu.Lock()
	owned[pid] = c
	ownedMu.Unlock()
	starting.RUnlock()
	select {
	case wake <- struct{}{}:
	default:
	}
	return c, nil
}

// WatchOrphans begins reaping before the first Start, as pid 1 has to.
func WatchOrphans() { loopOnce.Do(func() { go reapForever() }) }

// Done closes once the process has ended and was reaped.
func (c *Child) Done() <-chan struct{} { return c.done }

// Status is valid once Done is closed.
func (c *Child) Status() syscall.WaitStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// SignalGroup signals the child's process group, and reports ESRCH once the child is reaped: from then on the
// number may belong to somebody else.
func (c *Child) SignalGroup(signal syscall.Signal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reaped {
		return unix.ESRCH
	}
	return unix.Kill(-c.Pid, signal)
}

func reapForever() {
	for {
		pid, err := peek(unix.P_ALL, 0, 0)
		switch {
		case err == unix.EINTR:
		case err != nil || pid == 0:
			// No children at all; what is left behind by processes we did not start may still come our way.
			select {
			case <-wake:
			case <-time.After(idleLook):
			}
		default:
			settle(pid)
		}
	}
}

func settle(pid int) {
	c := lookup(pid)
	if c == nil {
		// Either an orphan or a child whose Start has not come round to entering it: wait for those to finish.
		starting.Lock()
		if c = lookup(pid); c == nil {
			var status syscall.WaitStatus
			_, _ = syscall.Wait4(pid, &status, syscall.WNOHANG, nil)
		}
		starting.Unlock()
		if c == nil {
			return
		}
	}
	if c.onExit != nil {
		c.onExit()
	}
	c.mu.Lock()
	var status syscall.WaitStatus
	for {
		if _, err := syscall.Wait4(pid, &status, 0, nil); err != syscall.EINTR {
			break
		}
	}
	c.status, c.reaped = status, true
	c.mu.Unlock()
	ownedMu.Lock()
	delete(owned, pid)
	ownedMu.Unlock()
	close(c.done)
}

func lookup(pid int) *Child {
	ownedMu.Lock()
	defer ownedMu.Unlock()
	return owned[pid]
}

// peek is waitid with WNOWAIT. unix.Waitid takes a Siginfo whose pid field it does not name.
func peek(idType, id, flags int) (int, error) {
	var info [128]byte
	_, _, errno := unix.Syscall6(unix.SYS_WAITID, uintptr(idType), uintptr(id), uintptr(unsafe.Pointer(&info)),
		uintptr(unix.WEXITED|unix.WNOWAIT|flags), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	// siginfo on 64-bit: signo, errno, code, padding, then the pid of the SIGCHLD union.
	return int(*(*int32)(unsafe.Pointer(&info[16]))), nil
}

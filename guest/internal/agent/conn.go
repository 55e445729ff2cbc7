package agent

import (
	"errors"
	"net"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// counted keeps the abilities of a TCP connection (half-close, sendfile) and counts its end once.
type counted struct {
	*net.TCPConn
	count  *atomic.Int32
	gvisor bool
	done   atomic.Bool
	failed atomic.Bool
}

func (c *counted) Close() error {
	if c.done.CompareAndSwap(false, true) {
		c.count.Add(-1)
	}
	return c.TCPConn.Close()
}

// Raw is the connection itself, for copies that stay in the kernel.
func (c *counted) Raw() *net.TCPConn { return c.TCPConn }

func (c *counted) Read(into []byte) (int, error) {
	n, err := c.TCPConn.Read(into)
	c.note(err)
	return n, err
}

func (c *counted) Write(from []byte) (int, error) {
	n, err := c.TCPConn.Write(from)
	c.note(err)
	return n, err
}

// note remembers that the network or the other side has ended the connection, as the kernel tells that only once.
func (c *counted) note(err error) {
	var number syscall.Errno
	if err != nil && errors.As(err, &number) && number != syscall.EPIPE {
		c.failed.Store(true)
	}
}

const tcpClosed = 7

// LostByRestore tells a connection that gVisor has closed when it restored the machine, which happens before any thaw:
// it is over, and the other side has neither ended nor reset it. Elsewhere such connections stay as they are.
func (c *counted) LostByRestore() (lost bool) {
	if !c.gvisor || c.failed.Load() {
		return false
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	_ = raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil || info.State != tcpClosed {
			return
		}
		n, _, err := unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
		lost = n == 0 && err == nil
	})
	return lost
}

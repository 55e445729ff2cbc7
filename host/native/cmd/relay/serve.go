package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

const (
	firstLineBytes   = 64
	firstLineTimeout = 5 * time.Second
	dialTimeout      = 5 * time.Second
	hangUpCheck      = time.Second
)

type relay struct{ table *table }

func (r *relay) serve(listener *net.UnixListener) {
	for {
		client, err := listener.AcceptUnix()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			// Out of descriptors or memory: others will end. Waiting keeps the queue.
			time.Sleep(50 * time.Millisecond)
		case r.table.admit() != nil:
			_ = client.Close()
		default:
			go func() {
				defer r.table.release()
				r.carry(client)
			}()
		}
	}
}

// carry lives as long as the connection. Whatever goes wrong, the client sees its end and nothing else.
func (r *relay) carry(client *net.UnixConn) {
	link := &link{}
	defer link.close()
	link.add(client)
	id, rest, err := firstLine(client)
	if err != nil {
		return
	}
	address, leave, err := r.table.join(id, link)
	if err != nil {
		return
	}
	defer leave()
	// No keep-alive probes: a paused guest does not answer them and shall keep its connections. A dead one is unset.
	dialer := net.Dialer{Timeout: dialTimeout, KeepAlive: -1}
	conn, err := dialer.Dial("tcp", address.String())
	if err != nil {
		return
	}
	guest := conn.(*net.TCPConn)
	link.add(guest)
	if len(rest) > 0 {
		if _, err := guest.Write(rest); err != nil {
			return
		}
	}
	both(client, guest, link)
}

// firstLine reads the machine's id, and whatever the client already sent after it.
func firstLine(client *net.UnixConn) (id string, rest []byte, err error) {
	if err := client.SetReadDeadline(time.Now().Add(firstLineTimeout)); err != nil {
		return "", nil, err
	}
	buffer := make([]byte, firstLineBytes)
	for used := 0; used < len(buffer); {
		n, err := client.Read(buffer[used:])
		used += n
		if end := bytes.IndexByte(buffer[:used], '\n'); end >= 0 {
			return string(buffer[:end]), buffer[end+1 : used], client.SetReadDeadline(time.Time{})
		}
		if err != nil {
			return "", nil, err
		}
	}
	return "", nil, errors.New("no line")
}

// both copies until each side has ended its half, one side failed, or the link was closed from outside. io.Copy between
// a TCP and a unix stream socket is splice(2) through a pipe in either direction; a test counts the calls.
func both(client *net.UnixConn, guest *net.TCPConn, link *link) {
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		if _, err := io.Copy(client, guest); err != nil || client.CloseWrite() != nil {
			link.close()
		}
	}()
	if _, err := io.Copy(guest, client); err != nil || guest.CloseWrite() != nil {
		link.close()
	}
	awaitAnswer(client, link, answered)
}

// awaitAnswer waits for the guest's half after the client has ended its own. A client that only ended its half still
// reads; one that has gone altogether must not leave a connection behind for as long as a hostile guest pleases.
func awaitAnswer(client *net.UnixConn, link *link, answered <-chan struct{}) {
	check := time.NewTicker(hangUpCheck)
	defer check.Stop()
	for {
		select {
		case <-answered:
			return
		case <-check.C:
			if gone(client) {
				link.close()
			}
		}
	}
}

// gone: the peer has closed its socket, not just shut down its sending half.
func gone(client *net.UnixConn) bool {
	raw, err := client.SyscallConn()
	if err != nil {
		return true
	}
	hungUp := false
	err = raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd)}}
		n, err := unix.Poll(fds, 0)
		hungUp = err == nil && n > 0 && fds[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0
	})
	return hungUp || err != nil
}

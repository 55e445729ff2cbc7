package agent

import (
	"io"
	"log"
	"net"
	"sync/atomic"
)

// Connections at a time. What runs inside the sandbox has a smaller share of its own, so that it cannot shut out the
// host.
const (
	maxOuter = 1024
	maxInner = 256
)

type limited struct {
	net.Listener
	gvisor       bool
	outer, inner atomic.Int32
}

func limit(listener net.Listener, gvisor bool) net.Listener {
	return &limited{Listener: listener, gvisor: gvisor}
}

// Accept refuses connections above the limit by closing them.
func (l *limited) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := conn.(*net.TCPConn)
		if !ok {
			return conn, nil
		}
		count, most := &l.outer, int32(maxOuter)
		remote, _ := conn.RemoteAddr().(*net.TCPAddr)
		local, _ := conn.LocalAddr().(*net.TCPAddr)
		if remote != nil && local != nil && (remote.IP.IsLoopback() || remote.IP.Equal(local.IP)) {
			count, most = &l.inner, maxInner
		}
		if count.Add(1) > most {
			count.Add(-1)
			conn.Close()
			continue
		}
		return &counted{TCPConn: tcp, count: count, gvisor: l.gvisor}, nil
	}
}

// quiet drops the server's complaints about callers that hang up or send rubbish.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

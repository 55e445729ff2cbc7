package ports

import (
	"io"
	"net"
	"sync"
)

// Join copies both ways until both sides have ended; the end of one direction is passed on as a half-close. first
// is what was already read from client.
func Join(client net.Conn, first []byte, server *net.TCPConn) {
	defer client.Close()
	defer server.Close()
	source := client
	if wrapped, ok := client.(interface{ Raw() *net.TCPConn }); ok {
		source = wrapped.Raw()
	}
	var both sync.WaitGroup
	both.Go(func() {
		_, err := server.Write(first)
		if err == nil {
			_, err = io.Copy(server, source)
		}
		finish(err, server, source)
	})
	both.Go(func() {
		_, err := io.Copy(source, server)
		finish(err, source, server)
	})
	both.Wait()
}

// finish passes an orderly end on, and a broken connection as one that breaks both sides.
func finish(err error, to, from net.Conn) {
	half, ok := to.(interface{ CloseWrite() error })
	if err != nil || !ok {
		to.Close()
		from.Close()
		return
	}
	_ = half.CloseWrite()
}

package v1

import (
	"context"
	"net"
	"net/http"
)

type connKey struct{}

// WithConn lets a request find the connection it came over.
func WithConn(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// onHangup calls leave when the caller hangs up, until stop is called, before the request is over. A connection that is
// lost because the machine was captured and restored is no hang-up: the caller is still there, with the machine it
// called, and what it started goes on in this one.
func (s *Server) onHangup(r *http.Request, leave func()) (stop func()) {
	generation := s.Identity.Current().Generation
	decided := make(chan struct{})
	cancel := context.AfterFunc(r.Context(), func() {
		defer close(decided)
		if s.Identity.Current().Generation == generation && !lostByRestore(r) {
			leave()
		}
	})
	return func() {
		if !cancel() {
			<-decided // it looks at the connection, which is closed at the end of the request
		}
	}
}

func lostByRestore(r *http.Request) bool {
	conn, knows := r.Context().Value(connKey{}).(interface{ LostByRestore() bool })
	return knows && conn.LostByRestore()
}

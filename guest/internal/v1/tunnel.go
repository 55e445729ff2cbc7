package v1

import (
	"net/http"
	"strconv"
	"strings"

	"pandastack.dev/guest/internal/ports"
	"pandastack.dev/guest/internal/wire"
)

const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"

func (s *Server) tunnel(w http.ResponseWriter, r *http.Request) error {
	port, err := strconv.ParseUint(r.PathValue("port"), 10, 16)
	if err != nil || port == 0 {
		return wire.Errorf(wire.InvalidArgument, "the port must be between 1 and 65535")
	}
	if !strings.EqualFold(r.Header.Get("Upgrade"), "tcp") {
		return wire.Errorf(wire.InvalidArgument, "Connection: Upgrade and Upgrade: tcp are needed")
	}
	server, err := ports.Dial(r.Context(), uint16(port))
	if err != nil {
		w.Header().Set("content-type", "application/json")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = w.Write([]byte(`{"error":"nothing listens on port ` + strconv.Itoa(int(port)) + `"}`))
		return nil
	}
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		server.Close()
		return wire.Errorf(wire.Internal, "upgrade: %v", err)
	}
	if _, err := client.Write([]byte(switching)); err != nil {
		client.Close()
		server.Close()
		return nil
	}
	first, _ := buffered.Reader.Peek(buffered.Reader.Buffered())
	ports.Join(client, first, server)
	return nil
}

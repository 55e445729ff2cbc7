// Package v1 is the plain HTTP face that the control plane uses. It parses, checks the token, calls the package that
// does the work, and shapes the answer; it owns nothing.
package v1

import (
	"net/http"
	"os"

	"pandastack.dev/guest/internal/account"
	"pandastack.dev/guest/internal/logs"
	"pandastack.dev/guest/internal/metrics"
	"pandastack.dev/guest/internal/ports"
	"pandastack.dev/guest/internal/proc"
	"pandastack.dev/guest/internal/thaw"
	"pandastack.dev/guest/internal/wire"
)

// Version of the agent, told by health.
const Version = "0.1.0"

// Server answers everything under /v1.
type Server struct {
	Accounts *account.Book
	Table    *proc.Table
	Logs     *logs.Log
	Identity *thaw.Holder
	Meter    *metrics.Meter
	Port     uint16

	routes *http.ServeMux
}

type handler func(w http.ResponseWriter, r *http.Request) error

// Routes builds the table; call once before serving.
func (s *Server) Routes() {
	s.routes = http.NewServeMux()
	for pattern, handle := range map[string]handler{
		"POST /v1/thaw":               s.thaw,
		"GET /v1/exec":                s.listExec,
		"POST /v1/exec":               s.exec,
		"GET /v1/exec/{id}":           s.attach,
		"POST /v1/exec/{id}/stdin":    s.stdin,
		"POST /v1/exec/{id}/resize":   s.resize,
		"POST /v1/exec/{id}/signal":   s.signal,
		"GET /v1/files":               s.readFile,
		"PUT /v1/files":               s.writeFile,
		"DELETE /v1/files":            s.deleteFile,
		"GET /v1/files/dir":           s.listDir,
		"GET /v1/files/stat":          s.statFile,
		"POST /v1/files/mkdir":        s.makeDir,
		"POST /v1/files/rename":       s.rename,
		"GET /v1/ports":               s.listPorts,
		"GET /v1/ports/{port}/tunnel": s.tunnel,
		"GET /v1/metrics":             s.metrics,
		"GET /v1/logs":                s.readLogs,
	} {
		s.routes.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := handle(w, r); err != nil {
				wire.WriteError(w, err)
			}
		})
	}
	s.routes.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		wire.WriteError(w, wire.Errorf(wire.NotFound, "there is no %s %s", r.Method, r.URL.Path))
	})
}

// ServeHTTP takes paths that begin with /v1/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v1/health" && r.Method == http.MethodGet {
		s.health(w)
		return
	}
	if !s.Identity.MayUseV1(r.Header.Get("Authorization")) {
		wire.WriteError(w, wire.Errorf(wire.Unauthorized, "unauthorized"))
		return
	}
	if r.URL.Path == "/v1/run" && r.Method == http.MethodPost { // the hot path
		if err := s.run(w, r); err != nil {
			wire.WriteError(w, err)
		}
		return
	}
	s.routes.ServeHTTP(w, r)
}

func (s *Server) health(w http.ResponseWriter) {
	wire.WriteJSON(w, struct {
		Version    string `json:"version"`
		Pid        int    `json:"pid"`
		Generation uint64 `json:"generation"`
	}{Version, os.Getpid(), s.Identity.Current().Generation})
}

func (s *Server) thaw(w http.ResponseWriter, r *http.Request) error {
	body, release, err := wire.ReadBody(r, thaw.MaxRequestBytes)
	if err != nil {
		return err
	}
	defer release()
	request, err := thaw.ParseRequest(body)
	if err != nil {
		return err
	}
	reply, err := s.Identity.Thaw(request)
	if err != nil {
		return err
	}
	wire.WriteJSON(w, reply)
	return nil
}

func (s *Server) listPorts(w http.ResponseWriter, _ *http.Request) error {
	wire.WriteJSON(w, map[string]any{"ports": ports.List(s.Port)})
	return nil
}

func (s *Server) metrics(w http.ResponseWriter, _ *http.Request) error {
	wire.WriteJSON(w, s.Meter.Read())
	return nil
}

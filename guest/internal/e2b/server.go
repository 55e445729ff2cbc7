// Package e2b is the face for clients of the E2B in-sandbox protocol: Connect RPC for processes and files, and plain
// HTTP for bytes, health, metrics and environment. It translates; the work is done by the same packages as for /v1.
package e2b

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect"

	"pandastack.dev/guest/gen/filesystem/filesystemconnect"
	"pandastack.dev/guest/gen/process/processconnect"
	"pandastack.dev/guest/internal/account"
	"pandastack.dev/guest/internal/metrics"
	"pandastack.dev/guest/internal/proc"
	"pandastack.dev/guest/internal/thaw"
	"pandastack.dev/guest/internal/wire"
)

// Server answers everything that is not under /v1.
type Server struct {
	Accounts *account.Book
	Table    *proc.Table
	Identity *thaw.Holder
	Meter    *metrics.Meter
	Move     func(ctx context.Context, argv []string) (bool, string)

	routes *http.ServeMux
}

const (
	maxMessageBytes = 64 << 20
	defaultUser     = "user"
)

// Routes builds the table; call once before serving.
func (s *Server) Routes() {
	s.routes = http.NewServeMux()
	options := connect.WithReadMaxBytes(maxMessageBytes)
	s.routes.Handle(processconnect.NewProcessHandler(&processes{s}, options))
	s.routes.Handle(filesystemconnect.NewFilesystemHandler(newFilesystem(s), options))
	s.routes.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("cache-control", "no-store")
		w.WriteHeader(http.StatusNoContent)
	})
	s.routes.HandleFunc("GET /files", s.download)
	s.routes.HandleFunc("POST /files", s.upload)
	s.routes.HandleFunc("POST /files/compose", s.compose)
	s.routes.HandleFunc("GET /envs", s.envs)
	s.routes.HandleFunc("GET /metrics", s.metrics)
	s.routes.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeStatus(w, http.StatusNotFound, "there is no "+r.Method+" "+clip(r.URL.Path))
	})
}

// ServeHTTP checks the token, except where a signature or nothing is asked for.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	allowOrigins(w)
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	open := r.URL.Path == "/health" || r.URL.Path == "/files" // the latter looks for itself
	if !open && !s.Identity.MayUseClient(r.Header.Get("X-Access-Token")) {
		writeStatus(w, http.StatusUnauthorized, "access token is missing or does not match")
		return
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/connect+") {
		// A write to a caller that has gone must not outlive the knowledge of it.
		control := http.NewResponseController(w)
		defer context.AfterFunc(r.Context(), func() { _ = control.SetWriteDeadline(time.Now()) })()
	}
	s.routes.ServeHTTP(w, r)
}

func allowOrigins(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Access-Control-Allow-Methods", "*")
	header.Set("Access-Control-Allow-Headers", "*, Authorization")
	header.Set("Access-Control-Expose-Headers", "*")
	header.Set("Access-Control-Max-Age", "7200")
}

// userOf gives the account a request speaks for: the name in Basic authorization, else the template's user.
func (s *Server) userOf(name string) (*account.User, error) {
	if name != "" {
		user, err := s.Accounts.Lookup(name)
		if err != nil {
			return nil, connect.NewError(connect.CodeUnauthenticated, errors.New("invalid username: '"+clip(name)+"'"))
		}
		return user, nil
	}
	if user, err := s.Accounts.Lookup(defaultUser); err == nil {
		return user, nil
	}
	return s.Accounts.Lookup("root")
}

func (s *Server) callerOf(header http.Header) (*account.User, error) {
	name, _, _ := (&http.Request{Header: header}).BasicAuth()
	return s.userOf(name)
}

func (s *Server) envs(w http.ResponseWriter, _ *http.Request) {
	env := map[string]string{}
	for _, pair := range s.Identity.Settings() {
		key, value, _ := strings.Cut(pair, "=")
		env[key] = value
	}
	writeJSON(w, http.StatusOK, env)
}

func (s *Server) metrics(w http.ResponseWriter, _ *http.Request) {
	m := s.Meter.Read()
	writeJSON(w, http.StatusOK, map[string]any{
		"ts": time.Now().Unix(), "cpu_count": m.CPUCount, "cpu_used_pct": m.CPUUsedPct,
		"mem_used": m.MemUsedBytes, "mem_total": m.MemTotalBytes, "mem_cache": m.MemCacheBytes,
		"disk_used": m.DiskUsedBytes, "disk_total": m.DiskTotalBytes,
	})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	text, _ := json.Marshal(value)
	w.Header().Set("content-type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

func writeStatus(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]any{"code": status, "message": message})
}

// connectCodes are the counterparts of the codes of the plain face.
var connectCodes = map[string]connect.Code{
	wire.InvalidArgument: connect.CodeInvalidArgument,
	wire.Unauthorized:    connect.CodeUnauthenticated,
	wire.NotFound:        connect.CodeNotFound,
	wire.Conflict:        connect.CodeFailedPrecondition,
	wire.TooLarge:        connect.CodeInvalidArgument,
	wire.Exhausted:       connect.CodeResourceExhausted,
	wire.NoSpace:         connect.CodeResourceExhausted,
	wire.Internal:        connect.CodeInternal,
}

// rpcError gives an error a code of Connect.
func rpcError(err error) error {
	var known *connect.Error
	var refusal *wire.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return known
	case errors.As(err, &refusal):
		return connect.NewError(connectCodes[refusal.Code], errors.New(refusal.Message))
	case errors.Is(err, context.Canceled):
		return connect.NewError(connect.CodeCanceled, err)
	case errors.Is(err, context.DeadlineExceeded):
		return connect.NewError(connect.CodeDeadlineExceeded, err)
	default:
		return connect.NewError(connect.CodeInternal, err)
	}
}

func clip(text string) string {
	if len(text) > 200 {
		return text[:200] + "..."
	}
	return text
}

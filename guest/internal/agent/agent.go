// Package agent puts the parts together and serves both faces on one port.
package agent

import (
	"context"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"pandastack.dev/guest/internal/account"
	"pandastack.dev/guest/internal/e2b"
	"pandastack.dev/guest/internal/hooks"
	"pandastack.dev/guest/internal/logs"
	"pandastack.dev/guest/internal/metrics"
	"pandastack.dev/guest/internal/proc"
	"pandastack.dev/guest/internal/spawn"
	"pandastack.dev/guest/internal/thaw"
	"pandastack.dev/guest/internal/v1"
)

// Options are what differs between a real sandbox and a test.
type Options struct {
	System   *thaw.System
	Etc      string // where passwd and group are
	Hooks    string // directory of what is run after a thaw
	LowerOOM bool
	GVisor   bool // is the kernel
}

// Agent is everything of one sandbox.
type Agent struct {
	Table    *proc.Table
	Identity *thaw.Holder
	gvisor   bool
	v1       *v1.Server
	e2b      *e2b.Server
	http     *http.Server
}

const (
	headerTimeout  = 15 * time.Second
	idleTimeout    = 15 * time.Minute
	maxHeaderBytes = 64 << 10
)

// New builds an agent.
func New(options Options) *Agent {
	log := logs.New()
	accounts := account.NewBook(options.Etc)
	identity := thaw.NewHolder(options.System)
	table := proc.NewTable(&spawn.Sandbox{
		Accounts: accounts, Inherited: os.Environ(), Settings: identity.Settings, LowerOOM: options.LowerOOM,
	}, log)
	runner := hooks.New(options.Hooks, table, log)
	identity.AfterThaw = func(r *thaw.Request) { runner.Run(r.Generation, r.SandboxID) }
	meter := metrics.NewMeter()
	a := &Agent{Table: table, Identity: identity, gvisor: options.GVisor}
	a.v1 = &v1.Server{Accounts: accounts, Table: table, Logs: log, Identity: identity, Meter: meter}
	a.e2b = &e2b.Server{Accounts: accounts, Table: table, Identity: identity, Meter: meter, Move: a.v1.Move}
	a.http = &http.Server{
		Handler:           a,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnContext:       v1.WithConn,
		ErrorLog:          quiet(),
	}
	return a
}

// Serve answers on a listener until Close.
func (a *Agent) Serve(listener net.Listener) error {
	if address, ok := listener.Addr().(*net.TCPAddr); ok {
		a.v1.Port = uint16(address.Port)
	}
	a.v1.Routes()
	a.e2b.Routes()
	return a.http.Serve(limit(listener, a.gvisor))
}

// Close stops serving and kills what runs.
func (a *Agent) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_ = a.http.Shutdown(ctx)
	a.http.Close()
	a.Table.KillAll()
}

// ServeHTTP tells the faces apart by path.
func (a *Agent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/v1/") {
		a.v1.ServeHTTP(w, r)
		return
	}
	a.e2b.ServeHTTP(w, r)
}

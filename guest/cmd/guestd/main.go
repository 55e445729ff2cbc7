// guestd is the agent inside every sandbox and its first process. It runs what callers ask for, moves their files,
// and looks after orphans; it owns port 49983 and /run/pandastack.
package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"pandastack.dev/guest/internal/agent"
	"pandastack.dev/guest/internal/hooks"
	"pandastack.dev/guest/internal/reseed"
	"pandastack.dev/guest/internal/thaw"
	"pandastack.dev/guest/internal/v1"
)

const (
	stateDir = "/run/pandastack"
	// softMemoryBytes makes the collector work harder before the agent gets in the workload's way.
	softMemoryBytes = 192 << 20
	exitPatience    = 2 * time.Second
)

func main() {
	address := os.Getenv("GUESTD_LISTEN")
	if address == "" {
		address = "0.0.0.0:49983"
	}
	flag.StringVar(&address, "listen", address, "address and port to serve on")
	version := flag.Bool("version", false, "print the version and leave")
	flag.Parse()
	if *version {
		fmt.Println(v1.Version)
		return
	}
	if err := run(address); err != nil {
		fmt.Fprintln(os.Stderr, "guestd:", err)
		os.Exit(1)
	}
}

func complain(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "guestd:", err)
	}
}

func run(address string) error {
	debug.SetMemoryLimit(softMemoryBytes)
	options := agent.Options{System: thaw.Real(), Etc: "/etc", Hooks: hooks.Dir, GVisor: underGVisor()}
	if os.Getpid() == 1 {
		options.LowerOOM = becomeInit()
	}
	os.Unsetenv("GUESTD_LISTEN")
	// Thaw will say it again, to somebody who can act on it.
	complain(os.MkdirAll(stateDir, 0o755))
	complain(reseed.Prepare(reseed.Dir))
	if os.Getpid() == 1 {
		err := thaw.MountBootID(stateDir + "/boot_id")
		complain(err)
		options.System.OwnBootID = err == nil
	}
	listener, err := net.Listen("tcp4", address)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "guestd: serving on", listener.Addr())
	a := agent.New(options)
	leave := make(chan os.Signal, 1)
	signal.Notify(leave, syscall.SIGTERM, syscall.SIGINT)
	failed := make(chan error, 1)
	go func() { failed <- a.Serve(listener) }()
	select {
	case err = <-failed:
		return err
	case <-leave:
	}
	if os.Getpid() == 1 {
		endEverything()
	}
	a.Close()
	return nil
}

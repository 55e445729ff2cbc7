// Command restorer is `runsc restore` without the cost of starting runsc: it stays, and restores snapshots into
// sandboxes that `runsc create` has prepared. It does what that command does, through the same packages of the same
// module, and nothing else; its flags are runsc's global flags.
//
// One request a line on stdin, one answer a line on stdout, in any order:
//
//	{"key":"7","id":"<container>","image":"/dir"}   ->   {"key":"7","ok":true} | {"key":"7","error":"..."}
//
// Ends when stdin does.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"

	"gvisor.dev/gvisor/pkg/log"
	"gvisor.dev/gvisor/runsc/config"
	"gvisor.dev/gvisor/runsc/container"
	"gvisor.dev/gvisor/runsc/flag"
)

const requestMaxBytes = 64 << 10

type request struct {
	Key   string `json:"key"`
	ID    string `json:"id"`
	Image string `json:"image"`
}

type answer struct {
	Key   string `json:"key"`
	OK    bool   `json:"ok,omitempty"`
	Error string `json:"error,omitempty"`
}

func restore(conf *config.Config, r request) error {
	c, err := container.Load(conf.RootDir, container.FullID{SandboxID: r.ID, ContainerID: r.ID}, container.LoadOpts{Exact: true})
	if err != nil {
		return fmt.Errorf("loading container: %w", err)
	}
	return c.Restore(conf, r.Image, false /* direct */, true /* background */, nil)
}

func main() {
	log.SetTarget(&log.GoogleEmitter{Writer: &log.Writer{Next: io.Discard}})
	flags := flag.NewFlagSet("restorer", flag.ContinueOnError)
	config.RegisterFlags(flags)
	if err := flags.Parse(os.Args[1:]); err != nil {
		fatal(err)
	}
	conf, err := config.NewFromFlags(flags)
	if err != nil {
		fatal(err)
	}

	var writing sync.Mutex
	out := json.NewEncoder(os.Stdout)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, requestMaxBytes)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			fatal(fmt.Errorf("a request is not JSON: %w", err))
		}
		go func() {
			said := answer{Key: r.Key, OK: true}
			if err := restore(conf, r); err != nil {
				said = answer{Key: r.Key, Error: err.Error()}
			}
			writing.Lock()
			defer writing.Unlock()
			if err := out.Encode(said); err != nil {
				os.Exit(0) // Nobody listens any more.
			}
		}()
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "restorer:", err)
	os.Exit(1)
}

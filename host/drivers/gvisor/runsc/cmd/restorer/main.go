// Command restorer is `runsc restore`, `checkpoint`, `pause`, `resume` and `state` without the cost of starting runsc:
// it stays. It does what those commands do, through the same packages of the same module; its flags are runsc's global
// flags.
//
// One request a line on stdin, one answer a line on stdout, in any order:
//
//	{"key":"7","verb":"restore","id":"<container>","dir":"/snapshot"}      ->  {"key":"7"}
//	{"key":"8","verb":"checkpoint","id":"<container>","dir":"/empty"}      ->  {"key":"8","pauseMs":21.4}
//	{"key":"9","verb":"pause" | "resume","id":"<container>"}               ->  {"key":"9"}
//	{"key":"10","verb":"state","id":"<container>"}                         ->  {"key":"10","status":"running"}
//	anything that fails                                                    ->  {"key":"11","error":"..."}
//
// Ends when stdin does, but not between what a pause or resume does to a sandbox and what it writes into runsc's record:
// nothing could resume that sandbox any more.
//
// Called with `changes` after the flags it is something else, for one time: see changes.go.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"

	"gvisor.dev/gvisor/pkg/log"
	"gvisor.dev/gvisor/runsc/config"
	"gvisor.dev/gvisor/runsc/flag"
)

const (
	requestMaxBytes = 64 << 10
	// sweepAfter lets many restores at a time share one sweep.
	sweepAfter = 100 * time.Millisecond
)

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
	if flags.NArg() > 0 {
		if err := changes(conf, flags.Args()); err != nil {
			fatal(err)
		}
		return
	}
	// Who asked may be gone when an answer is written, and whoever ends the agent's processes ends the agent too.
	signal.Ignore(syscall.SIGPIPE, syscall.SIGTERM, syscall.SIGINT)
	s := &server{conf: conf, out: json.NewEncoder(os.Stdout), restored: make(chan struct{}, 1)}
	go s.sweep()
	err = s.serve(os.Stdin)
	s.lasting.Wait()
	if err != nil {
		fatal(err)
	}
}

// server takes requests until there are no more, and answers each when it is done.
type server struct {
	conf *config.Config
	// lasting counts the requests that must not be cut short.
	lasting sync.WaitGroup
	writing sync.Mutex
	out     *json.Encoder
	// restored says that there is something to sweep.
	restored chan struct{}
}

func (s *server) serve(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, requestMaxBytes)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return fmt.Errorf("a request is not JSON: %w", err)
		}
		if r.lasts() {
			s.lasting.Add(1)
		}
		go func() {
			if r.lasts() {
				defer s.lasting.Done()
			}
			s.say(r.answer(s.conf))
			if r.Verb == "restore" {
				s.litter()
			}
		}()
	}
	return lines.Err()
}

func (s *server) litter() {
	select {
	case s.restored <- struct{}{}:
	default:
	}
}

// sweep closes what restores leave open. runsc leaves the packet socket that it hands to a sandbox to its own end, which
// here never comes: the sandbox's network namespace would outlive the sandbox. Only the garbage collector closes it.
func (s *server) sweep() {
	for range s.restored {
		time.Sleep(sweepAfter)
		runtime.GC()
	}
}

func (s *server) say(a answer) {
	s.writing.Lock()
	defer s.writing.Unlock()
	_ = s.out.Encode(a)
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "restorer:", err)
	os.Exit(1)
}

// Command launcher turns itself into a machine's program: it enters the machine's cgroups, takes its limits, lets go of
// everything it inherited (descriptors, environment, session, directory) and executes the program in its own process,
// so that the id its starter knows is the id of the program.
//
// It owns nothing. It either becomes the program or prints one line on the stderr it was started with and exits:
// 2 when it was asked for something wrong, 1 when the system refused. Its starter can tell success by that stderr
// reaching its end without a byte: the descriptor is closed by the exec.
//
// no_new_privs is not set: runsc needs its privileges to build the sandbox, and drops them itself.
package main

import (
	"fmt"
	"os"
)

const usage = `usage: launcher --procs FILE [--procs FILE ...] [--nofile N] [--oom-score-adj N] [--stdio FILE|null] -- /abs/program args...`

func main() {
	request, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "launcher: %v\n%s\n", err, usage)
		os.Exit(2)
	}
	report, err := become(request)
	fmt.Fprintf(report, "launcher: %v\n", err)
	os.Exit(1)
}

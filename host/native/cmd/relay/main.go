// Command relay carries bytes between the control plane and guests: the relay of the host wire, version 1.
//
// A connection to its unix socket starts with one line, the id of a machine; the relay connects to that machine's guest
// agent and copies both ways in the kernel until both sides have ended. Which machine has which address it is told on
// stdin, one JSON object per line:
//
//	{"set":"<machineId>","address":"10.201.0.5:49983"}   {"unset":"<machineId>"}   {"count":true}
//
// and each line is answered on stdout by {"seq":N,"ok":true} or {"seq":N,"ok":false,"error":"..."}; N counts lines from
// 1, and the answer 0 says that the socket listens. Order of answers is order of lines.
//
// It owns the socket and the connections; the table is its starter's, who sends it again after a crash. It ends, closing
// everything, when stdin ends: it never survives its starter. It fails only at the start, with a line on stderr.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
)

func main() {
	socket := flag.String("socket", "", "absolute path of the unix socket")
	group := flag.String("group", "", "group that may connect, name or number; empty: none but the owner's")
	limit := flag.Int("max", 4096, "connections in all")
	each := flag.Int("max-each", 1024, "connections to one machine")
	flag.Parse()
	if err := run(*socket, *group, *limit, *each); err != nil {
		fmt.Fprintf(os.Stderr, "relay: %v\n", err)
		os.Exit(1)
	}
}

func run(socket, group string, limit, each int) error {
	if flag.NArg() > 0 || limit < 1 || each < 1 {
		return fmt.Errorf("unexpected arguments: try -help")
	}
	gid, err := groupID(group)
	if err != nil {
		return err
	}
	raiseOpenFiles(uint64(limit))
	listener, err := listen(socket, gid)
	if err != nil {
		return err
	}
	r := &relay{table: newTable(limit, each)}
	go r.serve(listener)
	out := bufio.NewWriter(os.Stdout)
	control(os.Stdin, out, r.table)
	// Closing the listener removes the socket file.
	_ = listener.Close()
	r.table.closeAll()
	return nil
}

func groupID(name string) (int, error) {
	if name == "" {
		return -1, nil
	}
	if n, err := strconv.ParseUint(name, 10, 31); err == nil {
		return int(n), nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(g.Gid)
}

// raiseOpenFiles makes room for two sockets and two pipes per connection. A refusal is no failure: fewer connections
// are possible then, and accept waits.
func raiseOpenFiles(connections uint64) {
	want := connections*6 + 256
	var now unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &now) == nil && now.Cur < want {
		now.Cur, now.Max = want, max(want, now.Max)
		_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &now)
	}
}

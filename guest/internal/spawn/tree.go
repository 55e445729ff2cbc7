package spawn

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"pandastack.dev/guest/internal/child"
)

const (
	sweepRounds = 20
	sweepPause  = 5 * time.Millisecond
)

// KillTree kills the child's process group and whatever descends from it: children that left the group (found by
// parentage and session) and those that were orphaned on purpose (found by the marker in their environment). It looks
// again until nothing is left, since a process may fork while it is being looked for.
func KillTree(c *child.Child, id string) {
	found := descendants(c.Pid, id)
	_ = c.SignalGroup(unix.SIGKILL)
	for round := 0; ; round++ {
		for _, pid := range found {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		if round == sweepRounds {
			return
		}
		if len(found) > 0 {
			time.Sleep(sweepPause)
		}
		if found = descendants(c.Pid, id); len(found) == 0 {
			return
		}
	}
}

type stat struct {
	pid, parent, session int
	zombie               bool
}

// descendants lists living processes that belong to the tree of leader, without the leader itself.
func descendants(leader int, id string) []int {
	all := processes()
	in := map[int]bool{leader: true}
	marker := []byte(Marker + "=" + id)
	for changed := true; changed; {
		changed = false
		for _, p := range all {
			if !in[p.pid] && (in[p.parent] || p.session == leader) {
				in[p.pid], changed = true, true
			}
		}
	}
	var found []int
	self := os.Getpid()
	for _, p := range all {
		if p.zombie || p.pid == leader || p.pid == self || p.pid == 1 {
			continue
		}
		if in[p.pid] || hasMarker(p.pid, marker) {
			found = append(found, p.pid)
		}
	}
	return found
}

func processes() []stat {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	all := make([]stat, 0, len(names))
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		var buffer [512]byte
		if p, ok := parseStat(readSome("/proc/"+name+"/stat", buffer[:])); ok {
			p.pid = pid
			all = append(all, p)
		}
	}
	return all
}

// parseStat reads "pid (name) state ppid pgrp session ..."; the name may contain anything, so count from its end.
func parseStat(text []byte) (stat, bool) {
	end := bytes.LastIndexByte(text, ')')
	if end < 0 {
		return stat{}, false
	}
	fields := bytes.Fields(text[end+1:])
	if len(fields) < 4 {
		return stat{}, false
	}
	parent, err1 := strconv.Atoi(string(fields[1]))
	session, err2 := strconv.Atoi(string(fields[3]))
	if err1 != nil || err2 != nil {
		return stat{}, false
	}
	state := fields[0][0]
	return stat{parent: parent, session: session, zombie: state == 'Z' || state == 'X'}, true
}

func hasMarker(pid int, marker []byte) bool {
	var buffer [4096]byte
	for pair := range bytes.SplitSeq(readSome("/proc/"+strconv.Itoa(pid)+"/environ", buffer[:]), []byte{0}) {
		if bytes.Equal(pair, marker) {
			return true
		}
	}
	return false
}

func readSome(path string, buffer []byte) []byte {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	n, err := unix.Read(fd, buffer)
	if err != nil || n < 0 {
		return nil
	}
	return buffer[:n]
}

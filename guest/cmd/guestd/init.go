package main

import (
	"os"
	"strings"
	"syscall"
	"time"

	"pandastack.dev/guest/internal/child"
	"pandastack.dev/guest/internal/spawn"
)

// becomeInit does what the first process of a machine has to. It says whether the agent's OOM score was lowered, which
// its children must then not inherit.
func becomeInit() bool {
	child.WatchOrphans()
	for key, value := range map[string]string{"PATH": spawn.DefaultPath, "HOME": "/root", "LANG": "C.UTF-8"} {
		if os.Getenv(key) == "" {
			os.Setenv(key, value)
		}
	}
	syscall.Umask(0o022)
	_ = os.Chdir("/")
	if underGVisor() {
		return false // it has no OOM killer of its own, and each write would cost the start of a command
	}
	return os.WriteFile("/proc/self/oom_score_adj", []byte("-900"), 0) == nil
}

func underGVisor() bool {
	var name syscall.Utsname
	if syscall.Uname(&name) != nil {
		return false
	}
	var release strings.Builder
	for _, c := range name.Release {
		if c == 0 {
			break
		}
		release.WriteByte(byte(c))
	}
	return strings.Contains(release.String(), "gvisor")
}

// endEverything asks all processes of the sandbox to leave, waits a little and makes them. Only pid 1 may: it then is
// the machine that goes down.
func endEverything() {
	_ = syscall.Kill(-1, syscall.SIGTERM)
	for end := time.Now().Add(exitPatience); time.Now().Before(end) && syscall.Kill(-1, 0) == nil; {
		time.Sleep(20 * time.Millisecond)
	}
	_ = syscall.Kill(-1, syscall.SIGKILL)
}

// Package hooks runs what the owner of a sandbox wants done in each clone before it is used: the executables in a
// directory, in the order of their names, as root. They are given little time, and what goes wrong with them is a line
// in the log: a clone with a broken hook is still a clone.
package hooks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"pandastack.dev/guest/internal/logs"
	"pandastack.dev/guest/internal/proc"
	"pandastack.dev/guest/internal/spawn"
)

// Dir is where hooks are.
const Dir = "/etc/pandastack/thaw.d"

const (
	maxNames  = 1024
	maxHooks  = 64
	keptBytes = 64 << 10 // of a hook's output; the log gets all of it
)

// Runner runs hooks as commands of the sandbox.
type Runner struct {
	Dir   string
	Table *proc.Table
	Log   *logs.Log
	// Each and Together are how long one hook and all of them may take. The host waits for the thaw for 15 s.
	Each, Together time.Duration
}

// New makes a runner with the limits that the contract tells.
func New(dir string, table *proc.Table, log *logs.Log) *Runner {
	return &Runner{Dir: dir, Table: table, Log: log, Each: 5 * time.Second, Together: 10 * time.Second}
}

// Run returns when all have ended or were killed.
func (r *Runner) Run(generation uint64, sandboxID string) {
	names := r.names()
	if len(names) == 0 {
		return
	}
	env := map[string]string{
		"PANDASTACK_GENERATION": strconv.FormatUint(generation, 10), "PANDASTACK_SANDBOX_ID": sandboxID,
	}
	for end := time.Now().Add(r.Together); len(names) > 0; names = names[1:] {
		left := time.Until(end)
		if left <= 0 {
			r.complain("%s was not run: the hooks before it took too long", names[0])
			continue
		}
		r.runOne(names[0], env, min(left, r.Each))
	}
}

func (r *Runner) runOne(name string, env map[string]string, timeout time.Duration) {
	path := filepath.Join(r.Dir, name)
	result, err := r.Table.Run(context.Background(), &proc.RunRequest{
		Spec: spawn.Spec{Argv: []string{path}, Env: env, Cwd: "/"}, Timeout: timeout, MaxOutputBytes: keptBytes,
	})
	if err != nil {
		r.complain("%s: %v", name, err)
		return
	}
	defer result.Release()
	switch {
	case result.TimedOut:
		r.complain("%s was killed after %v", name, timeout.Round(time.Millisecond))
	case result.ExitCode != 0:
		r.complain("%s: exit code %d", name, result.ExitCode)
	}
}

// names lists what may be run, sorted. Without the directory, which is the rule, that is one call.
func (r *Runner) names() []string {
	dir, err := os.OpenFile(r.Dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		if !errors.Is(err, os.ErrNotExist) {
			r.complain("%v", err)
		}
		return nil
	}
	defer dir.Close()
	if info, err := dir.Stat(); err != nil || !isOursAlone(info) {
		r.complain("%s is not run: others than root may change it", r.Dir)
		return nil
	}
	all, _ := dir.Readdirnames(maxNames)
	slices.Sort(all)
	var names []string
	for _, name := range all {
		if r.isHook(name) {
			names = append(names, name)
		}
	}
	if len(names) > maxHooks {
		r.complain("%d hooks are not run: %d are the most", len(names)-maxHooks, maxHooks)
		names = names[:maxHooks]
	}
	return names
}

func (r *Runner) isHook(name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") {
		return false
	}
	info, err := os.Lstat(filepath.Join(r.Dir, name))
	if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return false
	}
	if !isOursAlone(info) {
		r.complain("%s is not run: others than root may change it", name)
		return false
	}
	return true
}

func isOursAlone(info os.FileInfo) bool {
	about, ok := info.Sys().(*syscall.Stat_t)
	return ok && about.Uid == uint32(os.Geteuid()) && info.Mode().Perm()&0o022 == 0
}

func (r *Runner) complain(format string, values ...any) {
	line := r.Log.Assemble(logs.Stderr)
	line.Write([]byte("thaw hook " + fmt.Sprintf(format, values...) + "\n"))
}

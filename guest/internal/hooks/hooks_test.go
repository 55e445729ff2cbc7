package hooks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pandastack.dev/guest/internal/account"
	"pandastack.dev/guest/internal/logs"
	"pandastack.dev/guest/internal/proc"
	"pandastack.dev/guest/internal/spawn"
)

func newRunner(t *testing.T) *Runner {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "thaw.d")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	log := logs.New()
	sandbox := &spawn.Sandbox{Accounts: account.NewBook("/etc"), Inherited: os.Environ()}
	return New(dir, proc.NewTable(sandbox, log), log)
}

func (r *Runner) put(t *testing.T, name, script string, mode os.FileMode) {
	t.Helper()
	path := filepath.Join(r.Dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func (r *Runner) lines() (lines []string) {
	reader := r.Log.NewReader()
	for reader.Next(func(entry logs.Entry) { lines = append(lines, string(entry.Text)) }) == nil {
	}
	return lines
}

func expect(t *testing.T, r *Runner, want ...string) {
	t.Helper()
	if got := r.lines(); strings.Join(got, "|") != strings.Join(want, "|") {
		t.Fatalf("%q", got)
	}
}

func TestHooksRunInTheOrderOfTheirNamesAndFailuresAreLogged(t *testing.T) {
	r := newRunner(t)
	r.put(t, "20-second", "echo second; exit 3", 0o755)
	r.put(t, "10-first", "echo $PANDASTACK_GENERATION $PANDASTACK_SANDBOX_ID in $(pwd)", 0o700)
	r.put(t, "30-third", "echo third >&2", 0o555)
	r.Run(7, "sbx")
	expect(t, r, "7 sbx in /", "second", "thaw hook 20-second: exit code 3", "third")
}

func TestWhatIsNoHookIsNotRun(t *testing.T) {
	r := newRunner(t)
	r.put(t, "not-executable", "echo wrong", 0o644)
	r.put(t, ".hidden", "echo wrong", 0o755)
	r.put(t, "backup~", "echo wrong", 0o755)
	r.put(t, "open-to-all", "echo wrong", 0o777)
	_ = os.Mkdir(filepath.Join(r.Dir, "directory"), 0o755)
	_ = os.Symlink("/bin/true", filepath.Join(r.Dir, "link"))
	r.Run(1, "sbx")
	expect(t, r, "thaw hook open-to-all is not run: others than root may change it")
}

func TestADirectoryThatOthersMayChangeIsNotUsed(t *testing.T) {
	r := newRunner(t)
	r.put(t, "hook", "echo wrong", 0o755)
	if err := os.Chmod(r.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	r.Run(1, "sbx")
	expect(t, r, "thaw hook "+r.Dir+" is not run: others than root may change it")
}

func TestAHookThatHangsIsKilledAndTheOthersGetTheirTurn(t *testing.T) {
	r := newRunner(t)
	r.Each = 200 * time.Millisecond
	r.put(t, "10-hangs", "echo begun; setsid sleep 987621 & wait", 0o755)
	r.put(t, "20-runs", "echo there", 0o755)
	r.put(t, "30-broken", "", 0o755)
	_ = os.WriteFile(filepath.Join(r.Dir, "30-broken"), []byte("#!/no/such/shell\n"), 0o755)
	r.Run(1, "sbx")
	got := r.lines()
	if len(got) != 4 || got[0] != "begun" || got[1] != "thaw hook 10-hangs was killed after 200ms" || got[2] != "there" ||
		!strings.HasPrefix(got[3], "thaw hook 30-broken: exit code 12") {
		t.Fatalf("%q", got)
	}
}

func TestAllHooksTogetherAreLimitedToo(t *testing.T) {
	r := newRunner(t)
	r.Together = 200 * time.Millisecond
	r.put(t, "10-hangs", "exec sleep 987622", 0o755)
	r.put(t, "20-late", "echo wrong", 0o755)
	r.Run(1, "sbx")
	got := r.lines()
	if len(got) != 2 || !strings.Contains(got[0], "10-hangs was killed") || !strings.Contains(got[1], "20-late was not run") {
		t.Fatalf("%q", got)
	}
}

func TestWithoutADirectoryThereIsNothingToSay(t *testing.T) {
	r := newRunner(t)
	r.Dir += "-missing"
	r.Run(1, "sbx")
	expect(t, r)
}

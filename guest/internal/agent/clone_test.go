package agent

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pandastack.dev/guest/internal/hooks"
	"pandastack.dev/guest/internal/reseed"
)

// What a thaw does for programs of the sandbox, before it is answered.
func TestAThawIsAnsweredAfterProgramsWereToldAndHooksHaveRun(t *testing.T) {
	w := start(t)
	proof := t.TempDir() + "/proof"
	program := exec.Command("sh", "-c", "trap 'cat "+w.root+"/run/pandastack/generation >&2; exit' URG; echo ready; "+
		"while :; do sleep 0.01; done")
	var told strings.Builder
	program.Stderr = &told
	ready, _ := program.StdoutPipe()
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Process.Kill() })
	_, _ = ready.Read(make([]byte, 8))

	registrations := filepath.Join(w.root, reseed.Dir)
	_ = os.MkdirAll(filepath.Dir(registrations), 0o755)
	if err := reseed.Prepare(registrations); err != nil {
		t.Fatal(err)
	}
	_ = os.WriteFile(filepath.Join(registrations, strconv.Itoa(program.Process.Pid)), nil, 0o600)
	dir := filepath.Join(w.root, hooks.Dir)
	_ = os.MkdirAll(dir, 0o755)
	script := "#!/bin/sh\necho $PANDASTACK_GENERATION $PANDASTACK_SANDBOX_ID $FROM_THAW >> " + proof + "\nexit 1\n"
	_ = os.WriteFile(filepath.Join(dir, "10-proof"), []byte(script), 0o755)

	if status, text := w.call("POST", "/v1/thaw", thawBody(3), nil); status != 200 {
		t.Fatal("a hook that fails does not fail the thaw:", status, text)
	}
	if text, _ := os.ReadFile(proof); string(text) != "3 sbx1 yes\n" {
		t.Fatalf("%q", text)
	}
	_ = program.Wait() // the agent in this process reaps whatever it finds, and gets the status
	if told.String() != "3\n" {
		t.Fatalf("%q", told.String())
	}
	w.token = "secret"
	if _, text := w.call("POST", "/v1/thaw", thawBody(3), nil); !strings.Contains(text, `"generation":3`) {
		t.Fatal(text)
	}
	if text, _ := os.ReadFile(proof); string(text) != "3 sbx1 yes\n" {
		t.Fatalf("a repeat ran the hook again: %q", text)
	}
}

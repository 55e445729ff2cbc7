package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets this test's binary be the agent: as the first process of a new namespace there is nothing else to run.
func TestMain(m *testing.M) {
	if address := os.Getenv("GUESTD_TEST_AGENT"); address != "" {
		os.Unsetenv("GUESTD_TEST_AGENT")
		if err := run(address); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// startInit runs the agent as pid 1 and gives its base address.
func startInit(t *testing.T) (base string, command *exec.Cmd) {
	t.Helper()
	if out, err := exec.Command("unshare", "--pid", "--fork", "--mount-proc", "--uts", "true").CombinedOutput(); err != nil {
		t.Skipf("no new namespaces here: %v %s", err, out)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command = exec.Command("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--uts", self)
	command.Env = append(os.Environ(), "GUESTD_TEST_AGENT=127.0.0.1:0")
	stderr, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if address, ok := strings.CutPrefix(lines.Text(), "guestd: serving on "); ok {
			return "http://" + address, command
		}
	}
	t.Fatal("the agent did not come up")
	return "", nil
}

type result struct {
	Stdout   string
	ExitCode int `json:"exit_code"`
	TimedOut bool
}

func runIn(t *testing.T, base, cmd string) (r result) {
	t.Helper()
	body, _ := json.Marshal(map[string]any{"cmd": cmd, "timeout_ms": 10_000})
	response, err := http.Post(base+"/v1/run", "application/json", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAsTheFirstProcessItReapsOrphansAndKeepsItsChildrensStatus(t *testing.T) {
	base, _ := startInit(t)
	if got := runIn(t, base, "echo $PPID; cat /proc/1/oom_score_adj /proc/self/oom_score_adj"); !strings.HasPrefix(got.Stdout, "1\n") ||
		!strings.HasSuffix(got.Stdout, "\n0\n") {
		t.Fatalf("%+v", got)
	}
	for i := range 20 {
		// Orphans that end while other commands run.
		if got := runIn(t, base, fmt.Sprintf("for n in 1 2 3 4 5; do (sleep 0.0$n &) ; done; exit %d", i)); got.ExitCode != i {
			t.Fatalf("exit code %d became %d", i, got.ExitCode)
		}
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		got := runIn(t, base, "grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l")
		if strings.TrimSpace(got.Stdout) == "0" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("zombies are left: %+v", got)
		}
	}
}

func TestAsTheFirstProcessItGoesDownOnRequest(t *testing.T) {
	base, command := startInit(t)
	runIn(t, base, "trap '' TERM; sleep 60 & echo $!")
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", command.Process.Pid, command.Process.Pid))
	if err != nil {
		t.Skip("the kernel does not list children")
	}
	var first int
	fmt.Sscan(string(children), &first)
	_ = syscall.Kill(first, syscall.SIGTERM)
	done := make(chan error, 1)
	go func() { done <- command.Wait() }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("it is still there")
	}
}

package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pandastack.dev/guest/internal/thaw"
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

// ownDirectories keeps what the agent writes away from this machine's own files.
const ownDirectories = `mount -t tmpfs none /run && mount -t tmpfs none /etc && exec "$0"`

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
	command = exec.Command("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--uts", "sh", "-c",
		ownDirectories, self)
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
	post(t, base+"/v1/run", map[string]any{"cmd": cmd, "timeout_ms": 10_000}, &r)
	return r
}

func thawIn(t *testing.T, base string, generation int) (r thaw.Reply) {
	t.Helper()
	var entropy [64]byte // this machine's kernel takes it for what it is said to be
	_, _ = rand.Read(entropy[:])
	post(t, base+"/v1/thaw", map[string]any{
		"generation": generation, "hostname": "sbx", "machine_id": strings.Repeat("ab", 16), "sandbox_id": "sbx",
		"wall_unix_ns": strconv.FormatInt(time.Now().UnixNano(), 10), "access_token": "secret",
		"entropy": base64.StdEncoding.EncodeToString(entropy[:]),
	}, &r)
	return r
}

func post(t *testing.T, url string, body, into any) {
	t.Helper()
	text, _ := json.Marshal(body)
	request, _ := http.NewRequest("POST", url, bytes.NewReader(text))
	request.Header.Set("Authorization", "Bearer secret")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}

func TestAsTheFirstProcessItGivesEachThawABootIdAndRunsItsHooks(t *testing.T) {
	base, _ := startInit(t)
	hook := "mkdir -p /etc/pandastack/thaw.d; cd /etc/pandastack/thaw.d; " +
		`printf '#!/bin/sh\necho $PANDASTACK_GENERATION >> /run/thawed\n' > a; chmod 755 a; ls -ld /run/pandastack/reseed`
	if got := runIn(t, base, hook); !strings.HasPrefix(got.Stdout, "drwxrwxrwt") {
		t.Fatalf("%+v", got)
	}
	kernels, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	seen := []string{string(kernels), runIn(t, base, "cat /proc/sys/kernel/random/boot_id").Stdout}
	for generation := 1; generation <= 2; generation++ {
		reply := thawIn(t, base, generation)
		if shown := runIn(t, base, "cat /proc/sys/kernel/random/boot_id").Stdout; shown != reply.BootID+"\n" {
			t.Fatalf("%q is shown, %q was told", shown, reply.BootID)
		}
		seen = append(seen, reply.BootID+"\n")
	}
	for i, id := range seen {
		if len(id) != 37 || slices.Contains(seen[:i], id) {
			t.Fatalf("%q", seen)
		}
	}
	if got := runIn(t, base, "cat /run/thawed"); got.Stdout != "1\n2\n" {
		t.Fatalf("%+v", got)
	}
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

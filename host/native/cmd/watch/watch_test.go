package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// The test binary plays the command, so that it is a process of its own with a real stdin.
func TestMain(m *testing.M) {
	if os.Getenv("PLAY_WATCH") == "1" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines chan event
}

func start(t *testing.T) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(os.Args[0]), lines: make(chan event, 100)}
	p.cmd.Env = append(os.Environ(), "PLAY_WATCH=1")
	p.cmd.Stderr = os.Stderr
	p.stdin, _ = p.cmd.StdinPipe()
	out, _ := p.cmd.StdoutPipe()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			var e event
			_ = json.Unmarshal(scanner.Bytes(), &e)
			p.lines <- e
		}
	}()
	t.Cleanup(func() {
		p.stdin.Close()
		if err := p.cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func (p *process) next() event {
	p.t.Helper()
	select {
	case e := <-p.lines:
		return e
	case <-time.After(10 * time.Second):
		p.t.Fatal("nothing was said")
		return event{}
	}
}

func (p *process) watch(pid int, start, key string) {
	fmt.Fprintf(p.stdin, `{"watch":%d,"start":%q,"key":%q}`+"\n", pid, start, key)
}

func sleeper(t *testing.T, name string, args ...string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	start, err := startTime(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return cmd, start
}

func TestAKilledProcessIsToldEvenWhileItsParentDoesNotReapIt(t *testing.T) {
	p := start(t)
	cmd, begin := sleeper(t, "sleep", "60")
	p.watch(cmd.Process.Pid, begin, "a")
	_ = cmd.Process.Kill() // not waited for: it stays a zombie
	if e := p.next(); e.Exited != "a" {
		t.Fatalf("%+v", e)
	}
	p.watch(cmd.Process.Pid, begin, "zombie")
	if e := p.next(); e.Exited != "zombie" {
		t.Fatalf("%+v", e)
	}
}

func TestAProcessOfAnotherParentIsTold(t *testing.T) {
	p := start(t)
	out, err := exec.Command("sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $!").Output()
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	fmt.Sscan(string(out), &pid)
	begin, _ := startTime(pid)
	p.watch(pid, begin, "orphan")
	orphan, _ := os.FindProcess(pid)
	_ = orphan.Kill()
	if e := p.next(); e.Exited != "orphan" {
		t.Fatalf("%+v", e)
	}
}

func TestWhatIsGoneOrIsAnotherProcessIsToldAtOnce(t *testing.T) {
	p := start(t)
	p.watch(4194305, "1", "never was")
	if e := p.next(); e.Exited != "never was" {
		t.Fatalf("%+v", e)
	}
	p.watch(os.Getpid(), "1", "another")
	if e := p.next(); e.Exited != "another" {
		t.Fatalf("%+v", e)
	}
}

func TestUnwatchedAndReplacedWatchesStaySilent(t *testing.T) {
	p := start(t)
	one, oneStart := sleeper(t, "sleep", "60")
	two, twoStart := sleeper(t, "sleep", "60")
	p.watch(one.Process.Pid, oneStart, "x")
	fmt.Fprintln(p.stdin, `{"unwatch":"x"}`)
	fmt.Fprintln(p.stdin, `{"unwatch":"unknown"}`)
	p.watch(one.Process.Pid, oneStart, "y")
	p.watch(two.Process.Pid, twoStart, "y")
	p.watch(4194305, "1", "mark")
	if e := p.next(); e.Exited != "mark" {
		t.Fatalf("%+v", e)
	}
	_ = one.Process.Kill()
	_ = one.Wait()
	p.watch(4194305, "1", "mark")
	if e := p.next(); e.Exited != "mark" {
		t.Fatalf("%+v", e)
	}
	_ = two.Process.Kill()
	if e := p.next(); e.Exited != "y" {
		t.Fatalf("%+v", e)
	}
}

func TestANameThatLooksLikeFieldsDoesNotConfuseTheStartTime(t *testing.T) {
	odd := filepath.Join(t.TempDir(), "x) 1 (y 2 3")
	if err := os.Symlink("/bin/sleep", odd); err != nil {
		t.Fatal(err)
	}
	cmd, odder := sleeper(t, odd, "60")
	_, plain := sleeper(t, "sleep", "60")
	if len(odder) != len(plain) {
		t.Fatalf("start of %d is %q, of a plain one %q", cmd.Process.Pid, odder, plain)
	}
}

func TestWrongLinesAreRefusedAndTheNextOneIsServed(t *testing.T) {
	p := start(t)
	for _, line := range []string{`{`, `{}`, `{"watch":0,"start":"1","key":"k"}`, `{"watch":1,"start":"1"}`, `{"watch":1,"key":"k"}`, `{"no":1}`, `7`} {
		fmt.Fprintln(p.stdin, line)
		if e := p.next(); e.Error == "" || e.Exited != "" {
			t.Fatalf("%s: %+v", line, e)
		}
	}
	p.watch(4194305, "1", "mark")
	if e := p.next(); e.Exited != "mark" {
		t.Fatalf("%+v", e)
	}
}

package agent

import (
	"context"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRunGivesOutputAndExitCode(t *testing.T) {
	w := start(t)
	got := w.run(object{"cmd": "echo out; echo err >&2; exit 7"})
	if got.Stdout != "out\n" || got.Stderr != "err\n" || got.ExitCode != 7 || got.TimedOut || got.Signal != "" {
		t.Fatalf("%+v", got)
	}
}

func TestRunTakesArgvEnvCwdAndStdin(t *testing.T) {
	w := start(t)
	dir := t.TempDir()
	stdin := base64.StdEncoding.EncodeToString([]byte("from stdin"))
	got := w.run(object{"argv": []string{"sh", "-c", "pwd; echo $A; cat"}, "cwd": dir, "env": object{"A": "a b"},
		"stdin": stdin})
	if got.Stdout != dir+"\na b\nfrom stdin" {
		t.Fatalf("%q", got.Stdout)
	}
}

func TestRunWithoutStdinReadsNothing(t *testing.T) {
	if got := start(t).run(object{"cmd": "cat; echo done"}); got.Stdout != "done\n" {
		t.Fatalf("%+v", got)
	}
}

func TestRunReportsSignalsAndMissingProgramsLikeAShell(t *testing.T) {
	w := start(t)
	if got := w.run(object{"cmd": "kill -9 $$"}); got.ExitCode != 137 || got.Signal != "killed" {
		t.Fatalf("%+v", got)
	}
	if got := w.run(object{"argv": []string{"no-such-program"}}); got.ExitCode != 127 || got.Stderr == "" {
		t.Fatalf("%+v", got)
	}
	if got := w.run(object{"argv": []string{"/etc/passwd"}}); got.ExitCode != 126 {
		t.Fatalf("%+v", got)
	}
}

func TestRunReplacesBytesThatAreNotUTF8(t *testing.T) {
	got := start(t).run(object{"cmd": `printf 'a\377b\001"\\\n\303\244'`})
	if got.Stdout != "a\ufffdb\x01\"\\\n\u00e4" {
		t.Fatalf("%q", got.Stdout)
	}
}

func TestRunDropsOutputBeyondTheCapAndGoesOn(t *testing.T) {
	got := start(t).run(object{"cmd": "head -c 3000000 /dev/zero | tr '\\0' x; echo end >&2; exit 3",
		"max_output_bytes": 1000})
	if len(got.Stdout) != 1000 || !got.Truncated || got.ExitCode != 3 {
		t.Fatalf("%d bytes, truncated %v, exit %d", len(got.Stdout), got.Truncated, got.ExitCode)
	}
}

func TestRunSendsLargeOutputWhole(t *testing.T) {
	got := start(t).run(object{"cmd": "head -c 5000000 /dev/zero | tr '\\0' '\"'"})
	if got.Stdout != strings.Repeat(`"`, 5000000) || got.Truncated {
		t.Fatalf("%d bytes", len(got.Stdout))
	}
}

func TestRunKillsTheWholeTreeAtItsDeadline(t *testing.T) {
	w := start(t)
	mark := "987601"
	began := time.Now()
	got := w.run(object{"timeout_ms": 300, "cmd": "sleep " + mark + " & (setsid sleep " + mark + " &) ; " +
		"setsid sh -c 'sleep " + mark + " & wait' & echo started; wait"})
	if !got.TimedOut || got.ExitCode != 124 || got.Stdout != "started\n" {
		t.Fatalf("%+v", got)
	}
	if running(mark) {
		t.Fatal("a grandchild lives on")
	}
	if time.Since(began) > 5*time.Second {
		t.Fatal("the deadline was not kept")
	}
}

func TestRunKillsTheTreeWhenTheCallerHangsUp(t *testing.T) {
	w := start(t)
	mark := "987602"
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		body := strings.NewReader(`{"cmd":"sleep ` + mark + ` & setsid sleep ` + mark + `"}`)
		request, _ := http.NewRequestWithContext(ctx, "POST", "http://"+w.addr+"/v1/run", body)
		_, _ = http.DefaultClient.Do(request)
	}()
	eventually(t, "the command runs", func() bool { return running(mark) })
	cancel()
	eventually(t, "the command is gone", func() bool { return !running(mark) })
}

func TestRunLeavesBackgroundProcessesAlone(t *testing.T) {
	w := start(t)
	dir := t.TempDir()
	began := time.Now()
	got := w.run(object{"cwd": dir, "cmd": "(sleep 0.7; echo late; echo alive > proof) & echo now"})
	if got.Stdout != "now\n" || time.Since(began) > 600*time.Millisecond {
		t.Fatalf("%+v after %v", got, time.Since(began))
	}
	eventually(t, "the background process writes on", func() bool {
		_, err := os.Stat(filepath.Join(dir, "proof"))
		return err == nil
	})
}

func TestRunAcceptsCommandsTooLongForAnArgument(t *testing.T) {
	cmd := "# " + strings.Repeat("x", 7<<20) + "\necho $((1+1)); cat"
	stdin := base64.StdEncoding.EncodeToString([]byte("and stdin"))
	if got := start(t).run(object{"cmd": cmd, "stdin": stdin}); got.Stdout != "2\nand stdin" {
		t.Fatalf("%+v", got)
	}
}

func TestRunRefusesBadRequestsWithASentence(t *testing.T) {
	w := start(t)
	for name, body := range map[string]any{
		"nothing to run":   object{},
		"both":             object{"cmd": "true", "argv": []string{"true"}},
		"missing cwd":      object{"cmd": "true", "cwd": "/no/such/dir"},
		"cwd is a file":    object{"cmd": "true", "cwd": "/etc/passwd"},
		"unknown user":     object{"cmd": "true", "user": "nobody-knows"},
		"NUL in cmd":       object{"cmd": "a\x00b"},
		"NUL in env":       object{"cmd": "true", "env": object{"A": "\x00"}},
		"= in env":         object{"cmd": "true", "env": object{"A=B": "1"}},
		"negative timeout": object{"cmd": "true", "timeout_ms": -1},
		"absurd cap":       object{"cmd": "true", "max_output_bytes": 1 << 40},
		"stdin":            object{"cmd": "true", "stdin": "%"},
		"wrong type":       `{"cmd": 5}`,
		"not JSON":         `{`,
		"deep JSON":        strings.Repeat("[", 100000),
	} {
		var refusal struct{ Error, Code string }
		status, _ := w.call("POST", "/v1/run", body, &refusal)
		if status != 400 || refusal.Error == "" || refusal.Code != "invalid_argument" {
			t.Errorf("%s: %d %+v", name, status, refusal)
		}
	}
	if status, _ := w.call("POST", "/v1/run", object{"cmd": strings.Repeat("x", 9<<20)}, nil); status != 413 {
		t.Errorf("9 MiB command: %d", status)
	}
}

func TestRunTakesTheAccountOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	got := start(t).run(object{"cmd": "id -un; echo $HOME $USER; id -G", "user": "nobody", "cwd": "/"})
	if !strings.HasPrefix(got.Stdout, "nobody\n/") || !strings.Contains(got.Stdout, " nobody\n") {
		t.Fatalf("%+v", got)
	}
}

func BenchmarkRun(b *testing.B) {
	w := start(b)
	body := `{"cmd":"true"}`
	for b.Loop() {
		if status, text := w.call("POST", "/v1/run", body, nil); status != 200 {
			b.Fatal(text)
		}
	}
}

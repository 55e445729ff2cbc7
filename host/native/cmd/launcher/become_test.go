package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test binary plays the launcher, and when it was launched itself, the program that looks around.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "--procs" {
		main()
	}
	os.Exit(m.Run())
}

const lookAround = `echo pid=$$; cat /proc/self/cgroup; env; ulimit -c; echo nofile=$(ulimit -n) hard=$(ulimit -Hn);
echo oom=$(cat /proc/self/oom_score_adj); echo cwd=$(pwd); printf fds=; ls -m /proc/$$/fd; echo stdin=$(readlink /proc/$$/fd/0)
echo sid=$(cut -d' ' -f6 /proc/$$/stat); echo nnp=$(grep NoNewPrivs /proc/$$/status | cut -f2); umask`

func launch(args ...string) *exec.Cmd { return exec.Command(os.Args[0], args...) }

// throwaway makes an empty cgroup in some hierarchy of this host.
func throwaway(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/pids"} {
		if _, err := os.Stat(filepath.Join(root, "cgroup.procs")); err != nil {
			continue
		}
		dir := filepath.Join(root, fmt.Sprintf("launcher-test-%d", os.Getpid()))
		if err := os.Mkdir(dir, 0o755); err != nil {
			continue
		}
		t.Cleanup(func() {
			deadline := time.Now().Add(5 * time.Second)
			for os.Remove(dir) != nil && time.Now().Before(deadline) {
				time.Sleep(10 * time.Millisecond)
			}
		})
		return dir
	}
	t.Skip("no writable cgroup hierarchy")
	return ""
}

func TestTheProgramFindsOnlyWhatItWasGiven(t *testing.T) {
	group := throwaway(t)
	log := filepath.Join(t.TempDir(), "log")
	var stderr bytes.Buffer
	cmd := launch("--procs", group+"/cgroup.procs", "--nofile", "777", "--oom-score-adj", "321", "--stdio", log, "--", "/bin/bash", "-c", lookAround)
	cmd.Env = append(os.Environ(), "SECRET=leak")
	inherited, err := os.Open("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	defer inherited.Close()
	cmd.ExtraFiles = []*os.File{inherited}
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v %s", err, stderr.String())
	}
	out, _ := os.ReadFile(log)
	text := string(out)
	pid := strconv.Itoa(cmd.Process.Pid)
	for _, want := range []string{
		"pid=" + pid + "\n", "sid=" + pid + "\n", filepath.Base(group), "nofile=777 hard=777", "oom=321", "cwd=/\n",
		"fds=0, 1, 2\n", "stdin=/dev/null", minimalPath + "\n", "nnp=0", "\n0022\n", "\n0\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("missing %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "SECRET") || stderr.Len() > 0 {
		t.Errorf("leaked:\n%s\n%s", text, stderr.String())
	}
}

func TestTheStarterSeesTheEndOfStderrWhileTheProgramRuns(t *testing.T) {
	group := throwaway(t)
	r, w, _ := os.Pipe()
	cmd := launch("--procs", group+"/cgroup.procs", "--", "/bin/sleep", "60")
	cmd.Stderr = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	defer cmd.Wait()
	defer cmd.Process.Kill()
	_ = r.SetReadDeadline(time.Now().Add(10 * time.Second))
	if n, err := r.Read(make([]byte, 64)); n != 0 || err == nil || err.Error() != "EOF" {
		t.Fatalf("read %d %v", n, err)
	}
	if name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", cmd.Process.Pid)); string(name) != "sleep\n" {
		t.Fatalf("comm %q", name)
	}
}

func TestAFullLogIsStartedAnew(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, make([]byte, maxLogBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	fd, err := openLog(log)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
	if s, _ := os.Stat(log); s.Size() != 0 {
		t.Fatalf("%d bytes left", s.Size())
	}
}

func TestTheSystemsRefusalsAreReportedInOneLine(t *testing.T) {
	group := throwaway(t) + "/cgroup.procs"
	dir := t.TempDir()
	link, plain, fake := filepath.Join(dir, "link"), filepath.Join(dir, "plain"), filepath.Join(dir, "cgroup.procs")
	_ = os.Symlink("/bin/true", link)
	_ = os.WriteFile(plain, nil, 0o600)
	_ = os.WriteFile(fake, nil, 0o600)
	_ = os.Symlink(plain, filepath.Join(dir, "loglink"))
	for name, args := range map[string][]string{
		"not a regular executable": {"--procs", group, "--", link},
		"not a regular":            {"--procs", group, "--", plain},
		"no such file":             {"--procs", group, "--", "/nonexistent"},
		"not on a cgroup":          {"--procs", fake, "--", "/bin/true"},
		"not a regular file":       {"--procs", group, "--stdio", "/dev/full", "--", "/bin/true"},
		"too many levels":          {"--procs", group, "--stdio", filepath.Join(dir, "loglink"), "--", "/bin/true"},
	} {
		var stderr bytes.Buffer
		cmd := launch(args...)
		cmd.Stderr = &stderr
		err := cmd.Run()
		if err == nil || cmd.ProcessState.ExitCode() != 1 || !strings.Contains(stderr.String(), name) || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%v: %v %q", args, err, stderr.String())
		}
	}
	if left, _ := os.ReadFile(fake); len(left) != 0 {
		t.Errorf("wrote %q into a file that is no cgroup", left)
	}
}

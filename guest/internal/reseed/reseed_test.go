package reseed

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// program says what it was told, until it is asked to end.
type program struct {
	t    *testing.T
	pid  int
	said *bufio.Reader
	end  func() string
}

func startProgram(t *testing.T) *program {
	t.Helper()
	script := "trap 'echo urg' URG; trap 'echo usr1' USR1; trap 'echo rt' 50; trap 'exit' TERM; echo ready; " +
		"while :; do sleep 0.01; done"
	command := exec.Command("bash", "-c", script)
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewReader(out)
	if line, _ := said.ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q", line)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	return &program{t, command.Process.Pid, said, func() string {
		_ = command.Process.Signal(syscall.SIGTERM)
		rest, _ := io.ReadAll(said)
		return string(rest)
	}}
}

func (p *program) started() string {
	found, ok := look(p.pid)
	if !ok {
		p.t.Fatal("it is not there")
	}
	return found.started
}

func prepare(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "reseed")
	if err := Prepare(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func left(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func TestARegisteredProgramGetsTheSignalItAskedForAndStaysRegistered(t *testing.T) {
	p := startProgram(t)
	dir := prepare(t)
	for text, want := range map[string]string{
		"": "urg\n", "10\n": "usr1\n", "50": "rt\n", "23 " + p.started() + "\n": "urg\n",
	} {
		write(t, dir, strconv.Itoa(p.pid), text)
		Tell(dir)
		if line, _ := p.said.ReadString('\n'); line != want {
			t.Fatalf("%q: %q", text, line)
		}
		if names := left(t, dir); len(names) != 1 {
			t.Fatal(names)
		}
	}
}

func TestTheDirectoryIsOpenToAllAndKeepsFilesToTheirOwners(t *testing.T) {
	dir := prepare(t)
	if err := Prepare(dir); err != nil {
		t.Fatal("a second time:", err)
	}
	if info, _ := os.Stat(dir); info.Mode() != os.ModeDir|os.ModeSticky|0o777 {
		t.Fatal(info.Mode())
	}
}

func TestWhatIsNoRegistrationSignalsNobodyAndIsRemoved(t *testing.T) {
	p := startProgram(t)
	ended := exec.Command("true")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "outside")
	write(t, filepath.Dir(outside), "outside", "10")
	mine := strconv.Itoa(p.pid)
	for what, put := range map[string]func(dir string) error{
		"link":       func(dir string) error { return os.Symlink(outside, filepath.Join(dir, mine)) },
		"other name": func(dir string) error { return os.Link(outside, filepath.Join(dir, mine)) },
		"fifo":       func(dir string) error { return syscall.Mkfifo(filepath.Join(dir, mine), 0o666) },
		"huge": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, mine), []byte("10"+strings.Repeat(" ", 100)), 0o600)
		},
		"sparse": func(dir string) error { write(t, dir, mine, "10"); return os.Truncate(filepath.Join(dir, mine), 1<<40) },
	} {
		dir := prepare(t)
		if err := put(dir); err != nil {
			t.Fatal(what, err)
		}
		Tell(dir)
		if names := left(t, dir); len(names) != 0 {
			t.Errorf("%s: %v", what, names)
		}
	}
	dir := prepare(t)
	for _, text := range []string{"9", "15", "0", "-10", "10 1", "10 " + p.started() + " x", "10x", "\x00", "266"} {
		write(t, dir, mine, text)
		Tell(dir)
		if names := left(t, dir); len(names) != 0 {
			t.Errorf("%q: %v", text, names)
		}
	}
	for _, name := range []string{
		"1", "0", "-1", "0" + mine, "+" + mine, mine + "x", "4294967297", "99999999999999999999", "self",
		strconv.Itoa(os.Getpid()), strconv.Itoa(ended.Process.Pid),
	} {
		write(t, dir, name, "10")
	}
	Tell(dir)
	if names := left(t, dir); len(names) != 0 {
		t.Error(names)
	}
	if said := p.end(); said != "" {
		t.Errorf("it was told all the same: %q", said)
	}
	if text, _ := os.ReadFile(outside); string(text) != "10" {
		t.Error("what was linked to has changed")
	}
}

func TestOnlyTheOwnerOfAProcessRegistersIt(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	p := startProgram(t)
	dir := prepare(t)
	write(t, dir, strconv.Itoa(p.pid), "10")
	_ = os.Chown(filepath.Join(dir, strconv.Itoa(p.pid)), 12345, 12345)
	Tell(dir)
	if names := left(t, dir); len(names) != 0 {
		t.Error(names)
	}
	if said := p.end(); said != "" {
		t.Errorf("it was told: %q", said)
	}
}

func TestAFloodedDirectoryKeepsNobodyFromBeingTold(t *testing.T) {
	p := startProgram(t)
	dir := prepare(t)
	for i := range maxEntries + 200 {
		write(t, dir, fmt.Sprintf("junk-%d", i), "")
	}
	write(t, dir, strconv.Itoa(p.pid), "")
	Tell(dir)
	if line, _ := p.said.ReadString('\n'); line != "urg\n" {
		t.Fatalf("%q", line)
	}
}

func TestADirectoryThatIsNoneIsNoReasonToFail(t *testing.T) {
	dir := t.TempDir()
	Tell(filepath.Join(dir, "missing"))
	write(t, dir, "file", "")
	Tell(filepath.Join(dir, "file"))
	_ = os.Symlink(prepare(t), filepath.Join(dir, "link"))
	Tell(filepath.Join(dir, "link"))
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"", "23", "10 77\n", "64", "65", "44", "9", "10 1 2"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		signal, _, ok := parse(text)
		harmless := signal == syscall.SIGURG || signal == syscall.SIGUSR1 || signal == syscall.SIGUSR2 ||
			signal >= firstRealtime && signal <= lastRealtime
		if ok != harmless {
			t.Fatal(signal, ok)
		}
	})
}

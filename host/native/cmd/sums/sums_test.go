package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// The test binary plays the command, so that it is a process of its own with a real stdin.
func TestMain(m *testing.M) {
	if os.Getenv("PLAY_SUMS") == "1" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

type process struct {
	t       *testing.T
	stdin   io.WriteCloser
	answers chan answer // closed at the end of its stdout
}

func start(t *testing.T) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PLAY_SUMS=1")
	cmd.Stderr = os.Stderr
	p := &process{t: t, answers: make(chan answer, 100)}
	p.stdin, _ = cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.answers)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			var a answer
			if err := json.Unmarshal(scanner.Bytes(), &a); err != nil {
				t.Errorf("%s: %v", scanner.Bytes(), err)
			}
			p.answers <- a
		}
	}()
	t.Cleanup(func() {
		p.stdin.Close()
		for range p.answers {
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func (p *process) send(r request) {
	line, _ := json.Marshal(r)
	p.sendLine(string(line))
}

func (p *process) sendLine(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, line+"\n"); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) next() answer {
	p.t.Helper()
	select {
	case a, ok := <-p.answers:
		if !ok {
			p.t.Fatal("it has ended")
		}
		return a
	case <-time.After(60 * time.Second):
		p.t.Fatal("nothing was said")
		return answer{}
	}
}

func (p *process) ask(r request) answer {
	p.t.Helper()
	p.send(r)
	a := p.next()
	if a.Key != r.Key {
		p.t.Fatalf("answer of another request: %+v", a)
	}
	return a
}

func (p *process) seal(dir string) answer {
	p.t.Helper()
	return p.ask(request{Key: "seal", Op: "seal", Dir: dir})
}

func (p *process) verify(dir, sum string) answer {
	p.t.Helper()
	return p.ask(request{Key: "verify", Op: "verify", Dir: dir, SHA256: sum})
}

func (p *process) mustSeal(dir string) string {
	p.t.Helper()
	a := p.seal(dir)
	if !a.OK {
		p.t.Fatalf("%+v", a)
	}
	return a.SHA256
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// noise is content in which every chunk differs from every other.
func noise(bytes int) []byte {
	content := make([]byte, bytes)
	state := uint64(88172645463325252) + uint64(bytes)
	for i := range content {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		content[i] = byte(state)
	}
	return content
}

// snapshot is a directory with files of every length that matters, two of them of the same.
func snapshot(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "snapshot")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "empty"), nil)
	write(t, filepath.Join(dir, "abc"), []byte("abc"))
	write(t, filepath.Join(dir, "one chunk"), noise(chunkBytes))
	write(t, filepath.Join(dir, "pages"), noise(3*chunkBytes+4097))
	disk := noise(3*chunkBytes + 4097)
	disk[0]++
	write(t, filepath.Join(dir, "disk"), disk)
	return dir
}

// endless is a directory whose sums take long to make, and no room on the disk.
func endless(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "hole"), nil)
	if err := os.Truncate(filepath.Join(dir, "hole"), maxChunks*chunkBytes); err != nil {
		t.Fatal(err)
	}
	return dir
}

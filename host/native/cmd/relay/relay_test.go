package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The test binary plays the relay, so that it is a process of its own with a real stdin.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-socket" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

type process struct {
	t      testing.TB
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	socket string
}

func start(t testing.TB, flags ...string) *process {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "relay.sock")
	p := &process{t: t, socket: socket, cmd: exec.Command(os.Args[0], append([]string{"-socket", socket}, flags...)...)}
	p.cmd.Stderr = os.Stderr
	p.stdin, _ = p.cmd.StdinPipe()
	out, _ := p.cmd.StdoutPipe()
	p.stdout = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.stdin.Close(); _ = p.cmd.Wait() })
	p.answer(0, true)
	return p
}

func (p *process) answer(seq uint64, ok bool) answer {
	p.t.Helper()
	line, err := p.stdout.ReadBytes('\n')
	var a answer
	if err != nil || json.Unmarshal(line, &a) != nil || a.Seq != seq || a.OK != ok {
		p.t.Fatalf("answer %q %v, want seq %d ok %v", line, err, seq, ok)
	}
	return a
}

func (p *process) ask(seq uint64, line string) answer {
	p.t.Helper()
	fmt.Fprintln(p.stdin, line)
	return p.answer(seq, true)
}

func (p *process) dial(first string) *net.UnixConn {
	p.t.Helper()
	conn, err := net.Dial("unix", p.socket)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(conn, first)
	return conn.(*net.UnixConn)
}

// guest serves every connection with a function until the test ends.
func guest(t testing.TB, serve func(*net.TCPConn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { defer conn.Close(); serve(conn.(*net.TCPConn)) }()
		}
	}()
	return listener.Addr().String()
}

func echo(c *net.TCPConn) { _, _ = io.Copy(c, c) }

func set(id, address string) string { return fmt.Sprintf(`{"set":%q,"address":%q}`, id, address) }

func wantNothing(t *testing.T, conn net.Conn) {
	t.Helper()
	if got, _ := io.ReadAll(conn); len(got) != 0 {
		t.Errorf("got %q before the end", got)
	}
}

func TestBytesPassBothWaysWithHalfClose(t *testing.T) {
	p := start(t)
	p.ask(1, set("m1", guest(t, func(c *net.TCPConn) {
		all, _ := io.ReadAll(c)
		fmt.Fprintf(c, "%d bytes", len(all))
	})))
	payload := bytes.Repeat([]byte("x"), 3<<20)
	conn := p.dial("m1\nfirst")
	if _, err := conn.Write(payload); err != nil {
		t.Fatal(err)
	}
	_ = conn.CloseWrite()
	if got, err := io.ReadAll(conn); err != nil || string(got) != fmt.Sprintf("%d bytes", len(payload)+5) {
		t.Fatalf("%q %v", got, err)
	}
}

func TestTheSocketIsForOwnerAndGroup(t *testing.T) {
	p := start(t, "-group", fmt.Sprint(os.Getgid()))
	if s, err := os.Stat(p.socket); err != nil || s.Mode().Perm() != 0o660 || s.Mode().Type() != os.ModeSocket {
		t.Fatal(s, err)
	}
}

func TestBytesAreCopiedInTheKernelBothWays(t *testing.T) {
	p := start(t)
	p.ask(1, set("m1", guest(t, echo)))
	before := p.touchedBytes()
	conn := p.dial("m1\n")
	const size = 64 << 20
	go func() {
		chunk := make([]byte, 1<<20)
		for range size / len(chunk) {
			_, _ = conn.Write(chunk)
		}
		_ = conn.CloseWrite()
	}()
	if n, err := io.Copy(io.Discard, conn); n != size || err != nil {
		t.Fatal(n, err)
	}
	if touched := p.touchedBytes() - before; touched > 1<<20 {
		t.Fatalf("%d bytes of %d went through the relay's own memory", touched, size)
	}
}

// touchedBytes are the bytes this process has moved with read and write; splice is not counted by the kernel.
func (p *process) touchedBytes() (sum int64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", p.cmd.Process.Pid))
	if err != nil {
		p.t.Skip(err)
	}
	var n int64
	for _, line := range strings.Split(string(text), "\n") {
		if k, _ := fmt.Sscanf(line, "rchar: %d", &n); k == 1 {
			sum += n
		}
		if k, _ := fmt.Sscanf(line, "wchar: %d", &n); k == 1 {
			sum += n
		}
	}
	return sum
}

func TestUnknownMachinesAndBadFirstLinesAreClosedWithoutAByte(t *testing.T) {
	p := start(t)
	wantNothing(t, p.dial("nobody\n"))
	wantNothing(t, p.dial(strings.Repeat("x", 64)+"\n"))
	wantNothing(t, p.dial("\n"))
	closed, _ := net.Listen("tcp", "127.0.0.1:0")
	address := closed.Addr().String()
	closed.Close()
	p.ask(1, set("m1", address))
	wantNothing(t, p.dial("m1\n"))
}

func TestAClientThatSaysNothingIsClosedInTime(t *testing.T) {
	p := start(t)
	began := time.Now()
	wantNothing(t, p.dial("m"))
	if time.Since(began) > 15*time.Second {
		t.Fatal("the first line was awaited for ever")
	}
}

func TestUnsetEndsOpenConnectionsOfThatMachineOnly(t *testing.T) {
	p := start(t)
	address := guest(t, echo)
	p.ask(1, set("m1", address))
	p.ask(2, set("m2", address))
	one, two := p.dial("m1\nping"), p.dial("m2\nping")
	for _, c := range []net.Conn{one, two} {
		if _, err := io.ReadFull(c, make([]byte, 4)); err != nil {
			t.Fatal(err)
		}
	}
	p.ask(3, `{"unset":"m1"}`)
	wantNothing(t, one)
	_, _ = io.WriteString(two, "pong")
	if _, err := io.ReadFull(two, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	wantNothing(t, p.dial("m1\n"))
	p.ask(4, `{"unset":"m1"}`)
	p.ask(5, set("m2", "127.0.0.1:1"))
	wantNothing(t, two)
}

func TestAGuestThatNeverEndsDoesNotKeepTheConnectionOfAClientThatHasGone(t *testing.T) {
	p := start(t)
	p.ask(1, set("m1", guest(t, func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c); select {} })))
	conn := p.dial("m1\nhello")
	conn.Close()
	for seq := uint64(2); ; seq++ {
		if a := p.ask(seq, `{"count":true}`); *a.Open == 0 && seq > 3 {
			return
		}
		if seq > 200 {
			t.Fatal("still open")
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func TestConnectionsAreBoundedInAllAndEach(t *testing.T) {
	p := start(t, "-max", "3", "-max-each", "2")
	address := guest(t, echo)
	p.ask(1, set("m1", address))
	p.ask(2, set("m2", address))
	open := func(id string) *net.UnixConn {
		c := p.dial(id + "\nping")
		if _, err := io.ReadFull(c, make([]byte, 4)); err != nil {
			t.Fatal(id, err)
		}
		return c
	}
	open("m1")
	open("m1")
	wantNothing(t, p.dial("m1\n"))
	open("m2")
	wantNothing(t, p.dial("m2\n"))
	if a := p.ask(3, `{"count":true}`); *a.Machines != 2 || *a.Open != 3 || *a.Refused != 2 {
		t.Fatalf("%d %d %d", *a.Machines, *a.Open, *a.Refused)
	}
}

func TestWrongRequestsAreAnsweredAndHarmNothing(t *testing.T) {
	p := start(t)
	for i, line := range []string{`{`, `{}`, `{"set":"m","address":"example.com:80"}`, `{"set":"m"}`, `{"set":"a b","address":"1.2.3.4:5"}`,
		`{"set":"","address":"1.2.3.4:5"}`, `{"sett":"m"}`, `[]`, ``} {
		fmt.Fprintln(p.stdin, line)
		p.answer(uint64(i+1), false)
	}
	p.ask(10, set("m", guest(t, echo)))
}

func TestItEndsWithItsStarterAndLeavesNoSocket(t *testing.T) {
	p := start(t)
	p.ask(1, set("m1", guest(t, echo)))
	conn := p.dial("m1\nping")
	_, _ = io.ReadFull(conn, make([]byte, 4))
	p.stdin.Close()
	if err := p.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	wantNothing(t, conn)
	if _, err := os.Stat(p.socket); !os.IsNotExist(err) {
		t.Fatal("socket left behind")
	}
}

func TestAStaleSocketIsReplacedAndAServedOneIsNot(t *testing.T) {
	p := start(t)
	if err := removeStale(p.socket); err == nil {
		t.Error("took away a served socket")
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	if err := removeStale(p.socket); err != nil {
		t.Error(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	_ = os.WriteFile(file, nil, 0o600)
	if removeStale(file) == nil {
		t.Error("took away a file")
	}
}

// Not asserted: prints what the relay costs next to a direct connection. Run with -bench.
func BenchmarkThroughput(b *testing.B) {
	sink := guest(b, func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) })
	p := start(b)
	p.ask(1, set("m1", sink))
	push := func(b *testing.B, conn interface {
		io.ReadWriter
		CloseWrite() error
	}) {
		chunk := make([]byte, 256<<10)
		b.SetBytes(1 << 30)
		for range (1 << 30) / len(chunk) {
			if _, err := conn.Write(chunk); err != nil {
				b.Fatal(err)
			}
		}
		_ = conn.CloseWrite()
		_, _ = io.Copy(io.Discard, conn)
	}
	b.Run("direct", func(b *testing.B) {
		for b.Loop() {
			conn, _ := net.Dial("tcp", sink)
			push(b, conn.(*net.TCPConn))
		}
	})
	b.Run("relay", func(b *testing.B) {
		for b.Loop() {
			push(b, p.dial("m1\n"))
		}
	})
}

func BenchmarkPingPong(b *testing.B) {
	address := guest(b, echo)
	p := start(b)
	p.ask(1, set("m1", address))
	for _, size := range []int{64, 4096} {
		round := func(b *testing.B, conn net.Conn) {
			message := make([]byte, size)
			for b.Loop() {
				_, _ = conn.Write(message)
				if _, err := io.ReadFull(conn, message); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.Run(fmt.Sprintf("direct-%d", size), func(b *testing.B) {
			conn, _ := net.Dial("tcp", address)
			defer conn.Close()
			round(b, conn)
		})
		b.Run(fmt.Sprintf("relay-%d", size), func(b *testing.B) { round(b, p.dial("m1\n")) })
	}
	b.Run("connect-direct", func(b *testing.B) {
		for b.Loop() {
			conn, _ := net.Dial("tcp", address)
			_, _ = io.WriteString(conn, "ping")
			_, _ = io.ReadFull(conn, make([]byte, 4))
			conn.Close()
		}
	})
	b.Run("connect-relay", func(b *testing.B) {
		for b.Loop() {
			conn, _ := net.Dial("unix", p.socket)
			_, _ = io.WriteString(conn, "m1\nping")
			_, _ = io.ReadFull(conn, make([]byte, 4))
			conn.Close()
		}
	})
}

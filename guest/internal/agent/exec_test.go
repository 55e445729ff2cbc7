package agent

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pandastack.dev/guest/internal/wire"
)

func TestExecStreamsFramesInOrder(t *testing.T) {
	w := start(t)
	f := w.stream("POST", "/v1/exec", object{"cmd": "echo a; sleep 0.05; echo b >&2; exit 4", "id": "job-1"})
	id, pid := w.startOf(f)
	if id != "job-1" || pid == 0 {
		t.Fatal(id, pid)
	}
	all := f.rest()
	for i, frame := range all {
		if frame.Seq != uint64(i+1) {
			t.Fatalf("frame %d has number %d", i, frame.Seq)
		}
	}
	if output(all, wire.FrameStdout) != "a\n" || output(all, wire.FrameStderr) != "b\n" || exitOf(t, all).ExitCode != 4 {
		t.Fatalf("%+v", all)
	}
}

func TestExecSendsEachPieceAtOnce(t *testing.T) {
	w := start(t)
	f := w.stream("POST", "/v1/exec", object{"cmd": "echo first; read line; echo $line", "stdin": true, "id": "talk"})
	f.until("first")
	if status, text := w.call("POST", "/v1/exec/talk/stdin", "second\n", nil); status != 204 {
		t.Fatal(status, text)
	}
	f.until("second")
	if exitOf(t, f.rest()).ExitCode != 0 {
		t.Fatal("not an orderly end")
	}
	if status, _ := w.call("POST", "/v1/exec/talk/stdin", "x", nil); status != 409 {
		t.Fatalf("stdin after the end: %d", status)
	}
}

func TestStdinIsStreamedAndClosedOnRequest(t *testing.T) {
	w := start(t)
	f := w.stream("POST", "/v1/exec", object{"cmd": "wc -c", "stdin": true, "id": "count"})
	w.startOf(f)
	body := io.LimitReader(zeros{}, 20<<20)
	if status, text := w.call("POST", "/v1/exec/count/stdin?close=1", body, nil); status != 204 {
		t.Fatal(status, text)
	}
	if got := strings.TrimSpace(output(f.rest(), wire.FrameStdout)); got != "20971520" {
		t.Fatal(got)
	}
}

type zeros struct{}

func (zeros) Read(into []byte) (int, error) {
	clear(into)
	return len(into), nil
}

func TestAnIdThatIsKnownIsAnsweredWithItsProcess(t *testing.T) {
	w := start(t)
	proof := t.TempDir() + "/proof"
	body := object{"cmd": "echo x >> " + proof + "; echo once", "id": "same"}
	first := w.stream("POST", "/v1/exec", body).rest()
	second := w.stream("POST", "/v1/exec", body).rest()
	if fmt.Sprint(first) != fmt.Sprint(second) {
		t.Fatalf("%v\n%v", first, second)
	}
	if text, _ := os.ReadFile(proof); string(text) != "x\n" {
		t.Fatalf("it ran more than once: %q", text)
	}
}

func TestReattachGivesWhatFollowsASequenceNumber(t *testing.T) {
	w := start(t)
	f := w.stream("POST", "/v1/exec", object{"cmd": "for i in 1 2 3; do echo $i; sleep 0.05; done; sleep 0.2; echo end",
		"id": "re", "on_hangup": "keep"})
	w.startOf(f)
	first, _ := f.next()
	f.cancel() // the reader vanishes; the process runs on
	again := w.stream("GET", "/v1/exec/re?after="+strconv.FormatUint(first.Seq, 10), nil).rest()
	if output(again, wire.FrameStdout) != "2\n3\nend\n" || again[0].Seq != first.Seq+1 {
		t.Fatalf("%+v", again)
	}
	last := again[len(again)-1]
	late := w.stream("GET", "/v1/exec/re?after="+strconv.FormatUint(last.Seq, 10), nil).rest()
	if len(late) != 1 || late[0].Type != wire.FrameExit {
		t.Fatalf("%+v", late)
	}
	if status, _ := w.call("GET", "/v1/exec/unknown", nil, nil); status != 404 {
		t.Fatal(status)
	}
}

func TestAHangupKillsTheTreeUnlessToldToKeep(t *testing.T) {
	w := start(t)
	gone := w.stream("POST", "/v1/exec", object{"cmd": "setsid sleep 987611 & echo on; wait"})
	kept := w.stream("POST", "/v1/exec", object{"cmd": "echo on; exec sleep 987612", "on_hangup": "keep", "id": "kept"})
	gone.until("on")
	kept.until("on")
	eventually(t, "both run", func() bool { return running("987611") && running("987612") })
	gone.cancel()
	kept.cancel()
	eventually(t, "the tree is gone", func() bool { return !running("987611") })
	if !running("987612") {
		t.Fatal("the kept process is gone too")
	}
	if status, _ := w.call("POST", "/v1/exec/kept/signal", object{"signal": 15}, nil); status != 204 {
		t.Fatal(status)
	}
	all := w.stream("GET", "/v1/exec/kept", nil).rest()
	if exit := exitOf(t, all); exit.ExitCode != 143 || exit.Signal != "terminated" {
		t.Fatalf("%+v", exit)
	}
}

func TestACallerThatWasLostWithAnEarlierGenerationHasNotHungUp(t *testing.T) {
	w := start(t)
	before := w.stream("POST", "/v1/exec", object{"cmd": "echo on; exec sleep 987613", "id": "before"})
	before.until("on")
	flag := t.TempDir() + "/flag"
	ctx, leave := context.WithCancel(context.Background())
	left := make(chan struct{})
	go func() {
		defer close(left)
		request, _ := http.NewRequestWithContext(ctx, "POST", "http://"+w.addr+"/v1/run", strings.NewReader(
			`{"cmd": "touch `+flag+`; while [ -e `+flag+` ]; do sleep 0.01; done; touch `+flag+`.end"}`))
		_, _ = http.DefaultClient.Do(request)
	}()
	eventually(t, "the waited-for command runs", func() bool { return exists(flag) })
	if status, text := w.call("POST", "/v1/thaw", thawBody(1), nil); status != 200 {
		t.Fatal(status, text)
	}
	w.token = "secret"
	after := w.stream("POST", "/v1/exec", object{"cmd": "echo on; exec sleep 987614"})
	after.until("on")
	eventually(t, "both run", func() bool { return running("987613") && running("987614") })
	before.cancel()
	leave()
	<-left
	after.cancel() // seen to be a hang-up after the two others
	eventually(t, "a caller of this generation hangs up", func() bool { return !running("987614") })
	if !running("987613") {
		t.Fatal("the streamed command is gone")
	}
	_ = os.Remove(flag)
	eventually(t, "the waited-for command comes to its end", func() bool { return exists(flag + ".end") })
	w.call("POST", "/v1/exec/before/signal", object{"signal": 9}, nil)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func TestDetachEndsTheReplyAfterTheStartFrame(t *testing.T) {
	w := start(t)
	f := w.stream("POST", "/v1/exec", object{"cmd": "sleep 0.2; echo later", "detach": true, "id": "away", "tag": "t"})
	w.startOf(f)
	if more := f.rest(); len(more) != 0 {
		t.Fatalf("%+v", more)
	}
	var list struct {
		Processes []struct {
			ID, Cmd, Tag string
			Ended        bool
		}
	}
	w.call("GET", "/v1/exec", nil, &list)
	if len(list.Processes) != 1 || list.Processes[0].ID != "away" || list.Processes[0].Tag != "t" || list.Processes[0].Ended {
		t.Fatalf("%+v", list)
	}
	if got := output(w.stream("GET", "/v1/exec/away", nil).rest(), wire.FrameStdout); got != "later\n" {
		t.Fatal(got)
	}
}

func TestATimeoutIsToldInTheExitFrame(t *testing.T) {
	w := start(t)
	all := w.stream("POST", "/v1/exec", object{"cmd": "sleep 987613 & setsid sleep 987613 & wait", "timeout_ms": 200}).rest()
	if exit := exitOf(t, all); !exit.TimedOut || exit.ExitCode != 124 {
		t.Fatalf("%+v", exit)
	}
	if running("987613") {
		t.Fatal("a grandchild lives on")
	}
}

func TestATerminalHasASizeAndCanBeResized(t *testing.T) {
	w := start(t)
	f := w.stream("POST", "/v1/exec", object{"argv": []string{"sh"}, "pty": object{"rows": 31, "cols": 97}, "id": "tty",
		"env": object{"PS1": ""}})
	w.startOf(f)
	w.call("POST", "/v1/exec/tty/stdin", "stty size; echo $TERM; tty\n", nil)
	if text := f.until("/dev/pts/"); !strings.Contains(text, "31 97") || !strings.Contains(text, "xterm-256color") {
		t.Fatal(text)
	}
	if status, text := w.call("POST", "/v1/exec/tty/resize", object{"rows": 40, "cols": 100}, nil); status != 204 {
		t.Fatal(text)
	}
	w.call("POST", "/v1/exec/tty/stdin", "stty size\n", nil)
	f.until("40 100")
	for body, want := range map[string]int{`{"rows":0,"cols":5}`: 400, `{"rows":70000,"cols":5}`: 400} {
		if status, _ := w.call("POST", "/v1/exec/tty/resize", body, nil); status != want {
			t.Fatal(body, status)
		}
	}
	w.call("POST", "/v1/exec/tty/stdin?close=1", nil, nil) // ctrl-D ends the shell
	all := f.rest()
	if exitOf(t, all).ExitCode != 0 {
		t.Fatalf("%+v", all)
	}
}

func TestASlowReaderSlowsTheProcessAndAVanishedOneDoesNot(t *testing.T) {
	w := start(t)
	count := t.TempDir() + "/count"
	// 40 MiB in pieces of 1 MiB, each told in a file.
	f := w.stream("POST", "/v1/exec", object{"id": "flood", "on_hangup": "keep", "cmd": "i=0; while [ $i -lt 40 ]; do " +
		"head -c 1048576 /dev/zero; i=$((i+1)); echo $i > " + count + "; done"})
	w.startOf(f)
	written := func() int {
		text, _ := os.ReadFile(count)
		n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
		return n
	}
	eventually(t, "it writes", func() bool { return written() >= 2 })
	before := -1
	eventually(t, "it stands still", func() bool {
		now := written()
		time.Sleep(300 * time.Millisecond)
		still := now == before && now == written()
		before = now
		return still
	})
	if before >= 30 {
		t.Fatalf("the process was not held up: %d MiB", before)
	}
	f.cancel()
	eventually(t, "it runs to its end", func() bool { return written() == 40 })
	all := w.stream("GET", "/v1/exec/flood?after=0", nil).rest()
	if all[0].Type != wire.FrameGap {
		t.Fatalf("the first frame is of type %d", all[0].Type)
	}
	var dropped int
	fmt.Sscanf(string(all[0].Payload), `{"dropped_bytes":%d}`, &dropped)
	if held := len(output(all, wire.FrameStdout)); dropped+held != 40<<20 || held > 4<<20 {
		t.Fatalf("dropped %d, held %d", dropped, held)
	}
	if all[0].Seq+1 != all[1].Seq {
		t.Fatalf("gap %d, then %d", all[0].Seq, all[1].Seq)
	}
}

func TestAReaderThatKeepsUpMissesNothing(t *testing.T) {
	w := start(t)
	f := w.stream("POST", "/v1/exec", object{"cmd": "seq 1 2000000"})
	w.startOf(f)
	var got bytes.Buffer
	seq := uint64(0)
	for {
		frame, ok := f.next()
		if !ok {
			break
		}
		if seq++; frame.Seq != seq {
			t.Fatalf("number %d where %d was due", frame.Seq, seq)
		}
		if frame.Type == wire.FrameStdout {
			got.Write(frame.Payload)
		}
	}
	if !strings.HasPrefix(got.String(), "1\n2\n") || !strings.HasSuffix(got.String(), "\n2000000\n") || got.Len() != 14888896 {
		t.Fatal(got.Len())
	}
}

func TestAFloodDoesNotGrowTheAgent(t *testing.T) {
	w := start(t)
	var most atomic.Uint64
	stop := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for {
			var memory runtime.MemStats
			runtime.ReadMemStats(&memory)
			most.Store(max(most.Load(), memory.HeapInuse))
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	got := w.run(object{"cmd": "head -c 1000000000 /dev/zero", "max_output_bytes": 1 << 20})
	f := w.stream("POST", "/v1/exec", object{"cmd": "yes flood | head -c 500000000", "id": "y", "detach": true})
	w.startOf(f)
	all := w.stream("GET", "/v1/exec/y?after=999999999", nil).rest()
	close(stop)
	<-watched
	if !got.Truncated || exitOf(t, all).ExitCode != 0 {
		t.Fatalf("%v %+v", got.Truncated, all)
	}
	if most.Load() > 200<<20 {
		t.Fatalf("the heap grew to %d MiB", most.Load()>>20)
	}
}

func TestManyProcessesEndCleanly(t *testing.T) {
	w := start(t)
	done := make(chan ran, 60)
	for i := range cap(done) {
		go func() { done <- w.run(object{"cmd": "(true &) ; exit " + strconv.Itoa(i)}) }()
	}
	seen := map[int]bool{}
	for range cap(done) {
		seen[(<-done).ExitCode] = true
	}
	if len(seen) != cap(done) {
		t.Fatalf("%d different exit codes", len(seen))
	}
}

func TestBadExecRequestsAreRefused(t *testing.T) {
	w := start(t)
	for name, body := range map[string]any{
		"id":        object{"cmd": "true", "id": "a/b"},
		"long id":   object{"cmd": "true", "id": strings.Repeat("a", 65)},
		"hangup":    object{"cmd": "true", "on_hangup": "maybe"},
		"pty":       object{"cmd": "true", "pty": object{"rows": 0, "cols": 1}},
		"stdin":     object{"cmd": "true", "stdin": "text"},
		"no cmd":    object{},
		"array":     `[]`,
		"cwd":       object{"cmd": "true", "cwd": "/no/such"},
		"argv NUL":  object{"argv": []string{"a\x00"}},
		"neg. time": object{"cmd": "true", "timeout_ms": -5},
	} {
		if status, text := w.call("POST", "/v1/exec", body, nil); status != 400 {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	w.stream("POST", "/v1/exec", object{"cmd": "true", "id": "over"}).rest()
	for path, body := range map[string]string{
		"/v1/exec/over/signal": `{"signal":15}`, "/v1/exec/over/resize": `{"rows":1,"cols":1}`, "/v1/exec/over/stdin": "x",
	} {
		if status, _ := w.call("POST", path, body, nil); status != 409 {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status, _ := w.call("POST", "/v1/exec/none/signal", `{"signal":15}`, nil); status != 404 {
		t.Error(status)
	}
}

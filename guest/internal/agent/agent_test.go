package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"pandastack.dev/guest/internal/hooks"
	"pandastack.dev/guest/internal/thaw"
	"pandastack.dev/guest/internal/wire"
)

// world is a real agent on a port of its own, with the machine's names and clock replaced.
type world struct {
	t     testing.TB
	agent *Agent
	addr  string
	root  string
	name  string
	token string
}

func start(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, root: t.TempDir(), name: "before"}
	system := &thaw.System{
		Root:        w.root,
		SetHostname: func(name string) error { w.name = name; return nil },
		Hostname:    func() (string, error) { return w.name, nil },
		StepClock:   func(time.Time) error { return nil },
		MixEntropy:  func([]byte) error { return nil },
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.agent = New(Options{System: system, Etc: "/etc", Hooks: w.root + hooks.Dir})
	w.addr = listener.Addr().String()
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = w.agent.Serve(listener)
	}()
	t.Cleanup(func() {
		w.agent.Close()
		<-served
	})
	return w
}

func (w *world) request(ctx context.Context, method, path string, body any) *http.Response {
	w.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case io.Reader:
		reader = b
	case string:
		reader = strings.NewReader(b)
	default:
		text, _ := json.Marshal(b)
		reader = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+w.addr+path, reader)
	if err != nil {
		w.t.Fatal(err)
	}
	if w.token != "" {
		request.Header.Set("Authorization", "Bearer "+w.token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { response.Body.Close() })
	return response
}

// call gives status and body; a JSON body goes into into.
func (w *world) call(method, path string, body, into any) (int, string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	response := w.request(ctx, method, path, body)
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			w.t.Fatalf("%s %s: %d %s", method, path, response.StatusCode, text)
		}
	}
	return response.StatusCode, string(text)
}

type ran struct {
	Stdout    string `json:"stdout"`
	Stderr    string `json:"stderr"`
	ExitCode  int    `json:"exit_code"`
	TimedOut  bool   `json:"timed_out"`
	Truncated bool   `json:"truncated"`
	Signal    string `json:"signal"`
}

type object = map[string]any

func (w *world) run(body object) ran {
	w.t.Helper()
	var result ran
	if status, text := w.call("POST", "/v1/run", body, nil); status != 200 {
		w.t.Fatalf("run: %d %s", status, text)
	} else if err := json.Unmarshal([]byte(text), &result); err != nil {
		w.t.Fatalf("run: %v in %s", err, text)
	}
	return result
}

// frames reads frames from a stream.
type frames struct {
	t      testing.TB
	body   io.ReadCloser
	cancel context.CancelFunc
}

func (w *world) stream(method, path string, body any) *frames {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w.t.Cleanup(cancel)
	response := w.request(ctx, method, path, body)
	if response.StatusCode != 200 {
		text, _ := io.ReadAll(response.Body)
		w.t.Fatalf("%s %s: %d %s", method, path, response.StatusCode, text)
	}
	return &frames{w.t, response.Body, cancel}
}

// next gives the next frame, or false at the end of the stream.
func (f *frames) next() (wire.Frame, bool) {
	f.t.Helper()
	header := make([]byte, wire.FrameHeaderBytes)
	if _, err := io.ReadFull(f.body, header); err == io.EOF {
		return wire.Frame{}, false
	} else if err != nil {
		f.t.Fatal(err)
	}
	kind, seq, length, ok := wire.ParseHeader(header)
	if !ok {
		f.t.Fatalf("malformed header %x", header)
	}
	payload := make([]byte, length)
	if _, err := io.ReadFull(f.body, payload); err != nil {
		f.t.Fatal(err)
	}
	return wire.Frame{Type: kind, Seq: seq, Payload: payload}, true
}

// rest reads to the end.
func (f *frames) rest() []wire.Frame {
	f.t.Helper()
	var all []wire.Frame
	for {
		frame, ok := f.next()
		if !ok {
			return all
		}
		all = append(all, frame)
	}
}

// until reads until the output contains a text.
func (f *frames) until(text string) string {
	f.t.Helper()
	var seen strings.Builder
	for !strings.Contains(seen.String(), text) {
		frame, ok := f.next()
		if !ok {
			f.t.Fatalf("the stream ended before %q: %q", text, seen.String())
		}
		if frame.Type >= wire.FrameStdout && frame.Type <= wire.FramePTY {
			seen.Write(frame.Payload)
		}
	}
	return seen.String()
}

func (w *world) startOf(f *frames) (id string, pid int) {
	w.t.Helper()
	frame, ok := f.next()
	if !ok || frame.Type != wire.FrameStart || frame.Seq != 0 {
		w.t.Fatalf("not a start frame: %+v", frame)
	}
	var start struct {
		ID  string `json:"id"`
		Pid int    `json:"pid"`
	}
	if err := json.Unmarshal(frame.Payload, &start); err != nil {
		w.t.Fatal(err)
	}
	return start.ID, start.Pid
}

func output(all []wire.Frame, kind byte) string {
	var text strings.Builder
	for _, frame := range all {
		if frame.Type == kind {
			text.Write(frame.Payload)
		}
	}
	return text.String()
}

func exitOf(t testing.TB, all []wire.Frame) (exit struct {
	ExitCode int    `json:"exit_code"`
	TimedOut bool   `json:"timed_out"`
	Signal   string `json:"signal"`
}) {
	t.Helper()
	last := all[len(all)-1]
	if last.Type != wire.FrameExit {
		t.Fatalf("the last frame is of type %d", last.Type)
	}
	if err := json.Unmarshal(last.Payload, &exit); err != nil {
		t.Fatal(err)
	}
	return exit
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if condition() {
			return
		}
	}
	t.Fatalf("%s did not come true", what)
}

// running finds processes by an argument of their command line.
func running(argument string) bool {
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		line, _ := os.ReadFile("/proc/" + entry.Name() + "/cmdline")
		if bytes.Contains(line, []byte(argument)) && !bytes.Contains(line, []byte("/bin/sh\x00-c")) {
			return true
		}
	}
	return false
}

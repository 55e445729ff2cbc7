package agent

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	"pandastack.dev/guest/gen/filesystem/filesystemconnect"
	"pandastack.dev/guest/gen/process"
	"pandastack.dev/guest/gen/process/processconnect"
)

func (w *world) processes(options ...connect.ClientOption) processconnect.ProcessClient {
	return processconnect.NewProcessClient(http.DefaultClient, "http://"+w.addr, options...)
}

func (w *world) filesystem() filesystemconnect.FilesystemClient {
	return filesystemconnect.NewFilesystemClient(http.DefaultClient, "http://"+w.addr, connect.WithProtoJSON())
}

// asRoot names the account, so that the tests do not depend on the accounts of the machine.
func asRoot[T any](message *T) *connect.Request[T] {
	request := connect.NewRequest(message)
	request.Header().Set("Authorization", "Basic cm9vdDo=")
	return request
}

func shell(script string) *process.StartRequest {
	return &process.StartRequest{Process: &process.ProcessConfig{Cmd: "/bin/sh", Args: []string{"-c", script}}}
}

func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

type outcome struct {
	pid            uint32
	stdout, stderr string
	end            *process.ProcessEvent_EndEvent
}

func collect(t testing.TB, stream *connect.ServerStreamForClient[process.StartResponse]) (o outcome) {
	t.Helper()
	for stream.Receive() {
		event := stream.Msg().GetEvent()
		if start := event.GetStart(); start != nil {
			o.pid = start.GetPid()
		}
		o.stdout += string(event.GetData().GetStdout()) + string(event.GetData().GetPty())
		o.stderr += string(event.GetData().GetStderr())
		if end := event.GetEnd(); end != nil {
			o.end = end
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestConnectStartsAProcessWithBothCodecs(t *testing.T) {
	w := start(t)
	for name, options := range map[string][]connect.ClientOption{"binary": nil, "json": {connect.WithProtoJSON()}} {
		stream, err := w.processes(options...).Start(deadline(t), asRoot(shell("echo out; echo err >&2; exit 3")))
		if err != nil {
			t.Fatal(name, err)
		}
		o := collect(t, stream)
		if o.pid == 0 || o.stdout != "out\n" || o.stderr != "err\n" || o.end.GetExitCode() != 3 || !o.end.GetExited() ||
			o.end.GetStatus() != "exit status 3" || o.end.GetError() != "exit status 3" {
			t.Fatalf("%s: %+v", name, o)
		}
	}
}

func TestConnectFramesLookAsTheClientsExpect(t *testing.T) {
	w := start(t)
	message := `{"process":{"cmd":"/bin/sh","args":["-c","echo hi"]},"stdin":false}`
	frame := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))
	request, _ := http.NewRequest("POST", "http://"+w.addr+"/process.Process/Start",
		bytes.NewReader(append(frame, message...)))
	request.Header.Set("Content-Type", "application/connect+json")
	request.Header.Set("Connect-Protocol-Version", "1")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	all, _ := io.ReadAll(response.Body)
	var seen []string
	for len(all) >= 5 {
		size := binary.BigEndian.Uint32(all[1:])
		var compact bytes.Buffer
		_ = json.Compact(&compact, all[5:5+size])
		seen = append(seen, fmt.Sprintf("%02x %s", all[0], compact.String()))
		all = all[5+size:]
	}
	if len(seen) != 4 || !strings.HasPrefix(seen[0], `00 {"event":{"start":{"pid":`) ||
		seen[1] != `00 {"event":{"data":{"stdout":"aGkK"}}}` ||
		seen[2] != `00 {"event":{"end":{"exited":true,"status":"exit status 0"}}}` || seen[3] != "02 {}" {
		t.Fatal(seen)
	}
}

func TestConnectTellsSignalsMissingProgramsAndDeadlines(t *testing.T) {
	w := start(t)
	client := w.processes()
	stream, _ := client.Start(deadline(t), asRoot(shell("kill -9 $$")))
	if end := collect(t, stream).end; end.GetExitCode() != -1 || end.GetExited() || end.GetError() != "signal: killed" {
		t.Fatalf("%+v", end)
	}
	stream, _ = client.Start(deadline(t), asRoot(&process.StartRequest{Process: &process.ProcessConfig{Cmd: "no-such"}}))
	if o := collect(t, stream); o.end.GetExitCode() != 127 || o.stderr != "no-such: not found\n" {
		t.Fatalf("%+v", o)
	}
	short, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	stream, err := client.Start(short, asRoot(shell("sleep 987621")))
	if err != nil {
		t.Fatal(err)
	}
	for stream.Receive() {
	}
	if connect.CodeOf(stream.Err()) != connect.CodeDeadlineExceeded {
		t.Fatal(stream.Err())
	}
	eventually(t, "it is killed", func() bool { return !running("987621") })
	for want, message := range map[connect.Code]*process.StartRequest{
		connect.CodeInvalidArgument: {Process: &process.ProcessConfig{Cmd: "true", Cwd: ptr("/no/such")}},
	} {
		stream, _ := client.Start(deadline(t), asRoot(message))
		for stream.Receive() {
		}
		if connect.CodeOf(stream.Err()) != want || !strings.Contains(stream.Err().Error(), "cwd '/no/such' does not exist") {
			t.Fatal(stream.Err())
		}
	}
	bad := connect.NewRequest(shell("true"))
	bad.Header().Set("Authorization", "Basic bm8tc3VjaDo=")
	stream, _ = client.Start(deadline(t), bad)
	for stream.Receive() {
	}
	if connect.CodeOf(stream.Err()) != connect.CodeUnauthenticated ||
		!strings.Contains(stream.Err().Error(), "invalid username: 'no-such'") {
		t.Fatal(stream.Err())
	}
}

func ptr[T any](value T) *T { return &value }

func TestConnectProcessesTakeInputSignalsAndSecondListeners(t *testing.T) {
	w := start(t)
	client := w.processes(connect.WithProtoJSON())
	message := shell("while read line; do echo got $line; done; echo end")
	message.Tag = ptr("talker")
	ctx, hangUp := context.WithCancel(deadline(t))
	stream, err := client.Start(ctx, asRoot(message))
	if err != nil || !stream.Receive() {
		t.Fatal(err, stream.Err())
	}
	pid := stream.Msg().GetEvent().GetStart().GetPid()
	hangUp() // the process outlives its first listener
	tag := &process.ProcessSelector{Selector: &process.ProcessSelector_Tag{Tag: "talker"}}
	byPid := &process.ProcessSelector{Selector: &process.ProcessSelector_Pid{Pid: pid}}
	list, err := client.List(deadline(t), asRoot(&process.ListRequest{}))
	if err != nil || len(list.Msg.Processes) != 1 || list.Msg.Processes[0].GetTag() != "talker" {
		t.Fatal(list, err)
	}
	in := &process.ProcessInput{Input: &process.ProcessInput_Stdin{Stdin: []byte("one\n")}}
	if _, err := client.SendInput(deadline(t), asRoot(&process.SendInputRequest{Process: tag, Input: in})); err != nil {
		t.Fatal(err)
	}
	pour := client.StreamInput(deadline(t))
	_ = pour.Send(&process.StreamInputRequest{Event: &process.StreamInputRequest_Start{
		Start: &process.StreamInputRequest_StartEvent{Process: byPid}}})
	in.Input = &process.ProcessInput_Stdin{Stdin: []byte("two\n")}
	_ = pour.Send(&process.StreamInputRequest{Event: &process.StreamInputRequest_Data{
		Data: &process.StreamInputRequest_DataEvent{Input: in}}})
	if _, err := pour.CloseAndReceive(); err != nil {
		t.Fatal(err)
	}
	again, err := client.Connect(deadline(t), asRoot(&process.ConnectRequest{Process: byPid}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CloseStdin(deadline(t), asRoot(&process.CloseStdinRequest{Process: tag})); err != nil {
		t.Fatal(err)
	}
	var text string
	var end *process.ProcessEvent_EndEvent
	for again.Receive() {
		text += string(again.Msg().GetEvent().GetData().GetStdout())
		end = again.Msg().GetEvent().GetEnd()
	}
	if text != "got one\ngot two\nend\n" || !end.GetExited() {
		t.Fatalf("%q %+v", text, end)
	}
	_, err = client.SendSignal(deadline(t), asRoot(&process.SendSignalRequest{Process: byPid, Signal: 9}))
	if connect.CodeOf(err) != connect.CodeNotFound || !strings.Contains(err.Error(), fmt.Sprintf("process with pid %d not found", pid)) {
		t.Fatal(err)
	}
}

func TestConnectTerminals(t *testing.T) {
	w := start(t)
	client := w.processes()
	message := &process.StartRequest{Process: &process.ProcessConfig{Cmd: "/bin/sh"},
		Pty: &process.PTY{Size: &process.PTY_Size{Rows: 20, Cols: 70}}, Tag: ptr("tty")}
	stream, err := client.Start(deadline(t), asRoot(message))
	if err != nil {
		t.Fatal(err)
	}
	tag := &process.ProcessSelector{Selector: &process.ProcessSelector_Tag{Tag: "tty"}}
	type_ := func(text string) {
		in := &process.ProcessInput{Input: &process.ProcessInput_Pty{Pty: []byte(text)}}
		if _, err := client.SendInput(deadline(t), asRoot(&process.SendInputRequest{Process: tag, Input: in})); err != nil {
			t.Fatal(err)
		}
	}
	stream.Receive()
	_, err = client.Update(deadline(t), asRoot(&process.UpdateRequest{Process: tag,
		Pty: &process.PTY{Size: &process.PTY_Size{Rows: 21, Cols: 71}}}))
	if err != nil {
		t.Fatal(err)
	}
	type_("stty size; exit 5\n")
	if o := collect(t, stream); !strings.Contains(o.stdout, "21 71") || o.end.GetExitCode() != 5 {
		t.Fatalf("%+v", o)
	}
}

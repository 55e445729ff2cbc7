package agent

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	"pandastack.dev/guest/gen/filesystem"
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

func TestFilesystemCalls(t *testing.T) {
	w := start(t)
	client := w.filesystem()
	dir := t.TempDir()
	made, err := client.MakeDir(deadline(t), asRoot(&filesystem.MakeDirRequest{Path: dir + "/a/b"}))
	if err != nil || made.Msg.Entry.GetType() != filesystem.FileType_FILE_TYPE_DIRECTORY ||
		made.Msg.Entry.GetPermissions() != "drwxr-xr-x" {
		t.Fatal(made, err)
	}
	if _, err := client.MakeDir(deadline(t), asRoot(&filesystem.MakeDirRequest{Path: dir + "/a/b"})); connect.CodeOf(err) !=
		connect.CodeAlreadyExists {
		t.Fatal(err)
	}
	_ = os.WriteFile(dir+"/a/f", []byte("abc"), 0o644)
	_ = os.Symlink(dir+"/a/f", dir+"/a/l")
	list, err := client.ListDir(deadline(t), asRoot(&filesystem.ListDirRequest{Path: dir, Depth: 2}))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range list.Msg.Entries {
		names = append(names, strings.TrimPrefix(entry.GetPath(), dir))
	}
	if fmt.Sprint(names) != "[/a /a/b /a/f /a/l]" {
		t.Fatal(names)
	}
	link := list.Msg.Entries[3]
	if link.GetType() != filesystem.FileType_FILE_TYPE_FILE || link.GetSymlinkTarget() != dir+"/a/f" || link.GetSize() != 3 {
		t.Fatal(link)
	}
	moved, err := client.Move(deadline(t), asRoot(&filesystem.MoveRequest{Source: dir + "/a/f", Destination: dir + "/n/g"}))
	if err != nil || moved.Msg.Entry.GetName() != "g" {
		t.Fatal(moved, err)
	}
	for range 2 { // a missing path is fine
		if _, err := client.Remove(deadline(t), asRoot(&filesystem.RemoveRequest{Path: dir + "/n"})); err != nil {
			t.Fatal(err)
		}
	}
	_, err = client.Stat(deadline(t), asRoot(&filesystem.StatRequest{Path: dir + "/n"}))
	if connect.CodeOf(err) != connect.CodeNotFound {
		t.Fatal(err)
	}
	for path, want := range map[string]connect.Code{
		"~somebody/x": connect.CodeInvalidArgument, "a\x00": connect.CodeInvalidArgument,
		"/etc/passwd": connect.CodeInvalidArgument, "/no/such": connect.CodeNotFound,
	} {
		_, err := client.ListDir(deadline(t), asRoot(&filesystem.ListDirRequest{Path: path}))
		if connect.CodeOf(err) != want {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestWatchersTellOfChangesBelowNewDirectories(t *testing.T) {
	w := start(t)
	client := w.filesystem()
	dir := t.TempDir()
	stream, err := client.WatchDir(deadline(t), asRoot(&filesystem.WatchDirRequest{Path: dir, Recursive: true, IncludeEntry: true}))
	if err != nil || !stream.Receive() || stream.Msg().GetStart() == nil {
		t.Fatal(err, stream.Err())
	}
	polled, err := client.CreateWatcher(deadline(t), asRoot(&filesystem.CreateWatcherRequest{Path: dir}))
	if err != nil {
		t.Fatal(err)
	}
	_ = os.MkdirAll(dir+"/x/y", 0o755)
	eventually(t, "the inner directory is watched", func() bool {
		_ = os.WriteFile(dir+"/x/y/f", []byte("1"), 0o644)
		for stream.Receive() {
			event := stream.Msg().GetFilesystem()
			if event.GetName() == "x/y/f" && event.GetEntry().GetPath() == dir+"/x/y/f" {
				return true
			}
		}
		return false
	})
	id := &filesystem.GetWatcherEventsRequest{WatcherId: polled.Msg.GetWatcherId()}
	events, err := client.GetWatcherEvents(deadline(t), asRoot(id))
	if err != nil || len(events.Msg.Events) == 0 || events.Msg.Events[0].GetName() != "x" ||
		events.Msg.Events[0].GetType() != filesystem.EventType_EVENT_TYPE_CREATE {
		t.Fatal(events, err)
	}
	remove := &filesystem.RemoveWatcherRequest{WatcherId: polled.Msg.GetWatcherId()}
	if _, err := client.RemoveWatcher(deadline(t), asRoot(remove)); err != nil {
		t.Fatal(err)
	}
	if _, err := client.GetWatcherEvents(deadline(t), asRoot(id)); connect.CodeOf(err) != connect.CodeNotFound {
		t.Fatal(err)
	}
	for path, want := range map[string]connect.Code{"/etc/passwd": connect.CodeInvalidArgument, "/no": connect.CodeNotFound} {
		stream, _ := client.WatchDir(deadline(t), asRoot(&filesystem.WatchDirRequest{Path: path}))
		for stream.Receive() {
		}
		if connect.CodeOf(stream.Err()) != want {
			t.Errorf("%s: %v", path, stream.Err())
		}
	}
}

func TestPlainEndpointsOfTheClientFace(t *testing.T) {
	w := start(t)
	dir := t.TempDir()
	if status, _ := w.call("GET", "/health", nil, nil); status != 204 {
		t.Fatal(status)
	}
	var form bytes.Buffer
	writer := multipart.NewWriter(&form)
	for _, name := range []string{dir + "/deep/one.txt", dir + "/two.txt"} {
		part, _ := writer.CreateFormFile("file", name)
		_, _ = io.WriteString(part, name)
	}
	writer.Close()
	request, _ := http.NewRequest("POST", "http://"+w.addr+"/files?username=root", &form)
	request.Header.Set("Content-Type", writer.FormDataContentType())
	request.Header.Set("X-Metadata-Colour", "red")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(response.Body)
	var wrote []struct{ Name, Path, Type string }
	if response.StatusCode != 200 || json.Unmarshal(text, &wrote) != nil || len(wrote) != 2 ||
		wrote[0].Path != dir+"/deep/one.txt" || wrote[0].Type != "file" {
		t.Fatal(response.StatusCode, string(text))
	}
	stat, err := w.filesystem().Stat(deadline(t), asRoot(&filesystem.StatRequest{Path: dir + "/two.txt"}))
	if err != nil || stat.Msg.Entry.GetMetadata()["colour"] != "red" {
		t.Fatal(stat, err)
	}
	compose := object{"source_paths": []string{dir + "/two.txt", dir + "/two.txt"}, "destination": dir + "/both", "username": "root"}
	if status, text := w.call("POST", "/files/compose", compose, nil); status != 200 {
		t.Fatal(status, text)
	}
	if both, _ := os.ReadFile(dir + "/both"); string(both) != dir+"/two.txt"+dir+"/two.txt" {
		t.Fatal(string(both))
	}
	for path, want := range map[string]int{
		"/files" + at(dir+"/two.txt"): 200, "/files" + at(dir): 400, "/files" + at(dir+"/no"): 404,
		"/files" + at("/proc/self/status"): 200, "/metrics": 200, "/envs": 200, "/init": 404, "/freeze": 404,
		"/files?username=no-such&path=x": 401,
	} {
		status, text := w.call("GET", path, nil, nil)
		if status != want {
			t.Errorf("%s: %d %s", path, status, text)
		}
		if status >= 400 && !strings.Contains(text, fmt.Sprintf(`"code":%d`, status)) {
			t.Errorf("%s: %s", path, text)
		}
	}
	if status, text := w.call("POST", "/init", object{"accessToken": "x"}, nil); status != 404 {
		t.Error(status, text)
	}
	ranged, _ := http.NewRequest("GET", "http://"+w.addr+"/files"+at(dir+"/both"), nil)
	ranged.Header.Set("Range", "bytes=1-3")
	response, err = http.DefaultClient.Do(ranged)
	if err != nil || response.StatusCode != 206 || response.ContentLength != 3 {
		t.Fatal(response, err)
	}
}

func TestClientTokensAndSignatures(t *testing.T) {
	w := start(t)
	dir := t.TempDir()
	_ = os.WriteFile(dir+"/f", []byte("text"), 0o644)
	body := thawBody(1)
	body["client_token"] = "client"
	w.call("POST", "/v1/thaw", body, nil)
	_, err := w.processes().List(deadline(t), asRoot(&process.ListRequest{}))
	var refused *connect.Error
	if !errors.As(err, &refused) || refused.Code() != connect.CodeUnauthenticated {
		t.Fatal(err)
	}
	request := asRoot(&process.ListRequest{})
	request.Header().Set("X-Access-Token", "client")
	if _, err := w.processes().List(deadline(t), request); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"":                  "missing signature query parameter",
		"&signature=v1_bad": "invalid signature",
	} {
		if status, text := w.call("GET", "/files"+at(dir+"/f")+query, nil, nil); status != 401 || !strings.Contains(text, want) {
			t.Errorf("%q: %d %s", query, status, text)
		}
	}
}

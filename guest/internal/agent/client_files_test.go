package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"testing"

	"connectrpc.com/connect"

	"pandastack.dev/guest/gen/filesystem"
	"pandastack.dev/guest/gen/process"
)

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
	var events []*filesystem.FilesystemEvent
	eventually(t, "the other watcher has heard of it too", func() bool {
		reply, err := client.GetWatcherEvents(deadline(t), asRoot(id))
		if err != nil {
			t.Fatal(err)
		}
		events = reply.Msg.Events
		return len(events) > 0
	})
	if events[0].GetName() != "x" || events[0].GetType() != filesystem.EventType_EVENT_TYPE_CREATE {
		t.Fatal(events)
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

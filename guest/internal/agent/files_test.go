package agent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func at(path string) string { return "?path=" + url.QueryEscape(path) }

func TestFilesOfAnySizeAndContentComeBackAsTheyWere(t *testing.T) {
	w := start(t)
	dir := t.TempDir()
	for _, size := range []int{0, 1, 65536, 65537, 3 << 20} {
		want := make([]byte, size)
		for i := range want {
			want[i] = byte(i * 7)
		}
		path := filepath.Join(dir, "new", fmt.Sprint(size))
		var wrote struct {
			Path  string
			Bytes int
		}
		if status, text := w.call("PUT", "/v1/files"+at(path), bytes.NewReader(want), &wrote); status != 200 ||
			wrote.Bytes != size || wrote.Path != path {
			t.Fatal(status, text)
		}
		response := w.request(context.Background(), "GET", "/v1/files"+at(path), nil)
		got, _ := io.ReadAll(response.Body)
		if !bytes.Equal(got, want) || response.ContentLength != int64(size) {
			t.Fatalf("%d bytes, content-length %d", len(got), response.ContentLength)
		}
	}
	if entries, _ := os.ReadDir(filepath.Join(dir, "new")); len(entries) != 5 {
		t.Fatal(entries)
	}
}

func TestAnUploadThatBreaksOffLeavesTheOldFile(t *testing.T) {
	w := start(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	w.call("PUT", "/v1/files"+at(path), "old", nil)
	conn, err := net.Dial("tcp", w.addr)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "PUT /v1/files%s HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf", at(path))
	eventually(t, "the upload began", func() bool { entries, _ := os.ReadDir(dir); return len(entries) == 2 })
	conn.Close()
	eventually(t, "nothing is left of it", func() bool { entries, _ := os.ReadDir(dir); return len(entries) == 1 })
	if text, _ := os.ReadFile(path); string(text) != "old" {
		t.Fatal(string(text))
	}
}

func TestAReplacedFileKeepsItsModeAndItsLink(t *testing.T) {
	w := start(t)
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	_ = os.WriteFile(real, []byte("x"), 0o755)
	_ = os.Symlink(real, link)
	w.call("PUT", "/v1/files"+at(link), "new", nil)
	info, err := os.Lstat(real)
	text, _ := os.ReadFile(real)
	if err != nil || info.Mode().Perm() != 0o755 || string(text) != "new" {
		t.Fatal(info.Mode(), string(text))
	}
	if target, err := os.Readlink(link); err != nil || target != real {
		t.Fatal("the link is gone")
	}
}

func TestOddFilesNeitherHangNorFillTheAgent(t *testing.T) {
	w := start(t)
	dir := t.TempDir()
	_ = syscall.Mkfifo(dir+"/fifo", 0o644)
	sparse, _ := os.Create(dir + "/sparse")
	_ = sparse.Truncate(200 << 20)
	sparse.Close()
	for path, want := range map[string]int{
		dir + "/fifo": 400, "/dev/zero": 400, "/dev/null": 400, dir: 400, "/proc/self/status": 200, "/proc/kmsg": 200,
		"/no/such": 404, "/etc/passwd/x": 400, "": 400, "a\x00b": 400, strings.Repeat("a/", 3000): 400,
		strings.Repeat("n", 300): 400,
	} {
		status, text := w.call("GET", "/v1/files"+at(path), nil, nil)
		if status != want && (path != "/proc/kmsg" || status >= 500) {
			t.Errorf("%.40s: %d %.80s", path, status, text)
		}
		if status == 200 && path == "/proc/self/status" && !strings.Contains(text, "Name:") {
			t.Errorf("%q", text)
		}
	}
	response := w.request(context.Background(), "GET", "/v1/files"+at(dir+"/sparse"), nil)
	hash := sha256.New()
	if n, err := io.Copy(hash, response.Body); n != 200<<20 || err != nil {
		t.Fatal(n, err)
	}
	for _, path := range []string{dir + "/fifo", dir, "/dev/null", "a\x00", dir + "/sparse/under"} {
		if status, text := w.call("PUT", "/v1/files"+at(path), "x", nil); status != 400 && status != 409 {
			t.Errorf("PUT %s: %d %s", path, status, text)
		}
	}
}

func TestDirectoriesAreMadeListedRenamedAndRemoved(t *testing.T) {
	w := start(t)
	dir := t.TempDir()
	must := func(want int, method, path string, body any) {
		t.Helper()
		if status, text := w.call(method, path, body, nil); status != want {
			t.Fatalf("%s %s: %d %s", method, path, status, text)
		}
	}
	must(204, "POST", "/v1/files/mkdir", object{"path": dir + "/a/b/c"})
	must(204, "POST", "/v1/files/mkdir", object{"path": dir + "/a/b/c"})
	must(200, "PUT", "/v1/files"+at(dir+"/a/z"), "zz")
	must(409, "POST", "/v1/files/mkdir", object{"path": dir + "/a/z"})
	_ = os.Symlink("z", dir+"/a/l")
	_ = os.Chmod(dir+"/a/z", os.ModeSetuid|0o751)
	type entry struct {
		Name, Path, Mode, Perm, Owner, Target string
		IsDir                                 bool `json:"is_dir"`
		Size                                  int64
		Mtime                                 int64
	}
	var list struct {
		Path    string
		Entries []entry
	}
	w.call("GET", "/v1/files/dir"+at(dir+"/a"), nil, &list)
	if list.Path != dir+"/a" || len(list.Entries) != 3 {
		t.Fatalf("%+v", list)
	}
	b, l, z := list.Entries[0], list.Entries[1], list.Entries[2]
	if b.Name != "b" || b.Mode != "d" || !b.IsDir || l.Mode != "l" || l.Target != "z" || z.Mode != "f" || z.Size != 2 ||
		z.Perm != "4751" || z.Path != dir+"/a/z" || z.Mtime < time.Now().Unix()-100 {
		t.Fatalf("%+v", list.Entries)
	}
	var one entry
	if status, _ := w.call("GET", "/v1/files/stat"+at(dir+"/a/z"), nil, &one); status != 200 || one != z {
		t.Fatalf("%+v", one)
	}
	must(400, "GET", "/v1/files/dir"+at(dir+"/a/z"), nil)
	must(404, "GET", "/v1/files/stat"+at(dir+"/nope"), nil)
	must(204, "POST", "/v1/files/rename", object{"from": dir + "/a", "to": dir + "/n"})
	must(404, "POST", "/v1/files/rename", object{"from": dir + "/a", "to": dir + "/m"})
	must(404, "POST", "/v1/files/rename", object{"from": dir + "/n", "to": dir + "/no/parent"})
	must(400, "POST", "/v1/files/rename", object{"from": dir + "/n", "to": dir + "/n/inside"})
	must(204, "DELETE", "/v1/files"+at(dir+"/n"), nil)
	must(404, "DELETE", "/v1/files"+at(dir+"/n"), nil)
	must(400, "DELETE", "/v1/files"+at("/"), nil)
}

func TestRenameCrossesFileSystems(t *testing.T) {
	shm := "/dev/shm/guestd-test-" + fmt.Sprint(os.Getpid())
	dir := t.TempDir()
	if os.Mkdir(shm, 0o755) != nil || os.Rename(shm, dir+"/x") == nil {
		t.Skip("/dev/shm is not another file system")
	}
	defer os.RemoveAll(shm)
	_ = os.WriteFile(shm+"/f", []byte("text"), 0o600)
	w := start(t)
	if status, text := w.call("POST", "/v1/files/rename", object{"from": shm, "to": dir + "/moved"}, nil); status != 204 {
		t.Fatal(status, text)
	}
	if text, _ := os.ReadFile(dir + "/moved/f"); string(text) != "text" {
		t.Fatal(string(text))
	}
}

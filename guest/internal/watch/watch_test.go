package watch

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"pandastack.dev/guest/internal/files"
)

// seen waits for an event on the file that ends each test and gives all before it.
func seen(t *testing.T, w *Watcher, dir string) string {
	t.Helper()
	_ = os.Mkdir(dir+"/end-of-test", 0o755)
	var all []string
	for deadline := time.After(10 * time.Second); ; {
		for _, event := range w.Take() {
			if event.Name == "end-of-test" {
				return strings.Join(all, " ")
			}
			all = append(all, fmt.Sprint(event.Name, ":", event.Kind))
		}
		select {
		case <-w.Wake():
		case <-deadline:
			t.Fatal("the last event did not come", all)
		}
	}
}

func watched(t *testing.T, recursive bool) (*Watcher, string) {
	t.Helper()
	dir := t.TempDir()
	_ = os.WriteFile(dir+"/old", []byte("x"), 0o644)
	w, err := New(dir, recursive)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w, dir
}

func TestAnUploadIsSeenAsItsResult(t *testing.T) {
	w, dir := watched(t, false)
	for _, name := range []string{"old", "new"} {
		if _, err := files.Write(dir+"/"+name, strings.NewReader("text"), nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := seen(t, w, dir); got != "old:2 new:1 new:2" {
		t.Fatal(got)
	}
}

func TestChangesAreToldByTheirKind(t *testing.T) {
	w, dir := watched(t, false)
	_ = os.Chmod(dir+"/old", 0o600)
	_ = os.Rename(dir+"/old", dir+"/moved")
	_ = os.Remove(dir + "/moved")
	if got := seen(t, w, dir); got != "old:5 old:4 moved:1 moved:3" {
		t.Fatal(got)
	}
}

func TestOnlyARecursiveWatcherSeesBelow(t *testing.T) {
	for recursive, want := range map[bool]string{true: "sub:1 sub/deep:1", false: "sub:1"} {
		w, dir := watched(t, recursive)
		_ = os.MkdirAll(dir+"/sub/deep", 0o755)
		if got := seen(t, w, dir); got != want {
			t.Errorf("recursive %v: %s", recursive, got)
		}
	}
}

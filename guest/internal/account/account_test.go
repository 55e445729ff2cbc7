package account

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const passwd = `root:x:0:0:root:/root:/bin/bash
# a comment
user:x:1000:1000:,,,:/home/user:
broken:x:notanumber:0::/:/bin/sh
short:x:1
odd:x:1001:1001::relative:/bin/sh
`

const group = `root:x:0:
user:x:1000:
sudo:x:27:user,ghost
docker:x:999:user
`

func book(t *testing.T) (*Book, string) {
	dir := t.TempDir()
	_ = os.WriteFile(filepath.Join(dir, "passwd"), []byte(passwd), 0o644)
	_ = os.WriteFile(filepath.Join(dir, "group"), []byte(group), 0o644)
	return NewBook(dir), dir
}

func TestUsersAreFoundByNameAndNumberWithTheirGroups(t *testing.T) {
	b, _ := book(t)
	for _, name := range []string{"user", "1000"} {
		user, err := b.Lookup(name)
		if err != nil || user.UID != 1000 || user.Home != "/home/user" || user.Shell != "/bin/sh" ||
			len(user.Groups) != 2 || user.Groups[0] != 27 || user.Groups[1] != 999 {
			t.Fatalf("%+v %v", user, err)
		}
	}
	if root, err := b.Lookup(""); err != nil || root.Name != "root" || root.Shell != "/bin/bash" {
		t.Fatal(root, err)
	}
	if odd, _ := b.Lookup("odd"); odd.Home != "/" {
		t.Fatal(odd)
	}
	for _, name := range []string{"ghost", "broken", "short", "4242", "#", "a:b"} {
		if _, err := b.Lookup(name); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if b.GroupName(27) != "sudo" || b.GroupName(4242) != "4242" || b.UserName(1001) != "odd" {
		t.Fatal("names of numbers")
	}
}

func TestAChangedFileIsReadAgain(t *testing.T) {
	b, dir := book(t)
	if _, err := b.Lookup("late"); err == nil {
		t.Fatal("too early")
	}
	path := filepath.Join(dir, "passwd")
	_ = os.WriteFile(path, []byte(passwd+"late:x:1002:1002::/:/bin/sh\n"), 0o644)
	_ = os.Chtimes(path, time.Now(), time.Now().Add(time.Second))
	if _, err := b.Lookup("late"); err != nil {
		t.Fatal(err)
	}
}

func TestRootNeedsNoFiles(t *testing.T) {
	b := NewBook(t.TempDir())
	for _, name := range []string{"", "root", "0"} {
		if user, err := b.Lookup(name); err != nil || user.UID != 0 || user.Home != "/root" {
			t.Errorf("%q: %+v %v", name, user, err)
		}
	}
}

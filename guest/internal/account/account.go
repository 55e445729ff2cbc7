// Package account looks users up in /etc/passwd and /etc/group of the sandbox. The files belong to the workload: they
// are read again whenever they change, and never beyond a limit.
package account

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// User is what a process needs to know of the account it runs as.
type User struct {
	Name  string
	UID   uint32
	GID   uint32
	Home  string
	Shell string
	// Groups are the supplementary ones.
	Groups []uint32
}

// ErrUnknown is returned for a name or number that is in no passwd line.
var ErrUnknown = errors.New("unknown user")

const maxFileBytes = 4 << 20

// Book reads passwd and group below one directory, /etc outside of tests.
type Book struct {
	dir string

	mu     sync.Mutex
	stamp  [2]stamp
	users  map[string]*User
	byID   map[uint32]string
	groups map[uint32]string
}

type stamp struct {
	at   time.Time
	size int64
}

// NewBook makes a book over dir/passwd and dir/group.
func NewBook(dir string) *Book { return &Book{dir: dir} }

// Lookup finds a user by name or by decimal id. Empty means root. root is there even without a passwd file.
func (b *Book) Lookup(name string) (*User, error) {
	if name == "" {
		name = "root"
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refresh()
	if user, ok := b.users[name]; ok {
		return user, nil
	}
	if id, err := strconv.ParseUint(name, 10, 32); err == nil {
		if user, ok := b.users[b.byID[uint32(id)]]; ok {
			return user, nil
		}
		if id == 0 {
			name = "root"
		}
	}
	if name == "root" {
		return &User{Name: "root", Home: "/root", Shell: "/bin/sh"}, nil
	}
	return nil, ErrUnknown
}

// UserName and GroupName give the number back when nothing is known.
func (b *Book) UserName(id uint32) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refresh()
	if name, ok := b.byID[id]; ok {
		return name
	}
	return strconv.FormatUint(uint64(id), 10)
}

// GroupName is UserName for groups.
func (b *Book) GroupName(id uint32) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refresh()
	if name, ok := b.groups[id]; ok {
		return name
	}
	return strconv.FormatUint(uint64(id), 10)
}

func (b *Book) refresh() {
	now := [2]stamp{stampOf(filepath.Join(b.dir, "passwd")), stampOf(filepath.Join(b.dir, "group"))}
	if b.users != nil && now == b.stamp {
		return
	}
	b.stamp = now
	b.users, b.byID = parsePasswd(read(filepath.Join(b.dir, "passwd")))
	b.groups = parseGroup(read(filepath.Join(b.dir, "group")), b.users)
}

func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{info.ModTime(), info.Size()}
}

func read(path string) string {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	text, _ := io.ReadAll(io.LimitReader(file, maxFileBytes))
	return string(text)
}

func parsePasswd(text string) (map[string]*User, map[uint32]string) {
	users, byID := map[string]*User{}, map[uint32]string{}
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimRight(line, "\n"), ":")
		if len(f) < 7 || f[0] == "" || strings.HasPrefix(f[0], "#") {
			continue
		}
		uid, err1 := strconv.ParseUint(f[2], 10, 32)
		gid, err2 := strconv.ParseUint(f[3], 10, 32)
		if err1 != nil || err2 != nil || users[f[0]] != nil {
			continue
		}
		user := &User{Name: f[0], UID: uint32(uid), GID: uint32(gid), Home: f[5], Shell: f[6]}
		if !strings.HasPrefix(user.Home, "/") {
			user.Home = "/"
		}
		if user.Shell == "" {
			user.Shell = "/bin/sh"
		}
		users[user.Name] = user
		if _, taken := byID[user.UID]; !taken {
			byID[user.UID] = user.Name
		}
	}
	return users, byID
}

func parseGroup(text string, users map[string]*User) map[uint32]string {
	groups := map[uint32]string{}
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimRight(line, "\n"), ":")
		if len(f) < 4 {
			continue
		}
		id, err := strconv.ParseUint(f[2], 10, 32)
		if err != nil {
			continue
		}
		gid := uint32(id)
		if _, taken := groups[gid]; !taken {
			groups[gid] = f[0]
		}
		for _, member := range strings.Split(f[3], ",") {
			if user := users[strings.TrimSpace(member)]; user != nil && user.GID != gid && len(user.Groups) < 1024 {
				user.Groups = append(user.Groups, gid)
			}
		}
	}
	return groups
}

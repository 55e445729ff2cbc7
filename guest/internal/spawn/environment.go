package spawn

import (
	"strings"

	"pandastack.dev/guest/internal/account"
)

// environment layers, later wins: the image's, the account's, the sandbox's settings, the request's. The marker comes
// first, so that a search through /proc need read no more than the beginning of an environment.
func (s *Sandbox) environment(id string, spec *Spec, user *account.User) []string {
	var settings []string
	if s.Settings != nil {
		settings = s.Settings()
	}
	env := layers{list: make([]string, 0, len(s.Inherited)+len(settings)+len(spec.Env)+8)}
	env.set(Marker, id)
	env.set("PATH", DefaultPath)
	for _, pair := range s.Inherited {
		if key, value, ok := strings.Cut(pair, "="); ok && key != "TERM" && key != Marker {
			env.set(key, value)
		}
	}
	env.set("HOME", user.Home)
	env.set("USER", user.Name)
	env.set("LOGNAME", user.Name)
	env.set("SHELL", user.Shell)
	if spec.PTY {
		env.set("TERM", "xterm-256color")
	}
	for _, pair := range settings {
		key, value, _ := strings.Cut(pair, "=")
		env.set(key, value)
	}
	for key, value := range spec.Env {
		if key != Marker {
			env.set(key, value)
		}
	}
	return env.list
}

type layers struct {
	list  []string
	index map[string]int
}

// set replaces or adds. Up to a few dozen variables a plain search is quicker than a map.
func (l *layers) set(key, value string) {
	if at := l.find(key); at >= 0 {
		l.list[at] = key + "=" + value
		return
	}
	if l.index != nil {
		l.index[key] = len(l.list)
	}
	l.list = append(l.list, key+"="+value)
}

func (l *layers) find(key string) int {
	if l.index != nil {
		if at, ok := l.index[key]; ok {
			return at
		}
		return -1
	}
	if len(l.list) > 64 {
		l.index = make(map[string]int, 2*len(l.list))
		for i, pair := range l.list {
			name, _, _ := strings.Cut(pair, "=")
			l.index[name] = i
		}
		return l.find(key)
	}
	for i, pair := range l.list {
		if len(pair) > len(key) && pair[len(key)] == '=' && pair[:len(key)] == key {
			return i
		}
	}
	return -1
}

func lookup(env []string, key string) string {
	for _, pair := range env {
		if name, value, _ := strings.Cut(pair, "="); name == key {
			return value
		}
	}
	return ""
}

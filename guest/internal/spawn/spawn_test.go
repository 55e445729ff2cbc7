package spawn

import (
	"fmt"
	"testing"

	"pandastack.dev/guest/internal/account"
)

func TestLaterLayersOfTheEnvironmentWin(t *testing.T) {
	s := &Sandbox{
		Inherited: []string{"PATH=/image", "HOME=/image", "A=image", "B=image", "TERM=dumb", Marker + "=outer"},
		Settings:  func() []string { return []string{"B=thaw", "C=thaw"} },
	}
	user := &account.User{Name: "u", Home: "/home/u", Shell: "/bin/zsh"}
	env := s.environment("id7", &Spec{Env: map[string]string{"C": "request", Marker: "forged"}, PTY: true}, user)
	if env[0] != Marker+"=id7" {
		t.Fatal(env)
	}
	for key, want := range map[string]string{"PATH": "/image", "HOME": "/home/u", "USER": "u", "LOGNAME": "u",
		"SHELL": "/bin/zsh", "A": "image", "B": "thaw", "C": "request", "TERM": "xterm-256color"} {
		if got := lookup(env, key); got != want {
			t.Errorf("%s=%s", key, got)
		}
	}
}

func TestAnEnvironmentOfThousandsHasNoDoubles(t *testing.T) {
	many := map[string]string{"HOME": "/mine"}
	for i := range 5000 {
		many[fmt.Sprint("K", i)] = "v"
	}
	env := (&Sandbox{}).environment("x", &Spec{Env: many}, &account.User{Home: "/"})
	seen := map[string]bool{}
	for _, pair := range env {
		key := pair[:len(pair)-len(pair[indexOf(pair):])]
		if seen[key] {
			t.Fatal(key)
		}
		seen[key] = true
	}
	if lookup(env, "HOME") != "/mine" || len(env) < 5005 {
		t.Fatal(len(env))
	}
}

func indexOf(pair string) int {
	for i := range pair {
		if pair[i] == '=' {
			return i
		}
	}
	return 0
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("12 (a) b) c) S 3 12 12 0 -1 4194560 1"))
	f.Add([]byte("1 (x) Z 0 1 1"))
	f.Fuzz(func(t *testing.T, text []byte) { parseStat(text) })
}

func TestAProcessNameCannotForgeItsParent(t *testing.T) {
	got, ok := parseStat([]byte("12 (a) S 99 99 99) S 3 12 11 0 -1 4194560"))
	if !ok || got.parent != 3 || got.session != 11 || got.zombie {
		t.Fatalf("%+v %v", got, ok)
	}
}

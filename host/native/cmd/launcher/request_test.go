package main

import (
	"strings"
	"testing"
)

func TestAFullRequestIsParsed(t *testing.T) {
	r, err := parse(strings.Fields("--procs /c/a/cgroup.procs --procs /c/b/cgroup.procs --nofile 4096 --oom-score-adj -5 --stdio /l -- /bin/x --procs y"))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.procs) != 2 || r.openFiles != 4096 || *r.oomScoreAdj != -5 || r.stdio != "/l" || len(r.argv) != 3 || r.argv[1] != "--procs" {
		t.Fatalf("%+v", r)
	}
}

func TestWrongRequestsAreRefusedWithAReason(t *testing.T) {
	const ok = "--procs /c/cgroup.procs "
	for args, want := range map[string]string{
		"":                               "no program",
		"-- /bin/x":                      "no cgroup",
		ok + "--":                        "no program",
		ok + "-- bin/x":                  "plain absolute",
		ok + "-- /bin/../x":              "plain absolute",
		ok + "--nofile -1 -- /bin/x":     "--nofile",
		ok + "--nofile 5 -- /bin/x":      "--nofile",
		ok + "--nofile 1e9 -- /bin/x":    "--nofile",
		ok + "--oom-score-adj 1001 -- /": "--oom-score-adj",
		ok + "--stdio log -- /bin/x":     "plain absolute",
		ok + "--stdio -- /bin/x":         "needs a value",
		ok + "--frobnicate 1 -- /bin/x":  "unknown flag",
		ok + "--nofile":                  "needs a value",
		"--procs c/cgroup.procs -- /x":   "plain absolute",
		"--procs /etc/passwd -- /x":      "cgroup.procs",
		strings.Repeat(ok, 33) + "-- /x": "more than 32",
	} {
		_, err := parse(strings.Fields(args))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", args, err, want)
		}
	}
}

func TestAPathWithNulIsRefused(t *testing.T) {
	if _, err := parse([]string{"--procs", "/c/cgroup.procs", "--", "/bin/x\x00y"}); err == nil {
		t.Fatal("accepted")
	}
}

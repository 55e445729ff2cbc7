package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	maxProcsFiles = 32
	maxOpenFiles  = 1 << 20
)

// request is everything the starter asked for, already checked in form; what lies behind the paths is checked on use.
type request struct {
	procs       []string
	openFiles   uint64 // 0: as inherited
	oomScoreAdj *int
	stdio       string // empty: /dev/null
	argv        []string
}

func parse(args []string) (*request, error) {
	r := &request{}
	for len(args) > 0 {
		if args[0] == "--" {
			r.argv = args[1:]
			return r, r.check()
		}
		if len(args) < 2 || args[1] == "--" {
			return nil, fmt.Errorf("%s needs a value", args[0])
		}
		if err := r.take(args[0], args[1]); err != nil {
			return nil, err
		}
		args = args[2:]
	}
	return nil, errors.New("no program: expected -- /abs/program")
}

func (r *request) take(flag, value string) error {
	switch flag {
	case "--procs":
		if filepath.Base(value) != "cgroup.procs" {
			return fmt.Errorf("--procs %q is not a cgroup.procs file", value)
		}
		r.procs = append(r.procs, value)
		return plainPath(flag, value)
	case "--nofile":
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil || n < 16 || n > maxOpenFiles {
			return fmt.Errorf("--nofile %q is not a number from 16 to %d", value, maxOpenFiles)
		}
		r.openFiles = n
	case "--oom-score-adj":
		n, err := strconv.Atoi(value)
		if err != nil || n < -1000 || n > 1000 {
			return fmt.Errorf("--oom-score-adj %q is not a number from -1000 to 1000", value)
		}
		r.oomScoreAdj = &n
	case "--stdio":
		if value == "null" {
			r.stdio = ""
			return nil
		}
		r.stdio = value
		return plainPath(flag, value)
	default:
		return fmt.Errorf("unknown flag %q", flag)
	}
	return nil
}

func (r *request) check() error {
	if len(r.procs) == 0 {
		return errors.New("no cgroup: expected --procs FILE")
	}
	if len(r.procs) > maxProcsFiles {
		return fmt.Errorf("more than %d cgroups", maxProcsFiles)
	}
	if len(r.argv) == 0 {
		return errors.New("no program: expected -- /abs/program")
	}
	return plainPath("program", r.argv[0])
}

// plainPath accepts a path that means the same whatever the working directory, and that has one spelling.
func plainPath(what, path string) error {
	if !filepath.IsAbs(path) || filepath.Clean(path) != path || strings.ContainsRune(path, 0) {
		return fmt.Errorf("%s %q is not a plain absolute path", what, path)
	}
	return nil
}

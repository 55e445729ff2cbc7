package main

import (
	"fmt"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
)

// change does one thing to the file system: POST /change?do=...&path=...&to=...&n=...
func change(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	name, to := query.Get("path"), query.Get("to")
	n, _ := strconv.ParseInt(query.Get("n"), 10, 64)
	var err error
	switch query.Get("do") {
	case "mkdir":
		err = os.Mkdir(name, 0o755)
	case "remove":
		err = os.RemoveAll(name)
	case "rename":
		err = os.Rename(name, to)
	case "chmod":
		err = os.Chmod(name, os.FileMode(n))
	case "symlink":
		err = os.Symlink(to, name)
	case "link":
		err = os.Link(to, name)
	case "fifo":
		err = syscall.Mkfifo(name, 0o644)
	case "truncate":
		err = truncate(name, n)
	case "deepen":
		err = deepen(name, int(n))
	case "fill":
		for index := range n {
			if err == nil {
				err = os.WriteFile(fmt.Sprintf("%s/%06d", name, index), nil, 0o644)
			}
		}
	default:
		err = fmt.Errorf("no such thing to do")
	}
	if err != nil {
		refuse(w, err)
	}
}

// truncate makes a file as long as it is told to; what was not in it before takes no room.
func truncate(name string, length int64) error {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	return file.Truncate(length)
}

// deepen makes n directories, each in the one before, further down than any path can say.
func deepen(name string, n int) error {
	before, err := os.Getwd()
	if err != nil {
		return err
	}
	defer func() { _ = os.Chdir(before) }()
	if err := os.Chdir(path.Dir(name)); err != nil {
		return err
	}
	step := strings.Repeat("d", 200)
	for range n {
		if err := os.Mkdir(step, 0o755); err != nil {
			return err
		}
		if err := os.Chdir(step); err != nil {
			return err
		}
	}
	return nil
}

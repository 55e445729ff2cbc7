// Command testguest is the only program of the conformance suite's image: first process, counter in memory, files and
// appetite over HTTP, on the port of the real guest agent. It answers everybody and knows no limits: only for tests.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	address     = ":49983"
	pageBytes   = 4096
	napDuration = time.Hour
)

var count atomic.Int64

func main() {
	if len(os.Args) > 1 && os.Args[1] == "nap" {
		time.Sleep(napDuration)
		return
	}
	http.HandleFunc("POST /count", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, count.Add(1)) })
	http.HandleFunc("PUT /file", write)
	http.HandleFunc("GET /file", read)
	http.HandleFunc("POST /eat", eat)
	http.HandleFunc("POST /spin", spin)
	http.HandleFunc("POST /spawn", spawn)
	http.HandleFunc("POST /fill", fill)
	http.HandleFunc("POST /change", change)
	http.HandleFunc("GET /uid", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, os.Getuid()) })
	if err := http.ListenAndServe(address, nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func refuse(w http.ResponseWriter, err error) { http.Error(w, err.Error(), http.StatusConflict) }

func write(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	if err == nil {
		err = os.WriteFile(r.URL.Query().Get("path"), text, 0o644)
	}
	if err != nil {
		refuse(w, err)
	}
}

func read(w http.ResponseWriter, r *http.Request) {
	text, err := os.ReadFile(r.URL.Query().Get("path"))
	if err != nil {
		refuse(w, err)
		return
	}
	_, _ = w.Write(text)
}

func number(r *http.Request) int {
	n, _ := strconv.Atoi(r.URL.Query().Get("n"))
	return n
}

var eaten [][]byte

// eat keeps n MiB of memory, every page of it written.
func eat(w http.ResponseWriter, r *http.Request) {
	bite := make([]byte, number(r)<<20)
	for at := 0; at < len(bite); at += pageBytes {
		bite[at] = 1
	}
	eaten = append(eaten, bite)
}

// spin keeps n processors busy from now on.
func spin(_ http.ResponseWriter, r *http.Request) {
	for range number(r) {
		go func() {
			for {
				count.CompareAndSwap(-1, 0)
			}
		}()
	}
}

// spawn starts processes that sleep, until n of them run or the system refuses.
func spawn(w http.ResponseWriter, r *http.Request) {
	for started := range number(r) {
		if err := exec.Command(os.Args[0], "nap").Start(); err != nil {
			refuse(w, fmt.Errorf("after %d: %w", started, err))
			return
		}
	}
}

// fill writes n MiB of ones into a file, or as much as the disk takes.
func fill(w http.ResponseWriter, r *http.Request) {
	file, err := os.Create(r.URL.Query().Get("path"))
	if err != nil {
		refuse(w, err)
		return
	}
	defer file.Close()
	ones := bytes.Repeat([]byte{1}, 1<<20)
	for range number(r) {
		if _, err := file.Write(ones); err != nil {
			refuse(w, err)
			return
		}
	}
}

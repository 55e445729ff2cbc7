// Command sums makes and checks the sums of directories of files, which is what snapshots are. Requests come on stdin,
// one JSON object per line, and are served beside each other:
//
//	{"key":"...","op":"seal","dir":"/abs"}                    writes sums.json into it and flushes everything
//	{"key":"...","op":"verify","dir":"/abs","sha256":"..."}   sha256 is that of sums.json, as the seal answered it
//	{"key":"...","op":"cancel","of":"..."}                    ends the request of that key early
//
// On stdout each is answered once, by its key, in any order:
//
//	{"key":"...","ok":true}   after a seal with "sha256", "uniqueBytes" and "sharedBytes"
//	{"key":"...","error":"...","code":"..."}
//
// Codes: "corrupt" (with "file" and "chunk", where there is one), "missing" (no such directory), "cancelled", "no_space",
// "refused" (of a form that is not accepted: nothing was done), "io" (the system did not let us).
//
// It holds no state but the requests under way. It ends when stdin ends, also in the middle of a request.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
)

// maxLineBytes has room for the longest path, each of its bytes escaped.
const maxLineBytes = 32 * 1024

type request struct {
	Key    string `json:"key"`
	Op     string `json:"op"`
	Dir    string `json:"dir"`
	SHA256 string `json:"sha256"`
	Of     string `json:"of"`
}

type answer struct {
	Key         string  `json:"key"`
	OK          bool    `json:"ok,omitempty"`
	SHA256      string  `json:"sha256,omitempty"`
	UniqueBytes *uint64 `json:"uniqueBytes,omitempty"`
	SharedBytes *uint64 `json:"sharedBytes,omitempty"`
	Error       string  `json:"error,omitempty"`
	Code        string  `json:"code,omitempty"`
	File        string  `json:"file,omitempty"`
	Chunk       *int64  `json:"chunk,omitempty"`
}

func main() {
	d := newDesk(newHasher(runtime.GOMAXPROCS(0)), say)
	if err := read(os.Stdin, d); err != nil {
		fmt.Fprintf(os.Stderr, "sums: %v\n", err)
		os.Exit(1)
	}
}

// say writes one line with one call, so that lines of requests do not mix. When nobody reads any more stdin ends too,
// and that is noticed elsewhere.
func say(a answer) {
	line, _ := json.Marshal(a)
	_, _ = os.Stdout.Write(append(line, '\n'))
}

func read(in io.Reader, d *desk) error {
	lines := bufio.NewReaderSize(in, maxLineBytes)
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var r request
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&r); err != nil {
			d.say(explain(r.Key, refused("", "%v", err)))
			continue
		}
		d.take(r)
	}
}

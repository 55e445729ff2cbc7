// Command watch tells at once when a process has ended, whoever its parent is. Requests come on stdin, one JSON object
// per line:
//
//	{"watch":1234,"start":"987654","key":"..."}   {"unwatch":"..."}
//
// `start` is field 22 of /proc/PID/stat: a process with that number but another start time is a later one, so the one
// meant has ended. On stdout `{"exited":"key"}` comes once per watch: when the process exits, is a zombie already, or
// is already gone. `{"error":"...","key":"..."}` means that the line was refused and nothing is watched.
//
// It holds one descriptor per watched process and no other state. It ends when stdin ends.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	maxLineBytes = 4096
	maxKeyBytes  = 128
)

type request struct {
	Watch   int     `json:"watch"`
	Start   string  `json:"start"`
	Key     string  `json:"key"`
	Unwatch *string `json:"unwatch"`
}

type event struct {
	Exited string `json:"exited,omitempty"`
	Error  string `json:"error,omitempty"`
	Key    string `json:"key,omitempty"`
}

func main() {
	w, err := newWatcher(func(key string) { say(event{Exited: key}) })
	if err == nil {
		go w.loop()
		err = read(os.Stdin, w)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "watch: %v\n", err)
		os.Exit(1)
	}
}

// say writes one line with one call, so that lines of the loop and of the reader do not mix. When nobody reads any
// more stdin ends too, and that is noticed elsewhere.
func say(e event) {
	line, _ := json.Marshal(e)
	_, _ = os.Stdout.Write(append(line, '\n'))
}

func read(in io.Reader, w *watcher) error {
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
		if err = decoder.Decode(&r); err == nil {
			err = obey(r, w)
		}
		if err != nil {
			say(event{Error: err.Error(), Key: r.Key})
		}
	}
}

func obey(r request, w *watcher) error {
	switch {
	case r.Unwatch != nil:
		w.unwatch(*r.Unwatch)
		return nil
	case r.Watch < 1:
		return errors.New("neither a process id to watch nor a key to unwatch")
	case r.Key == "" || len(r.Key) > maxKeyBytes:
		return fmt.Errorf("key has not 1 to %d bytes", maxKeyBytes)
	case r.Start == "":
		return errors.New("no start time")
	}
	return w.watch(r.Watch, r.Start, r.Key)
}

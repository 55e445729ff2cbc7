package v1

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"pandastack.dev/guest/internal/proc"
	"pandastack.dev/guest/internal/spawn"
	"pandastack.dev/guest/internal/wire"
)

const (
	keepaliveEvery = 10 * time.Second
	streamBuffer   = wire.FrameHeaderBytes + wire.MaxPayloadBytes
	maxTagBytes    = 1024
	maxSmallBody   = 64 << 10
)

type execBody struct {
	command
	ID       string      `json:"id"`
	Tag      string      `json:"tag"`
	PTY      *spawn.Size `json:"pty"`
	Stdin    bool        `json:"stdin"`
	Detach   bool        `json:"detach"`
	OnHangup string      `json:"on_hangup"`
	Log      *bool       `json:"log"`
}

var idForm = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)

func (b *execBody) request() (*proc.ExecRequest, error) {
	timeout, err := b.timeout()
	switch {
	case err != nil:
		return nil, err
	case b.ID != "" && !idForm.MatchString(b.ID):
		return nil, wire.Errorf(wire.InvalidArgument, "id must be 1 to 64 letters, digits or dashes")
	case len(b.Tag) > maxTagBytes:
		return nil, wire.Errorf(wire.InvalidArgument, "tag is longer than %d bytes", maxTagBytes)
	case b.OnHangup != "" && b.OnHangup != "kill" && b.OnHangup != "keep":
		return nil, wire.Errorf(wire.InvalidArgument, "on_hangup must be kill or keep")
	case b.PTY != nil && (b.PTY.Rows == 0 || b.PTY.Cols == 0):
		return nil, wire.Errorf(wire.InvalidArgument, "rows and cols must be between 1 and 65535")
	}
	config := proc.Config{Cmd: b.Cmd, Env: b.Env, Cwd: b.Cwd}
	if len(b.Argv) > 0 {
		config.Cmd, config.Args = b.Argv[0], b.Argv[1:]
	}
	return &proc.ExecRequest{
		ID: b.ID, Tag: b.Tag, Spec: b.spec(), Config: config, PTY: b.PTY, Stdin: b.Stdin, Timeout: timeout,
		Unlogged: b.Log != nil && !*b.Log,
	}, nil
}

func (s *Server) exec(w http.ResponseWriter, r *http.Request) error {
	var body execBody
	if err := wire.ReadJSON(r, maxCommandBody, &body); err != nil {
		return err
	}
	request, err := body.request()
	if err != nil {
		return err
	}
	record, created, err := s.Table.Exec(request)
	var missing *spawn.NotRunnable
	if errors.As(err, &missing) {
		writeMissing(w, body.ID, missing)
		return nil
	}
	if err != nil {
		return err
	}
	if created && !body.Detach && body.OnHangup != "keep" {
		defer s.onHangup(r, record.Kill)()
	}
	start, _ := json.Marshal(map[string]any{"id": record.ID, "pid": record.Pid})
	stream(w, r, record, 0, wire.AppendFrame(nil, wire.FrameStart, 0, start), body.Detach)
	return nil
}

// writeMissing tells of a program that is not there in the way a shell would: on stderr, and with 126 or 127.
func writeMissing(w http.ResponseWriter, id string, missing *spawn.NotRunnable) {
	start, _ := json.Marshal(map[string]any{"id": id, "pid": 0})
	exit, _ := json.Marshal(proc.Exit{ExitCode: missing.ExitCode, Error: missing.Message})
	frames := wire.AppendFrame(nil, wire.FrameStart, 0, start)
	frames = wire.AppendFrame(frames, wire.FrameStderr, 1, []byte(missing.Message+"\n"))
	frames = wire.AppendFrame(frames, wire.FrameExit, 2, exit)
	w.Header().Set("content-type", "application/octet-stream")
	_, _ = w.Write(frames)
}

func (s *Server) attach(w http.ResponseWriter, r *http.Request) error {
	record := s.Table.Get(r.PathValue("id"))
	if record == nil {
		return proc.ErrNotFound()
	}
	after := uint64(0)
	if text := r.URL.Query().Get("after"); text != "" {
		var err error
		if after, err = strconv.ParseUint(text, 10, 64); err != nil {
			return wire.Errorf(wire.InvalidArgument, "after is not a sequence number")
		}
	}
	stream(w, r, record, after, nil, false)
	return nil
}

// stream sends frames as they come until the exit frame is sent or the caller is gone.
func stream(w http.ResponseWriter, r *http.Request, record *proc.Record, after uint64, first []byte, only bool) {
	control := http.NewResponseController(w)
	// A write to a caller that has gone must not outlive the knowledge of it.
	defer context.AfterFunc(r.Context(), func() { _ = control.SetWriteDeadline(time.Now()) })()
	w.Header().Set("content-type", "application/octet-stream")
	w.Header().Set("x-accel-buffering", "no")
	w.WriteHeader(http.StatusOK)
	if only {
		_, _ = w.Write(first)
		return
	}
	reader := record.Attach(r.Context(), after)
	defer reader.Close()
	if _, err := w.Write(first); err != nil || control.Flush() != nil {
		return
	}
	buffer := make([]byte, streamBuffer)
	for {
		n, err := reader.Next(r.Context(), buffer, keepaliveEvery)
		if err != nil {
			return
		}
		piece := buffer[:n]
		if n == 0 {
			piece = wire.AppendFrame(buffer[:0], wire.FrameKeepalive, reader.LastSeq(), nil)
		}
		if _, err := w.Write(piece); err != nil || control.Flush() != nil {
			return
		}
	}
}

func (s *Server) listExec(w http.ResponseWriter, _ *http.Request) error {
	type item struct {
		ID        string `json:"id"`
		Pid       int    `json:"pid"`
		Cmd       string `json:"cmd"`
		Tag       string `json:"tag"`
		StartedMs int64  `json:"started_unix_ms"`
		Ended     bool   `json:"ended"`
	}
	items := []item{}
	for _, record := range s.Table.List() {
		cmd := strings.Join(append([]string{record.Config.Cmd}, record.Config.Args...), " ")
		if len(cmd) > maxTagBytes {
			cmd = cmd[:maxTagBytes]
		}
		items = append(items, item{
			record.ID, record.Pid, cmd, record.Tag, record.Started.UnixMilli(), record.HasEnded(),
		})
	}
	wire.WriteJSON(w, map[string]any{"processes": items})
	return nil
}

func (s *Server) stdin(w http.ResponseWriter, r *http.Request) error {
	record := s.Table.Get(r.PathValue("id"))
	if record == nil {
		return proc.ErrNotFound()
	}
	closeAfter := r.URL.Query().Get("close") == "1"
	if err := record.WriteStdin(r.Context(), r.Body, closeAfter); err != nil {
		var refusal *wire.Error
		if !errors.As(err, &refusal) && !errors.Is(err, io.EOF) {
			return wire.Errorf(wire.InvalidArgument, "the body broke off: %v", err)
		}
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) resize(w http.ResponseWriter, r *http.Request) error {
	record := s.Table.Get(r.PathValue("id"))
	if record == nil {
		return proc.ErrNotFound()
	}
	var size spawn.Size
	if err := wire.ReadJSON(r, maxSmallBody, &size); err != nil {
		return err
	}
	if err := record.Resize(size); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) signal(w http.ResponseWriter, r *http.Request) error {
	record := s.Table.Get(r.PathValue("id"))
	if record == nil {
		return proc.ErrNotFound()
	}
	var body struct {
		Signal int `json:"signal"`
	}
	if err := wire.ReadJSON(r, maxSmallBody, &body); err != nil {
		return err
	}
	if err := record.Signal(body.Signal); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

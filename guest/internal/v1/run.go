package v1

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"pandastack.dev/guest/internal/proc"
	"pandastack.dev/guest/internal/spawn"
	"pandastack.dev/guest/internal/wire"
)

// maxCommandBody fits a command of 8 MiB with every byte escaped, or that much stdin.
const maxCommandBody = 52 << 20

const (
	defaultRunTimeout = 30 * time.Second
	maxTimeout        = 30 * 24 * time.Hour
)

type command struct {
	Cmd       string            `json:"cmd"`
	Argv      []string          `json:"argv"`
	Env       map[string]string `json:"env"`
	Cwd       string            `json:"cwd"`
	User      string            `json:"user"`
	TimeoutMs int64             `json:"timeout_ms"`
}

func (c *command) spec() spawn.Spec {
	return spawn.Spec{Cmd: c.Cmd, Argv: c.Argv, Env: c.Env, Cwd: c.Cwd, User: c.User}
}

func (c *command) timeout() (time.Duration, error) {
	if c.TimeoutMs < 0 || c.TimeoutMs > maxTimeout.Milliseconds() {
		return 0, wire.Errorf(wire.InvalidArgument, "timeout_ms must be between 0 and %d", maxTimeout.Milliseconds())
	}
	return time.Duration(c.TimeoutMs) * time.Millisecond, nil
}

type runBody struct {
	command
	MaxOutputBytes int64  `json:"max_output_bytes"`
	Stdin          string `json:"stdin"`
}

func (s *Server) run(w http.ResponseWriter, r *http.Request) error {
	request, release, err := parseRun(r)
	if err != nil {
		return err
	}
	defer release()
	ctx, hangUp := context.WithCancel(context.WithoutCancel(r.Context()))
	defer hangUp()
	stop := s.onHangup(r, hangUp)
	result, err := s.Table.Run(ctx, request)
	stop()
	if err != nil {
		return err
	}
	defer result.Release()
	writeRan(w, result)
	return nil
}

func parseRun(r *http.Request) (*proc.RunRequest, func(), error) {
	raw, release, err := wire.ReadBody(r, maxCommandBody)
	if err != nil {
		return nil, nil, err
	}
	request, err := decodeRun(raw)
	if err != nil {
		release()
		return nil, nil, err
	}
	return request, release, nil
}

func decodeRun(raw []byte) (*proc.RunRequest, error) {
	var body runBody
	if err := json.Unmarshal(raw, &body); err != nil {
		return nil, wire.Errorf(wire.InvalidArgument, "the body is not what is expected: %v", err)
	}
	timeout, err := body.timeout()
	if err != nil {
		return nil, err
	}
	if timeout == 0 {
		timeout = defaultRunTimeout
	}
	if body.MaxOutputBytes == 0 {
		body.MaxOutputBytes = proc.DefaultOutputBytes
	}
	if body.MaxOutputBytes < 0 || body.MaxOutputBytes > proc.MaxOutputBytes {
		return nil, wire.Errorf(wire.InvalidArgument, "max_output_bytes must be between 1 and %d", proc.MaxOutputBytes)
	}
	stdin, err := base64.StdEncoding.DecodeString(body.Stdin)
	if err != nil {
		return nil, wire.Errorf(wire.InvalidArgument, "stdin is not base64")
	}
	return &proc.RunRequest{
		Spec: body.spec(), Stdin: stdin, Timeout: timeout, MaxOutputBytes: int(body.MaxOutputBytes),
	}, nil
}

const wholeAnswerBytes = 32 << 10

var answers = sync.Pool{New: func() any {
	buffer := make([]byte, 0, wholeAnswerBytes)
	return &buffer
}}

// writeRan sends a small result in one piece and a large one in bounded pieces.
func writeRan(w http.ResponseWriter, result *proc.RunResult) {
	w.Header().Set("content-type", "application/json")
	pooled := answers.Get().(*[]byte)
	defer answers.Put(pooled)
	text := append((*pooled)[:0], `{"stdout":"`...)
	flush := func(text []byte) []byte {
		if len(text) < wholeAnswerBytes-6*escapePiece {
			return text
		}
		_, _ = w.Write(text)
		return text[:0]
	}
	text = appendEscaped(text, result.Stdout, flush)
	text = append(text, `","stderr":"`...)
	text = appendEscaped(text, result.Stderr, flush)
	text = append(text, `","exit_code":`...)
	text = strconv.AppendInt(text, int64(result.ExitCode), 10)
	text = append(text, `,"duration_ms":`...)
	text = strconv.AppendInt(text, result.Duration.Milliseconds(), 10)
	text = append(text, `,"timed_out":`...)
	text = strconv.AppendBool(text, result.TimedOut)
	text = append(text, `,"truncated":`...)
	text = strconv.AppendBool(text, result.Truncated)
	if result.Signal != "" {
		text = append(text, `,"signal":"`...)
		text = append(text, strings.ReplaceAll(result.Signal, `"`, "")...)
		text = append(text, '"')
	}
	text = append(text, '}')
	if len(result.Stdout)+len(result.Stderr) < 2<<10 {
		w.Header().Set("content-length", strconv.Itoa(len(text)))
	}
	_, _ = w.Write(text)
}

package e2b

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"connectrpc.com/connect"

	"pandastack.dev/guest/gen/process"
	"pandastack.dev/guest/internal/proc"
	"pandastack.dev/guest/internal/wire"
)

const defaultKeepalive = 90 * time.Second

// follow sends the start, what is held of the output, then output as it comes, and the end. When the caller hangs up
// the process runs on.
func (p *processes) follow(
	ctx context.Context, record *proc.Record, header http.Header, send func(*process.ProcessEvent) error,
) error {
	reader := record.Attach(ctx, 0)
	defer reader.Close()
	start := &process.ProcessEvent_StartEvent{Pid: uint32(record.Pid)}
	if err := send(&process.ProcessEvent{Event: &process.ProcessEvent_Start{Start: start}}); err != nil {
		return err
	}
	idle := keepaliveOf(header)
	buffer := make([]byte, wire.FrameHeaderBytes+wire.MaxPayloadBytes)
	for {
		n, err := reader.Next(ctx, buffer, idle)
		if errors.Is(err, io.EOF) {
			return end(record, send)
		}
		if err != nil {
			return rpcError(err)
		}
		if n == 0 {
			alive := &process.ProcessEvent_Keepalive{Keepalive: &process.ProcessEvent_KeepAlive{}}
			if err := send(&process.ProcessEvent{Event: alive}); err != nil {
				return err
			}
		}
		for rest := buffer[:n]; len(rest) > 0; {
			var frame wire.Frame
			frame, rest, _ = wire.ParseFrame(rest)
			if data := dataOf(frame); data != nil {
				if err := send(&process.ProcessEvent{Event: &process.ProcessEvent_Data{Data: data}}); err != nil {
					return err
				}
			}
		}
	}
}

func keepaliveOf(header http.Header) time.Duration {
	seconds, err := strconv.Atoi(header.Get("Keepalive-Ping-Interval"))
	if err != nil || seconds < 1 || seconds > 3600 {
		return defaultKeepalive
	}
	return time.Duration(seconds) * time.Second
}

func dataOf(frame wire.Frame) *process.ProcessEvent_DataEvent {
	switch frame.Type {
	case wire.FrameStdout:
		return &process.ProcessEvent_DataEvent{Output: &process.ProcessEvent_DataEvent_Stdout{Stdout: frame.Payload}}
	case wire.FrameStderr:
		return &process.ProcessEvent_DataEvent{Output: &process.ProcessEvent_DataEvent_Stderr{Stderr: frame.Payload}}
	case wire.FramePTY:
		return &process.ProcessEvent_DataEvent{Output: &process.ProcessEvent_DataEvent_Pty{Pty: frame.Payload}}
	default:
		return nil
	}
}

func end(record *proc.Record, send func(*process.ProcessEvent) error) error {
	exit := record.Exit()
	if exit.TimedOut {
		return connect.NewError(connect.CodeDeadlineExceeded, errors.New("the process was killed at its deadline"))
	}
	event := &process.ProcessEvent_EndEvent{}
	if exit.Status.Signaled() {
		event.ExitCode = -1
		event.Status = "signal: " + exit.Status.Signal().String()
		event.Error = &event.Status
	} else {
		event.ExitCode = int32(exit.Status.ExitStatus())
		event.Exited = true
		event.Status = fmt.Sprintf("exit status %d", event.ExitCode)
		if event.ExitCode != 0 {
			event.Error = &event.Status
		}
	}
	return send(&process.ProcessEvent{Event: &process.ProcessEvent_End{End: event}})
}

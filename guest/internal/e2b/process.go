package e2b

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"connectrpc.com/connect"

	"pandastack.dev/guest/gen/process"
	"pandastack.dev/guest/internal/proc"
	"pandastack.dev/guest/internal/spawn"
)

type processes struct{ *Server }

func (p *processes) List(
	_ context.Context, _ *connect.Request[process.ListRequest],
) (*connect.Response[process.ListResponse], error) {
	reply := &process.ListResponse{}
	for _, record := range p.Table.List() {
		if record.HasEnded() {
			continue
		}
		info := &process.ProcessInfo{Pid: uint32(record.Pid), Config: &process.ProcessConfig{
			Cmd: record.Config.Cmd, Args: record.Config.Args, Envs: record.Config.Env,
		}}
		if record.Config.Cwd != "" {
			info.Config.Cwd = &record.Config.Cwd
		}
		if record.Tag != "" {
			info.Tag = &record.Tag
		}
		reply.Processes = append(reply.Processes, info)
	}
	return connect.NewResponse(reply), nil
}

func (p *processes) Start(
	ctx context.Context, request *connect.Request[process.StartRequest],
	stream *connect.ServerStream[process.StartResponse],
) error {
	exec, err := p.execOf(request)
	if err != nil {
		return rpcError(err)
	}
	record, _, err := p.Table.Exec(exec)
	var missing *spawn.NotRunnable
	if errors.As(err, &missing) {
		// These clients expect a process with an outcome, so let a shell say it.
		exec.Spec.Argv = []string{"/bin/sh", "-c", `printf '%s\n' "$1" >&2; exit "$2"`, "sh", missing.Message,
			strconv.Itoa(missing.ExitCode)}
		record, _, err = p.Table.Exec(exec)
	}
	if err != nil {
		return rpcError(err)
	}
	return p.follow(ctx, record, request.Header(), func(event *process.ProcessEvent) error {
		return stream.Send(&process.StartResponse{Event: event})
	})
}

func (p *processes) execOf(request *connect.Request[process.StartRequest]) (*proc.ExecRequest, error) {
	user, err := p.callerOf(request.Header())
	if err != nil {
		return nil, err
	}
	message := request.Msg
	config := message.GetProcess()
	exec := &proc.ExecRequest{
		Tag:   message.GetTag(),
		Stdin: message.Stdin == nil || message.GetStdin(),
		Spec: spawn.Spec{
			Argv: append([]string{config.GetCmd()}, config.GetArgs()...), Env: config.GetEnvs(), Cwd: config.GetCwd(),
			User: user.Name,
		},
		Config:  proc.Config{Cmd: config.GetCmd(), Args: config.GetArgs(), Env: config.GetEnvs(), Cwd: config.GetCwd()},
		Timeout: timeoutOf(request.Header()),
	}
	if pty := message.GetPty(); pty != nil {
		size := sizeOf(pty)
		exec.PTY, exec.Unlogged = &size, true
	}
	return exec, nil
}

// timeoutOf bounds the process itself, whether or not its caller stays. The caller's stream is bounded by the library.
func timeoutOf(header http.Header) time.Duration {
	ms, err := strconv.ParseInt(header.Get("Connect-Timeout-Ms"), 10, 64)
	if err != nil || ms <= 0 || ms > (1<<40) {
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}

func sizeOf(pty *process.PTY) spawn.Size {
	fit := func(n, otherwise uint32) uint16 {
		if n == 0 {
			n = otherwise
		}
		return uint16(min(n, 65535))
	}
	return spawn.Size{Rows: fit(pty.GetSize().GetRows(), 24), Cols: fit(pty.GetSize().GetCols(), 80)}
}

func (p *processes) Connect(
	ctx context.Context, request *connect.Request[process.ConnectRequest],
	stream *connect.ServerStream[process.ConnectResponse],
) error {
	record, err := p.find(request.Msg.GetProcess(), true)
	if err != nil {
		return err
	}
	return p.follow(ctx, record, request.Header(), func(event *process.ProcessEvent) error {
		return stream.Send(&process.ConnectResponse{Event: event})
	})
}

// find looks a process up by pid or tag; ended ones only where their remembered output is of use.
func (p *processes) find(selector *process.ProcessSelector, ended bool) (*proc.Record, error) {
	var name string
	var match func(*proc.Record) bool
	switch by := selector.GetSelector().(type) {
	case *process.ProcessSelector_Pid:
		name = fmt.Sprintf("process with pid %d", by.Pid)
		match = func(r *proc.Record) bool { return r.Pid == int(by.Pid) }
	case *process.ProcessSelector_Tag:
		name = fmt.Sprintf("process with tag %s", clip(by.Tag))
		match = func(r *proc.Record) bool { return by.Tag != "" && r.Tag == by.Tag }
	default:
		return nil, connect.NewError(connect.CodeInvalidArgument, errors.New("a process must be named by pid or tag"))
	}
	record := p.Table.Find(match)
	if record == nil || (!ended && record.HasEnded()) {
		return nil, connect.NewError(connect.CodeNotFound, errors.New(name+" not found"))
	}
	return record, nil
}

func (p *processes) Update(
	_ context.Context, request *connect.Request[process.UpdateRequest],
) (*connect.Response[process.UpdateResponse], error) {
	record, err := p.find(request.Msg.GetProcess(), false)
	if err != nil {
		return nil, err
	}
	if pty := request.Msg.GetPty(); pty != nil {
		if err := record.Resize(sizeOf(pty)); err != nil {
			return nil, rpcError(err)
		}
	}
	return connect.NewResponse(&process.UpdateResponse{}), nil
}

func (p *processes) SendInput(
	ctx context.Context, request *connect.Request[process.SendInputRequest],
) (*connect.Response[process.SendInputResponse], error) {
	record, err := p.find(request.Msg.GetProcess(), false)
	if err == nil {
		err = write(ctx, record, request.Msg.GetInput())
	}
	if err != nil {
		return nil, rpcError(err)
	}
	return connect.NewResponse(&process.SendInputResponse{}), nil
}

func write(ctx context.Context, record *proc.Record, input *process.ProcessInput) error {
	var text []byte
	switch in := input.GetInput().(type) {
	case *process.ProcessInput_Stdin:
		if record.HasTerminal() {
			return connect.NewError(connect.CodeFailedPrecondition, errors.New("the process has a terminal, not stdin"))
		}
		text = in.Stdin
	case *process.ProcessInput_Pty:
		if !record.HasTerminal() {
			return connect.NewError(connect.CodeFailedPrecondition, errors.New("the process has no terminal"))
		}
		text = in.Pty
	default:
		return connect.NewError(connect.CodeInvalidArgument, errors.New("there is no input"))
	}
	return record.WriteStdin(ctx, bytes.NewReader(text), false)
}

func (p *processes) StreamInput(
	ctx context.Context, stream *connect.ClientStream[process.StreamInputRequest],
) (*connect.Response[process.StreamInputResponse], error) {
	var record *proc.Record
	for stream.Receive() {
		var err error
		switch event := stream.Msg().GetEvent().(type) {
		case *process.StreamInputRequest_Start:
			record, err = p.find(event.Start.GetProcess(), false)
		case *process.StreamInputRequest_Data:
			if record == nil {
				err = connect.NewError(connect.CodeInvalidArgument, errors.New("data came before the start"))
			} else {
				err = write(ctx, record, event.Data.GetInput())
			}
		}
		if err != nil {
			return nil, rpcError(err)
		}
	}
	if err := stream.Err(); err != nil {
		return nil, err
	}
	return connect.NewResponse(&process.StreamInputResponse{}), nil
}

func (p *processes) SendSignal(
	_ context.Context, request *connect.Request[process.SendSignalRequest],
) (*connect.Response[process.SendSignalResponse], error) {
	record, err := p.find(request.Msg.GetProcess(), false)
	if err != nil {
		return nil, err
	}
	if err := record.Signal(int(request.Msg.GetSignal())); err != nil {
		return nil, rpcError(err)
	}
	return connect.NewResponse(&process.SendSignalResponse{}), nil
}

func (p *processes) CloseStdin(
	ctx context.Context, request *connect.Request[process.CloseStdinRequest],
) (*connect.Response[process.CloseStdinResponse], error) {
	record, err := p.find(request.Msg.GetProcess(), false)
	if err != nil {
		return nil, err
	}
	if record.HasTerminal() {
		return nil, connect.NewError(connect.CodeFailedPrecondition, errors.New("a terminal's input is ended by ctrl-D"))
	}
	if err := record.WriteStdin(ctx, bytes.NewReader(nil), true); err != nil {
		return nil, rpcError(err)
	}
	return connect.NewResponse(&process.CloseStdinResponse{}), nil
}

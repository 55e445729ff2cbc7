package proc

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"pandastack.dev/guest/internal/child"
	"pandastack.dev/guest/internal/logs"
	"pandastack.dev/guest/internal/spawn"
	"pandastack.dev/guest/internal/wire"
)

// Limits of a run.
const (
	DefaultOutputBytes = 8 << 20
	MaxOutputBytes     = 64 << 20
	TimeoutExitCode    = 124
	// killPatience is how long a killed command may take to be gone before the caller is answered anyway.
	killPatience = 5 * time.Second
)

// RunRequest is a command whose result is wanted as a whole.
type RunRequest struct {
	Spec           spawn.Spec
	Stdin          []byte
	Timeout        time.Duration
	MaxOutputBytes int
}

// RunResult is what came of it.
type RunResult struct {
	Stdout, Stderr []byte
	ExitCode       int
	Duration       time.Duration
	TimedOut       bool
	Truncated      bool
	Signal         string
	capture        *capture
}

// Release gives the memory of the result back to the budget.
func (r *RunResult) Release() {
	if r.capture != nil {
		r.capture.release()
	}
}

// Run executes and waits. When ctx ends (the caller hung up) or the timeout is over, the whole tree is killed.
func (t *Table) Run(ctx context.Context, request *RunRequest) (*RunResult, error) {
	started := time.Now()
	id := newID()
	plan, err := t.Sandbox.Prepare(id, &request.Spec)
	if err != nil {
		return notRunnable(err, started)
	}
	if !t.enter() {
		return nil, errTooMany
	}
	defer t.leave()
	job := &runJob{table: t, id: id, overdue: make(chan struct{}), killed: make(chan struct{})}
	job.captured.left.Store(int64(request.MaxOutputBytes))
	if err := job.start(plan, request.Stdin); err != nil {
		return notRunnable(err, started)
	}
	return job.wait(ctx, request.Timeout, started), nil
}

// notRunnable answers for a program that is missing as a shell would.
func notRunnable(err error, started time.Time) (*RunResult, error) {
	var missing *spawn.NotRunnable
	if !errors.As(err, &missing) {
		return nil, err
	}
	return &RunResult{
		Stderr: []byte(missing.Message + "\n"), ExitCode: missing.ExitCode, Duration: time.Since(started),
	}, nil
}

type runJob struct {
	table    *Table
	id       string
	child    *child.Child
	out, err output
	stdin    *os.File
	errDone  chan struct{}
	overdue  chan struct{}
	killed   chan struct{} // closed when a kill is through
	captured capture
	timedOut atomic.Bool
	killing  atomic.Bool
}

func (j *runJob) start(plan *spawn.Plan, stdin []byte) error {
	var theirs [3]int
	var err error
	theirs[0] = spawn.Null()
	if len(stdin) > 0 {
		if j.stdin, theirs[0], err = spawn.Pipe(false); err != nil {
			return err
		}
		defer unix.Close(theirs[0])
	}
	if j.out.file, theirs[1], err = spawn.Pipe(true); err != nil {
		j.closeAll()
		return err
	}
	defer unix.Close(theirs[1])
	if j.err.file, theirs[2], err = spawn.Pipe(true); err != nil {
		j.closeAll()
		return err
	}
	defer unix.Close(theirs[2])
	j.out.lines, j.err.lines = j.table.Logs.Assemble(logs.Stdout), j.table.Logs.Assemble(logs.Stderr)
	stdio := [3]uintptr{uintptr(theirs[0]), uintptr(theirs[1]), uintptr(theirs[2])}
	j.child, err = j.table.Sandbox.Start(plan, stdio, func(*child.Child) {
		j.out.limit()
		j.err.limit()
	})
	if err != nil {
		j.closeAll()
		return err
	}
	if j.stdin != nil {
		go func() {
			_, _ = j.stdin.Write(stdin)
			j.stdin.Close()
		}()
	}
	return nil
}

func (j *runJob) closeAll() {
	for _, file := range []*os.File{j.stdin, j.out.file, j.err.file} {
		if file != nil {
			file.Close()
		}
	}
}

func (j *runJob) wait(ctx context.Context, timeout time.Duration, started time.Time) *RunResult {
	stopHangup := context.AfterFunc(ctx, j.kill)
	defer stopHangup()
	if timeout > 0 {
		timer := time.AfterFunc(timeout, func() {
			j.timedOut.Store(true)
			j.kill()
		})
		defer timer.Stop()
	}
	j.errDone = make(chan struct{})
	go func() {
		j.err.pump(func(chunk []byte) { j.captured.add(&j.captured.stderr, chunk) })
		close(j.errDone)
	}()
	j.out.pump(func(chunk []byte) { j.captured.add(&j.captured.stdout, chunk) })
	<-j.errDone
	status := syscall.WaitStatus(syscall.SIGKILL) // should it outlive its kill
	select {
	case <-j.child.Done():
		status = j.child.Status()
	case <-j.overdue:
	}
	if j.killing.Load() {
		<-j.killed // the whole tree is gone when the caller hears of it
	}
	if j.stdin != nil {
		j.stdin.Close()
	}
	result := &RunResult{
		Stdout: j.captured.stdout, Stderr: j.captured.stderr, Duration: time.Since(started),
		Truncated: j.captured.truncated.Load(), TimedOut: j.timedOut.Load(), capture: &j.captured,
	}
	if result.Truncated {
		result.Stdout, result.Stderr = wholeRunes(result.Stdout), wholeRunes(result.Stderr)
	}
	result.ExitCode, result.Signal = exitCode(status, result.TimedOut)
	return result
}

func (j *runJob) kill() {
	if !j.killing.CompareAndSwap(false, true) {
		return
	}
	defer close(j.killed)
	time.AfterFunc(killPatience, func() { close(j.overdue) })
	spawn.KillTree(j.child, j.id)
	// Whoever survives that holds the pipes, not the caller.
	j.out.limit()
	j.err.limit()
}

// exitCode is the shell's way of telling: 128 + signal, or 124 for a timeout.
func exitCode(status syscall.WaitStatus, timedOut bool) (code int, signal string) {
	if status.Signaled() {
		signal = status.Signal().String()
		code = 128 + int(status.Signal())
	} else {
		code = status.ExitStatus()
	}
	if timedOut {
		code = TimeoutExitCode
	}
	return code, signal
}

// wholeRunes drops an incomplete character that a cut has left at the end.
func wholeRunes(text []byte) []byte {
	for back := 1; back <= utf8.UTFMax && back <= len(text); back++ {
		if tail := text[len(text)-back:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				return text[:len(text)-back]
			}
			break
		}
	}
	return text
}

var errTooMany = wire.Errorf(wire.Exhausted, "too many processes are running")

package proc

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"pandastack.dev/guest/internal/child"
	"pandastack.dev/guest/internal/ring"
	"pandastack.dev/guest/internal/spawn"
	"pandastack.dev/guest/internal/wire"
)

// Record is one streamed process and what is held of its output.
type Record struct {
	ID      string
	Tag     string
	Config  Config
	Pid     int
	Started time.Time

	table    *Table
	order    uint64
	child    *child.Child
	terminal *os.File
	stdin    *input
	outputs  []*output
	timer    *time.Timer
	timedOut atomic.Bool
	killing  atomic.Bool
	overdue  chan struct{}
	killed   chan struct{} // closed when a kill is through

	mu        sync.Mutex
	room      sync.Cond // signalled when a reader has moved on or left
	ring      ring.Ring
	charged   int64
	seq       uint64 // of the newest frame
	dropped   history
	readers   map[*Reader]struct{}
	end       *Exit
	exitSeq   uint64
	endedAt   time.Time
	forgotten bool
}

// Config is what was asked for, as far as lists show it.
type Config struct {
	Cmd  string
	Args []string
	Env  map[string]string
	Cwd  string
}

// clipped bounds what a record remembers of a request, which may be megabytes long.
func (c Config) clipped() Config {
	const mostText, mostInAll = 4 << 10, 64 << 10
	if len(c.Cmd) > mostText {
		c.Cmd = strings.Clone(c.Cmd[:mostText])
	}
	if len(c.Cwd) > mostText {
		c.Cwd = ""
	}
	size := 0
	for i, arg := range c.Args {
		if size += len(arg) + 16; size > mostInAll {
			c.Args = slices.Clone(c.Args[:i])
			break
		}
	}
	size = 0
	for key, value := range c.Env {
		if size += len(key) + len(value) + 32; size > mostInAll {
			c.Env = nil
			break
		}
	}
	return c
}

// Exit is the payload of the exit frame. Status is the raw state for the other face.
type Exit struct {
	ExitCode   int                `json:"exit_code"`
	TimedOut   bool               `json:"timed_out"`
	Signal     string             `json:"signal,omitempty"`
	DurationMs int64              `json:"duration_ms"`
	Error      string             `json:"error,omitempty"`
	Status     syscall.WaitStatus `json:"-"`
}

// HasEnded is true once the exit frame is there.
func (r *Record) HasEnded() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.end != nil
}

// hasStarted waits for a start that is under way.
func (r *Record) hasStarted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.child != nil
}

// Kill ends the whole tree of the process. It returns once nothing of it is found any more.
func (r *Record) Kill() {
	if r.HasEnded() || !r.killing.CompareAndSwap(false, true) {
		return
	}
	defer close(r.killed)
	time.AfterFunc(killPatience, func() { close(r.overdue) })
	spawn.KillTree(r.child, r.ID)
	for _, output := range r.outputs {
		output.limit()
	}
}

// Expire kills because of a deadline, so that the exit frame says so.
func (r *Record) Expire() {
	r.timedOut.Store(true)
	r.Kill()
}

// Signal goes to the whole process group.
func (r *Record) Signal(number int) error {
	if number < 1 || number > 64 {
		return wire.Errorf(wire.InvalidArgument, "signal %d is not between 1 and 64", number)
	}
	if r.HasEnded() || r.child.SignalGroup(syscall.Signal(number)) != nil {
		return errEnded
	}
	return nil
}

// Resize changes the terminal's size.
func (r *Record) Resize(size spawn.Size) error {
	if r.terminal == nil {
		return wire.Errorf(wire.Conflict, "the process has no terminal")
	}
	if size.Rows == 0 || size.Cols == 0 {
		return wire.Errorf(wire.InvalidArgument, "rows and cols must be between 1 and 65535")
	}
	if r.HasEnded() || spawn.Resize(r.terminal, size) != nil {
		return errEnded
	}
	return nil
}

// HasTerminal says whether output comes as one stream from a pty.
func (r *Record) HasTerminal() bool { return r.terminal != nil }

// conclude waits for the process and its output, then closes the record with the exit frame.
func (r *Record) conclude(pumps *sync.WaitGroup) {
	pumps.Wait()
	status := syscall.WaitStatus(syscall.SIGKILL)
	failure := ""
	select {
	case <-r.child.Done():
		status = r.child.Status()
	case <-r.overdue:
		failure = "the process was killed and has not gone"
	}
	if r.timer != nil {
		r.timer.Stop()
	}
	if r.killing.Load() {
		<-r.killed // the whole tree is gone when the exit frame is sent
	}
	if r.stdin != nil {
		r.stdin.close()
	}
	end := &Exit{TimedOut: r.timedOut.Load(), DurationMs: time.Since(r.Started).Milliseconds(), Error: failure}
	end.Status = status
	end.ExitCode, end.Signal = exitCode(status, end.TimedOut)
	payload, _ := json.Marshal(end)
	r.mu.Lock()
	r.appendLocked(wire.FrameExit, payload)
	r.end = end
	r.endedAt = time.Now()
	r.ring.Shrink()
	r.chargeLocked()
	r.wakeLocked()
	r.mu.Unlock()
	r.table.leave()
	r.table.retire(r)
}

var (
	errEnded    = wire.Errorf(wire.Conflict, "the process has ended")
	errNoStdin  = wire.Errorf(wire.Conflict, "the process was started without stdin")
	errNotFound = wire.Errorf(wire.NotFound, "no such process")
)

// ErrNotFound is for ids that name no record.
func ErrNotFound() error { return errNotFound }

// Exit is how the process ended, nil while it runs.
func (r *Record) Exit() *Exit {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.end
}

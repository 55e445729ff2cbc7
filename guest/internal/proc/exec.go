package proc

import (
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"pandastack.dev/guest/internal/child"
	"pandastack.dev/guest/internal/logs"
	"pandastack.dev/guest/internal/spawn"
	"pandastack.dev/guest/internal/wire"
)

// ExecRequest is a process whose output is streamed.
type ExecRequest struct {
	ID       string // empty: made up
	Tag      string
	Spec     spawn.Spec
	Config   Config
	PTY      *spawn.Size
	Stdin    bool
	Timeout  time.Duration
	Unlogged bool // its output is a protocol, or private: it stays out of the log
}

// Exec starts a process, or gives the record that already has the id. created is false then.
func (t *Table) Exec(request *ExecRequest) (record *Record, created bool, err error) {
	id := request.ID
	if id == "" {
		id = newID()
	}
	request.Spec.PTY = request.PTY != nil
	r := &Record{ID: id, Tag: request.Tag, Config: request.Config.clipped(), table: t,
		overdue: make(chan struct{}), killed: make(chan struct{})}
	r.room.L = &r.mu
	r.mu.Lock() // a repeat of the request waits below until the start has gone one way or the other
	t.mu.Lock()
	if known := t.records[id]; known != nil {
		t.mu.Unlock()
		r.mu.Unlock()
		if !known.hasStarted() {
			return nil, false, wire.Errorf(wire.Conflict, "a process with this id has just failed to start")
		}
		return known, false, nil
	}
	t.records[id] = r
	t.mu.Unlock()
	defer r.mu.Unlock()
	if err := r.startLocked(request); err != nil {
		t.mu.Lock()
		delete(t.records, id)
		t.mu.Unlock()
		return nil, false, err
	}
	return r, true, nil
}

func (r *Record) startLocked(request *ExecRequest) error {
	if !r.table.enter() {
		return errTooMany
	}
	if err := r.launchLocked(request); err != nil {
		r.table.leave()
		return err
	}
	r.order = order.Add(1)
	var pumps sync.WaitGroup
	for i, output := range r.outputs {
		kind := byte(wire.FrameStdout + i)
		if r.terminal != nil {
			kind = wire.FramePTY
		}
		pumps.Go(func() { output.pump(func(chunk []byte) { r.append(kind, chunk) }) })
	}
	if request.Timeout > 0 {
		r.timer = time.AfterFunc(request.Timeout, r.Expire)
	}
	go r.conclude(&pumps)
	return nil
}

func (r *Record) launchLocked(request *ExecRequest) error {
	plan, err := r.table.Sandbox.Prepare(r.ID, &request.Spec)
	if err != nil {
		return err
	}
	ends := &ends{}
	defer ends.closeTheirs()
	if request.PTY != nil {
		err = r.openTerminal(ends, request, plan.UID())
	} else {
		err = r.openPipes(ends, request)
	}
	if err == nil {
		r.Started = time.Now()
		r.child, err = r.table.Sandbox.Start(plan, ends.stdio, func(*child.Child) {
			for _, output := range r.outputs {
				output.limit()
			}
		})
	}
	if err != nil {
		ends.closeOurs()
		return err
	}
	r.Pid = r.child.Pid
	return nil
}

// ends are both sides of the pipes of a start.
type ends struct {
	stdio  [3]uintptr
	ours   []*os.File
	theirs []int
}

func (e *ends) closeTheirs() {
	for _, fd := range e.theirs {
		unix.Close(fd)
	}
}

func (e *ends) closeOurs() {
	for _, file := range e.ours {
		file.Close()
	}
}

func (r *Record) openTerminal(e *ends, request *ExecRequest, uid uint32) error {
	ours, theirs, err := spawn.OpenPTY(*request.PTY, uid)
	if err != nil {
		return err
	}
	e.ours, e.theirs = append(e.ours, ours), append(e.theirs, theirs)
	e.stdio = [3]uintptr{uintptr(theirs), uintptr(theirs), uintptr(theirs)}
	r.terminal = ours
	r.stdin = newInput(ours, true)
	r.outputs = []*output{{file: ours, lines: r.table.lines(request, logs.Stdout)}}
	return nil
}

func (r *Record) openPipes(e *ends, request *ExecRequest) error {
	e.stdio[0] = uintptr(spawn.Null())
	if request.Stdin {
		ours, theirs, err := spawn.Pipe(false)
		if err != nil {
			return err
		}
		e.ours, e.theirs = append(e.ours, ours), append(e.theirs, theirs)
		e.stdio[0] = uintptr(theirs)
		r.stdin = newInput(ours, false)
	}
	for i, stream := range []byte{logs.Stdout, logs.Stderr} {
		ours, theirs, err := spawn.Pipe(true)
		if err != nil {
			return err
		}
		e.ours, e.theirs = append(e.ours, ours), append(e.theirs, theirs)
		e.stdio[i+1] = uintptr(theirs)
		r.outputs = append(r.outputs, &output{file: ours, lines: r.table.lines(request, stream)})
	}
	return nil
}

// lines is where the output of a process is logged, nil for nowhere.
func (t *Table) lines(request *ExecRequest, stream byte) *logs.Assembler {
	if request.Unlogged {
		return nil
	}
	return t.Logs.Assemble(stream)
}

package proc

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

const endOfTransmission = 4 // what ctrl-D sends

// input is the writing end of a process's stdin. Writers take turns, so that bodies do not mix.
type input struct {
	turn     chan struct{}
	terminal bool

	mu     sync.Mutex
	file   *os.File
	closed bool
}

func newInput(file *os.File, terminal bool) *input {
	return &input{turn: make(chan struct{}, 1), file: file, terminal: terminal}
}

// close makes the process see the end of its input. A terminal is closed by the pump of its output.
func (i *input) close() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.closed {
		i.closed = true
		if !i.terminal {
			i.file.Close()
		}
	}
}

func (i *input) isClosed() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.closed
}

// WriteStdin copies body to the process, at the speed at which the process reads, and then closes its stdin if asked.
func (r *Record) WriteStdin(ctx context.Context, body io.Reader, closeAfter bool) error {
	in := r.stdin
	if in == nil {
		return errNoStdin
	}
	select {
	case in.turn <- struct{}{}:
		defer func() { <-in.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if in.isClosed() || r.HasEnded() {
		return errEnded
	}
	buffer := pumpBuffers.Get().(*[pumpBytes]byte)
	defer pumpBuffers.Put(buffer)
	for {
		n, err := body.Read(buffer[:])
		if n > 0 {
			if err := r.writeInput(ctx, buffer[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if !closeAfter {
		return nil
	}
	if in.terminal {
		return r.writeInput(ctx, []byte{endOfTransmission})
	}
	in.close()
	return nil
}

func (r *Record) writeInput(ctx context.Context, chunk []byte) error {
	if r.stdin.isClosed() {
		return errEnded
	}
	// A process that does not read holds the writer up until the process ends or the caller hangs up.
	stop := context.AfterFunc(ctx, func() { _ = r.stdin.file.SetWriteDeadline(past) })
	_, err := r.stdin.file.Write(chunk)
	if !stop() && ctx.Err() != nil {
		_ = r.stdin.file.SetWriteDeadline(never)
		return ctx.Err()
	}
	if err != nil {
		return errEnded
	}
	return nil
}

var past, never = time.Unix(1, 0), time.Time{}

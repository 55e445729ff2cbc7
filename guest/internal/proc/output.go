package proc

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"pandastack.dev/guest/internal/logs"
)

const (
	pumpBytes = 32 << 10
	// lingerGrace is how long after the end of a command its output may still come from children it left behind.
	lingerGrace = 100 * time.Millisecond
	// lateBytes bounds what is taken over at once from a pipe after that.
	lateBytes  = 1 << 20
	maxDrained = 256
)

var pumpBuffers = sync.Pool{New: func() any { return new([pumpBytes]byte) }}

var drained atomic.Int32

// output is our end of one stream of a process.
type output struct {
	file  *os.File
	lines *logs.Assembler // nil: not logged
	ended atomic.Bool
}

func (o *output) log(chunk []byte) {
	if o.lines != nil {
		o.lines.Write(chunk)
	}
}

func (o *output) endLog() {
	if o.lines != nil {
		o.lines.Flush()
	}
}

// limit makes reads stop soon: the command itself has ended, and whoever still holds the pipe was left behind by it.
// Called from the reaping loop.
func (o *output) limit() {
	if o != nil && !o.ended.Load() {
		_ = o.file.SetReadDeadline(time.Now().Add(lingerGrace))
	}
}

// pump hands everything to sink until the end of the stream, or until the grace is over. The stream is then closed,
// or, where somebody still writes, drained into the log: closing it would kill them.
func (o *output) pump(sink func([]byte)) {
	buffer := pumpBuffers.Get().(*[pumpBytes]byte)
	defer pumpBuffers.Put(buffer)
	for {
		n, err := o.file.Read(buffer[:])
		if n > 0 {
			o.log(buffer[:n])
			sink(buffer[:n])
		}
		if err == nil {
			continue
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && o.takeLate(buffer[:], sink) {
			o.leaveOpen()
			return
		}
		o.ended.Store(true)
		o.endLog()
		o.file.Close()
		return
	}
}

// takeLate reads what is in the pipe without waiting, and says whether anybody can still write to it.
func (o *output) takeLate(buffer []byte, sink func([]byte)) (open bool) {
	raw, err := o.file.SyscallConn()
	if err != nil {
		return false
	}
	for taken := 0; taken < lateBytes; {
		var n int
		var err error
		if raw.Control(func(fd uintptr) { n, err = syscall.Read(int(fd), buffer) }) != nil {
			return false
		}
		if err == syscall.EAGAIN {
			return true
		}
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return false
		}
		o.log(buffer[:n])
		sink(buffer[:n])
		taken += n
	}
	return true
}

func (o *output) leaveOpen() {
	if drained.Add(1) > maxDrained {
		drained.Add(-1)
		o.endLog()
		o.file.Close()
		return
	}
	_ = o.file.SetReadDeadline(time.Time{})
	go func() {
		defer drained.Add(-1)
		defer o.file.Close()
		defer o.endLog()
		buffer := pumpBuffers.Get().(*[pumpBytes]byte)
		defer pumpBuffers.Put(buffer)
		for {
			n, err := o.file.Read(buffer[:])
			o.log(buffer[:n])
			if err != nil {
				return
			}
		}
	}()
}

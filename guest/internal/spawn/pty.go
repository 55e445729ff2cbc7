package spawn

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"pandastack.dev/guest/internal/wire"
)

// Size of a terminal in characters.
type Size struct {
	Rows uint16 `json:"rows"`
	Cols uint16 `json:"cols"`
}

// OpenPTY makes a terminal. The caller closes both ends, the terminal's side right after the start.
func OpenPTY(size Size, uid uint32) (ours *os.File, theirs int, err error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, -1, wire.Errorf(wire.Exhausted, "terminal: %v", err)
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return nil, -1, wire.Errorf(wire.Internal, "terminal number: %v", err)
	}
	if err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return nil, -1, wire.Errorf(wire.Internal, "terminal lock: %v", err)
	}
	name := "/dev/pts/" + strconv.Itoa(number)
	theirs, err = unix.Open(name, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, -1, wire.Errorf(wire.Internal, "terminal: %v", err)
	}
	if uid != selfUID {
		_ = unix.Fchown(theirs, int(uid), -1) // else the program could not open its own terminal by name
	}
	ours = os.NewFile(uintptr(fd), name)
	if err = Resize(ours, size); err != nil {
		unix.Close(theirs)
		return nil, -1, wire.Errorf(wire.Internal, "terminal size: %v", err)
	}
	return ours, theirs, nil
}

// Resize tells the terminal, which tells its foreground processes (SIGWINCH).
func Resize(terminal *os.File, size Size) error {
	raw, err := terminal.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	err = raw.Control(func(fd uintptr) {
		inner = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: size.Rows, Col: size.Cols})
	})
	if err != nil {
		return err
	}
	return inner
}

// UID of the account the plan runs as.
func (p *Plan) UID() uint32 { return p.user.UID }

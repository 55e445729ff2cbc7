package thaw

import (
	"encoding/binary"
	"errors"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// System is what a thaw changes outside of this process. Tests put another root and no-op calls here.
type System struct {
	Root        string // prefix of all paths, empty for real
	SetHostname func(string) error
	Hostname    func() (string, error)
	StepClock   func(time.Time) error
	MixEntropy  func([]byte) error
	// OwnBootID: the file that shows the boot id is one of ours, see MountBootID.
	OwnBootID bool

	// trusted is the bundle that was written last, and what its file was like then.
	trusted struct {
		bundle string
		file   os.FileInfo
	}
}

// Real is the system this process runs on.
func Real() *System {
	return &System{
		SetHostname: func(name string) error { return unix.Sethostname([]byte(name)) },
		Hostname:    os.Hostname,
		StepClock:   stepClock,
		MixEntropy:  mixEntropy,
	}
}

func (s *System) at(path string) string { return s.Root + path }

const clockTolerance = 20 * time.Millisecond

// stepClock leaves a clock alone that is right, or that is not ours to set.
func stepClock(wall time.Time) error {
	if off := time.Until(wall.Round(0)).Abs(); off <= clockTolerance {
		return nil
	}
	at := unix.NsecToTimespec(wall.UnixNano())
	return ignore(unix.ClockSettime(unix.CLOCK_REALTIME, &at), unix.EPERM, unix.ENOSYS, unix.EINVAL)
}

// From linux/random.h: _IOW('R', 0x03, int[2]) and _IO('R', 0x07).
const (
	addEntropy = 0x40085203
	reseedCRNG = 0x5207
)

// mixEntropy credits the bytes to the kernel's pool and makes its generator take them up at once. A kernel without
// these calls, or one that forbids them, looks after its random numbers itself.
func mixEntropy(entropy []byte) error {
	fd, err := unix.Open("/dev/urandom", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return ignore(err, unix.ENOENT, unix.EPERM, unix.EACCES, unix.EROFS)
	}
	defer unix.Close(fd)
	info := make([]byte, 8+len(entropy))
	binary.NativeEndian.PutUint32(info, uint32(len(entropy)*8))
	binary.NativeEndian.PutUint32(info[4:], uint32(len(entropy)))
	copy(info[8:], entropy)
	if err := ioctl(fd, addEntropy, unsafe.Pointer(&info[0])); err != nil {
		_, _ = unix.Write(fd, entropy) // mixes without credit, which needs no privilege
		return ignore(err, unix.ENOTTY, unix.EPERM, unix.ENOENT, unix.EINVAL, unix.ENOSYS)
	}
	return ignore(ioctl(fd, reseedCRNG, nil), unix.ENOTTY, unix.EPERM, unix.ENOENT, unix.EINVAL, unix.ENOSYS)
}

func ioctl(fd int, request uintptr, argument unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(argument)); errno != 0 {
		return errno
	}
	return nil
}

func ignore(err error, harmless ...unix.Errno) error {
	for _, number := range harmless {
		if errors.Is(err, number) {
			return nil
		}
	}
	return err
}

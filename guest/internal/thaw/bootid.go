package thaw

import (
	"crypto/rand"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const bootIDPath = "/proc/sys/kernel/random/boot_id"

// MountBootID puts a file of ours over the one in /proc, as the kernel's boot id is part of a snapshot and the same in
// all that is restored from it. Done once, before there are snapshots: they then contain the mount.
func MountBootID(file string) error {
	if err := os.WriteFile(file, []byte(newBootID()), 0o444); err != nil {
		return err
	}
	return unix.Mount(file, bootIDPath, "", unix.MS_BIND, "")
}

// renewBootID writes through the mount. The sandbox's root may have taken it away, and nothing depends on it.
func (s *System) renewBootID() {
	if !s.OwnBootID {
		return
	}
	fd, err := unix.Open(bootIDPath, unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	_, _ = unix.Write(fd, []byte(newBootID()))
}

// newBootID is a random UUID as the kernel writes it.
func newBootID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x\n", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

package reseed

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"
)

type process struct {
	owner   uint32 // the real user id
	started string // in ticks since the machine's boot; a restore does not change it
}

// look asks the kernel about a process that has not ended.
func look(pid int) (found process, ok bool) {
	var buffer [4096]byte
	at := "/proc/" + strconv.Itoa(pid)
	stat := readSome(at+"/stat", buffer[:])
	// The name in brackets may contain anything, so count from its end: state, parent, ..., the 22nd field of the line.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 || fields[0][0] == 'Z' || fields[0][0] == 'X' {
		return process{}, false
	}
	found.started = string(fields[19])
	for line := range bytes.Lines(readSome(at+"/status", buffer[:])) {
		if ids, isOwner := bytes.CutPrefix(line, []byte("Uid:")); isOwner {
			real, _, _ := bytes.Cut(bytes.TrimSpace(ids), []byte("\t"))
			owner, err := strconv.ParseUint(string(real), 10, 32)
			found.owner = uint32(owner)
			return found, err == nil
		}
	}
	return process{}, false
}

// processes lists ids.
func processes() []string {
	fd, err := unix.Open("/proc", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	names, _ := list(fd, 1<<16)
	return names
}

// list gives at most so many names and says whether that is all there are.
func list(fd, most int) (names []string, all bool) {
	var buffer [8192]byte
	for len(names) <= most {
		n, err := unix.ReadDirent(fd, buffer[:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return names, true
		}
		_, _, names = unix.ParseDirent(buffer[:n], -1, names)
	}
	return names, false
}

func readSome(path string, buffer []byte) []byte {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	n, err := unix.Read(fd, buffer)
	if err != nil || n < 0 {
		return nil
	}
	return buffer[:n]
}

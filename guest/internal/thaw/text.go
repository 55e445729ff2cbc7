package thaw

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"pandastack.dev/guest/internal/wire"
)

// maxTextBytes bounds what is read of files that the workload may have changed.
const maxTextBytes = 16 << 20

// readText reads a regular file; anything else the workload may have put there is treated as empty.
func readText(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", nil
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text := make([]byte, min(info.Size()+1, maxTextBytes))
	n, err := io.ReadFull(file, text)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return string(text[:n]), err
}

// replaceText is rewriteText that leaves a file alone which has the text already.
func replaceText(path, text string) error {
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && info.Size() == int64(len(text)) {
		if now, err := readText(path); err == nil && now == text {
			return nil
		}
	}
	return rewriteText(path, text)
}

// rewriteText writes beside and renames. A file that is mounted by itself cannot be renamed over: it is written in
// place. It goes by the usual case first: a thaw is waited for, and each call costs under gVisor.
func rewriteText(path, text string) error {
	beside := path + ".new"
	err := writeNew(beside, text)
	if errors.Is(err, syscall.ENOENT) {
		if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
			err = writeNew(beside, text)
		}
	} else if errors.Is(err, syscall.EEXIST) {
		if err = os.RemoveAll(beside); err == nil {
			err = writeNew(beside, text)
		}
	}
	if err == nil {
		err = unix.Rename(beside, path)
	}
	if err == nil {
		return nil
	}
	_ = os.Remove(beside)
	if errors.Is(err, syscall.EBUSY) || errors.Is(err, syscall.EXDEV) {
		return os.WriteFile(path, []byte(text), 0o644)
	}
	return err
}

func writeNew(path, text string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return err
	}
	for rest := []byte(text); len(rest) > 0 && err == nil; {
		var n int
		n, err = unix.Write(fd, rest)
		rest = rest[max(n, 0):]
		if err == unix.EINTR {
			err = nil
		}
	}
	if closeErr := unix.Close(fd); err == nil {
		err = closeErr
	}
	return err
}

const localhostLines = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"

// hostsFile keeps lines that somebody added and replaces our own.
func hostsFile(now, hostname string) string {
	var kept strings.Builder
	for line := range strings.Lines(now) {
		text := strings.TrimSpace(line)
		if text == "" || strings.HasPrefix(text, "127.0.1.1") || strings.HasPrefix(text, "127.0.0.1 localhost") ||
			strings.HasPrefix(text, "127.0.0.1\tlocalhost") || strings.HasPrefix(text, "::1") {
			continue
		}
		kept.WriteString(text + "\n")
	}
	return localhostLines + "127.0.1.1 " + hostname + "\n" + kept.String()
}

const (
	bundlePath = "/etc/ssl/certs/ca-certificates.crt"
	blockBegin = "# BEGIN sandbox operator's certificates\n"
	blockEnd   = "# END sandbox operator's certificates\n"
)

// trust puts the operator's certificates into a marked block at the end of the system's bundle. A repeat replaces the
// block, so the file does not grow and what the system's own tools made of the rest stays.
func (s *System) trust(bundle string) error {
	path := s.at(bundlePath)
	if s.trusted.bundle == bundle && s.trusted.file != nil {
		if now, err := os.Lstat(path); err == nil && os.SameFile(now, s.trusted.file) &&
			now.Size() == s.trusted.file.Size() && now.ModTime().Equal(s.trusted.file.ModTime()) {
			return nil
		}
	}
	now, err := readText(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return wire.FromSystem(err, bundlePath)
	}
	if err := replaceText(path, withBlock(now, bundle)); err != nil {
		return err
	}
	s.trusted.bundle = bundle
	s.trusted.file, _ = os.Lstat(path)
	return nil
}

func withBlock(now, bundle string) string {
	if begin := strings.Index(now, blockBegin); begin >= 0 {
		rest := ""
		if end := strings.Index(now[begin:], blockEnd); end >= 0 {
			rest = now[begin+end+len(blockEnd):]
		}
		now = now[:begin] + rest
	}
	if now != "" && !strings.HasSuffix(now, "\n") {
		now += "\n"
	}
	return now + blockBegin + strings.TrimRight(bundle, "\n") + "\n" + blockEnd
}

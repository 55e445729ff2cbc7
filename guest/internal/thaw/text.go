package thaw

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

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
	text, err := io.ReadAll(io.LimitReader(file, maxTextBytes))
	return string(text), err
}

// replaceText is rewriteText that leaves a file alone which has the text already.
func replaceText(path, text string) error {
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
		if now, err := readText(path); err == nil && now == text {
			return nil
		}
	}
	return rewriteText(path, text)
}

// rewriteText writes beside and renames. A file that is mounted by itself cannot be renamed over: it is written in
// place.
func rewriteText(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	beside := path + ".new"
	_ = os.Remove(beside)
	file, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(beside, path)
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
	now, err := readText(s.at(bundlePath))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return wire.FromSystem(err, bundlePath)
	}
	return replaceText(s.at(bundlePath), withBlock(now, bundle))
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

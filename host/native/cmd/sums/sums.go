package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

const (
	sumsName    = "sums.json"
	sumsVersion = 1
	// maxChunks is 1 TiB of files; maxSumsBytes has room for as many sums, and for the names.
	maxChunks    = 1 << 20
	maxSumsBytes = 72 << 20
)

// sum is a SHA-256, in text 64 hex digits.
type sum [sha256.Size]byte

func (s sum) String() string { return hex.EncodeToString(s[:]) }

func (s sum) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, s[:]), nil }

func (s *sum) UnmarshalText(text []byte) error {
	if !isSum(string(text)) {
		return errors.New("no SHA-256")
	}
	_, err := hex.Decode(s[:], text)
	return err
}

func isSum(text string) bool {
	for _, c := range []byte(text) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(text) == 2*sha256.Size
}

// sumsFile is what stands in sums.json.
type sumsFile struct {
	Version    int         `json:"version"`
	ChunkBytes int64       `json:"chunkBytes"`
	Files      []fileEntry `json:"files"` // sorted by name
}

type fileEntry struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 []sum  `json:"sha256"` // one for each chunk
}

func encode(f *folder) ([]byte, error) {
	list := sumsFile{Version: sumsVersion, ChunkBytes: chunkBytes, Files: make([]fileEntry, len(f.files))}
	for i, file := range f.files {
		list.Files[i] = fileEntry{file.name, file.size, file.sums}
	}
	text, err := json.Marshal(list)
	return append(text, '\n'), err
}

func decode(text []byte) (map[string]fileEntry, error) {
	var list sumsFile
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&list); err != nil {
		return nil, corrupt(sumsName, "%v", err)
	}
	if list.Version != sumsVersion || list.ChunkBytes != chunkBytes {
		return nil, corrupt(sumsName, "version %d with chunks of %d bytes is not known", list.Version, list.ChunkBytes)
	}
	entries := make(map[string]fileEntry, len(list.Files))
	for _, entry := range list.Files {
		if entry.Size < 0 || chunksOf(entry.Size) != int64(len(entry.SHA256)) {
			return nil, corrupt(sumsName, "%q has not as many sums as chunks", entry.Name)
		}
		entries[entry.Name] = entry
	}
	return entries, nil
}

// readSums fails with corrupt when there is no such file, or something else in its place.
func (f *folder) readSums() ([]byte, error) {
	file, err := f.open(sumsName)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if file.size > maxSumsBytes {
		return nil, corrupt(sumsName, "has %d bytes", file.size)
	}
	text := make([]byte, file.size)
	if _, err := io.ReadFull(file, text); err != nil {
		return nil, err
	}
	return text, nil
}

// writeSums makes the file anew: what a seal that was cut short has left may be half of one.
func (f *folder) writeSums(text []byte) error {
	dir := int(f.dir.Fd())
	if err := unix.Unlinkat(dir, sumsName, 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", sumsName, err)
	}
	fd, err := unix.Openat(dir, sumsName, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("create %s: %w", sumsName, err)
	}
	file := os.NewFile(uintptr(fd), sumsName)
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return f.dir.Sync()
}

package v1

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"pandastack.dev/guest/internal/files"
	"pandastack.dev/guest/internal/proc"
	"pandastack.dev/guest/internal/spawn"
	"pandastack.dev/guest/internal/wire"
)

const (
	moveDeadline  = 10 * time.Minute
	listFlushSize = 32 << 10
)

// path resolves what a caller named against the home of root, the default account of this face.
func (s *Server) path(text string) (string, error) {
	root, err := s.Accounts.Lookup("root")
	if err != nil {
		return "", wire.Errorf(wire.Internal, "%v", err)
	}
	return files.Resolve(text, root.Home)
}

func (s *Server) queryPath(r *http.Request) (string, error) { return s.path(r.URL.Query().Get("path")) }

func (s *Server) readFile(w http.ResponseWriter, r *http.Request) error {
	path, err := s.queryPath(r)
	if err != nil {
		return err
	}
	source, err := files.Open(path)
	if err != nil {
		return err
	}
	defer source.Close()
	w.Header().Set("content-type", "application/octet-stream")
	if source.SizeBytes >= 0 {
		w.Header().Set("content-length", strconv.FormatInt(source.SizeBytes, 10))
	}
	w.WriteHeader(http.StatusOK)
	n, err := io.Copy(w, source.Reader)
	if err != nil || (source.SizeBytes >= 0 && n != source.SizeBytes) {
		panic(http.ErrAbortHandler) // the head is out: only a broken connection can tell that the body is short
	}
	return nil
}

func (s *Server) writeFile(w http.ResponseWriter, r *http.Request) error {
	path, err := s.queryPath(r)
	if err != nil {
		return err
	}
	size, err := files.Write(path, wire.Upload(w, r), nil, nil)
	if err != nil {
		return err
	}
	wire.WriteJSON(w, struct {
		Path  string `json:"path"`
		Bytes int64  `json:"bytes"`
	}{path, size})
	return nil
}

func (s *Server) deleteFile(w http.ResponseWriter, r *http.Request) error {
	path, err := s.queryPath(r)
	if err != nil {
		return err
	}
	if err := files.Remove(path); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) statFile(w http.ResponseWriter, r *http.Request) error {
	path, err := s.queryPath(r)
	if err != nil {
		return err
	}
	entry, err := files.Describe(path, s.Accounts)
	if err != nil {
		return err
	}
	wire.WriteJSON(w, entry)
	return nil
}

// listDir writes as it goes: the entries of a large directory are never in memory together.
func (s *Server) listDir(w http.ResponseWriter, r *http.Request) error {
	path, err := s.queryPath(r)
	if err != nil {
		return err
	}
	names, err := files.Names(path)
	if err != nil {
		return err
	}
	w.Header().Set("content-type", "application/json")
	var text bytes.Buffer
	quoted, _ := json.Marshal(path)
	text.WriteString(`{"path":` + string(quoted) + `,"entries":[`)
	first := true
	for _, name := range names {
		entry, err := files.Describe(filepath.Join(path, name), s.Accounts)
		if err != nil {
			continue // gone since it was listed
		}
		line, _ := json.Marshal(entry)
		if !first {
			text.WriteByte(',')
		}
		first = false
		text.Write(line)
		if text.Len() > listFlushSize {
			if _, err := text.WriteTo(w); err != nil {
				return nil
			}
		}
	}
	text.WriteString("]}")
	_, _ = text.WriteTo(w)
	return nil
}

func (s *Server) makeDir(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Path string `json:"path"`
	}
	if err := wire.ReadJSON(r, maxSmallBody, &body); err != nil {
		return err
	}
	path, err := s.path(body.Path)
	if err != nil {
		return err
	}
	if _, err := files.MakeDirs(path, nil); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) rename(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		From string `json:"from"`
		To   string `json:"to"`
	}
	if err := wire.ReadJSON(r, maxSmallBody, &body); err != nil {
		return err
	}
	from, err := s.path(body.From)
	if err != nil {
		return err
	}
	to, err := s.path(body.To)
	if err != nil {
		return err
	}
	if err := files.Rename(r.Context(), from, to, s.Move); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// Move is a files.Mover that runs the sandbox's own program.
func (s *Server) Move(ctx context.Context, argv []string) (bool, string) {
	result, err := s.Table.Run(ctx, &proc.RunRequest{
		Spec: spawn.Spec{Argv: argv, Cwd: "/"}, Timeout: moveDeadline, MaxOutputBytes: 4 << 10,
	})
	if err != nil {
		return false, err.Error()
	}
	defer result.Release()
	return result.ExitCode == 0, strings.TrimSpace(string(result.Stderr))
}

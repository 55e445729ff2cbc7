package e2b

import (
	"compress/gzip"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"connectrpc.com/connect"
	"golang.org/x/sys/unix"

	"pandastack.dev/guest/internal/account"
	"pandastack.dev/guest/internal/files"
	"pandastack.dev/guest/internal/wire"
)

const (
	maxParts        = 100_000
	maxMetadata     = 64
	metadataHeader  = "X-Metadata-"
	maxComposeBytes = 1 << 20
)

type written struct {
	Name     string            `json:"name"`
	Path     string            `json:"path"`
	Type     string            `json:"type"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

// fail answers in the shape of this face.
func fail(w http.ResponseWriter, err error) {
	var refusal *wire.Error
	var rpc *connect.Error
	switch {
	case errors.As(err, &refusal):
		status := wire.Status(refusal.Code)
		if refusal.Code == wire.Conflict || refusal.Code == wire.TooLarge {
			status = http.StatusBadRequest
		}
		writeStatus(w, status, refusal.Message)
	case errors.As(err, &rpc) && rpc.Code() == connect.CodeUnauthenticated:
		writeStatus(w, http.StatusUnauthorized, rpc.Message())
	default:
		writeStatus(w, http.StatusInternalServerError, err.Error())
	}
}

func (s *Server) download(w http.ResponseWriter, r *http.Request) {
	if refused := s.mayUseFile(r, "read"); refused != "" {
		writeStatus(w, http.StatusUnauthorized, refused)
		return
	}
	user, err := s.userOf(r.URL.Query().Get("username"))
	if err != nil {
		fail(w, err)
		return
	}
	at, err := path(r.URL.Query().Get("path"), user)
	if err != nil {
		fail(w, err)
		return
	}
	source, err := files.Open(at)
	if err != nil {
		fail(w, err)
		return
	}
	defer source.Close()
	w.Header().Set("content-disposition", mime.FormatMediaType("inline", map[string]string{"filename": filepath.Base(at)}))
	w.Header().Set("vary", "Accept-Encoding")
	if source.Info.Size() > 0 && source.SizeBytes == source.Info.Size() {
		if mime.TypeByExtension(filepath.Ext(at)) == "" {
			w.Header().Set("content-type", "application/octet-stream")
		}
		if _, err := source.File.Seek(0, io.SeekStart); err == nil {
			http.ServeContent(w, r, at, source.Info.ModTime(), source.File)
			return
		}
	}
	w.Header().Set("content-type", "application/octet-stream")
	if source.SizeBytes >= 0 {
		w.Header().Set("content-length", strconv.FormatInt(source.SizeBytes, 10))
	}
	w.WriteHeader(http.StatusOK)
	if _, err := io.Copy(w, source.Reader); err != nil {
		panic(http.ErrAbortHandler)
	}
}

func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	if refused := s.mayUseFile(r, "write"); refused != "" {
		writeStatus(w, http.StatusUnauthorized, refused)
		return
	}
	user, err := s.userOf(r.URL.Query().Get("username"))
	if err != nil {
		fail(w, err)
		return
	}
	body := wire.Upload(w, r)
	if strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip") {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			writeStatus(w, http.StatusBadRequest, "the body is not gzip")
			return
		}
		body = unzipped
	}
	kind, parameters, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	var all []written
	if kind == "multipart/form-data" {
		all, err = s.uploadParts(r, multipart.NewReader(body, parameters["boundary"]), user)
	} else {
		var one *written
		if r.URL.Query().Get("path") == "" {
			err = wire.Errorf(wire.InvalidArgument, "path is missing")
		} else if one, err = s.store(r, r.URL.Query().Get("path"), body, user); err == nil {
			all = []written{*one}
		}
	}
	if err != nil {
		fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, all)
}

func (s *Server) uploadParts(r *http.Request, parts *multipart.Reader, user *account.User) ([]written, error) {
	named := r.URL.Query().Get("path")
	all := []written{}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, wire.Errorf(wire.InvalidArgument, "the body broke off: %v", err)
		}
		if part.FormName() != "file" {
			continue
		}
		if len(all) == maxParts {
			return nil, wire.Errorf(wire.InvalidArgument, "more than %d files in one request", maxParts)
		}
		at := named
		if at == "" {
			// Not part.FileName(), which drops the directories.
			_, disposition, _ := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
			at = disposition["filename"]
		} else if len(all) > 0 {
			return nil, wire.Errorf(wire.InvalidArgument, "path names one file, the request has more")
		}
		if at == "" {
			return nil, wire.Errorf(wire.InvalidArgument, "a part has neither a file name nor is there a path")
		}
		one, err := s.store(r, at, part, user)
		if err != nil {
			return nil, err
		}
		all = append(all, *one)
	}
}

func (s *Server) store(r *http.Request, at string, body io.Reader, user *account.User) (*written, error) {
	resolved, err := path(at, user)
	if err != nil {
		return nil, err
	}
	metadata, err := metadataOf(r.Header)
	if err != nil {
		return nil, err
	}
	_, err = files.Write(resolved, body, ownerOf(user), func(file *os.File) error {
		for key, value := range metadata {
			if err := unix.Fsetxattr(int(file.Fd()), metadataPrefix+key, []byte(value), 0); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &written{Name: filepath.Base(resolved), Path: resolved, Type: "file", Metadata: metadata}, nil
}

func metadataOf(header http.Header) (map[string]string, error) {
	var found map[string]string
	for name, values := range header {
		key, ours := strings.CutPrefix(name, metadataHeader)
		if !ours || key == "" {
			continue
		}
		if found == nil {
			found = map[string]string{}
		}
		if len(found) == maxMetadata || len(key) > 200 || len(values[0]) > 4096 {
			return nil, wire.Errorf(wire.InvalidArgument, "too much metadata")
		}
		found[strings.ToLower(key)] = values[0]
	}
	return found, nil
}

// compose writes the sources one after another into the destination.
func (s *Server) compose(w http.ResponseWriter, r *http.Request) {
	var body struct {
		SourcePaths []string `json:"source_paths"`
		Destination string   `json:"destination"`
		Username    string   `json:"username"`
	}
	if err := wire.ReadJSON(r, maxComposeBytes, &body); err != nil {
		fail(w, err)
		return
	}
	user, err := s.userOf(body.Username)
	if err != nil {
		fail(w, err)
		return
	}
	if len(body.SourcePaths) == 0 || body.Destination == "" {
		writeStatus(w, http.StatusBadRequest, "source_paths and destination are needed")
		return
	}
	chain := &chained{user: user, paths: body.SourcePaths}
	defer chain.close()
	one, err := s.store(r, body.Destination, chain, user)
	if err != nil {
		fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, one)
}

// chained reads files one after another with one of them open.
type chained struct {
	user  *account.User
	paths []string
	now   *files.Source
}

func (c *chained) Read(into []byte) (int, error) {
	for {
		if c.now == nil {
			if len(c.paths) == 0 {
				return 0, io.EOF
			}
			at, err := path(c.paths[0], c.user)
			if err != nil {
				return 0, err
			}
			if c.now, err = files.Open(at); err != nil {
				return 0, err
			}
			c.paths = c.paths[1:]
		}
		n, err := c.now.Read(into)
		if err == io.EOF {
			c.close()
			err = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (c *chained) close() {
	if c.now != nil {
		c.now.Close()
		c.now = nil
	}
}

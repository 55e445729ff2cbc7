// Package spawn turns a request for a process into one fork and exec in a session of its own, and finds and kills
// everything that came of it. It owns no state but what the caller passes in.
package spawn

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"pandastack.dev/guest/internal/account"
	"pandastack.dev/guest/internal/wire"
)

// Limits of one request.
const (
	MaxCmdBytes  = 8 << 20
	maxInlineCmd = 100 << 10
	maxArgvItems = 65536
	maxEnvItems  = 16384
	maxPathBytes = 4096
)

// DefaultPath is used when neither image, thaw nor request names a PATH.
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Marker is the environment variable by which descendants of a process are found again after they have left its
// session and its parents have died.
const Marker = "PANDASTACK_EXEC"

// Spec says what to run. Either Cmd or Argv is set.
type Spec struct {
	Cmd  string
	Argv []string
	Env  map[string]string
	Cwd  string
	User string
	PTY  bool
}

// Sandbox is what all processes of this sandbox share.
type Sandbox struct {
	Accounts *account.Book
	// Inherited is the agent's own environment, which came from the image.
	Inherited []string
	// Settings are the variables of the last thaw.
	Settings func() []string
	// LowerOOM is set when the agent has made itself an unlikely victim and its children must not be.
	LowerOOM bool
}

// Plan is a Spec with everything looked up.
type Plan struct {
	ID     string
	path   string
	argv   []string
	env    []string
	cwd    string
	user   *account.User
	script string
	pty    bool
}

// NotRunnable is a program that is missing (127) or may not be executed (126). Shells report it as the outcome of the
// command, and so do we.
type NotRunnable struct {
	ExitCode int
	Message  string
}

func (e *NotRunnable) Error() string { return e.Message }

// Prepare checks a spec. Errors are wire.Error (the request is wrong) or NotRunnable.
func (s *Sandbox) Prepare(id string, spec *Spec) (*Plan, error) {
	if err := check(spec); err != nil {
		return nil, err
	}
	user, err := s.Accounts.Lookup(spec.User)
	if err != nil {
		return nil, wire.Errorf(wire.InvalidArgument, "invalid username: '%s'", clip(spec.User))
	}
	plan := &Plan{ID: id, user: user, pty: spec.PTY}
	if plan.cwd, err = workdir(spec.Cwd, user); err != nil {
		return nil, err
	}
	plan.env = s.environment(id, spec, user)
	if len(spec.Argv) == 0 {
		plan.path = "/bin/sh"
		if len(spec.Cmd) > maxInlineCmd {
			plan.script = spec.Cmd
			plan.argv = []string{"/bin/sh", "/proc/self/fd/3"}
		} else {
			plan.argv = []string{"/bin/sh", "-c", spec.Cmd}
		}
		return plan, nil
	}
	plan.argv = spec.Argv
	if plan.path, err = findProgram(spec.Argv[0], plan.cwd, plan.env); err != nil {
		return nil, err
	}
	return plan, nil
}

func check(spec *Spec) error {
	if (spec.Cmd == "") == (len(spec.Argv) == 0) {
		return wire.Errorf(wire.InvalidArgument, "exactly one of cmd and argv is needed")
	}
	if len(spec.Cmd) > MaxCmdBytes {
		return wire.Errorf(wire.TooLarge, "cmd is longer than %d bytes", MaxCmdBytes)
	}
	if len(spec.Argv) > maxArgvItems || len(spec.Env) > maxEnvItems {
		return wire.Errorf(wire.TooLarge, "too many arguments or variables")
	}
	if strings.IndexByte(spec.Cmd, 0) >= 0 {
		return wire.Errorf(wire.InvalidArgument, "cmd contains a NUL byte")
	}
	for i, arg := range spec.Argv {
		if strings.IndexByte(arg, 0) >= 0 || (i == 0 && arg == "") {
			return wire.Errorf(wire.InvalidArgument, "argv[%d] is empty or contains a NUL byte", i)
		}
	}
	for key, value := range spec.Env {
		if key == "" || strings.ContainsAny(key, "=\x00") || strings.IndexByte(value, 0) >= 0 {
			return wire.Errorf(wire.InvalidArgument, "env has a bad name or a NUL byte at '%s'", clip(key))
		}
	}
	if len(spec.Cwd) > maxPathBytes || strings.IndexByte(spec.Cwd, 0) >= 0 {
		return wire.Errorf(wire.InvalidArgument, "cwd is too long or contains a NUL byte")
	}
	return nil
}

func workdir(asked string, user *account.User) (string, error) {
	if asked == "" {
		if info, err := os.Stat(user.Home); err == nil && info.IsDir() {
			return user.Home, nil
		}
		return "/", nil
	}
	cwd := asked
	if !strings.HasPrefix(cwd, "/") {
		cwd = filepath.Join(user.Home, cwd)
	}
	info, err := os.Stat(cwd)
	if err != nil {
		return "", wire.Errorf(wire.InvalidArgument, "cwd '%s' does not exist", clip(asked))
	}
	if !info.IsDir() {
		return "", wire.Errorf(wire.InvalidArgument, "cwd '%s' is not a directory", clip(asked))
	}
	return cwd, nil
}

func findProgram(name, cwd string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		if !strings.HasPrefix(name, "/") {
			return filepath.Join(cwd, name), nil
		}
		return name, nil
	}
	forbidden := false
	for dir := range strings.SplitSeq(lookup(env, "PATH"), ":") {
		if !strings.HasPrefix(dir, "/") {
			dir = filepath.Join(cwd, dir)
		}
		path := dir + "/" + name
		info, err := os.Stat(path)
		if err == nil && info.Mode().IsRegular() {
			if info.Mode()&0o111 != 0 {
				return path, nil
			}
			forbidden = true
		} else if errors.Is(err, fs.ErrPermission) {
			forbidden = true
		}
	}
	if forbidden {
		return "", &NotRunnable{126, clip(name) + ": permission denied"}
	}
	return "", &NotRunnable{127, clip(name) + ": not found"}
}

// explain turns a failed fork or exec into the caller's fault, the command's outcome, or lack of room.
func (p *Plan) explain(err error) error {
	switch {
	case errors.Is(err, syscall.ENOENT):
		return &NotRunnable{127, clip(p.argv[0]) + ": not found"}
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.ENOEXEC), errors.Is(err, syscall.EISDIR),
		errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EPERM), errors.Is(err, syscall.ELOOP),
		errors.Is(err, syscall.ETXTBSY), errors.Is(err, syscall.EINVAL):
		return &NotRunnable{126, clip(p.argv[0]) + ": " + err.Error()}
	case errors.Is(err, syscall.E2BIG):
		return wire.Errorf(wire.TooLarge, "arguments and environment are too long")
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.ENOMEM), errors.Is(err, syscall.EMFILE),
		errors.Is(err, syscall.ENFILE):
		return wire.Errorf(wire.Exhausted, "the sandbox has no room for another process: %v", err)
	default:
		return wire.Errorf(wire.Internal, "start: %v", err)
	}
}

// clip bounds what a message quotes from a request.
func clip(text string) string {
	if len(text) > 200 {
		return text[:200] + "..."
	}
	return text
}

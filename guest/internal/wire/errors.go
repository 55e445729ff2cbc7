package wire

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"syscall"
)

// Error is a refusal with a code of the guest wire. Message is a sentence for whoever asked.
type Error struct {
	Code    string
	Message string
}

func (e *Error) Error() string { return e.Message }

// Codes of the guest wire.
const (
	InvalidArgument = "invalid_argument"
	Unauthorized    = "unauthorized"
	NotFound        = "not_found"
	Conflict        = "conflict"
	TooLarge        = "too_large"
	Exhausted       = "exhausted"
	Internal        = "internal"
	NoSpace         = "no_space"
)

var statuses = map[string]int{
	InvalidArgument: http.StatusBadRequest,
	Unauthorized:    http.StatusUnauthorized,
	NotFound:        http.StatusNotFound,
	Conflict:        http.StatusConflict,
	TooLarge:        http.StatusRequestEntityTooLarge,
	Exhausted:       http.StatusTooManyRequests,
	Internal:        http.StatusInternalServerError,
	NoSpace:         http.StatusInsufficientStorage,
}

// Status is the HTTP status of a code.
func Status(code string) int { return statuses[code] }

// Errorf makes an Error.
func Errorf(code, format string, values ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, values...)}
}

// FromSystem turns what a system call on path said into a refusal: what the workload's files are like is never an
// internal error of the agent.
func FromSystem(err error, path string) *Error {
	var refusal *Error
	if errors.As(err, &refusal) {
		return refusal
	}
	var number syscall.Errno
	if !errors.As(err, &number) {
		if errors.Is(err, fs.ErrNotExist) {
			number = syscall.ENOENT
		} else {
			return Errorf(Internal, "%v", err)
		}
	}
	switch number {
	case syscall.ENOENT:
		return Errorf(NotFound, "path '%s' does not exist", path)
	case syscall.ENOSPC, syscall.EDQUOT:
		return Errorf(NoSpace, "no space left for '%s'", path)
	case syscall.EEXIST, syscall.ENOTEMPTY, syscall.EBUSY, syscall.ETXTBSY:
		return Errorf(Conflict, "'%s': %s", path, number.Error())
	case syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE, syscall.EAGAIN:
		return Errorf(Exhausted, "'%s': %s", path, number.Error())
	case syscall.EIO, syscall.ENOSYS:
		return Errorf(Internal, "'%s': %s", path, number.Error())
	default:
		return Errorf(InvalidArgument, "'%s': %s", path, number.Error())
	}
}

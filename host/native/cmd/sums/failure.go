package main

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// failure is an error whose code the asker decides by.
type failure struct {
	code  string
	file  string // base name; empty: the directory itself
	chunk *int64
	text  string
}

func (f *failure) Error() string { return f.text }

func refused(file, format string, args ...any) *failure {
	return &failure{code: "refused", file: file, text: fmt.Sprintf(format, args...)}
}

func corrupt(file, format string, args ...any) *failure {
	return &failure{code: "corrupt", file: file, text: fmt.Sprintf(format, args...)}
}

// explain turns any error into the answer of a request.
func explain(key string, err error) answer {
	a := answer{Key: key, Error: err.Error(), Code: "io"}
	var f *failure
	switch {
	case errors.As(err, &f):
		a.Code, a.File, a.Chunk = f.code, f.file, f.chunk
	case errors.Is(err, context.Canceled):
		a.Code = "cancelled"
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		a.Code = "no_space"
	}
	return a
}

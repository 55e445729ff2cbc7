// What `restorer <flags> changes <id> <image> <digest> <entriesMax> <file>` does: writes into a file how the root disk of
// a sandbox differs from its image. A process of its own each time, because it reads what a guest made.
//
// The sandbox's kernel says which files there are (package upper) while it stands still for some milliseconds; contents
// are read out of the machine's disk file, which the sandbox holds open. A machine that runs may change them meanwhile,
// so it is asked again until nothing had moved.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/erofs"
	"gvisor.dev/gvisor/pkg/urpc"
	"gvisor.dev/gvisor/runsc/config"
	"pandastack.dev/runsc/changed"
	"pandastack.dev/runsc/upper"
)

const (
	// roundsMax is how often a machine that goes on writing is asked.
	roundsMax = 3
	// nobody is who reads what the guest made.
	nobody = 65534
	// niceness keeps the summing behind the creates of others.
	niceness = 10
)

type comparing struct {
	id, image, digest, file string
	entriesMax              int
}

func parseComparing(args []string) (comparing, error) {
	if len(args) != 6 || args[0] != "changes" {
		return comparing{}, errors.New("usage: restorer <flags> changes <id> <image> <digest> <entriesMax> <file>")
	}
	entriesMax, err := strconv.Atoi(args[4])
	return comparing{id: args[1], image: args[2], digest: args[3], entriesMax: entriesMax, file: args[5]}, err
}

func changes(conf *config.Config, args []string) error {
	wanted, err := parseComparing(args)
	if err != nil {
		return err
	}
	_ = unix.Setpriority(unix.PRIO_PGRP, 0, niceness)
	c, err := load(conf, wanted.id)
	if err != nil {
		return err
	}
	if !c.IsSandboxRunning() {
		return fmt.Errorf("the sandbox of %q is not running", wanted.id)
	}
	disk, err := diskFile(c.Sandbox.Getpid())
	if err != nil {
		return err
	}
	conn, err := connect(c.Sandbox.GetControlSocketPath())
	if err != nil {
		return err
	}
	defer conn.Close()
	image, err := openImage(wanted.image)
	if err != nil {
		return err
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(wanted.file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	if err := leavePrivileges(); err != nil {
		return err
	}
	comparison := changed.New(image, disk, wanted.entriesMax)
	entries, truncated, err := compare(comparison, func() (upper.Layer, error) { return layer(conn, null) })
	if err != nil {
		return err
	}
	return write(out, entries, changed.End{Done: true, Truncated: truncated, Image: wanted.digest})
}

func openImage(path string) (*erofs.Image, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return erofs.OpenImage(file)
}

// leavePrivileges comes after everything is open and before anything of the guest's is looked at.
func leavePrivileges() error {
	if err := syscall.Setgroups(nil); err != nil {
		return err
	}
	if err := syscall.Setgid(nobody); err != nil {
		return err
	}
	return syscall.Setuid(nobody)
}

type differences interface {
	Of(root *upper.Node) (entries []changed.Entry, truncated, settled bool, err error)
}

func compare(of differences, ask func() (upper.Layer, error)) ([]changed.Entry, bool, error) {
	for round := 1; ; round++ {
		layer, err := ask()
		if err != nil {
			return nil, false, err
		}
		entries, more, settled, err := of.Of(layer.Root)
		if err != nil || settled || round == roundsMax {
			return entries, layer.Truncated || more, err
		}
	}
}

// layer asks the sandbox for its layer and reads it while it is written.
func layer(conn *urpc.Client, null *os.File) (upper.Layer, error) {
	in, out, err := os.Pipe()
	if err != nil {
		return upper.Layer{}, err
	}
	said := make(chan error, 1)
	go func() {
		defer out.Close()
		said <- describe(conn, out, null)
	}()
	read, err := upper.Read(in, upper.DefaultLimits)
	// What is left unread is refused to the sandbox, which then fails and goes on.
	in.Close()
	if failed := <-said; failed != nil && !read.Unread {
		return upper.Layer{}, errors.Join(failed, err)
	}
	return read, err
}

func write(out *os.File, entries []changed.Entry, end changed.End) error {
	buffered := bufio.NewWriter(out)
	lines := json.NewEncoder(buffered)
	lines.SetEscapeHTML(false)
	for _, entry := range entries {
		if err := lines.Encode(entry); err != nil {
			return err
		}
	}
	if err := lines.Encode(end); err != nil {
		return err
	}
	return errors.Join(buffered.Flush(), out.Close())
}

package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"gvisor.dev/gvisor/pkg/state/statefile"
	"gvisor.dev/gvisor/runsc/config"
	"gvisor.dev/gvisor/runsc/container"
	"gvisor.dev/gvisor/runsc/sandbox"
)

type request struct {
	Key  string `json:"key"`
	Verb string `json:"verb"`
	ID   string `json:"id"`
	Dir  string `json:"dir"`
}

type answer struct {
	Key     string  `json:"key"`
	PauseMs float64 `json:"pauseMs,omitempty"`
	Status  string  `json:"status,omitempty"`
	Error   string  `json:"error,omitempty"`
}

// lasts tells the verbs that change a sandbox and then its record.
func (r request) lasts() bool { return r.Verb == "pause" || r.Verb == "resume" }

func (r request) answer(conf *config.Config) answer {
	a := answer{Key: r.Key}
	if err := r.do(conf, &a); err != nil {
		a = answer{Key: r.Key, Error: err.Error()}
	}
	return a
}

func (r request) do(conf *config.Config, a *answer) error {
	c, err := load(conf, r.ID)
	if err != nil {
		return err
	}
	switch r.Verb {
	case "restore":
		return c.Restore(conf, r.Dir, false /* direct */, true /* background */, nil)
	case "checkpoint":
		a.PauseMs, err = capture(conf, c, r.Dir)
		return err
	case "pause":
		return c.Pause()
	case "resume":
		return c.Resume()
	case "state":
		a.Status = string(c.Status)
		return nil
	}
	return fmt.Errorf("no such verb: %q", r.Verb)
}

// load says of a container that is gone what runsc says.
func load(conf *config.Config, id string) (*container.Container, error) {
	c, err := container.Load(conf.RootDir, container.FullID{ContainerID: id}, container.LoadOpts{})
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("container %q does not exist", id)
	}
	if err != nil {
		return nil, fmt.Errorf("loading container: %w", err)
	}
	return c, nil
}

// capture answers with the milliseconds for which the sandbox stood still because of it, at most: from before it was
// asked until it said that it goes on.
func capture(conf *config.Config, c *container.Container, dir string) (float64, error) {
	stoodStill := c.Status == container.Paused
	began := time.Now()
	err := c.Checkpoint(conf, dir, sandbox.CheckpointOpts{
		Compression:               statefile.CompressionLevelNone,
		Resume:                    true,
		ExcludeCommittedZeroPages: true,
	})
	if stoodStill {
		return 0, err
	}
	return float64(time.Since(began).Microseconds()) / 1000, err
}

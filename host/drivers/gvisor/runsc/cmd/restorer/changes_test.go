package main

import (
	"errors"
	"testing"

	"pandastack.dev/runsc/changed"
	"pandastack.dev/runsc/upper"
)

func TestParseComparing(t *testing.T) {
	got, err := parseComparing([]string{"changes", "id", "/image", "digest", "12", "/file"})
	if want := (comparing{"id", "/image", "digest", "/file", 12}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, args := range [][]string{{}, {"changes"}, {"other", "a", "b", "c", "1", "d"}, {"changes", "a", "b", "c", "x", "d"}} {
		if _, err := parseComparing(args); err == nil {
			t.Errorf("%q: taken", args)
		}
	}
}

// looks answers with a state of the disk for each time it is asked.
type looks struct {
	asked   int
	settles int
}

func (l *looks) Of(*upper.Node) ([]changed.Entry, bool, bool, error) {
	return []changed.Entry{{Path: "/x"}}, false, l.asked >= l.settles, nil
}

func TestAsksUntilNothingMovesButNotForEver(t *testing.T) {
	for settles, asked := range map[int]int{1: 1, 2: 2, 3: 3, 100: roundsMax} {
		l := &looks{settles: settles}
		entries, truncated, err := compare(l, func() (upper.Layer, error) {
			l.asked++
			return upper.Layer{Truncated: true}, nil
		})
		if l.asked != asked || len(entries) != 1 || !truncated || err != nil {
			t.Errorf("asked %d times, %v, %v, %v", l.asked, entries, truncated, err)
		}
	}
	broken := errors.New("gone")
	if _, _, err := compare(&looks{}, func() (upper.Layer, error) { return upper.Layer{}, broken }); err != broken {
		t.Error(err)
	}
}

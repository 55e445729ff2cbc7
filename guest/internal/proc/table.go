// Package proc runs commands: Run collects a result, Exec makes a record whose output can be streamed, left and
// attached to again. The table owns all records; a record owns its process, terminal, pipes and held output.
//
//	running -> ended (exit frame is held) -> forgotten (60 s later, or when 64 newer ones have ended)
package proc

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"pandastack.dev/guest/internal/logs"
	"pandastack.dev/guest/internal/spawn"
)

// Limits of the table.
const (
	MaxRunning  = 512
	MaxEnded    = 64
	RememberFor = 60 * time.Second
)

// Table is all that is known of processes which were asked for.
type Table struct {
	Sandbox *spawn.Sandbox
	Logs    *logs.Log

	running atomic.Int32

	mu      sync.Mutex
	records map[string]*Record
	ended   []*Record // oldest first
	sweep   *time.Timer
}

// NewTable makes an empty table.
func NewTable(sandbox *spawn.Sandbox, log *logs.Log) *Table {
	return &Table{Sandbox: sandbox, Logs: log, records: map[string]*Record{}}
}

func (t *Table) enter() bool {
	if t.running.Add(1) > MaxRunning {
		t.running.Add(-1)
		return false
	}
	return true
}

func (t *Table) leave() { t.running.Add(-1) }

// Get finds a record by id.
func (t *Table) Get(id string) *Record {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.records[id]
}

// Find gives the newest record that satisfies a condition, a running one before an ended one.
func (t *Table) Find(match func(*Record) bool) *Record {
	var best *Record
	for _, r := range t.List() {
		if match(r) && (best == nil || best.HasEnded() || !r.HasEnded()) {
			best = r
		}
	}
	return best
}

// List gives all records, oldest first.
func (t *Table) List() []*Record {
	t.mu.Lock()
	all := make([]*Record, 0, len(t.records))
	for _, r := range t.records {
		all = append(all, r)
	}
	t.mu.Unlock()
	all = slices.DeleteFunc(all, func(r *Record) bool { return !r.hasStarted() })
	sort.Slice(all, func(i, j int) bool { return all[i].order < all[j].order })
	return all
}

// KillAll ends everything that was started as a record, when the agent leaves.
func (t *Table) KillAll() {
	for _, r := range t.List() {
		if !r.HasEnded() {
			r.Kill()
		}
	}
}

// retire is called once by a record that has ended.
func (t *Table) retire(r *Record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = append(t.ended, r)
	t.forgetLocked(time.Now())
}

func (t *Table) forgetLocked(now time.Time) {
	for len(t.ended) > 0 && (len(t.ended) > MaxEnded || now.Sub(t.ended[0].endedAt) >= RememberFor) {
		t.forgetOldestLocked()
	}
	if len(t.ended) > 0 && t.sweep == nil {
		t.sweep = time.AfterFunc(RememberFor/6, func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.sweep = nil
			t.forgetLocked(time.Now())
		})
	}
}

func (t *Table) forgetOldestLocked() {
	oldest := t.ended[0]
	t.ended[0] = nil
	t.ended = t.ended[1:]
	if t.records[oldest.ID] == oldest {
		delete(t.records, oldest.ID)
	}
	oldest.forget()
}

// makeRoom gives up the oldest ended record when all records together hold too much.
func (t *Table) makeRoom() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.ended) > 0 && heldBytes.Load() > heldBudgetBytes {
		t.forgetOldestLocked()
	}
}

func newID() string {
	var bytes [8]byte
	_, _ = rand.Read(bytes[:])
	return hex.EncodeToString(bytes[:])
}

var order atomic.Uint64

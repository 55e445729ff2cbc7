package main

import (
	"errors"
	"io"
	"net/netip"
	"sync"
)

var errLimit = errors.New("too many connections")

// table says where machines are and which connections each of them has. Safe for use from all goroutines.
type table struct {
	limit, each int

	mu       sync.Mutex
	machines map[string]*machine
	open     int
	refused  uint64
}

type machine struct {
	address netip.AddrPort
	// Closing a link ends its copying. A link is in the set from before the guest is dialled until both ends are shut.
	links map[*link]struct{}
}

func newTable(limit, each int) *table {
	return &table{limit: limit, each: each, machines: map[string]*machine{}}
}

// set tells where a machine is. Connections to another address than before are ended: nothing answers there any more.
func (t *table) set(id string, address netip.AddrPort) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m, ok := t.machines[id]; ok {
		if m.address == address {
			return
		}
		m.close()
	}
	t.machines[id] = &machine{address: address, links: map[*link]struct{}{}}
}

// unset forgets a machine and ends its connections. Unsetting what was never set is fine: requests may be repeated.
func (t *table) unset(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m, ok := t.machines[id]; ok {
		m.close()
		delete(t.machines, id)
	}
}

func (t *table) closeAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, m := range t.machines {
		m.close()
		delete(t.machines, id)
	}
}

func (t *table) counts() (machines, open int, refused uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.machines), t.open, t.refused
}

// admit counts a connection; each admission is taken back by one release.
func (t *table) admit() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open >= t.limit {
		t.refused++
		return errLimit
	}
	t.open++
	return nil
}

func (t *table) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open--
}

// join binds a link to a machine, so that unset ends it. The returned function takes it out again.
func (t *table) join(id string, l *link) (netip.AddrPort, func(), error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m, ok := t.machines[id]
	if !ok {
		t.refused++
		return netip.AddrPort{}, nil, errors.New("unknown machine")
	}
	if len(m.links) >= t.each {
		t.refused++
		return netip.AddrPort{}, nil, errLimit
	}
	m.links[l] = struct{}{}
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(m.links, l)
	}
	return m.address, leave, nil
}

func (m *machine) close() {
	for l := range m.links {
		l.close()
	}
}

// link is the two ends of one relayed connection. The guest's end joins later; after close it is shut on joining.
type link struct {
	mu     sync.Mutex
	closed bool
	ends   []io.Closer
}

func (l *link) add(end io.Closer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		_ = end.Close()
		return
	}
	l.ends = append(l.ends, end)
}

func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, end := range l.ends {
		_ = end.Close()
	}
	l.ends = nil
}

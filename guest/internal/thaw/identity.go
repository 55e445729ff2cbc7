// Package thaw gives a restored sandbox an identity of its own: entropy, clock, names, network files, environment and
// tokens. Holder owns the identity that is in force; everybody else reads it.
package thaw

import (
	"crypto/subtle"
	"sync"
	"sync/atomic"
)

// Identity is what the last thaw has set. It is never changed, only replaced.
type Identity struct {
	Generation  uint64
	AccessToken string
	ClientToken string
	// Env is "KEY=value" pairs for processes to come.
	Env []string
}

// Holder keeps the identity in force.
type Holder struct {
	current atomic.Pointer[Identity]
	mu      sync.Mutex // one thaw at a time
	system  *System
	// AfterThaw, set before the first thaw, is waited for once the new identity is in force. It cannot fail the thaw.
	AfterThaw func(*Request)
}

// NewHolder makes one that was never thawed.
func NewHolder(system *System) *Holder {
	h := &Holder{system: system}
	h.current.Store(&Identity{})
	return h
}

// Current identity; the zero one before the first thaw.
func (h *Holder) Current() *Identity { return h.current.Load() }

// Settings are the variables of the identity in force.
func (h *Holder) Settings() []string { return h.Current().Env }

// MayUseV1 checks the Authorization header of the plain face.
func (h *Holder) MayUseV1(authorization string) bool {
	token := h.Current().AccessToken
	return token == "" || same(authorization, "Bearer "+token)
}

// MayUseClient checks the X-Access-Token header of the other face.
func (h *Holder) MayUseClient(token string) bool {
	wanted := h.Current().ClientToken
	return wanted == "" || same(token, wanted)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

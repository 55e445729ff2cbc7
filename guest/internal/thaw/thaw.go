package thaw

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"pandastack.dev/guest/internal/ports"
	"pandastack.dev/guest/internal/reseed"
	"pandastack.dev/guest/internal/wire"
)

// Thaw takes a new identity. A generation that is in force already is only read back; a lower one is a conflict.
// Where a step fails, the tokens and the generation stay as they were and the same thaw may be sent again.
func (h *Holder) Thaw(r *Request) (*Reply, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.Current()
	if r.Generation < before.Generation {
		return nil, wire.Errorf(wire.Conflict, "generation %d is older than %d", r.Generation, before.Generation)
	}
	if r.Generation > before.Generation {
		if err := h.system.apply(r); err != nil {
			return nil, wire.Errorf(wire.Internal, "thaw: %v", err)
		}
		h.current.Store(&Identity{
			Generation: r.Generation, AccessToken: r.AccessToken, ClientToken: r.ClientToken, Env: settings(r),
		})
		if err := h.system.announce(r); err != nil {
			h.current.Store(before)
			return nil, wire.Errorf(wire.Internal, "thaw: %v", err)
		}
		reseed.Tell(h.system.at(reseed.Dir))
		if h.AfterThaw != nil {
			h.AfterThaw(r)
		}
	}
	return h.system.readBack(), nil
}

func settings(r *Request) []string {
	env := []string{"E2B_SANDBOX=true", "E2B_SANDBOX_ID=" + r.SandboxID, "E2B_TEMPLATE_ID=" + r.Template,
		"PANDASTACK_SANDBOX_ID=" + r.SandboxID}
	keys := make([]string, 0, len(r.Env))
	for key := range r.Env {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		env = append(env, key+"="+r.Env[key])
	}
	return env
}

// apply does the steps in the order of the contract, the generation excepted.
func (s *System) apply(r *Request) error {
	if err := s.MixEntropy(r.entropy); err != nil {
		return fmt.Errorf("entropy: %w", err)
	}
	if err := s.StepClock(r.wall); err != nil {
		return fmt.Errorf("clock: %w", err)
	}
	if err := s.SetHostname(r.Hostname); err != nil {
		return fmt.Errorf("host name: %w", err)
	}
	hosts, _ := readText(s.at("/etc/hosts"))
	writes := []struct{ path, text string }{
		{"/etc/hostname", r.Hostname + "\n"},
		{"/etc/hosts", hostsFile(hosts, r.Hostname)},
		{"/etc/machine-id", r.MachineID + "\n"},
		{"/run/e2b/.E2B_SANDBOX", "true"},
		{"/run/e2b/.E2B_SANDBOX_ID", r.SandboxID},
		{"/run/e2b/.E2B_TEMPLATE_ID", r.Template},
	}
	if r.Resolver != "" {
		writes = append(writes, struct{ path, text string }{"/etc/resolv.conf", "nameserver " + r.Resolver + "\n"})
	}
	for _, write := range writes {
		if err := replaceText(s.at(write.path), write.text); err != nil {
			return fmt.Errorf("%s: %w", write.path, err)
		}
	}
	if r.CABundle != "" {
		if err := s.trust(r.CABundle); err != nil {
			return fmt.Errorf("certificates: %w", err)
		}
	}
	s.renewBootID()
	return nil
}

// GenerationFile tells programs of the sandbox that they were cloned: it is renamed into place at each thaw.
const GenerationFile = "/run/pandastack/generation"

func (s *System) announce(r *Request) error {
	if err := rewriteText(s.at(GenerationFile), strconv.FormatUint(r.Generation, 10)+"\n"); err != nil {
		return fmt.Errorf("%s: %w", GenerationFile, err)
	}
	return nil
}

// readBack asks the system, so that a step which silently did nothing shows.
func (s *System) readBack() *Reply {
	reply := &Reply{Addresses: ports.OwnAddresses()}
	reply.Hostname, _ = s.Hostname()
	reply.MachineID = s.trimmed("/etc/machine-id")
	reply.Generation, _ = strconv.ParseUint(s.trimmed(GenerationFile), 10, 64)
	if boot, err := os.ReadFile(bootIDPath); err == nil {
		reply.BootID = strings.TrimSpace(string(boot))
	}
	var check [16]byte
	_, _ = rand.Read(check[:])
	reply.EntropyCheck = hex.EncodeToString(check[:])
	reply.WallUnixNs = strconv.FormatInt(time.Now().UnixNano(), 10)
	return reply
}

func (s *System) trimmed(path string) string {
	text, err := readText(s.at(path))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return ""
	}
	return strings.TrimSpace(text)
}

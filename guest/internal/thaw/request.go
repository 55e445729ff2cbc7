package thaw

import (
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"pandastack.dev/guest/internal/wire"
)

// Request is the body of a thaw.
type Request struct {
	Generation  uint64            `json:"generation"`
	Hostname    string            `json:"hostname"`
	MachineID   string            `json:"machine_id"`
	WallUnixNs  string            `json:"wall_unix_ns"`
	Entropy     string            `json:"entropy"`
	AccessToken string            `json:"access_token"`
	ClientToken string            `json:"client_token"`
	Env         map[string]string `json:"env"`
	SandboxID   string            `json:"sandbox_id"`
	Template    string            `json:"template"`
	Resolver    string            `json:"resolver"`
	CABundle    string            `json:"ca_bundle"`

	wall    time.Time
	entropy []byte
}

// Reply is what the system says after the change.
type Reply struct {
	Generation   uint64   `json:"generation"`
	Hostname     string   `json:"hostname"`
	MachineID    string   `json:"machine_id"`
	WallUnixNs   string   `json:"wall_unix_ns"`
	BootID       string   `json:"boot_id"`
	Addresses    []string `json:"addresses"`
	EntropyCheck string   `json:"entropy_check"`
}

// MaxRequestBytes of a thaw's body.
const MaxRequestBytes = 8 << 20

const maxEnvItems = 4096

var (
	hostnameForm  = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?$`)
	machineIDForm = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

// ParseRequest reads and checks a body, so that nothing is changed for one that is wrong.
func ParseRequest(body []byte) (*Request, error) {
	var r Request
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, wire.Errorf(wire.InvalidArgument, "thaw: %v", err)
	}
	return &r, r.check()
}

func (r *Request) check() error {
	for name, ok := range map[string]bool{
		"generation":   r.Generation > 0,
		"hostname":     hostnameForm.MatchString(r.Hostname),
		"machine_id":   machineIDForm.MatchString(r.MachineID),
		"access_token": r.AccessToken != "" && isToken(r.AccessToken),
		"client_token": isToken(r.ClientToken),
		"sandbox_id":   isName(r.SandboxID),
		"template":     isName(r.Template),
	} {
		if !ok {
			return wire.Errorf(wire.InvalidArgument, "thaw: %s is missing or malformed", name)
		}
	}
	if r.Resolver != "" {
		if _, err := netip.ParseAddr(r.Resolver); err != nil {
			return wire.Errorf(wire.InvalidArgument, "thaw: resolver is not an address")
		}
	}
	ns, err := strconv.ParseInt(r.WallUnixNs, 10, 64)
	if err != nil || ns <= 0 {
		return wire.Errorf(wire.InvalidArgument, "thaw: wall_unix_ns is not a decimal number of nanoseconds")
	}
	r.wall = time.Unix(0, ns)
	r.entropy, err = base64.StdEncoding.DecodeString(r.Entropy)
	if err != nil || len(r.entropy) < 32 || len(r.entropy) > 4096 {
		return wire.Errorf(wire.InvalidArgument, "thaw: entropy must be base64 of 32 to 4096 bytes")
	}
	if r.CABundle != "" && !strings.Contains(r.CABundle, "-----BEGIN CERTIFICATE-----") {
		return wire.Errorf(wire.InvalidArgument, "thaw: ca_bundle is not PEM")
	}
	return r.checkEnv()
}

func (r *Request) checkEnv() error {
	if len(r.Env) > maxEnvItems {
		return wire.Errorf(wire.InvalidArgument, "thaw: more than %d variables", maxEnvItems)
	}
	for key, value := range r.Env {
		if key == "" || strings.ContainsAny(key, "=\x00") || strings.IndexByte(value, 0) >= 0 {
			return wire.Errorf(wire.InvalidArgument, "thaw: env has a bad name or a NUL byte")
		}
	}
	return nil
}

func isToken(text string) bool {
	return len(text) <= 4096 && isPrintable(text) && !strings.Contains(text, " ")
}

func isName(text string) bool { return len(text) <= 256 && isPrintable(text) }

func isPrintable(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

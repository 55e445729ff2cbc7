package agent

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func thawBody(generation int) object {
	return object{
		"generation": generation, "hostname": "sbx-" + strconv.Itoa(generation),
		"machine_id": strings.Repeat("ab", 16), "wall_unix_ns": strconv.FormatInt(time.Now().UnixNano(), 10),
		"entropy": base64.StdEncoding.EncodeToString(make([]byte, 64)), "access_token": "secret",
		"client_token": "", "env": object{"FROM_THAW": "yes"}, "sandbox_id": "sbx1", "template": "base",
		"resolver": "10.1.2.3",
	}
}

func (w *world) file(path string) string {
	text, err := os.ReadFile(filepath.Join(w.root, path))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

func TestThawSetsAndReadsBackTheIdentity(t *testing.T) {
	w := start(t)
	var reply struct {
		Generation   int
		Hostname     string
		MachineID    string `json:"machine_id"`
		WallUnixNs   string `json:"wall_unix_ns"`
		EntropyCheck string `json:"entropy_check"`
		Addresses    []string
	}
	body := thawBody(3)
	body["ca_bundle"] = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----"
	if status, text := w.call("POST", "/v1/thaw", body, &reply); status != 200 {
		t.Fatal(status, text)
	}
	if reply.Generation != 3 || reply.Hostname != "sbx-3" || reply.MachineID != strings.Repeat("ab", 16) ||
		len(reply.EntropyCheck) != 32 || reply.Addresses == nil || w.name != "sbx-3" {
		t.Fatalf("%+v", reply)
	}
	for path, want := range map[string]string{
		"etc/hostname": "sbx-3\n", "etc/machine-id": strings.Repeat("ab", 16) + "\n",
		"etc/resolv.conf": "nameserver 10.1.2.3\n", "run/pandastack/generation": "3\n", "run/e2b/.E2B_SANDBOX_ID": "sbx1",
	} {
		if got := w.file(path); got != want {
			t.Errorf("%s: %q", path, got)
		}
	}
	if hosts := w.file("etc/hosts"); !strings.Contains(hosts, "127.0.0.1 localhost\n") ||
		!strings.Contains(hosts, "127.0.1.1 sbx-3\n") {
		t.Error(hosts)
	}
	w.token = "secret"
	if got := w.run(object{"cmd": "echo $FROM_THAW $E2B_SANDBOX_ID"}); got.Stdout != "yes sbx1\n" {
		t.Errorf("%+v", got)
	}
}

func TestThawRepeatsAreHarmlessAndOlderGenerationsConflict(t *testing.T) {
	w := start(t)
	w.call("POST", "/v1/thaw", thawBody(5), nil)
	w.token = "secret"
	w.name = "renamed-meanwhile"
	var reply struct{ Hostname string }
	if status, _ := w.call("POST", "/v1/thaw", thawBody(5), &reply); status != 200 || reply.Hostname != "renamed-meanwhile" {
		t.Fatal(status, reply)
	}
	if status, _ := w.call("POST", "/v1/thaw", thawBody(4), nil); status != 409 {
		t.Fatal(status)
	}
	if status, _ := w.call("POST", "/v1/thaw", thawBody(6), &reply); status != 200 || reply.Hostname != "sbx-6" {
		t.Fatal(status, reply)
	}
}

func TestRepeatedThawsKeepAddedHostsAndDoNotGrowTheBundle(t *testing.T) {
	w := start(t)
	bundle := filepath.Join(w.root, "etc/ssl/certs/ca-certificates.crt")
	_ = os.MkdirAll(filepath.Dir(bundle), 0o755)
	_ = os.WriteFile(bundle, []byte("pristine\n"), 0o644)
	var sizes []int
	for generation := 1; generation <= 3; generation++ {
		body := thawBody(generation)
		body["ca_bundle"] = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
		if status, text := w.call("POST", "/v1/thaw", body, nil); status != 200 {
			t.Fatal(text)
		}
		w.token = "secret"
		sizes = append(sizes, len(w.file("etc/ssl/certs/ca-certificates.crt")))
		if generation == 1 {
			hosts := filepath.Join(w.root, "etc/hosts")
			_ = os.WriteFile(hosts, []byte(w.file("etc/hosts")+"10.9.9.9 friend\n"), 0o644)
		}
	}
	if sizes[0] != sizes[2] || !strings.HasPrefix(w.file("etc/ssl/certs/ca-certificates.crt"), "pristine\n") {
		t.Fatal(sizes)
	}
	hosts := w.file("etc/hosts")
	if strings.Count(hosts, "127.0.1.1") != 1 || strings.Count(hosts, "localhost\n") != 1 ||
		!strings.Contains(hosts, "10.9.9.9 friend\n") {
		t.Fatal(hosts)
	}
}

func TestATokenIsNeededAfterTheFirstThaw(t *testing.T) {
	w := start(t)
	w.call("POST", "/v1/thaw", thawBody(1), nil)
	for _, token := range []string{"", "wrong", "secre", "secrets"} {
		w.token = token
		var refusal struct{ Error string }
		if status, _ := w.call("POST", "/v1/run", object{"cmd": "true"}, &refusal); status != 401 ||
			refusal.Error != "unauthorized" {
			t.Errorf("%q: %d %v", token, status, refusal)
		}
		if status, _ := w.call("POST", "/v1/thaw", thawBody(2), nil); status != 401 {
			t.Errorf("thaw with %q: %d", token, status)
		}
		var health struct{ Generation, Pid int }
		if status, _ := w.call("GET", "/v1/health", nil, &health); status != 200 || health.Generation != 1 {
			t.Errorf("health: %d %+v", status, health)
		}
	}
}

func TestAMalformedThawChangesNothing(t *testing.T) {
	w := start(t)
	for key, value := range map[string]any{
		"generation": 0, "hostname": "a b", "machine_id": "xyz", "wall_unix_ns": "soon", "entropy": "AA==",
		"access_token": "", "client_token": "a\nb", "env": object{"A=": "x"}, "resolver": "8.8.8.8\nevil",
		"ca_bundle": "x", "sandbox_id": "a\x00",
	} {
		body := thawBody(1)
		body[key] = value
		if status, text := w.call("POST", "/v1/thaw", body, nil); status != 400 {
			t.Errorf("%s: %d %s", key, status, text)
		}
	}
	if entries, _ := os.ReadDir(w.root); len(entries) != 0 || w.name != "before" {
		t.Fatal(entries, w.name)
	}
}

package e2b

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"pandastack.dev/guest/internal/thaw"
)

func TestASignatureIsWhatTheClientsCompute(t *testing.T) {
	got := Signature("hello.txt", "read", "user", "0tQG31xiMp0IOQfaz9dcwi72L1CPo8e0", "")
	if got != "v1_gUtH/s9YCJWgCizjfUxuWfhFE4QSydOWEIIvfLwDr6E" {
		t.Fatal(got)
	}
}

func TestSignedLinksExpireAndDoNotServeOtherFiles(t *testing.T) {
	server := &Server{Identity: thawed(t)}
	link := func(path, signed string, expires int64) string {
		end := strconv.FormatInt(expires, 10)
		query := url.Values{"path": {path}, "signature": {Signature(signed, "read", "", "client", end)},
			"signature_expiration": {end}}
		request, _ := http.NewRequest("GET", "/files?"+query.Encode(), nil)
		return server.mayUseFile(request, "read")
	}
	soon, past := time.Now().Unix()+60, time.Now().Unix()-1
	for _, try := range []struct{ got, want string }{
		{link("a", "a", soon), ""},
		{link("a", "b", soon), "invalid signature"},
		{link("a", "a", past), "signature is already expired"},
		{link("a", "b", past), "invalid signature"},
	} {
		if try.got != try.want {
			t.Errorf("%q where %q was due", try.got, try.want)
		}
	}
}

func thawed(t *testing.T) *thaw.Holder {
	holder := thaw.NewHolder(&thaw.System{
		Root:        t.TempDir(),
		SetHostname: func(string) error { return nil },
		Hostname:    func() (string, error) { return "h", nil },
		StepClock:   func(time.Time) error { return nil },
		MixEntropy:  func([]byte) error { return nil },
	})
	request, err := thaw.ParseRequest([]byte(`{"generation":1,"hostname":"h","machine_id":"` + strings.Repeat("a", 32) +
		`","wall_unix_ns":"1","entropy":"` + strings.Repeat("A", 88) + `","access_token":"a","client_token":"client"}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := holder.Thaw(request); err != nil {
		t.Fatal(err)
	}
	return holder
}

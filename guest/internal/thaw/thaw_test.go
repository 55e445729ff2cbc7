package thaw

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const valid = `{"generation":7,"hostname":"sbx","machine_id":"0123456789abcdef0123456789abcdef",` +
	`"wall_unix_ns":"1795490600000000000","entropy":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",` +
	`"access_token":"t","client_token":"","env":{"K":"V"},"sandbox_id":"s","template":"base","resolver":"10.0.0.1"}`

func FuzzParseRequest(f *testing.F) {
	f.Add([]byte(valid))
	f.Add([]byte(`{"generation":-1}`))
	f.Add([]byte(strings.Replace(valid, "10.0.0.1", "10.0.0.1\\nnameserver 6.6.6.6", 1)))
	f.Fuzz(func(t *testing.T, body []byte) {
		request, err := ParseRequest(body)
		if err != nil {
			return
		}
		for _, text := range []string{request.Hostname, request.MachineID, request.Resolver, request.AccessToken,
			request.SandboxID, request.Template} {
			if strings.ContainsAny(text, "\n\x00") {
				t.Fatalf("%q would break a file", text)
			}
		}
		if request.Generation == 0 || len(request.entropy) < 32 || request.AccessToken == "" {
			t.Fatalf("%+v", request)
		}
		for _, pair := range settings(request) {
			if strings.IndexByte(pair, 0) >= 0 || strings.IndexByte(pair, '=') < 1 {
				t.Fatalf("%q", pair)
			}
		}
	})
}

func TestAValidRequestIsTaken(t *testing.T) {
	request, err := ParseRequest([]byte(valid))
	if err != nil || request.wall.UnixNano() != 1795490600000000000 || len(request.entropy) != 64 {
		t.Fatal(request, err)
	}
}

func TestHostsFileKeepsWhatOthersAdded(t *testing.T) {
	now := "127.0.0.1\tlocalhost\n::1 localhost\n127.0.1.1 old\n\n10.0.0.9 db # mine\n127.0.0.1 alias\n"
	want := localhostLines + "127.0.1.1 new\n10.0.0.9 db # mine\n127.0.0.1 alias\n"
	if got := hostsFile(now, "new"); got != want {
		t.Fatalf("%q", got)
	}
	if got := hostsFile(want, "new"); got != want {
		t.Fatalf("a repeat changed it: %q", got)
	}
}

func TestTheOperatorsCertificatesAreABlockThatIsReplaced(t *testing.T) {
	once := withBlock("A\nB", "one\n")
	if once != "A\nB\n"+blockBegin+"one\n"+blockEnd || withBlock(once, "one") != once {
		t.Fatalf("%q", once)
	}
	if got := withBlock(once+"C\n", "two"); got != "A\nB\nC\n"+blockBegin+"two\n"+blockEnd {
		t.Fatalf("%q", got)
	}
}

func TestTextIsRenamedIntoPlaceAndLeftAloneWhenRight(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "file")
	if err := replaceText(path, "one"); err != nil {
		t.Fatal(err)
	}
	before, _ := os.Stat(path)
	_ = replaceText(path, "one")
	same, _ := os.Stat(path)
	_ = replaceText(path, "two")
	after, _ := os.Stat(path)
	if !os.SameFile(before, same) || os.SameFile(before, after) {
		t.Fatal("the file's identity tells otherwise")
	}
	link := path + ".link"
	_ = os.Symlink(path, link)
	if err := replaceText(link, "three"); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(path); string(text) != "two" {
		t.Fatal("the link was followed")
	}
}

func TestAFailedStepLeavesTheIdentityAsItWas(t *testing.T) {
	fail := true
	holder := NewHolder(&System{
		Root:       t.TempDir(),
		MixEntropy: func([]byte) error { return nil },
		StepClock:  func(time.Time) error { return nil },
		Hostname:   func() (string, error) { return "sbx", nil },
		SetHostname: func(string) error {
			if fail {
				return os.ErrPermission
			}
			return nil
		},
	})
	request, _ := ParseRequest([]byte(valid))
	if _, err := holder.Thaw(request); err == nil || holder.Current().Generation != 0 || !holder.MayUseV1("") {
		t.Fatal(err)
	}
	fail = false
	if reply, err := holder.Thaw(request); err != nil || reply.Generation != 7 || holder.MayUseV1("") ||
		!holder.MayUseV1("Bearer t") {
		t.Fatal(reply, err)
	}
}

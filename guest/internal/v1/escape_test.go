package v1

import (
	"encoding/json"
	"strings"
	"testing"
)

func FuzzAppendEscaped(f *testing.F) {
	f.Add([]byte("plain \"quoted\" \\ \n\r\t\x00\x1f\x7f ä € 😀 \xff\xc3 \xed\xa0\x80"))
	f.Add([]byte(strings.Repeat("é", 700)))
	f.Fuzz(func(t *testing.T, text []byte) {
		keep := func(b []byte) []byte { return b }
		var got string
		quoted := append(appendEscaped([]byte{'"'}, text, keep), '"')
		if err := json.Unmarshal(quoted, &got); err != nil {
			t.Fatalf("%s: %v", quoted, err)
		}
		if want := replaced(text); got != want {
			t.Fatalf("%q where %q was due", got, want)
		}
	})
}

// replaced puts U+FFFD for each byte that is not UTF-8.
func replaced(text []byte) string { return string([]rune(string(text))) }

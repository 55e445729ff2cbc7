package ports

import (
	"fmt"
	"net/netip"
	"testing"
)

// As Linux prints them.
const linuxTCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0CEA 00000000:0000 0A 00000000:00000000 00:00000000 00000000   104        0 11586 1 0000000000000000 100 0 0 10 0
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0000000000000000 100 0 0 10 0
   2: 0F02000A:0016 0202000A:A1B2 01 00000000:00000000 02:000A7D5C 00000000     0        0 23456 4 0000000000000000 20 4 30 10 -1
`

const linuxTCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0000000000000000 100 0 0 10 0
   1: 00000000000000000000000001000000:1F91 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0000000000000000 100 0 0 10 0
   2: 0000000000000000FFFF00000100007F:1F92 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3 1 0000000000000000 100 0 0 10 0
`

// As gVisor prints them: other spacing, fewer fields.
const gvisorTCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     
   1: 00000000:C33F 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7 1 0000000000000000 0 0 0 10 0                            
`

func TestListenersAreFoundInTheTablesOfLinuxAndGVisor(t *testing.T) {
	for text, want := range map[string]string{
		linuxTCP:  "[{3306 127.0.0.1} {22 0.0.0.0}]",
		linuxTCP6: "[{8080 ::} {8081 ::1} {8082 127.0.0.1}]",
		gvisorTCP: "[{49983 0.0.0.0}]",
		"":        "[]",
		"x: 0100007F:0016 00000000:0000 0A\nx: 01:0016 y 0A\nx: 0100007F:zz y 0A\nx: 0100007F:0000 y 0A\n": "[{22 127.0.0.1}]",
	} {
		if got := fmt.Sprint(Parse(text)); got != want {
			t.Errorf("%s where %s was due", got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(linuxTCP)
	f.Add(linuxTCP6)
	f.Add(gvisorTCP)
	f.Fuzz(func(t *testing.T, text string) {
		found := Parse(text)
		if len(found) > maxListeners {
			t.Fatal(len(found))
		}
		for _, listener := range found {
			if _, err := netip.ParseAddr(listener.Address); err != nil || listener.Port == 0 {
				t.Fatalf("%+v", listener)
			}
		}
	})
}

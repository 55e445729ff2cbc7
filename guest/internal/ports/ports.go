// Package ports lists what listens inside the sandbox and connects to it.
package ports

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxTableBytes = 8 << 20
	maxListeners  = 4096
	dialTimeout   = 3 * time.Second
	stateListen   = "0A"
)

// Listener is a TCP socket that accepts connections.
type Listener struct {
	Port    uint16 `json:"port"`
	Address string `json:"address"`
}

// List reads the kernel's tables, leaves out one port (the agent's own) and sorts.
func List(exclude uint16) []Listener {
	all := []Listener{}
	for _, path := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		file, err := os.Open(path)
		if err != nil {
			continue
		}
		text, _ := io.ReadAll(io.LimitReader(file, maxTableBytes))
		file.Close()
		all = append(all, Parse(string(text))...)
	}
	all = slices.DeleteFunc(all, func(l Listener) bool { return l.Port == exclude })
	slices.SortFunc(all, func(a, b Listener) int {
		if a.Port != b.Port {
			return int(a.Port) - int(b.Port)
		}
		return strings.Compare(a.Address, b.Address)
	})
	return slices.Compact(all)
}

// Parse reads the text of /proc/net/tcp or tcp6 and skips whatever it does not understand.
func Parse(text string) []Listener {
	var found []Listener
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[3] != stateListen {
			continue
		}
		host, port, ok := strings.Cut(fields[1], ":")
		if !ok {
			continue
		}
		number, err := strconv.ParseUint(port, 16, 16)
		address, ok := parseAddress(host)
		if err != nil || !ok || number == 0 {
			continue
		}
		if found = append(found, Listener{uint16(number), address}); len(found) == maxListeners {
			break
		}
	}
	return found
}

// parseAddress reads 32-bit groups, each printed as a number of the machine's byte order.
func parseAddress(text string) (string, bool) {
	raw, err := hex.DecodeString(text)
	if err != nil || (len(raw) != 4 && len(raw) != 16) {
		return "", false
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	address, _ := netip.AddrFromSlice(raw)
	return address.Unmap().String(), true
}

// Dial connects to whatever listens on a port: on 127.0.0.1, ::1 or any address of the sandbox, in this order.
func Dial(ctx context.Context, port uint16) (*net.TCPConn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var dialer net.Dialer
	var failure error
	try := func(host string) *net.TCPConn {
		conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(int(port))))
		if err != nil {
			failure = err
			return nil
		}
		return conn.(*net.TCPConn)
	}
	for _, host := range []string{"127.0.0.1", "::1"} {
		if conn := try(host); conn != nil {
			return conn, nil
		}
	}
	for _, host := range OwnAddresses() {
		if conn := try(host); conn != nil {
			return conn, nil
		}
	}
	return nil, failure
}

// OwnAddresses are those of the sandbox's interfaces, loopback and link-local ones left out.
func OwnAddresses() []string {
	own := []string{}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return own
	}
	for _, address := range addresses {
		if network, ok := address.(*net.IPNet); ok && network.IP.IsGlobalUnicast() {
			own = append(own, network.IP.String())
		}
	}
	return own
}

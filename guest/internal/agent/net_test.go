package agent

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

func (w *world) tunnel(port int) (*net.TCPConn, *bufio.Reader, *http.Response) {
	w.t.Helper()
	conn, err := net.Dial("tcp", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	// The first bytes follow the request without waiting for the answer.
	fmt.Fprintf(conn, "GET /v1/ports/%d/tunnel HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: tcp\r\n\r\n", port)
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return conn.(*net.TCPConn), reader, response
}

func TestATunnelCarriesBytesBothWaysAndHalfCloses(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Logf("%s: %v", address, err)
			continue
		}
		defer listener.Close()
		go func() {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			all, _ := io.ReadAll(conn) // until the half-close
			fmt.Fprintf(conn, "got %d", len(all))
		}()
		conn, reader, response := start(t).tunnel(listener.Addr().(*net.TCPAddr).Port)
		if response.StatusCode != 101 || response.Header.Get("Upgrade") != "tcp" {
			t.Fatal(response)
		}
		go func() {
			_, _ = io.CopyN(conn, zeros{}, 5<<20)
			_ = conn.CloseWrite()
		}()
		if answer, err := io.ReadAll(reader); err != nil || string(answer) != "got 5242880" {
			t.Fatal(string(answer), err)
		}
	}
}

func TestATunnelToNothingSaysSo(t *testing.T) {
	w := start(t)
	listener, _ := net.Listen("tcp", "127.0.0.1:0")
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	_, _, response := w.tunnel(port)
	text, _ := io.ReadAll(response.Body)
	if response.StatusCode != 502 || string(text) != `{"error":"nothing listens on port `+strconv.Itoa(port)+`"}` {
		t.Fatal(response.StatusCode, string(text))
	}
	for _, path := range []string{"/v1/ports/0/tunnel", "/v1/ports/65536/tunnel", "/v1/ports/x/tunnel", "/v1/ports/80/tunnel"} {
		if status, _ := w.call("GET", path, nil, nil); status != 400 {
			t.Errorf("%s: %d", path, status)
		}
	}
}

func TestPortsListsListenersButNotTheAgent(t *testing.T) {
	w := start(t)
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var list struct {
		Ports []struct {
			Port    int
			Address string
		}
	}
	w.call("GET", "/v1/ports", nil, &list)
	found := false
	for _, l := range list.Ports {
		found = found || (l.Port == listener.Addr().(*net.TCPAddr).Port && l.Address == "127.0.0.1")
		if strings.HasSuffix(w.addr, ":"+strconv.Itoa(l.Port)) {
			t.Error("the agent lists itself")
		}
	}
	if !found {
		t.Fatalf("%+v", list)
	}
}

func TestLogsKeepLinesOfAllCommandsAndCanBeFollowed(t *testing.T) {
	w := start(t)
	w.run(object{"cmd": "echo one; echo two >&2; printf unfinished"})
	_, text := w.call("GET", "/v1/logs?stream=stderr", nil, nil)
	if strings.Count(text, "\n") != 1 || !strings.Contains(text, `"stream":"stderr","line":"two"`) {
		t.Fatal(text)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	body := bufio.NewReader(w.request(ctx, "GET", "/v1/logs?stream=stdout&follow=1", nil).Body)
	for i, want := range []string{"one", "unfinished", "three"} {
		if i == 2 {
			w.run(object{"cmd": "echo three"})
		}
		if line, err := body.ReadString('\n'); err != nil || !strings.Contains(line, `"line":"`+want+`"`) {
			t.Fatal(line, err)
		}
	}
	if status, _ := w.call("GET", "/v1/logs?stream=odd", nil, nil); status != 400 {
		t.Fatal(status)
	}
}

func TestOutputStaysOutOfTheLogsOnRequest(t *testing.T) {
	w := start(t)
	w.stream("POST", "/v1/exec", object{"cmd": "echo protocol", "log": false}).rest()
	w.stream("POST", "/v1/exec", object{"cmd": "echo plain"}).rest()
	if _, text := w.call("GET", "/v1/logs", nil, nil); !strings.Contains(text, "plain") || strings.Contains(text, "protocol") {
		t.Fatal(text)
	}
}

func TestMetricsAreThere(t *testing.T) {
	var m map[string]float64
	start(t).call("GET", "/v1/metrics", nil, &m)
	for _, key := range []string{"cpu_count", "mem_total_bytes", "mem_used_bytes", "disk_total_bytes", "processes"} {
		if m[key] <= 0 {
			t.Errorf("%s: %v", key, m[key])
		}
	}
}

func TestUnknownPathsAreNotFoundInOurShape(t *testing.T) {
	w := start(t)
	var refusal struct{ Error, Code string }
	for _, path := range []string{"/v1/nothing", "/v1/files/odd", "/v1/"} {
		if status, _ := w.call("GET", path, nil, &refusal); status != 404 || refusal.Code != "not_found" {
			t.Errorf("%s: %d %+v", path, status, refusal)
		}
	}
}

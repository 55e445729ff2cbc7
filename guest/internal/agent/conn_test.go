package agent

import (
	"io"
	"net"
	"testing"
)

// pair gives our end of a connection, as if under gVisor, and the other.
func pair(t *testing.T) (*counted, *net.TCPConn) {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	other, err := net.Dial("tcp4", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ours, err := limit(listener, true).Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close(); other.Close() })
	return ours.(*counted), other.(*net.TCPConn)
}

func TestACallerThatEndsOrResetsItsConnectionIsNotOneThatARestoreHasLost(t *testing.T) {
	ours, other := pair(t)
	if ours.LostByRestore() {
		t.Error("it is open")
	}
	other.Close()
	if _, err := ours.Read(make([]byte, 1)); err != io.EOF || ours.LostByRestore() {
		t.Error("it was ended:", err)
	}

	ours, other = pair(t)
	_ = other.SetLinger(0)
	other.Close()
	if _, err := ours.Read(make([]byte, 1)); err == nil || err == io.EOF || ours.LostByRestore() {
		t.Error("it was reset while we read:", err)
	}

	ours, other = pair(t)
	_ = other.SetLinger(0)
	var err error
	for sent := 0; err == nil; sent++ {
		if sent == 1 {
			other.Close()
		}
		_, err = ours.Write(make([]byte, 1<<16))
	}
	if ours.LostByRestore() {
		t.Error("it was reset while we wrote:", err)
	}
}

func TestAConnectionThatIsOverWithoutAnErrorIsLost(t *testing.T) {
	ours, other := pair(t)
	// Ended from both sides it stands as gVisor leaves those that it closes at a restore.
	_ = ours.CloseWrite()
	other.Close()
	_, err := ours.Read(make([]byte, 1))
	eventually(t, "it is over", ours.LostByRestore)
	if err != io.EOF {
		t.Error(err)
	}
	ours.gvisor = false
	if ours.LostByRestore() {
		t.Error("no other kernel closes connections so")
	}
}

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
)

const (
	maxLineBytes = 4096
	maxIDBytes   = 63 // with its newline at most 64
)

type request struct {
	Set     *string `json:"set"`
	Unset   *string `json:"unset"`
	Count   bool    `json:"count"`
	Address string  `json:"address"`
}

type answer struct {
	Seq      uint64  `json:"seq"`
	OK       bool    `json:"ok"`
	Error    string  `json:"error,omitempty"`
	Machines *int    `json:"machines,omitempty"`
	Open     *int    `json:"open,omitempty"`
	Refused  *uint64 `json:"refused,omitempty"`
}

// control obeys lines until the input ends. Answers are flushed when no further line is waiting, so that a table sent
// anew costs few writes. A line over the limit ends the input: what follows it could not be trusted.
func control(in io.Reader, out *bufio.Writer, t *table) {
	reply := json.NewEncoder(out)
	_ = reply.Encode(answer{OK: true})
	_ = out.Flush()
	lines := bufio.NewReaderSize(in, maxLineBytes)
	for seq := uint64(1); ; seq++ {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return
		}
		a := obey(bytes.TrimSpace(line), t)
		a.Seq = seq
		if reply.Encode(a) != nil {
			return
		}
		if lines.Buffered() == 0 && out.Flush() != nil {
			return
		}
	}
}

func obey(line []byte, t *table) answer {
	var r request
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&r)
	switch {
	case err != nil:
	case r.Count:
		machines, open, refused := t.counts()
		return answer{OK: true, Machines: &machines, Open: &open, Refused: &refused}
	case r.Set != nil:
		var address netip.AddrPort
		if address, err = netip.ParseAddrPort(r.Address); err == nil {
			err = checkID(*r.Set)
		}
		if err == nil {
			t.set(*r.Set, address)
		}
	case r.Unset != nil:
		t.unset(*r.Unset)
	default:
		err = errors.New("neither set, unset nor count")
	}
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{OK: true}
}

func checkID(id string) error {
	if id == "" || len(id) > maxIDBytes {
		return fmt.Errorf("id %.80q has not 1 to %d bytes", id, maxIDBytes)
	}
	for _, c := range []byte(id) {
		if c <= ' ' || c > '~' {
			return fmt.Errorf("id %.80q has other bytes than printable ASCII", id)
		}
	}
	return nil
}

package v1

import (
	"net/http"
	"strconv"

	"pandastack.dev/guest/internal/logs"
	"pandastack.dev/guest/internal/wire"
)

const logFlushBytes = 64 << 10

func (s *Server) readLogs(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	wanted := map[string]byte{"": 0, "both": 0, "stdout": logs.Stdout, "stderr": logs.Stderr}
	stream, ok := wanted[query.Get("stream")]
	if !ok {
		return wire.Errorf(wire.InvalidArgument, "stream must be both, stdout or stderr")
	}
	follow := query.Get("follow") == "1"
	control := http.NewResponseController(w)
	w.Header().Set("content-type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	if follow && control.Flush() != nil {
		return nil
	}
	reader := s.Logs.NewReader()
	keep := func(text []byte) []byte { return text }
	var text []byte
	for {
		text = text[:0]
		changed := reader.Next(func(entry logs.Entry) {
			if stream == 0 || entry.Stream == stream {
				text = appendLine(text, entry, keep)
			}
			if len(text) > logFlushBytes {
				_, _ = w.Write(text) // a caller that has gone is noticed below
				text = text[:0]
			}
		})
		if len(text) > 0 {
			if _, err := w.Write(text); err != nil {
				return nil
			}
		}
		if changed == nil {
			continue
		}
		if control.Flush() != nil || !follow {
			return nil
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return nil
		}
	}
}

func appendLine(text []byte, entry logs.Entry, keep func([]byte) []byte) []byte {
	name := "stdout"
	if entry.Stream == logs.Stderr {
		name = "stderr"
	}
	text = append(text, `{"seq":`...)
	text = strconv.AppendUint(text, entry.Seq, 10)
	text = append(text, `,"unix_ms":`...)
	text = strconv.AppendInt(text, entry.UnixMs, 10)
	text = append(text, `,"stream":"`+name+`","line":"`...)
	text = appendEscaped(text, entry.Text, keep)
	return append(text, "\"}\n"...)
}

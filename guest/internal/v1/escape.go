package v1

import "unicode/utf8"

const (
	hexDigits = "0123456789abcdef"
	// escapePiece is how much is escaped before the sink is asked; at worst it grows six times.
	escapePiece = 1 << 10
)

// appendEscaped writes the inside of a JSON string. Bytes that are not UTF-8 become U+FFFD. After each piece, flush
// may take the text away and give back an emptier one.
func appendEscaped(into, text []byte, flush func([]byte) []byte) []byte {
	for next := escapePiece; len(text) > 0; next = escapePiece {
		for start := len(text); len(text) > 0 && start-len(text) < next; {
			into, text = appendOne(into, text)
		}
		into = flush(into)
	}
	return into
}

func appendOne(into, text []byte) (grown, rest []byte) {
	plain := 0
	for plain < len(text) && plain < escapePiece && isPlain(text[plain]) {
		plain++
	}
	if plain > 0 {
		return append(into, text[:plain]...), text[plain:]
	}
	c := text[0]
	if c >= utf8.RuneSelf {
		r, size := utf8.DecodeRune(text)
		if r == utf8.RuneError && size <= 1 {
			return append(into, "\ufffd"...), text[1:]
		}
		return append(into, text[:size]...), text[size:]
	}
	switch c {
	case '"', '\\':
		into = append(into, '\\', c)
	case '\n':
		into = append(into, '\\', 'n')
	case '\r':
		into = append(into, '\\', 'r')
	case '\t':
		into = append(into, '\\', 't')
	default:
		into = append(into, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
	return into, text[1:]
}

func isPlain(c byte) bool { return c >= 0x20 && c < utf8.RuneSelf && c != '"' && c != '\\' }

package e2b

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Signature is what a link to a file carries instead of a token. expires is empty for a link without end.
func Signature(path, operation, user, token, expires string) string {
	text := path + ":" + operation + ":" + user + ":" + token
	if expires != "" {
		text += ":" + expires
	}
	sum := sha256.Sum256([]byte(text))
	return "v1_" + strings.TrimRight(base64.StdEncoding.EncodeToString(sum[:]), "=")
}

// mayUseFile checks token or signature; the message says what is wrong, empty is leave.
func (s *Server) mayUseFile(r *http.Request, operation string) string {
	token := s.Identity.Current().ClientToken
	if token == "" {
		return ""
	}
	if given := r.Header.Get("X-Access-Token"); given != "" {
		if s.Identity.MayUseClient(given) {
			return ""
		}
		return "access token present in header but does not match"
	}
	query := r.URL.Query()
	given := query.Get("signature")
	if given == "" {
		return "missing signature query parameter"
	}
	expires := query.Get("signature_expiration")
	wanted := Signature(query.Get("path"), operation, query.Get("username"), token, expires)
	if subtle.ConstantTimeCompare([]byte(given), []byte(wanted)) != 1 {
		return "invalid signature"
	}
	if expires != "" {
		if end, err := strconv.ParseInt(expires, 10, 64); err != nil || end < time.Now().Unix() {
			return "signature is already expired"
		}
	}
	return ""
}

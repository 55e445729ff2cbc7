package wire

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// bodyBudgetBytes is what the large bodies that are held in memory may take together. Small ones always pass, so that
// a few callers with large ones do not shut everybody out.
const (
	bodyBudgetBytes = 128 << 20
	smallBodyBytes  = 64 << 10
)

var bodyBytes atomic.Int64

// ReadBody reads a whole body of at most limit bytes. release gives its memory back to the budget.
func ReadBody(r *http.Request, limit int64) (body []byte, release func(), err error) {
	if r.ContentLength > limit {
		return nil, nil, tooLarge(limit)
	}
	var reserved int64
	release = func() { bodyBytes.Add(-reserved) }
	defer func() {
		if err != nil {
			release()
		}
	}()
	size := int64(4 << 10)
	if r.ContentLength >= 0 {
		size = min(r.ContentLength+1, smallBodyBytes) // one more, to see the end without growing
	}
	body = make([]byte, 0, size)
	for {
		if len(body) == cap(body) {
			grown := min(2*int64(cap(body)), limit+1)
			if grown > smallBodyBytes {
				if bodyBytes.Add(grown-reserved) > bodyBudgetBytes {
					bodyBytes.Add(reserved - grown)
					return nil, nil, Errorf(Exhausted, "too many large requests at once")
				}
				reserved = grown
			}
			body = append(make([]byte, 0, grown), body...)
		}
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if int64(len(body)) > limit {
			return nil, nil, tooLarge(limit)
		}
		if err == io.EOF {
			return body, release, nil
		}
		if err != nil {
			return nil, nil, Errorf(InvalidArgument, "the body broke off: %v", err)
		}
	}
}

func tooLarge(limit int64) error { return Errorf(TooLarge, "the body is longer than %d bytes", limit) }

// uploadSilence is how long an upload may say nothing before it is given up.
const uploadSilence = 5 * time.Minute

// Upload is a request's body that breaks off when nothing comes for too long.
func Upload(w http.ResponseWriter, r *http.Request) io.Reader {
	return &upload{r.Body, http.NewResponseController(w)}
}

type upload struct {
	body    io.Reader
	control *http.ResponseController
}

func (u *upload) Read(into []byte) (int, error) {
	_ = u.control.SetReadDeadline(time.Now().Add(uploadSilence))
	n, err := u.body.Read(into)
	if err != nil {
		// From here on the server itself reads, to hear of a hang-up, and may wait as long as it likes.
		_ = u.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// ReadJSON decodes a small body.
func ReadJSON(r *http.Request, limit int64, into any) error {
	body, release, err := ReadBody(r, limit)
	if err != nil {
		return err
	}
	defer release()
	if err := json.Unmarshal(body, into); err != nil {
		return Errorf(InvalidArgument, "the body is not what is expected: %v", err)
	}
	return nil
}

// WriteJSON answers 200.
func WriteJSON(w http.ResponseWriter, value any) {
	writeJSON(w, http.StatusOK, value)
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be encoded","code":"internal"}`)
	}
	w.Header().Set("content-type", "application/json")
	w.Header().Set("content-length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// WriteError answers with a refusal in the shape of the plain face.
func WriteError(w http.ResponseWriter, err error) {
	var refusal *Error
	if !errors.As(err, &refusal) {
		refusal = Errorf(Internal, "%v", err)
	}
	writeJSON(w, Status(refusal.Code), map[string]string{"error": refusal.Message, "code": refusal.Code})
}

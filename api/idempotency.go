package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// The header of draft-ietf-httpapi-idempotency-key-header, and the one that says
// that an answer is that of the first request.
const (
	idempotencyHeader = "Idempotency-Key"
	replayedHeader    = "Idempotency-Replayed"
)

// once carries out a POST under /v1 that has a key the first time only: who
// sends it again gets the first answer.
//
//nolint:contextcheck // the request has the context
func (d *door) once(w http.ResponseWriter, r request, h func(http.ResponseWriter, request) error) error {
	given := r.Header.Values(idempotencyHeader)
	if r.Method != http.MethodPost || len(given) == 0 || !strings.HasPrefix(r.URL.Path, "/v1/") {
		return h(w, r)
	}
	key, err := parseIdempotencyKey(given)
	if err != nil {
		return err
	}
	body, err := d.readBody(w, r.Request)
	if err != nil {
		return err
	}
	reservation, err := d.Directory.ReserveKey(r.Context(), r.call, routeOf(r.Request), key,
		fingerprint(r.Request, body))
	if err != nil {
		return err
	}
	if reservation.Answer.Status != 0 {
		w.Header().Set(replayedHeader, "true")
		return answerAgain(w, reservation.Answer)
	}
	// A retry may take over after the lease, so this one has to end before it.
	ctx, cancel := context.WithTimeout(r.Context(), membership.MaxIdempotentRequest)
	defer cancel()
	r.Request = r.WithContext(ctx)
	r.Body = io.NopCloser(bytes.NewReader(body))
	first := &recorder{header: w.Header()}
	settled := false
	defer func() {
		if !settled { // h panicked
			d.settle(ctx, r, reservation, membership.StoredAnswer{})
		}
	}()
	if err = h(first, r); err != nil {
		if ctx.Err() != nil {
			err = unavailable
		}
		first.failed(failureOf(err))
	}
	d.settle(ctx, r, reservation, first.answer())
	settled = true
	if err != nil {
		return err
	}
	return answerAgain(w, first.answer())
}

// settle ends a reservation: it stores the answer for retries, or releases the key.
// It does so also when the caller has gone.
func (d *door) settle(
	ctx context.Context, r request, reservation membership.IdempotencyReservation, a membership.StoredAnswer,
) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	var err error
	switch {
	case repeatable(a.Status):
		err = d.Directory.StoreAnswer(ctx, r.call, reservation, a)
	case a.Status >= 400 && a.Status < 500:
		err = d.Directory.ForgetKey(ctx, r.call, reservation)
	default:
		err = d.Directory.ReleaseKey(ctx, r.call, reservation)
	}
	if err != nil {
		d.log.Warn("the answer of a request with an idempotency key was not stored",
			append(auth.RequestFields(r.Request), auth.Cause(err))...)
	}
}

// repeatable are the answers that would be the same again. Others are about the
// moment, or about who asks: the request is carried out when it comes again.
func repeatable(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestTimeout, http.StatusTooManyRequests,
		http.StatusUnsupportedMediaType: // of a header, which is not in the fingerprint
		return false
	}
	return status >= 200 && status < 500
}

func answerAgain(w http.ResponseWriter, a membership.StoredAnswer) error {
	if a.ContentType == "" {
		w.WriteHeader(a.Status)
		return nil
	}
	if err := reserve(w, len(a.Body)); err != nil {
		return err
	}
	w.Header().Set("Content-Type", a.ContentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(a.Status)
	_, err := w.Write(a.Body)
	return err
}

// withSecret is for handlers whose answer has a secret: it must not be stored, so
// they take no key.
func withSecret(h func(http.ResponseWriter, request) error) func(http.ResponseWriter, request) error {
	return func(w http.ResponseWriter, r request) error {
		if len(r.Header.Values(idempotencyHeader)) > 0 {
			return membership.Invalidf("this answer holds a secret, which is not stored, so %s is not supported here: "+
				"revoke what was made and lost", idempotencyHeader)
		}
		return h(w, r)
	}
}

// parseIdempotencyKey reads the one value of the header: a string of RFC 9651
// section 3.3.3, or the same without quotes. It has 1 to 255 printable
// characters of ASCII.
func parseIdempotencyKey(values []string) (string, error) {
	wrong := membership.Invalidf("the header %s must be one string of 1 to 255 printable characters of ASCII",
		idempotencyHeader)
	if len(values) != 1 {
		return "", wrong
	}
	s := strings.Trim(values[0], " \t")
	if strings.HasPrefix(s, `"`) {
		var ok bool
		if s, ok = unquote(s); !ok {
			return "", wrong
		}
	}
	if s == "" || len(s) > 255 || strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' }) {
		return "", wrong
	}
	return s, nil
}

func unquote(s string) (string, bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; c {
		case '"':
			return b.String(), i == len(s)-1
		case '\\':
			i++
			if i == len(s) || s[i] != '"' && s[i] != '\\' {
				return "", false
			}
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

// routeOf is the route of a request as openapi.yaml names it.
func routeOf(r *http.Request) string {
	return r.Method + " " + r.Pattern
}

func fingerprint(r *http.Request, body []byte) (sum [sha256.Size]byte) {
	h := sha256.New()
	_, _ = io.WriteString(h, r.Method+" "+strings.TrimSuffix(r.URL.EscapedPath(), "/")+"?"+r.URL.RawQuery+"\n")
	_, _ = h.Write(body)
	h.Sum(sum[:0])
	return sum
}

// recorder holds an answer back until it is whole.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) { r.status = status }

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.body.Write(b)
}

// failed makes the answer that an error will have.
func (r *recorder) failed(f *failure) {
	aside := recorder{header: http.Header{}}
	f.Write(&aside)
	r.status, r.body = aside.status, aside.body
	r.header.Set("Content-Type", aside.header.Get("Content-Type"))
}

func (r *recorder) answer() membership.StoredAnswer {
	return membership.StoredAnswer{Status: r.status, ContentType: r.header.Get("Content-Type"), Body: r.body.Bytes()}
}

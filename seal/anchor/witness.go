package anchor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"
)

// Witness shows every checkpoint to a witness, which signs beside the log that it
// continues all that the witness has seen of it (c2sp.org/tlog-witness).
type Witness struct {
	client   Doer
	url      string
	verifier note.Verifier
	mu       sync.Mutex
	seen     map[string]int64 // by origin, the size that it saw last
}

// NewWitness makes the anchor of a witness: its submission prefix, and its key for
// cosignatures (a vkey of type 0x04).
func NewWitness(client Doer, prefix, vkey string) (*Witness, error) {
	v, err := NewCosignatureVerifier(vkey)
	if err != nil {
		return nil, err
	}
	prefix = strings.TrimSuffix(prefix, "/")
	return &Witness{client: client, url: prefix + "/add-checkpoint", verifier: v, seen: map[string]int64{}}, nil
}

// Name is that of the anchor in metrics.
func (*Witness) Name() string { return "witness" }

// Remembers is true.
func (*Witness) Remembers() bool { return true }

// Publish gets the cosignature.
func (w *Witness) Publish(ctx context.Context, s Sealed) (Receipt, error) {
	w.mu.Lock()
	old := w.seen[s.Origin] // zero asks what it has
	w.mu.Unlock()
	// The second time with the size that the witness said, the third where another
	// server was faster.
	for range 3 {
		if old > s.Size {
			return Receipt{}, &Conflict{Anchor: w.Name(), Origin: s.Origin, Seen: old, Size: s.Size}
		}
		status, body, err := w.ask(ctx, s, old)
		switch {
		case err != nil:
			return Receipt{}, err
		case status == http.StatusOK:
			lines, err := w.cosignatures(s, body)
			if err != nil {
				return Receipt{}, err
			}
			w.mu.Lock()
			w.seen[s.Origin] = max(w.seen[s.Origin], s.Size)
			w.mu.Unlock()
			return Receipt{Cosignatures: lines}, nil
		case status == http.StatusConflict:
			said, err := strconv.ParseInt(strings.TrimSuffix(string(body), "\n"), 10, 64)
			if err != nil || said < 0 {
				return Receipt{}, errors.New("the witness did not say which size it has")
			}
			// One of tlog-witness 1.0 answers so, and not with 422, where it has another root of
			// the same size.
			if said == old && old == s.Size {
				return Receipt{}, &Conflict{Anchor: w.Name(), Origin: s.Origin, Seen: old, Size: s.Size}
			}
			old = said
		case status == http.StatusUnprocessableEntity:
			return Receipt{}, &Conflict{Anchor: w.Name(), Origin: s.Origin, Seen: old, Size: s.Size}
		case status == http.StatusNotFound:
			return Receipt{}, fmt.Errorf("the witness does not know the log %s", s.Origin)
		case status == http.StatusForbidden:
			return Receipt{}, fmt.Errorf("the witness does not know the key of the log %s", s.Origin)
		default:
			return Receipt{}, fmt.Errorf("the witness answered with status %d", status)
		}
	}
	return Receipt{}, errors.New("the witness has seen another size each time")
}

// ask makes one request.
func (w *Witness) ask(ctx context.Context, s Sealed, old int64) (status int, body []byte, err error) {
	b := fmt.Appendf(nil, "old %d\n", old)
	if old > 0 && old < s.Size {
		proof, err := s.Prove(old)
		if err != nil {
			return 0, nil, err
		}
		for _, h := range proof {
			b = fmt.Appendf(b, "%s\n", h)
		}
	}
	b = append(append(b, '\n'), s.Note...)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(b))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "text/plain; charset=utf-8")
	res, err := w.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	body, err = answer(res)
	return res.StatusCode, body, err
}

// cosignatures are the lines of an answer that the witness's key made; others are
// left out.
func (w *Witness) cosignatures(s Sealed, body []byte) (string, error) {
	n, err := note.Open(append([]byte(s.Text()+"\n"), body...), note.VerifierList(w.verifier))
	if err != nil {
		return "", fmt.Errorf("the witness's cosignature cannot be verified: %w", err)
	}
	lines := ""
	for _, sig := range n.Sigs {
		lines += fmt.Sprintf("— %s %s\n", sig.Name, sig.Base64)
	}
	return lines, nil
}

// Package anchor carries signed checkpoints to where whoever has the database and
// the key cannot change them: a folder, a webhook, a witness
// (c2sp.org/tlog-witness), a time stamp authority (RFC 3161). Who kept one of them
// proves with package seal that nothing before it was changed since.
package anchor

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/scimbridge/scimbridge/seal"
)

// Sealed is a checkpoint to anchor.
type Sealed struct {
	seal.Checkpoint
	Note []byte // the checkpoint, signed
	// Prove proves that the log continues the one of a smaller size.
	Prove func(from int64) (tlog.TreeProof, error)
}

// Receipt is what an anchor gives back, to be kept with the checkpoint.
type Receipt struct {
	Cosignatures string // lines of a signed note; "": none
	Token        []byte // a time stamp token with its status (RFC 3161 TimeStampResp); nil: none
}

// Anchor takes checkpoints of all logs. It may be called by many at once. An error
// that is a Conflict means that the log must not be sealed any further.
type Anchor interface {
	Name() string
	// Remembers says whether it can tell that a log is not the one it has seen.
	Remembers() bool
	Publish(ctx context.Context, s Sealed) (Receipt, error)
}

// Conflict says that an anchor has seen another log under the same origin: a larger
// one, or one that the present log does not continue.
type Conflict struct {
	Anchor string
	Origin string
	Seen   int64 // the size of the log that it has seen
	Size   int64 // the size of the log that it was shown
}

func (c *Conflict) Error() string {
	return fmt.Sprintf("%s has seen the log %s with %d events, which the log of %d events does not continue",
		c.Anchor, c.Origin, c.Seen, c.Size)
}

// continues says whether a log continues what was seen of it.
func (s Sealed) continues(seen seal.Checkpoint) (bool, error) {
	switch {
	case seen.Size > s.Size:
		return false, nil
	case seen.Size == s.Size:
		return seen.Root == s.Root, nil
	case seen.Size == 0:
		return true, nil
	}
	proof, err := s.Prove(seen.Size)
	if err != nil {
		return false, err
	}
	return tlog.CheckTree(proof, s.Size, s.Root, seen.Size, seen.Root) == nil, nil
}

// Doer makes requests, as an http.Client does: the guarded one of package outbound.
type Doer interface {
	Do(r *http.Request) (*http.Response, error)
}

// maxAnswer is the longest answer of an anchor in bytes.
const maxAnswer = 1 << 18

// answer reads an answer, which may not be longer than one can be.
func answer(res *http.Response) ([]byte, error) {
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	}
	return body, err
}

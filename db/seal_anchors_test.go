package db_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/outbound"
	"github.com/scimbridge/scimbridge/seal"
	"github.com/scimbridge/scimbridge/seal/anchor"
	"github.com/scimbridge/scimbridge/seal/anchor/anchortest"
	"github.com/scimbridge/scimbridge/server"
)

// anchored is a tenant whose checkpoints are carried to anchors.
type anchored struct {
	*sealed
	clock   atomic.Int64
	witness *anchortest.Witness
	url     string // of the witness
	folder  string
}

func newAnchored(t *testing.T, s *db.Store) *anchored {
	w := &anchored{sealed: newSealed(t, s), witness: anchortest.NewWitness(t), folder: t.TempDir()}
	vkey, err := w.key.VerifierKey(w.log().Origin)
	require.NoError(t, err)
	w.witness.Add(t, vkey)
	listening := httptest.NewServer(w.witness)
	t.Cleanup(listening.Close)
	w.url = listening.URL + "/prefix"
	w.sealer = w.process(t.TempDir())
	w.later(time.Minute) // what sealed before holds the log no more
	return w
}

func loopback() *http.Client {
	return outbound.New([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}).Client(10*time.Second, 0)
}

// process is a server with its own memory, and with the anchors of all.
func (w *anchored) process(stateDir string, more ...anchor.Anchor) *server.Sealer {
	state, err := anchor.NewState(stateDir)
	require.NoError(w.T, err)
	witness, err := anchor.NewWitness(loopback(), w.url, w.witness.VKey())
	require.NoError(w.T, err)
	folder, err := anchor.NewFolder(w.folder)
	require.NoError(w.T, err)
	return server.NewSealer(w.store, server.SealerOptions{
		Keys: seal.Keys{w.key}, PublicURL: "https://bridge.example.com", State: state,
		Anchors: append([]anchor.Anchor{folder, witness}, more...),
		Now:     func() time.Time { return time.Now().Add(time.Duration(w.clock.Load())) },
	})
}

func (w *anchored) later(d time.Duration) { w.clock.Add(int64(d)) }

// grow makes events and seals them.
func (w *anchored) grow(i int) {
	w.change(i)
	w.sealAsked()
}

// sealAsked seals as a process does that asks the anchors first.
func (w *anchored) sealAsked() {
	w.seal()
	require.NoError(w.T, w.sealer.Anchor(w.Ctx))
	w.seal()
	w.later(11 * time.Minute)
	require.NoError(w.T, w.sealer.Anchor(w.Ctx))
}

// Checkpoints reach the anchors; what they give back stands with the checkpoint.
func TestAnchorsTakeCheckpoints(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newAnchored(t, s)
		w.grow(3)
		l := w.log()
		require.Equal(t, l.Head, l.Size)
		assert.Equal(t, l.Size, w.witness.Size(l.Origin))
		text, err := w.sealer.Checkpoint(w.Ctx, w.ID, 0)
		require.NoError(t, err)
		log, err := w.key.VerifierKey(l.Origin)
		require.NoError(t, err)
		ours, err := note.NewVerifier(log)
		require.NoError(t, err)
		theirs, err := anchor.NewCosignatureVerifier(w.witness.VKey())
		require.NoError(t, err)
		n, err := note.Open([]byte(text), note.VerifierList(ours, theirs))
		require.NoError(t, err)
		assert.Len(t, n.Sigs, 2, "signature and cosignature: %s", text)
		files, err := filepath.Glob(filepath.Join(w.folder, "*", "*.checkpoint"))
		require.NoError(t, err)
		require.Len(t, files, 2)
		kept, err := os.ReadFile(files[1])
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(text, string(kept)))
		require.NoError(t, w.verify(), "what a witness added does no harm")
	})
}

// An anchor that hangs, or fails, delays no other anchor and no sealing, and gets the
// newest checkpoint when it is back.
func TestAnAnchorThatHangs(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newAnchored(t, s)
		hangs, got := make(chan struct{}), make(chan string, 100)
		var broken atomic.Bool
		broken.Store(true)
		listening := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if broken.Load() {
				<-hangs
				http.Error(rw, "", http.StatusInternalServerError)
				return
			}
			body := make([]byte, r.ContentLength)
			_, _ = r.Body.Read(body)
			got <- string(body)
		}))
		t.Cleanup(listening.Close)
		w.sealer = w.process(t.TempDir(), anchor.Webhook{Client: loopback(), URL: listening.URL})
		ctx, cancel := context.WithCancel(w.Ctx)
		ended := make(chan struct{})
		go func() { w.sealer.Run(ctx); close(ended) }()
		defer func() { cancel(); <-ended }()
		for i := 4; i < 7; i++ {
			w.change(i)
			require.Eventually(t, func() bool {
				w.later(time.Minute) // so that the folder takes each
				l := w.log()
				return l.Head == l.Size && l.Size > 4 && w.witness.Size(l.Origin) == l.Size
			}, time.Minute, 100*time.Millisecond, "sealed, and cosigned, while the webhook hangs")
		}
		broken.Store(false)
		close(hangs)
		want := ""
		require.Eventually(t, func() bool {
			w.later(time.Minute) // the pause after a failure
			select {
			case want = <-got:
			default:
			}
			return strings.HasPrefix(want, w.checkpoint().Text())
		}, time.Minute, 100*time.Millisecond, "the newest checkpoint arrives")
	})
}

// A server that has forgotten what it signed does not sign over what an anchor has
// seen: that tenant is stopped, before anything is signed.
func TestAnAnchorHasSeenMore(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		for name, forget := range map[string]func(w *anchored){
			"witness": func(w *anchored) { w.folder = t.TempDir() },
			"folder":  func(w *anchored) { w.url = "http://127.0.0.1:1/" },
		} {
			t.Run(name, func(t *testing.T) {
				w := newAnchored(t, s)
				w.T = t
				w.grow(3)
				// As a backup of the store has it.
				l := w.log()
				w.grow(4)
				seen := w.log().Size
				w.sql(`delete from events where tenant_id = $1 and number > $2`, l.Size)
				w.sql(`delete from seal_checkpoints where tenant_id = $1 and size > $2`, l.Size)
				w.sql(`delete from event_users where tenant_id = $1 and number > $2`, l.Size)
				w.sql(`delete from seal_receipts where tenant_id = $1 and size > $2`, l.Size)
				w.sql(`update seal_anchors set size = $2 where tenant_id = $1 and size > $2`, l.Size)
				w.sql(`update event_heads set number = $2 where tenant_id = $1`, l.Size)
				w.recompute()
				forget(w)
				w.sealer = w.process(t.TempDir())
				w.change(5)
				w.change(6)
				w.change(7)
				before := w.checkpoint()
				require.NoError(t, w.sealer.Number(w.Ctx))
				require.NoError(t, w.sealer.SealTenant(w.Ctx, w.ID))
				require.Equal(t, before, w.checkpoint(), "the anchors are asked first")
				require.NoError(t, w.sealer.Anchor(w.Ctx))
				stopped := w.log()
				assert.Contains(t, stopped.Stopped, name+" has seen the log")
				require.NoError(t, w.sealer.SealTenant(w.Ctx, w.ID))
				assert.Equal(t, before, w.checkpoint(), "nothing was signed")
				assert.Less(t, before.Size, seen)

				other := &sealed{tenant: newTenant(t, s), key: w.key, sealer: w.sealer}
				other.change(1)
				require.NoError(t, w.sealer.Number(w.Ctx))
				require.NoError(t, w.sealer.Seal(w.Ctx))
				assert.Equal(t, other.log().Head, other.log().Size, "others go on")
				assert.Equal(t, before, w.checkpoint())
			})
		}
	})
}

// Anchors that do not answer stop nothing: their log is sealed after a while.
func TestAnchorsThatDoNotAnswer(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newAnchored(t, s)
		w.url, w.folder = "http://127.0.0.1:1/", t.TempDir()
		w.sealer = w.process(t.TempDir())
		w.change(4)
		require.NoError(t, w.sealer.Number(w.Ctx))
		require.NoError(t, w.sealer.SealTenant(w.Ctx, w.ID))
		require.NoError(t, w.sealer.Anchor(w.Ctx))
		assert.Less(t, w.log().Size, w.log().Head)
		w.later(21 * time.Second)
		require.NoError(t, w.sealer.SealTenant(w.Ctx, w.ID))
		assert.Equal(t, w.log().Head, w.log().Size)
	})
}

// Of servers that share a store one has the turn, and another after it ended.
func TestAnchorTurns(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newSealed(t, s)
		now := time.Now()
		take := func(at time.Time) (db.AnchorTurn, bool) {
			turn, taken, err := s.TakeAnchorTurn(w.Ctx, w.ID, "a", at, at.Add(time.Minute))
			require.NoError(t, err)
			return turn, taken
		}
		due := func(at time.Time) bool {
			tenants, err := s.TenantsToAnchor(w.Ctx, "a", at, 1000)
			require.NoError(t, err)
			for _, id := range tenants {
				if id == w.ID {
					return true
				}
			}
			return false
		}
		require.True(t, due(now))
		turn, taken := take(now)
		assert.True(t, taken)
		assert.Equal(t, db.AnchorTurn{}, turn)
		assert.False(t, due(now))
		_, taken = take(now.Add(time.Second))
		assert.False(t, taken)
		turn, taken = take(now.Add(2 * time.Minute))
		assert.True(t, taken, "of a server that stopped")
		assert.Zero(t, turn.Failures)
		require.NoError(t, s.AnchorFailed(w.Ctx, w.ID, "a", now.Add(3*time.Minute)))
		assert.False(t, due(now.Add(150*time.Second)))
		turn, taken = take(now.Add(3 * time.Minute))
		assert.True(t, taken)
		assert.Equal(t, 1, turn.Failures)
		l := w.log()
		took := func(size int64, at time.Time) {
			require.NoError(t, s.AnchorTook(w.Ctx, w.ID, l.Origin, size, db.SealReceipt{Anchor: "a"}, at, at))
		}
		took(l.Size, now)
		took(l.Size-1, now)
		turn, _ = take(now.Add(time.Hour))
		assert.Equal(t, db.AnchorTurn{Origin: l.Origin, Size: l.Size}, turn)
		assert.False(t, due(now.Add(24*time.Hour)), "it has the newest")
		other := newSealed(t, s)
		require.NoError(t, s.StopSealLog(w.Ctx, other.ID, "another origin", "why"))
		assert.Empty(t, other.log().Stopped)
	})
}

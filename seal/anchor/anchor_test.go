package anchor

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/scimbridge/scimbridge/outbound"
	"github.com/scimbridge/scimbridge/seal"
	"github.com/scimbridge/scimbridge/seal/anchor/anchortest"
)

const origin = "bridge.example.com/0197a5e3-0e70-7a11-8b22-9c33ad44be55"

// log is a log of so many events, named by what is in it.
type log struct {
	t    *testing.T
	key  seal.Key
	name string
}

func newLog(t *testing.T) log {
	key, err := seal.NewKey()
	require.NoError(t, err)
	return log{t, key, "event"}
}

func (l log) at(size int64) Sealed {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) (hashes []tlog.Hash, err error) {
		for _, i := range indexes {
			hashes = append(hashes, stored[i])
		}
		return hashes, nil
	})
	for n := range size {
		hashes, err := tlog.StoredHashes(n, fmt.Appendf(nil, "%s %d", l.name, n), reader)
		require.NoError(l.t, err)
		stored = append(stored, hashes...)
	}
	root, err := tlog.TreeHash(size, reader)
	require.NoError(l.t, err)
	c := seal.Checkpoint{Origin: origin, Size: size, Root: root}
	text, err := c.Sign(l.key.Signer(origin))
	require.NoError(l.t, err)
	return Sealed{c, text, func(from int64) (tlog.TreeProof, error) { return tlog.ProveTree(size, from, reader) }}
}

func (l log) vkey() string {
	vkey, err := l.key.VerifierKey(origin)
	require.NoError(l.t, err)
	return vkey
}

// client is the guarded one of the program, which may reach this machine.
func client() *http.Client {
	return outbound.New([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}).Client(10*time.Second, 0)
}

func TestWitness(t *testing.T) {
	l := newLog(t)
	w := anchortest.NewWitness(t)
	w.Add(t, l.vkey())
	server := httptest.NewServer(w)
	defer server.Close()
	a, err := NewWitness(client(), server.URL+"/prefix/", w.VKey())
	require.NoError(t, err)
	publish := func(s Sealed) (string, error) { r, err := a.Publish(t.Context(), s); return r.Cosignatures, err }

	for _, size := range []int64{1, 3, 3, 300, 1000} {
		s := l.at(size)
		lines, err := publish(s)
		require.NoError(t, err, "size %d", size)
		assert.Equal(t, size, w.Size(origin))
		assert.Equal(t, 1, strings.Count(lines, "\n"), "that of an unknown witness is left out")

		// Checkpoint and cosignature together are one note that both keys verify.
		logKey, err := note.NewVerifier(l.vkey())
		require.NoError(t, err)
		n, err := note.Open(append(s.Note, lines...), note.VerifierList(logKey, a.verifier))
		require.NoError(t, err)
		assert.Len(t, n.Sigs, 2)
	}

	// A server that starts later asks what the witness has.
	late, err := NewWitness(client(), server.URL+"/prefix", w.VKey())
	require.NoError(t, err)
	w.Lag = 1
	_, err = late.Publish(t.Context(), l.at(1200))
	require.NoError(t, err)

	var conflict *Conflict
	_, err = late.Publish(t.Context(), l.at(1100))
	require.ErrorAs(t, err, &conflict, "a log that was restored")
	assert.Equal(t, &Conflict{Anchor: "witness", Origin: origin, Seen: 1200, Size: 1100}, conflict)
	other := l
	other.name = "rewritten"
	_, err = late.Publish(t.Context(), other.at(1300))
	require.ErrorAs(t, err, &conflict)
	for _, w.Former = range []bool{false, true} {
		conflict = nil
		_, err = late.Publish(t.Context(), other.at(1200))
		require.ErrorAs(t, err, &conflict, "as tlog-witness 1.0: %v", w.Former)
	}

	_, err = late.Publish(t.Context(), newLog(t).at(1300))
	require.ErrorContains(t, err, "does not know the key")
	w.Name = "another.example.com"
	_, err = late.Publish(t.Context(), l.at(1300))
	require.ErrorContains(t, err, "cannot be verified")
	_, err = NewWitness(client(), server.URL, l.vkey())
	require.ErrorContains(t, err, "0x04")
	server.Close()
	_, err = late.Publish(t.Context(), l.at(1400))
	require.Error(t, err)
	require.NotErrorAs(t, err, &conflict)
}

func TestFolder(t *testing.T) {
	l, dir := newLog(t), t.TempDir()
	a, err := NewFolder(dir)
	require.NoError(t, err)
	for _, size := range []int64{0, 2, 2, 300} {
		_, err := a.Publish(t.Context(), l.at(size))
		require.NoError(t, err)
	}
	again, err := NewFolder(dir)
	require.NoError(t, err)
	last, ok, err := again.Last(origin)
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Equal(t, l.at(300).Checkpoint, last)
	_, ok, err = again.Last("other")
	require.NoError(t, err)
	assert.False(t, ok)
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.checkpoint"))
	require.NoError(t, err)
	require.Len(t, files, 3)
	text, err := os.ReadFile(files[2])
	require.NoError(t, err)
	assert.Equal(t, l.at(300).Note, text)

	other := l
	other.name = "rewritten"
	var conflict *Conflict
	for _, s := range []Sealed{l.at(299), other.at(300), other.at(301)} {
		_, err = again.Publish(t.Context(), s)
		require.ErrorAs(t, err, &conflict)
	}
	// The machine stopped while it wrote: what was before counts.
	require.NoError(t,
		os.WriteFile(filepath.Join(filepath.Dir(files[0]), "0000000000000000400.checkpoint"), []byte("brid"), 0o600))
	again, err = NewFolder(dir)
	require.NoError(t, err)
	_, err = again.Publish(t.Context(), l.at(401))
	require.NoError(t, err)
	_, err = NewFolder(filepath.Join(dir, "none"))
	require.Error(t, err)
}

func TestWebhook(t *testing.T) {
	l := newLog(t)
	status, got := http.StatusNoContent, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = string(body)
		w.WriteHeader(status)
	}))
	defer server.Close()
	a := Webhook{Client: client(), URL: server.URL}
	_, err := a.Publish(t.Context(), l.at(3))
	require.NoError(t, err)
	assert.Equal(t, string(l.at(3).Note), got)
	status = http.StatusInternalServerError
	_, err = a.Publish(t.Context(), l.at(3))
	require.ErrorContains(t, err, "500")
	_, err = Webhook{Client: outbound.New(nil).Client(time.Second, 0), URL: server.URL}.Publish(t.Context(), l.at(3))
	require.Error(t, err, "not where the guard refuses")
}

func TestTimeStamp(t *testing.T) {
	tsa, l := anchortest.NewAuthority(t), newLog(t)
	server := httptest.NewServer(tsa)
	defer server.Close()
	a := TimeStamp{Client: client(), URL: server.URL}
	s := l.at(3)
	r, err := a.Publish(t.Context(), s)
	require.NoError(t, err)
	token, err := ParseTimeStamp(r.Token)
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), token.At, 10*time.Second)

	// What is kept is verified by openssl alone.
	require.NoError(t, os.WriteFile(filepath.Join(tsa.Dir, "checkpoint"), s.Note, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(tsa.Dir, "token.tsr"), r.Token, 0o600))
	tsa.OpenSSL("ts", "-verify", "-data", "checkpoint", "-in", "token.tsr", "-CAfile", "ca.pem")

	tsa.Replay = r.Token
	_, err = a.Publish(t.Context(), s)
	require.ErrorContains(t, err, "another request")
	_, err = a.Publish(t.Context(), l.at(4))
	require.ErrorContains(t, err, "something else")
	tsa.Replay = []byte{0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02}
	_, err = a.Publish(t.Context(), s)
	require.ErrorContains(t, err, "refused")
	tsa.Replay = []byte("hello")
	_, err = a.Publish(t.Context(), s)
	require.ErrorContains(t, err, "not the answer")
}

func FuzzParseTimeStamp(f *testing.F) {
	f.Add([]byte{0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02})
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = ParseTimeStamp(b) })
}

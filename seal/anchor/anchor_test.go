package anchor

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/scimbridge/scimbridge/outbound"
	"github.com/scimbridge/scimbridge/seal"
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

// witness does what c2sp.org/tlog-witness says of add-checkpoint, without anything
// of this package but the type byte of its key.
type witness struct {
	mu   sync.Mutex
	key  ed25519.PrivateKey
	name string
	logs note.Verifiers
	size int64
	root tlog.Hash
	// lag lets another server be faster, so often.
	lag int
}

func newWitness(t *testing.T, vkeys string) *witness {
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	logs, err := seal.Verifiers(vkeys)
	require.NoError(t, err)
	return &witness{key: key, name: "witness.example.com/w1", logs: logs}
}

func (w *witness) id() []byte {
	sum := sha256.Sum256(append([]byte(w.name+"\n\x04"), w.key.Public().(ed25519.PublicKey)...))
	return sum[:4]
}

func (w *witness) vkey() string {
	return fmt.Sprintf("%s+%s+%s", w.name, hex.EncodeToString(w.id()),
		base64.StdEncoding.EncodeToString(append([]byte{4}, w.key.Public().(ed25519.PublicKey)...)))
}

func (w *witness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.Method != http.MethodPost || r.URL.Path != "/prefix/add-checkpoint" {
		http.Error(rw, "", http.StatusMethodNotAllowed)
		return
	}
	body, _ := io.ReadAll(r.Body)
	head, checkpoint, found := strings.Cut(string(body), "\n\n")
	lines := strings.Split(head, "\n")
	number, isOld := strings.CutPrefix(lines[0], "old ")
	old, err := strconv.ParseInt(number, 10, 64)
	if !found || !isOld || err != nil || len(lines) > 64 {
		http.Error(rw, "", http.StatusBadRequest)
		return
	}
	n, err := note.Open([]byte(checkpoint), w.logs)
	if err != nil {
		http.Error(rw, "", http.StatusForbidden)
		return
	}
	text := strings.Split(n.Text, "\n")
	if text[0] != origin {
		http.Error(rw, "", http.StatusNotFound)
		return
	}
	size, _ := strconv.ParseInt(text[1], 10, 64)
	root, _ := tlog.ParseHash(text[2])
	if w.lag > 0 {
		w.lag--
		old = -1
	}
	var proof tlog.TreeProof
	for _, line := range lines[1:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			http.Error(rw, "", http.StatusBadRequest)
			return
		}
		proof = append(proof, h)
	}
	switch {
	case old > size:
		http.Error(rw, "", http.StatusBadRequest)
		return
	case old != w.size:
		rw.Header().Set("Content-Type", "text/x.tlog.size")
		rw.WriteHeader(http.StatusConflict)
		_, _ = fmt.Fprintf(rw, "%d\n", w.size)
		return
	case old == 0 && len(proof) > 0,
		old > 0 && old == size && (root != w.root || len(proof) > 0),
		old > 0 && old < size && tlog.CheckTree(proof, size, root, old, w.root) != nil:
		http.Error(rw, "", http.StatusUnprocessableEntity)
		return
	}
	w.size, w.root = size, root
	at := time.Now().Unix()
	sig := ed25519.Sign(w.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, n.Text))
	line := append(binary.BigEndian.AppendUint64(w.id(), uint64(at)), sig...)
	_, _ = fmt.Fprintf(rw, "— other.example.com %s\n— %s %s\n",
		base64.StdEncoding.EncodeToString(make([]byte, 80)), w.name, base64.StdEncoding.EncodeToString(line))
}

func TestWitness(t *testing.T) {
	l := newLog(t)
	w := newWitness(t, l.vkey())
	server := httptest.NewServer(w)
	defer server.Close()
	a, err := NewWitness(client(), server.URL+"/prefix/", w.vkey())
	require.NoError(t, err)
	publish := func(s Sealed) (string, error) { r, err := a.Publish(t.Context(), s); return r.Cosignatures, err }

	for _, size := range []int64{1, 3, 3, 300, 1000} {
		s := l.at(size)
		lines, err := publish(s)
		require.NoError(t, err, "size %d", size)
		assert.Equal(t, size, w.size)
		assert.Equal(t, 1, strings.Count(lines, "\n"), "that of an unknown witness is left out")

		// Checkpoint and cosignature together are one note that both keys verify.
		logKey, err := note.NewVerifier(l.vkey())
		require.NoError(t, err)
		n, err := note.Open(append(s.Note, lines...), note.VerifierList(logKey, a.verifier))
		require.NoError(t, err)
		assert.Len(t, n.Sigs, 2)
	}

	// A server that starts later asks what the witness has.
	late, err := NewWitness(client(), server.URL+"/prefix", w.vkey())
	require.NoError(t, err)
	w.lag = 1
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
	_, err = late.Publish(t.Context(), other.at(1200))
	require.ErrorAs(t, err, &conflict)

	_, err = late.Publish(t.Context(), newLog(t).at(1300))
	require.ErrorContains(t, err, "does not know the key")
	w.name = "another.example.com"
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

func TestWebhookAndLog(t *testing.T) {
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

	line := ""
	_, err = Log{Write: func(origin string, size int64, note string) {
		line = fmt.Sprint(origin, size, note)
	}}.Publish(t.Context(), l.at(3))
	require.NoError(t, err)
	assert.Contains(t, line, string(l.at(3).Note))
}

// authority is a time stamp authority of openssl.
type authority struct {
	t       *testing.T
	dir     string
	queries [][]byte // those that were asked
	replay  []byte   // is answered instead
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	require.NoError(t, os.WriteFile(filepath.Join(a.dir, "tsa.cnf"), []byte(`[tsa]
default_tsa = one
[one]
serial = `+a.dir+`/serial
signer_cert = `+a.dir+`/tsa.pem
certs = `+a.dir+`/ca.pem
signer_key = `+a.dir+`/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1, millisecs:500
clock_precision_digits = 3
ordering = yes
tsa_name = yes
[signing]
extendedKeyUsage = critical,timeStamping
`), 0o600))
	a.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=root", "-keyout", "ca.key", "-out",
		"ca.pem", "-days", "2")
	a.openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=tsa", "-keyout", "tsa.key", "-out", "tsa.csr")
	a.openssl("x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
		"-extfile", "tsa.cnf", "-extensions", "signing", "-out", "tsa.pem")
	return a
}

func (a *authority) openssl(args ...string) {
	a.t.Helper()
	cmd := exec.CommandContext(context.Background(), "openssl", args...)
	cmd.Dir = a.dir
	out, err := cmd.CombinedOutput()
	require.NoError(a.t, err, string(out))
}

func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	assert.Equal(a.t, "application/timestamp-query", r.Header.Get("Content-Type"))
	query, _ := io.ReadAll(r.Body)
	a.queries = append(a.queries, query)
	w.Header().Set("Content-Type", "application/timestamp-reply")
	if a.replay != nil {
		_, _ = w.Write(a.replay)
		return
	}
	require.NoError(a.t, os.WriteFile(filepath.Join(a.dir, "query"), query, 0o600))
	//nolint:contextcheck // it is this test's
	a.openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "reply")
	reply, err := os.ReadFile(filepath.Join(a.dir, "reply"))
	require.NoError(a.t, err)
	_, _ = w.Write(reply)
}

func TestTimeStamp(t *testing.T) {
	tsa, l := newAuthority(t), newLog(t)
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
	require.NoError(t, os.WriteFile(filepath.Join(tsa.dir, "checkpoint"), s.Note, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(tsa.dir, "token.tsr"), r.Token, 0o600))
	tsa.openssl("ts", "-verify", "-data", "checkpoint", "-in", "token.tsr", "-CAfile", "ca.pem")

	tsa.replay = r.Token
	_, err = a.Publish(t.Context(), s)
	require.ErrorContains(t, err, "another request")
	_, err = a.Publish(t.Context(), l.at(4))
	require.ErrorContains(t, err, "something else")
	tsa.replay = []byte{0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02}
	_, err = a.Publish(t.Context(), s)
	require.ErrorContains(t, err, "refused")
	tsa.replay = []byte("hello")
	_, err = a.Publish(t.Context(), s)
	require.ErrorContains(t, err, "not the answer")
}

func FuzzParseTimeStamp(f *testing.F) {
	f.Add([]byte{0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02})
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = ParseTimeStamp(b) })
}

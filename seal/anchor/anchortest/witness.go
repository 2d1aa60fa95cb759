package anchortest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Witness does what c2sp.org/tlog-witness says of add-checkpoint, with nothing of the
// program. Its submission prefix ends in /prefix.
type Witness struct {
	mu   sync.Mutex
	key  ed25519.PrivateKey
	logs map[string]*witnessed // by origin
	Name string
	// Lag lets another server be faster, so often.
	Lag int
	// Former answers as tlog-witness 1.0 said, where a log has another root of the same size.
	Former bool
}

// witnessed is what a witness has seen of a log.
type witnessed struct {
	verifier note.Verifier
	size     int64
	root     tlog.Hash
}

// NewWitness makes one that knows no log.
func NewWitness(t *testing.T) *Witness {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	return &Witness{key: key, Name: "witness.example.com/w1", logs: map[string]*witnessed{}}
}

// Add makes a log known.
func (w *Witness) Add(t *testing.T, vkey string) {
	t.Helper()
	v, err := note.NewVerifier(strings.TrimSpace(vkey))
	require.NoError(t, err)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.logs[v.Name()] = &witnessed{verifier: v}
}

// Size is that of the checkpoint that it saw last; 0: none.
func (w *Witness) Size(origin string) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.logs[origin] == nil {
		return 0
	}
	return w.logs[origin].size
}

func (w *Witness) id() []byte {
	sum := sha256.Sum256(append([]byte(w.Name+"\n\x04"), w.key.Public().(ed25519.PublicKey)...))
	return sum[:4]
}

// VKey is what verifies its cosignatures.
func (w *Witness) VKey() string {
	return fmt.Sprintf("%s+%s+%s", w.Name, hex.EncodeToString(w.id()),
		base64.StdEncoding.EncodeToString(append([]byte{4}, w.key.Public().(ed25519.PublicKey)...)))
}

func (w *Witness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
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
	text := strings.Split(checkpoint, "\n")
	l := w.logs[text[0]]
	if l == nil {
		http.Error(rw, "", http.StatusNotFound)
		return
	}
	n, err := note.Open([]byte(checkpoint), note.VerifierList(l.verifier))
	if err != nil {
		http.Error(rw, "", http.StatusForbidden)
		return
	}
	size, _ := strconv.ParseInt(text[1], 10, 64)
	root, _ := tlog.ParseHash(text[2])
	if w.Lag > 0 {
		w.Lag--
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
	case old != l.size, w.Former && old > 0 && old == size && root != l.root:
		rw.Header().Set("Content-Type", "text/x.tlog.size")
		rw.WriteHeader(http.StatusConflict)
		_, _ = fmt.Fprintf(rw, "%d\n", l.size)
		return
	case old == 0 && len(proof) > 0,
		old > 0 && old == size && (root != l.root || len(proof) > 0),
		old > 0 && old < size && tlog.CheckTree(proof, size, root, old, l.root) != nil:
		http.Error(rw, "", http.StatusUnprocessableEntity)
		return
	}
	l.size, l.root = size, root
	at := time.Now().Unix()
	sig := ed25519.Sign(w.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, n.Text))
	line := append(binary.BigEndian.AppendUint64(w.id(), uint64(at)), sig...)
	_, _ = fmt.Fprintf(rw, "— other.example.com %s\n— %s %s\n",
		base64.StdEncoding.EncodeToString(make([]byte, 80)), w.Name, base64.StdEncoding.EncodeToString(line))
}

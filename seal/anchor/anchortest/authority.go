package anchortest

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Authority is a time stamp authority of openssl.
type Authority struct {
	t      *testing.T
	Dir    string
	mu     sync.Mutex
	Replay []byte // is answered instead
}

// NewAuthority makes its certificates: ca.pem in Dir is the root.
func NewAuthority(t *testing.T) *Authority {
	a := &Authority{t: t, Dir: t.TempDir()}
	require.NoError(t, os.WriteFile(filepath.Join(a.Dir, "tsa.cnf"), []byte(`[tsa]
default_tsa = one
[one]
serial = `+a.Dir+`/serial
signer_cert = `+a.Dir+`/tsa.pem
certs = `+a.Dir+`/ca.pem
signer_key = `+a.Dir+`/tsa.key
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
	a.OpenSSL("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=root", "-keyout", "ca.key", "-out",
		"ca.pem",
		"-days", "2")
	a.OpenSSL("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=tsa", "-keyout", "tsa.key", "-out", "tsa.csr")
	a.OpenSSL("x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
		"-extfile", "tsa.cnf", "-extensions", "signing", "-out", "tsa.pem")
	return a
}

// OpenSSL runs openssl in Dir.
func (a *Authority) OpenSSL(args ...string) {
	a.t.Helper()
	cmd := exec.CommandContext(context.Background(), "openssl", args...)
	cmd.Dir = a.Dir
	out, err := cmd.CombinedOutput()
	require.NoError(a.t, err, string(out))
}

func (a *Authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	assert.Equal(a.t, "application/timestamp-query", r.Header.Get("Content-Type"))
	a.mu.Lock()
	defer a.mu.Unlock()
	query, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "application/timestamp-reply")
	if a.Replay != nil {
		_, _ = w.Write(a.Replay)
		return
	}
	require.NoError(a.t, os.WriteFile(filepath.Join(a.Dir, "query"), query, 0o600))
	//nolint:contextcheck // it is this test's
	a.OpenSSL("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "reply")
	reply, err := os.ReadFile(filepath.Join(a.Dir, "reply"))
	require.NoError(a.t, err)
	_, _ = w.Write(reply)
}

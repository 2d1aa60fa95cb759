package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/config"
)

// pair is a certificate that signs itself, and its key.
type pair struct {
	serial    int64
	cert, key []byte
}

func newPair(t *testing.T, serial int64) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"scim.example.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return pair{
		serial: serial, cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}
}

// put writes a file with a time of its own: two writes in one test may fall
// into one tick of the file system's clock.
func put(t *testing.T, name string, content []byte, at time.Time) {
	t.Helper()
	require.NoError(t, os.WriteFile(name, content, 0o600))
	require.NoError(t, os.Chtimes(name, at, at))
}

// withTLS writes a pair and makes the server use it.
func withTLS(t *testing.T, p pair) (certFile, keyFile string, change func(*config.Config)) {
	t.Helper()
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	put(t, certFile, p.cert, time.Now())
	put(t, keyFile, p.key, time.Now())
	return certFile, keyFile, func(c *config.Config) { c.TLSCertFile, c.TLSKeyFile = certFile, keyFile }
}

// serving runs the server until the test ends.
func (s testServer) serving(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	*s.ran = true
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-ended)
	})
}

// serial is that of the certificate that a new connection is shown.
func (s testServer) serial(t *testing.T) int64 {
	t.Helper()
	conn, err := tls.Dial("tcp", s.address, &tls.Config{InsecureSkipVerify: true})
	require.NoError(t, err)
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

func TestTLS(t *testing.T) {
	p := newPair(t, 1)
	_, _, use := withTLS(t, p)
	s := newTestServer(t, use)
	s.serving(t)
	assert.Equal(t, "https://"+s.address, s.publicURL)
	assert.Equal(t, s.publicURL, s.BaseURL())

	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(p.cert))
	for _, http2 := range []bool{true, false} {
		client := &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: http2,
		}}
		res, err := client.Get(s.publicURL + "/readyz")
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, res.StatusCode)
		assert.Equal(t, http2, res.ProtoMajor == 2)
		assert.Equal(t, "max-age=31536000", res.Header.Get("Strict-Transport-Security"))
		res.Body.Close()
		client.CloseIdleConnections()
	}

	_, err := tls.Dial("tcp", s.address, &tls.Config{RootCAs: roots, MaxVersion: tls.VersionTLS11})
	assert.Error(t, err, "TLS 1.1 and older")
	res, err := http.Get("http://" + s.address + "/readyz")
	require.NoError(t, err)
	assert.Equal(t, http.StatusBadRequest, res.StatusCode, "without TLS")
	res.Body.Close()
}

func TestACertificateIsReadAgain(t *testing.T) {
	certFile, keyFile, use := withTLS(t, newPair(t, 1))
	s := newTestServer(t, use)
	s.cert.every = 0 // look in every handshake
	s.serving(t)
	require.EqualValues(t, 1, s.serial(t))
	open := tlsClient()
	get := func() {
		t.Helper()
		res, err := open.Get(s.BaseURL() + "/healthz")
		require.NoError(t, err)
		body(t, res)
		res.Body.Close()
	}
	get()

	warnings := func() int { return s.logs.FilterMessageSnippet("the old one stays in use").Len() }
	second, later := newPair(t, 2), time.Now().Add(time.Minute)
	put(t, certFile, second.cert, later)
	for range 3 {
		require.EqualValues(t, 1, s.serial(t), "half a pair is none")
	}
	assert.Equal(t, 1, warnings(), "told once")
	put(t, keyFile, second.key, later)
	assert.EqualValues(t, 2, s.serial(t))

	later = later.Add(time.Minute)
	put(t, keyFile, []byte("-----BEGIN nonsense"), later)
	assert.EqualValues(t, 2, s.serial(t))
	require.NoError(t, os.Remove(certFile))
	assert.EqualValues(t, 2, s.serial(t), "as does one without its files")
	assert.Equal(t, 3, warnings())

	third := newPair(t, 3)
	later = later.Add(time.Minute)
	put(t, certFile, third.cert, later)
	put(t, keyFile, third.key, later)
	assert.EqualValues(t, 3, s.serial(t))
	get() // and connections that were open stay so
	open.CloseIdleConnections()
}

func tlsClient() *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		ForceAttemptHTTP2: true}}
}

func TestACertificateThatCannotBeUsed(t *testing.T) {
	certFile, keyFile, use := withTLS(t, newPair(t, 1))
	put(t, keyFile, newPair(t, 2).key, time.Now())
	c := config.Default()
	c.Listen, c.DatabaseURL = "127.0.0.1:0", config.DatabaseURL("sqlite:"+filepath.Join(t.TempDir(), "x.db"))
	use(&c)
	_, err := Open(t.Context(), c, "test", zap.NewNop())
	assert.EqualError(t, err, "cannot use the TLS certificate: tls: private key does not match public key")
	require.NoError(t, os.Remove(certFile))
	_, err = Open(t.Context(), c, "test", zap.NewNop())
	assert.ErrorIs(t, err, os.ErrNotExist)
}

package main

import (
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// certificateFiles writes a certificate of this machine and its key.
func certificateFiles(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	of := httptest.NewTLSServer(nil)
	of.Close()
	pair := of.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	require.NoError(t, err)
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, keyFile: {Type: "PRIVATE KEY", Bytes: key},
	} {
		require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&block), 0o600))
	}
	return certFile, keyFile
}

func TestServeNeedsItsCertificate(t *testing.T) {
	certFile, keyFile := certificateFiles(t)
	require.NoError(t, os.WriteFile(keyFile, []byte("none"), 0o600))
	status, _, stderr := invoke(t, []string{
		"SCIMBRIDGE_TLS_CERT_FILE=" + certFile, "SCIMBRIDGE_TLS_KEY_FILE=" + keyFile,
		"SCIMBRIDGE_DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "x.db"), "SCIMBRIDGE_LISTEN=127.0.0.1:0",
	}, "serve")
	assert.Equal(t, exitFailed, status)
	assert.Equal(t,
		"scimbridge: cannot use the TLS certificate: tls: failed to find any PEM data in key input\n", stderr)
}

// The whole program, with the health command that an image runs.
func TestHealthcheckOverTLS(t *testing.T) {
	certFile, keyFile := certificateFiles(t)
	server := start(t, dbtest.URL(t, dbtest.Engines()[0]), "--tls-cert-file="+certFile, "--tls-key-file="+keyFile)
	environ := []string{"SCIMBRIDGE_TLS_CERT_FILE=" + certFile, "SCIMBRIDGE_TLS_KEY_FILE=" + keyFile}
	status, _, stderr := invoke(t, environ, "healthcheck", "--listen", server.address)
	assert.Equal(t, exitDone, status, stderr)
	status, _, _ = invoke(t, nil, "healthcheck", "--listen", server.address)
	assert.Equal(t, exitFailed, status, "asked without TLS")
	server.stop(t)
}

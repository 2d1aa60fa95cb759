package server

import (
	"crypto/tls"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/scimbridge/scimbridge/config"
)

// certificateCheck is how often handshakes look whether the files have changed.
const certificateCheck = time.Second

// certificate is the server's own, with its key. It is read again after its
// files have changed; as long as they do not belong together, one being written
// before the other, the old pair stays in use.
type certificate struct {
	certFile, keyFile string
	log               *zap.Logger
	every             time.Duration

	mu      sync.Mutex
	current *tls.Certificate
	tried   pairState // what the last attempt to read has found
	checked time.Time
}

// pairState changes when one of the two files does; a file that cannot be found
// has the zero state.
type pairState [2]struct {
	modified time.Time
	size     int64
}

// openCertificate returns nil where the server has none.
func openCertificate(c config.Config, log *zap.Logger) (*certificate, error) {
	if !c.TLS() {
		return nil, nil
	}
	cert := &certificate{certFile: c.TLSCertFile, keyFile: c.TLSKeyFile, log: log, every: certificateCheck}
	if err := cert.read(cert.state()); err != nil {
		return nil, fmt.Errorf("cannot use the TLS certificate: %w", err)
	}
	return cert, nil
}

func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}

// get is asked in every handshake.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.checked) >= c.every {
		c.checked = now
		if state := c.state(); state != c.tried {
			if err := c.read(state); err != nil {
				c.log.Warn("the TLS certificate has changed and cannot be used: the old one stays in use",
					zap.Error(err))
			}
		}
	}
	return c.current, nil
}

func (c *certificate) state() (s pairState) {
	for i, name := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(name); err == nil {
			s[i].modified, s[i].size = info.ModTime(), info.Size()
		}
	}
	return s
}

// read reads the pair that was seen in a state. If the files change meanwhile,
// the next look finds another state.
func (c *certificate) read(state pairState) error {
	c.tried = state
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	c.current = &pair
	level := zapcore.InfoLevel
	if time.Now().After(pair.Leaf.NotAfter) {
		level = zapcore.WarnLevel
	}
	c.log.Log(level, "TLS certificate", zap.Time("not_after", pair.Leaf.NotAfter),
		zap.Strings("names", pair.Leaf.DNSNames))
	return nil
}

// httpErrors is where net/http writes what it cannot tell anybody else. Failed
// handshakes are anybody's doing, and no reason to fill the log.
type httpErrors struct{ log *zap.Logger }

// Write implements io.Writer: net/http writes one line at a time.
func (h httpErrors) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	level := zapcore.WarnLevel
	if strings.HasPrefix(text, "http: TLS handshake error") {
		level = zapcore.DebugLevel
	}
	h.log.Log(level, text)
	return len(line), nil
}

package server

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"

	"github.com/scimbridge/scimbridge/config"
)

// eventKeys sign security event tokens.
type eventKeys struct {
	issuer    string // the public URL
	key       jwk.Key
	algorithm jwa.SignatureAlgorithm
	public    []byte // all of them, as a JWK set
	signed    *signedTokens
}

// newEventKeys reads keys in PEM, one after another: the first is private and signs, the
// others, private or public, are published beside it: those that will sign next, and those
// that did.
func newEventKeys(text string) (*eventKeys, error) {
	k := &eventKeys{signed: newSignedTokens(signaturesAtOnce())}
	var set struct {
		Keys []jwk.Key `json:"keys"`
	}
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		private, public, err := parseEventKey(block)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", len(set.Keys)+1, err)
		}
		algorithm, err := eventAlgorithm(public)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", len(set.Keys)+1, err)
		}
		shown, err := publicEventKey(public, algorithm)
		if err != nil {
			return nil, err
		}
		if len(set.Keys) == 0 {
			if private == nil {
				return nil, errors.New("the first key must be private: it signs")
			}
			if k.key, err = jwk.Import(private); err != nil {
				return nil, err
			}
			id, _ := shown.KeyID()
			if err := k.key.Set(jwk.KeyIDKey, id); err != nil {
				return nil, err
			}
			k.algorithm = algorithm
		}
		set.Keys = append(set.Keys, shown)
	}
	if len(set.Keys) == 0 {
		return nil, errors.New("there is no key in it: it must be PEM")
	}
	var err error
	k.public, err = json.Marshal(set)
	return k, err
}

func parseEventKey(block *pem.Block) (private crypto.Signer, public crypto.PublicKey, err error) {
	if block.Type == "PUBLIC KEY" {
		public, err = x509.ParsePKIXPublicKey(block.Bytes)
		return nil, public, err
	}
	if block.Type != "PRIVATE KEY" {
		return nil, nil, fmt.Errorf("must be PKCS #8 (PRIVATE KEY) or PUBLIC KEY, not %.40q", block.Type)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, nil, errors.New("it is no key of PKCS #8") // nothing of it is shown
	}
	private, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, nil, errors.New("it cannot sign")
	}
	return private, private.Public(), nil
}

// maxEventRSA is the longest key of RSA, in bits. A signature takes the longer by the
// third power of that.
const maxEventRSA = 4096

// eventAlgorithm is the one that a key signs with. RS256 is what receivers of the CAEP
// interoperability profile take.
func eventAlgorithm(public crypto.PublicKey) (a jwa.SignatureAlgorithm, err error) {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() >= 2048 && key.N.BitLen() <= maxEventRSA {
			return jwa.RS256(), nil
		}
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() {
			return jwa.ES256(), nil
		}
	case ed25519.PublicKey:
		return jwa.EdDSA(), nil
	}
	return a, errors.New("must be RSA of 2048 to 4096 bits, P-256 or Ed25519")
}

func publicEventKey(public crypto.PublicKey, algorithm jwa.SignatureAlgorithm) (jwk.Key, error) {
	key, err := jwk.Import(public)
	if err != nil {
		return nil, err
	}
	return key, errors.Join(jwk.AssignKeyID(key), key.Set(jwk.AlgorithmKey, algorithm),
		key.Set(jwk.KeyUsageKey, jwk.ForSignature))
}

// Keys implements api.EventTokens.
func (k *eventKeys) Keys() []byte { return k.public }

// sign makes a JWT that is a security event token and nothing else (RFC 8417 section 2.3).
func (k *eventKeys) sign(claims []byte) ([]byte, error) {
	header := jws.NewHeaders()
	if err := header.Set(jws.TypeKey, "secevent+jwt"); err != nil {
		return nil, err
	}
	return jws.Sign(claims, jws.WithKey(k.algorithm, k.key, jws.WithProtectedHeaders(header)))
}

// openEventKeys reads those that are set; nil: there are none.
func openEventKeys(c config.Config) (*eventKeys, error) {
	if c.SSFKeys == "" {
		return nil, nil //nolint:nilnil // streams are off
	}
	keys, err := newEventKeys(c.SSFKeys)
	if err != nil {
		return nil, fmt.Errorf("ssf_keys: %w", err)
	}
	return keys, nil
}

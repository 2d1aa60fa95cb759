package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"slices"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	// MaxKeySet bounds a JWKS, in bytes.
	MaxKeySet = 1 << 20
	// maxKeys bounds how many keys of a set are looked at.
	maxKeys = 100
	// minRSA is RFC 7518 section 3.3; maxRSA keeps verification cheap.
	minRSA, maxRSA = 2048, 8192
)

// algorithms are the signatures that are taken (RFC 7518 section 3.1, RFC 8037):
// all with a public key. fits says whether a key can have made one; a symmetric
// algorithm or none is not among them, so that no public key is ever used as a
// secret.
var algorithms = map[string]struct {
	jwa  jwa.SignatureAlgorithm
	fits func(key any) bool
}{
	"RS256": {jwa.RS256(), isRSA}, "RS384": {jwa.RS384(), isRSA}, "RS512": {jwa.RS512(), isRSA},
	"PS256": {jwa.PS256(), isRSA}, "PS384": {jwa.PS384(), isRSA}, "PS512": {jwa.PS512(), isRSA},
	"ES256": {jwa.ES256(), isEC(elliptic.P256())},
	"ES384": {jwa.ES384(), isEC(elliptic.P384())},
	"ES512": {jwa.ES512(), isEC(elliptic.P521())},
	"EdDSA": {jwa.EdDSA(), isEd25519},
}

func isRSA(key any) bool {
	k, ok := key.(*rsa.PublicKey)
	return ok && k.N.BitLen() >= minRSA && k.N.BitLen() <= maxRSA
}

func isEC(curve elliptic.Curve) func(any) bool {
	return func(key any) bool {
		k, ok := key.(*ecdsa.PublicKey)
		return ok && k.Curve == curve
	}
}

func isEd25519(key any) bool {
	_, ok := key.(ed25519.PublicKey)
	return ok
}

// keySet are the keys of a JWKS that can verify a signature.
type keySet []verificationKey

type verificationKey struct {
	id        string // kid; may be empty
	algorithm string // alg; empty: any that fits the key
	key       any
}

// has reports whether the set may have the key of an id. A token without one is
// judged by whatever the set has.
func (s keySet) has(id string) bool {
	return id == "" || slices.ContainsFunc(s, func(k verificationKey) bool { return k.id == id })
}

// fitting returns the keys with the header's id that its algorithm can be used
// with. Without an id there is no choosing: the set must have one such key.
func (s keySet) fitting(h header) (keys []any) {
	for _, k := range s {
		if (h.KeyID == "" || k.id == h.KeyID) && (k.algorithm == "" || k.algorithm == h.Algorithm) &&
			algorithms[h.Algorithm].fits(k.key) {
			keys = append(keys, k.key)
		}
	}
	if h.KeyID == "" && len(keys) > 1 {
		return nil
	}
	return keys
}

// parseKeySet reads a JWKS. Keys of other kinds and for other uses are left out,
// as RFC 7517 section 5 asks.
func parseKeySet(b []byte) (set keySet) {
	raw, _ := rawKeys(b)
	for _, r := range raw {
		if k, ok := parseKey(r); ok {
			set = append(set, k)
		}
	}
	return set
}

func rawKeys(b []byte) ([]json.RawMessage, bool) {
	var doc struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.Unmarshal(b, &doc) != nil {
		return nil, false
	}
	return doc.Keys[:min(len(doc.Keys), maxKeys)], true
}

func parseKey(raw json.RawMessage) (k verificationKey, ok bool) {
	parsed, err := jwk.ParseKey(raw)
	if err != nil {
		return k, false
	}
	if use, ok := parsed.KeyUsage(); ok && use != string(jwk.ForSignature) {
		return k, false
	}
	if ops, ok := parsed.KeyOps(); ok && !slices.Contains(ops, jwk.KeyOpVerify) {
		return k, false
	}
	k.id, _ = parsed.KeyID()
	if alg, ok := parsed.Algorithm(); ok {
		k.algorithm = alg.String()
	}
	if jwk.Export(parsed, &k.key) != nil {
		return k, false
	}
	// A published private key or secret is never used.
	for _, a := range algorithms {
		if a.fits(k.key) {
			return k, true
		}
	}
	return k, false
}

// checkKeySet refuses a JWKS in which nothing can be used, or that has what
// should never have left its owner.
func checkKeySet(b []byte) error {
	if len(b) > MaxKeySet {
		return membership.Invalidf("jwks is longer than %d bytes", MaxKeySet)
	}
	raw, ok := rawKeys(b)
	if !ok || len(raw) == 0 {
		return membership.Invalidf(`jwks must be a JSON Web Key Set, such as {"keys":[…]}`)
	}
	for _, r := range raw {
		var secret struct{ D, P, Q, K json.RawMessage }
		if json.Unmarshal(r, &secret) == nil &&
			(secret.D != nil || secret.K != nil || secret.P != nil || secret.Q != nil) {
			return membership.Invalidf(
				"jwks has a private key or a secret, which is compromised now: make a new one, " +
					"and give its public part")
		}
	}
	if len(parseKeySet(b)) == 0 {
		return membership.Invalidf(
			"jwks has no key for signatures that can be used: RSA of %d to %d bits, "+
				"EC on P-256, P-384 or P-521, or Ed25519",
			minRSA, maxRSA)
	}
	return nil
}

package anchor

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"time"
)

// TimeStamp has a time stamp authority sign when a checkpoint was there (RFC 3161).
// What is stamped is the signed note, as openssl ts -verify -data reads it.
type TimeStamp struct {
	Client Doer
	URL    string
}

// Name is that of the anchor in metrics.
func (TimeStamp) Name() string { return "timestamp" }

// Remembers is false: an authority stamps everything.
func (TimeStamp) Remembers() bool { return false }

// Publish gets a token, and checks that it is of this checkpoint and this request.
// Whether its signature leads to a root that somebody trusts is for who reads it.
func (t TimeStamp) Publish(ctx context.Context, s Sealed) (Receipt, error) {
	sum := sha256.Sum256(s.Note)
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return Receipt{}, err
	}
	query, err := asn1.Marshal(timeStampReq{Version: 1, Imprint: imprint(sum[:]), Nonce: nonce, CertReq: true})
	if err != nil {
		return Receipt{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, bytes.NewReader(query))
	if err != nil {
		return Receipt{}, err
	}
	r.Header.Set("Content-Type", "application/timestamp-query")
	res, err := t.Client.Do(r)
	if err != nil {
		return Receipt{}, err
	}
	body, err := answer(res)
	if err != nil {
		return Receipt{}, err
	}
	if res.StatusCode != http.StatusOK {
		return Receipt{}, fmt.Errorf("the time stamp authority answered %s", res.Status)
	}
	token, err := ParseTimeStamp(body)
	switch {
	case err != nil:
		return Receipt{}, err
	case !bytes.Equal(token.SHA256, sum[:]):
		return Receipt{}, errors.New("the time stamp is of something else")
	case token.Nonce == nil || token.Nonce.Cmp(nonce) != 0:
		return Receipt{}, errors.New("the time stamp answers another request")
	}
	return Receipt{Token: body}, nil
}

// Token is what a time stamp says.
type Token struct {
	At     time.Time
	SHA256 []byte // of what was stamped
	Nonce  *big.Int
}

// The structures of RFC 3161 section 2.4, and of CMS (RFC 5652) around them, as far
// as they are read.
type (
	timeStampReq struct {
		Version int
		Imprint messageImprint
		Nonce   *big.Int
		CertReq bool
	}
	messageImprint struct {
		Algorithm algorithm
		Hash      []byte
	}
	algorithm struct {
		ID         asn1.ObjectIdentifier
		Parameters asn1.RawValue `asn1:"optional"`
	}
	timeStampResp struct {
		Status struct {
			Status int
			Text   []string       `asn1:"optional,utf8"`
			Fail   asn1.BitString `asn1:"optional"`
		}
		Token asn1.RawValue `asn1:"optional"`
	}
	contentInfo struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"explicit,tag:0"`
	}
	tstInfo struct {
		Version int
		Policy  asn1.ObjectIdentifier
		Imprint messageImprint
		Serial  *big.Int
		At      time.Time
		Nonce   *big.Int // nil: none
	}
)

var (
	oidSHA256     = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidSignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidTSTInfo    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
)

func imprint(sum []byte) messageImprint {
	return messageImprint{Algorithm: algorithm{ID: oidSHA256, Parameters: asn1.NullRawValue}, Hash: sum}
}

// ParseTimeStamp reads an answer of a time stamp authority (TimeStampResp). It does
// not verify its signature: openssl ts -verify does.
func ParseTimeStamp(response []byte) (Token, error) {
	bad := errors.New("not the answer of a time stamp authority")
	var resp timeStampResp
	if rest, err := asn1.Unmarshal(response, &resp); err != nil || len(rest) > 0 {
		return Token{}, bad
	}
	if resp.Status.Status > 1 || resp.Status.Status < 0 { // granted, or granted with modifications
		return Token{}, fmt.Errorf("the time stamp authority refused: status %d", resp.Status.Status)
	}
	var outer contentInfo
	if _, err := asn1.Unmarshal(resp.Token.FullBytes, &outer); err != nil || !outer.Type.Equal(oidSignedData) {
		return Token{}, bad
	}
	content, err := signedContent(outer.Content.Bytes)
	if err != nil {
		return Token{}, bad
	}
	info, err := parseTSTInfo(content)
	if err != nil || info.Version != 1 || !info.Imprint.Algorithm.ID.Equal(oidSHA256) {
		return Token{}, bad
	}
	return Token{At: info.At.UTC(), SHA256: info.Imprint.Hash, Nonce: info.Nonce}, nil
}

// signedContent returns what signed data is of.
func signedContent(der []byte) ([]byte, error) {
	var seq asn1.RawValue
	if _, err := asn1.Unmarshal(der, &seq); err != nil {
		return nil, err
	}
	var version int
	rest, err := asn1.Unmarshal(seq.Bytes, &version)
	if err != nil {
		return nil, err
	}
	var algorithms asn1.RawValue
	if rest, err = asn1.Unmarshal(rest, &algorithms); err != nil {
		return nil, err
	}
	var content struct {
		Type    asn1.ObjectIdentifier
		Content []byte `asn1:"explicit,tag:0"`
	}
	if _, err = asn1.Unmarshal(rest, &content); err != nil || !content.Type.Equal(oidTSTInfo) {
		return nil, errors.New("not a time stamp")
	}
	return content.Content, nil
}

// parseTSTInfo reads the fields of TSTInfo one by one: those that may be left out
// cannot be told apart by encoding/asn1 where they follow each other.
func parseTSTInfo(der []byte) (info tstInfo, err error) {
	var seq asn1.RawValue
	if _, err := asn1.Unmarshal(der, &seq); err != nil {
		return info, err
	}
	rest := seq.Bytes
	for _, field := range []any{&info.Version, &info.Policy, &info.Imprint, &info.Serial} {
		if rest, err = asn1.Unmarshal(rest, field); err != nil {
			return info, err
		}
	}
	var at asn1.RawValue // encoding/asn1 refuses fractions of a second
	if rest, err = asn1.Unmarshal(rest, &at); err != nil {
		return info, err
	}
	info.At, err = time.Parse("20060102150405Z0700", string(at.Bytes))
	if err != nil || at.Tag != asn1.TagGeneralizedTime {
		return info, errors.New("not a time")
	}
	for len(rest) > 0 {
		var field asn1.RawValue
		if rest, err = asn1.Unmarshal(rest, &field); err != nil {
			return info, err
		}
		if field.Class == asn1.ClassUniversal && field.Tag == asn1.TagInteger {
			if _, err = asn1.Unmarshal(field.FullBytes, &info.Nonce); err != nil {
				return info, err
			}
		}
	}
	return info, nil
}

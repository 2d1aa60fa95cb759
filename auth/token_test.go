package auth

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

func TestMintedTokensParseBack(t *testing.T) {
	tenant := membership.NewID()
	token, text := Mint(Token{Tenant: tenant})

	b, err := parse(text)
	require.NoError(t, err)
	assert.Equal(t, tenant, b.tenant)
	assert.Equal(t, token.ID, b.id)
	assert.Equal(t, token.Hash, b.hash())
	assert.Regexp(t, regexp.MustCompile(`^scimbridge_[a-z2-7]{52}_[a-z2-7]{58}$`), text,
		"what secret scanners look for")

	_, again := Mint(Token{Tenant: tenant})
	assert.NotEqual(t, text, again)
}

func TestParseTakesOneSpellingOnly(t *testing.T) {
	_, text := Mint(Token{Tenant: membership.NewID()})
	bad := map[string]string{
		"empty":           "",
		"prefix only":     prefix,
		"other prefix":    "github_" + text[len(prefix):],
		"upper case":      strings.ToUpper(text),
		"cut":             text[:len(text)-1],
		"longer":          text + "a",
		"blank inside":    text[:30] + " " + text[30:],
		"line end":        text + "\n",
		"line end inside": text[:30] + "\r\n" + text[30:],
		"padding":         text + "==",
		"third part":      text + "_a",
		"no second part":  strings.Replace(text[len(prefix):], "_", "", 1),
	}
	for name, s := range bad {
		t.Run(name, func(t *testing.T) {
			_, err := parse(s)
			assert.Error(t, err)
		})
	}
}

// Any one wrong letter is found without asking the store.
func TestChecksumFindsEveryTypo(t *testing.T) {
	_, text := Mint(Token{Tenant: membership.NewID()})
	for i := range text {
		typo := []byte(text)
		typo[i] = 'b'
		if text[i] == 'b' {
			typo[i] = 'c'
		}
		_, err := parse(string(typo))
		assert.Error(t, err, "letter %d", i)
	}
}

func FuzzParse(f *testing.F) {
	_, text := Mint(Token{Tenant: membership.NewID()})
	f.Add(text)
	f.Add("")
	f.Add(prefix + "_")
	f.Add(text[:len(text)-3])
	f.Fuzz(func(t *testing.T, s string) {
		b, err := parse(s)
		if err == nil {
			require.Equal(t, s, b.String())
		}
	})
}

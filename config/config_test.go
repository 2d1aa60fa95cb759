package config_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/config"
)

func TestDefaultsAreValid(t *testing.T) {
	assert.NoError(t, config.Default().Validate())
}

func TestValidateFindsEveryProblem(t *testing.T) {
	var problems config.Problems
	require.ErrorAs(t, config.Config{}.Validate(), &problems)
	// An empty public URL and no time to shut down are fine.
	assert.Len(t, problems, 5)
}

func TestDatabaseURLs(t *testing.T) {
	for url, valid := range map[string]bool{
		"sqlite:a.db": true, "sqlite:/var/lib/a.db": true, "sqlite:": false,
		"postgres://u:p@h:5432/d?sslmode=require": true, "postgresql:///d?host=/run/postgresql": true,
		"mysql://h/d": false, "a.db": false, "": false, "postgres:d": false, "postgres://u:%@h/d": false,
	} {
		c := config.Default()
		c.DatabaseURL = config.DatabaseURL(url)
		assert.Equal(t, valid, c.Validate() == nil, url)
	}
}

func TestNetworks(t *testing.T) {
	for text, valid := range map[string]bool{
		"": true, "10.0.0.0/8": true, "10.0.0.0/8, ::1/128": true, "10.0.0.1": false, "10.0.0.1/8": false,
		"10.0.0.0/8,": false, "::ffff:10.0.0.0/104": false, "proxy": false,
	} {
		c, _, err := config.Load(config.Sources{Flags: map[string]string{"trusted-proxies": text}})
		assert.Equal(t, valid, err == nil, text)
		if valid {
			assert.NoError(t, c.Validate())
		}
	}
}

func TestACertificateNeedsItsKey(t *testing.T) {
	for _, flag := range []string{"tls-cert-file", "tls-key-file"} {
		c, _, err := config.Load(config.Sources{Flags: map[string]string{flag: "x.pem"}})
		assert.Equal(t, config.Problems{"tls_cert_file and tls_key_file: set both or none"}, err)
		assert.Error(t, c.Validate())
	}
	c, _, err := config.Load(config.Sources{Flags: map[string]string{"tls-cert-file": "x.pem",
		"tls-key-file": "y.pem"}})
	assert.NoError(t, err)
	assert.True(t, c.TLS())
	assert.False(t, config.Default().TLS())
}

func TestRates(t *testing.T) {
	for text, valid := range map[string]bool{"0": true, "25": true, "1000000": true, "1000001": false, "-1": false,
		"2.5": false, "x": false} {
		_, _, err := config.Load(config.Sources{Flags: map[string]string{"rate-limit": text,
			"failed-auth-limit": text}})
		assert.Equal(t, valid, err == nil, text)
	}
}

func TestPasswordIsNeverShown(t *testing.T) {
	const password = "hunter2"
	for _, url := range []config.DatabaseURL{
		"postgres://u:hunter2@h/d",
		"postgres://u@h/d?password=hunter2&sslpassword=hunter2",
		"postgres://u:%hunter2@h/d",
		"postgres:u:hunter2@h/d",
		"mysql://u:hunter2@h/d",
	} {
		c := config.Default()
		c.DatabaseURL = url
		asJSON, err := json.Marshal(c)
		require.NoError(t, err)
		for _, shown := range []string{
			fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c),
			fmt.Sprintf("%s %q", c.DatabaseURL, c.DatabaseURL),
			string(asJSON), fmt.Sprint(c.Validate()),
		} {
			assert.NotContains(t, shown, password)
		}
	}
	assert.Equal(t, "postgres://u:xxxxx@h/d?sslmode=require",
		config.DatabaseURL("postgres://u:hunter2@h/d?sslmode=require").String())
}

func FuzzPasswordIsNeverShown(f *testing.F) {
	const mark = "s3cr3t"
	for _, rest := range []string{"", "@", "/", "?", "#", "%", ":", "@h/d?x=", "\x00"} {
		f.Add(rest)
	}
	f.Fuzz(func(t *testing.T, rest string) {
		if strings.Contains(rest, mark) {
			t.Skip("the mark must stand in the password only")
		}
		c := config.Default()
		c.DatabaseURL = config.DatabaseURL("postgres://u:" + mark + rest + "@h/d")
		assert.NotContains(t, fmt.Sprintf("%v %#v %v", c, c, c.Validate()), mark)
	})
}

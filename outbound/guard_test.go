package outbound

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the machine of the server, its network or its cloud can be called.
var inside = []string{
	"https://127.0.0.1/", "https://127.255.255.254/", "https://localhost/", "https://LOCALHOST./",
	"https://a.localhost:8443/",
	"https://0.0.0.0/", "https://0/", "https://127.1/", "https://2130706433/", "https://0x7f000001/",
	"https://0x7f.0.0.1/",
	"https://0177.0.0.1/", "https://127.0.0.1./", "https://10.0.0.1/", "https://172.16.0.1/", "https://172.31.255.255/",
	"https://192.168.1.1/", "https://100.64.0.1/", "https://100.100.100.200/",
	"https://169.254.169.254/latest/meta-data/",
	"https://168.63.129.16/", "https://192.0.0.192/", "https://192.0.2.1/", "https://198.18.0.1/",
	"https://198.51.100.1/",
	"https://203.0.113.1/", "https://192.88.99.1/", "https://224.0.0.1/", "https://240.0.0.1/",
	"https://255.255.255.255/",
	"https://[::]/", "https://[::1]/", "https://[0:0:0:0:0:0:0:1]/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/",
	"https://[fd00:ec2::254]/", "https://[fc00::1]/", "https://[fec0::1]/", "https://[ff02::1]/", "https://[100::1]/",
	"https://[::ffff:127.0.0.1]/", "https://[::ffff:a9fe:a9fe]/", "https://[0:0:0:0:0:ffff:10.0.0.1]/", // mapped
	"https://[::127.0.0.1]/", "https://[::ffff:0:127.0.0.1]/", // compatible, translated
	"https://[64:ff9b::127.0.0.1]/", "https://[64:ff9b::a9fe:a9fe]/", "https://[64:ff9b:1::7f00:1]/", // NAT64
	"https://[2002:7f00:1::]/", "https://[2002:a9fe:a9fe::1]/", // 6to4
	"https://[2001:0:7f00:1::]/", "https://[2001::1]/", // Teredo
	"https://[2600::5efe:127.0.0.1]/", "https://[2600::200:5efe:10.0.0.1]/", // ISATAP
	"https://[2001:db8::1]/", "https://[3fff::1]/", "https://[5f00::1]/", "https://[2001:2::1]/",
	"https://[2001:20::1]/",
}

var outside = []string{
	"https://example.com", "https://example.com/keys?x=1", "https://a_b.example.com:8443/",
	"https://xn--bcher-kva.example./",
	"https://1.1.1.1/", "https://[2606:4700:4700::1111]/", "https://[64:ff9b::1.1.1.1]/", "https://172.32.0.1/",
	"https://1e100.net/",
	"https://[::ffff:1.1.1.1]/", "https://localhost.example.com/", "https://4.example.com/",
}

func TestCheckURL(t *testing.T) {
	closed := New(nil)
	for _, u := range inside {
		require.Error(t, closed.CheckURL(u), u)
	}
	for _, u := range outside {
		require.NoError(t, closed.CheckURL(u), u)
		assert.EqualError(t, closed.CheckURL("http"+strings.TrimPrefix(u, "https")), "must begin with https://", u)
	}
	require.ErrorIs(t, closed.CheckURL("https://10.0.0.1/"), ErrRefused)
	for _, u := range []string{
		"", "keys", "/keys", "//example.com", "https:", "https://", "https:///keys", "https:example.com",
		"ftp://example.com/", "file:///etc/passwd",
		"gopher://example.com", "unix:///run/x.sock", "https://user@example.com/", "https://a:b@example.com/",
		"https://example.com/#x",
		"https://example.com:0/", "https://example.com:65536/", "https://example.com:x/", "https://exa mple.com/",
		"https://例え.jp/",
		"https://１２７.0.0.1/", "https://127。0。0。1/", "https://%31%32%37.0.0.1/", "https://example.com\r\nHost: x/",
		"https://[::1",
		"https://[v1.x]/", "https://.../", "https://example.com/" + strings.Repeat("x", maxURL),
	} {
		require.ErrorIs(t, closed.CheckURL(u), errURL, u)
	}
}

// An allowed network is open by either scheme, and what is beside it is not.
func TestAllowedNetworks(t *testing.T) {
	g := New(prefixes("10.1.0.0/16", "fd00:1::/32", "127.0.0.0/8", "fe80::/10"))
	for _, u := range []string{
		"http://10.1.2.3/", "https://10.1.2.3/", "http://[fd00:1::5]/", "https://[::ffff:10.1.2.3]/",
		"http://localhost:1234/",
		"http://issuer.internal/keys", "https://issuer.internal/keys", "https://1.1.1.1/", "http://[fe80::1%25eth0]/",
	} {
		require.NoError(t, g.CheckURL(u), u)
	}
	for _, u := range []string{
		"https://10.2.0.1/", "http://1.1.1.1/", "https://[::1]/", "http://[fd00:2::5]/", "https://169.254.169.254/",
		"https://[64:ff9b::10.1.2.3]/",
		"ftp://10.1.2.3/", "http://u@10.1.2.3/",
	} {
		require.Error(t, g.CheckURL(u), u)
	}
	everything := New(prefixes("0.0.0.0/0", "::/0"))
	for _, u := range []string{"http://127.0.0.1/", "http://169.254.169.254/", "http://[::1]/",
		"http://[64:ff9b::a9fe:a9fe]/"} {
		require.NoError(t, everything.CheckURL(u), u)
	}
}

func FuzzCheckURL(f *testing.F) {
	for _, u := range append(inside, outside...) {
		f.Add(u)
	}
	closed := New(nil)
	f.Fuzz(func(t *testing.T, text string) {
		if closed.CheckURL(text) != nil {
			return
		}
		require.True(t, strings.HasPrefix(strings.ToLower(text), "https:"), text)
		host := strings.Trim(text[len("https://"):], "[]/")
		if a, err := netip.ParseAddr(host); err == nil {
			require.True(t, public(plain(a)), text)
		}
	})
}

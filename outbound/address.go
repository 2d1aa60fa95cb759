package outbound

import (
	"net/netip"
	"slices"
)

// specialIPv4 are the networks of the IANA registry for special purposes (RFC
// 6890) that are not reachable globally. 168.63.129.16 is in no registry: there
// Azure answers its own virtual machines, with their configuration.
var specialIPv4 = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24",
	"224.0.0.0/4", "240.0.0.0/4",
)

var (
	// globalIPv6 is all that IANA gives out as global unicast (RFC 4291). What is
	// outside is loopback, link-local, unique local, multicast, mapped or
	// compatible IPv4, local NAT64, or unassigned.
	globalIPv6 = netip.MustParsePrefix("2000::/3")
	// specialIPv6 is inside: Teredo and the other protocols of 2001::/23,
	// documentation, and 6to4.
	specialIPv6 = prefixes("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
	// nat64 carries an IPv4 address in its last 32 bits (RFC 6052). Where only
	// IPv6 is spoken, that is how the public internet is reached.
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

func prefixes(texts ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		all[i] = netip.MustParsePrefix(text)
	}
	return all
}

func inAny(networks []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(a) })
}

// plain returns the address as networks are compared with: IPv4 that is mapped
// into IPv6 as IPv4, and without a zone, which Prefix.Contains never accepts.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// public reports whether a plain address is one of the public internet.
func public(a netip.Addr) bool {
	switch {
	case a.Is4():
		return !inAny(specialIPv4, a)
	case nat64.Contains(a):
		b := a.As16()
		return public(netip.AddrFrom4([4]byte(b[12:])))
	}
	return globalIPv6.Contains(a) && !inAny(specialIPv6, a) && !isatap(a)
}

// isatap reports whether the last 64 bits are those of an ISATAP interface (RFC
// 5214 section 6.1): they hold an IPv4 address, in any network.
func isatap(a netip.Addr) bool {
	b := a.As16()
	return (b[8] == 0 || b[8] == 2) && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}

package config

import (
	"fmt"
	"net/netip"
	"strings"
)

// Networks are CIDR blocks.
type Networks []netip.Prefix

// String returns them as they are written in a setting.
func (ns Networks) String() string {
	texts := make([]string, len(ns))
	for i, n := range ns {
		texts[i] = n.String()
	}
	return strings.Join(texts, ",")
}

// networks reads CIDR blocks with commas between them. One that has bits set
// behind its length is more likely a mistake than meant.
func networks(v string) (Networks, error) {
	if v == "" {
		return nil, nil
	}
	var all Networks
	for text := range strings.SplitSeq(v, ",") {
		n, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil || n != n.Masked() || n.Addr().Is4In6() {
			return nil, fmt.Errorf("must be networks such as 10.0.0.0/8,2001:db8::/32, not %q", text)
		}
		all = append(all, n)
	}
	return all, nil
}

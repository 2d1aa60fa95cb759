package config

import (
	"fmt"
	"strconv"
	"strings"
)

// RemovalGuard are the limits above which a removal of members is held. The zero
// value is off.
type RemovalGuard struct {
	On      bool
	Members int // from 0
	Percent int // 0 to 100
}

// String returns off, or members:percent.
func (g RemovalGuard) String() string {
	if !g.On {
		return "off"
	}
	return fmt.Sprintf("%d:%d", g.Members, g.Percent)
}

func parseRemovalGuard(v string) (RemovalGuard, error) {
	if v == "off" {
		return RemovalGuard{}, nil
	}
	members, percent, _ := strings.Cut(v, ":")
	m, err1 := strconv.ParseUint(members, 10, 31)
	p, err2 := strconv.ParseUint(percent, 10, 31)
	if err1 != nil || err2 != nil || p > 100 {
		return RemovalGuard{},
			fmt.Errorf("must be off, or members:percent such as 100:50 with a percent up to 100, not "+
				"%q", v)
	}
	return RemovalGuard{On: true, Members: int(m), Percent: int(p)}, nil
}

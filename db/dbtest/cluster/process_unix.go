//go:build unix

package cluster

import (
	"errors"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// Endings are the signals that ask this program to end.
var Endings = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}

// attributes is how PostgreSQL is started: away from the terminal's signals, so
// that the command ends before it does, and never as root.
func attributes() (*syscall.SysProcAttr, error) {
	attr := DieWithParent()
	attr.Setpgid = true
	if os.Geteuid() != 0 {
		return attr, nil
	}
	uid, gid, err := unprivileged()
	attr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	return attr, err
}

// giveAway hands dir to the user that PostgreSQL runs as.
func giveAway(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := unprivileged()
	if err != nil {
		return err
	}
	return os.Chown(dir, int(uid), int(gid))
}

func unprivileged() (uid, gid uint32, err error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseInt(u.Uid, 10, 64)
		if err != nil {
			return 0, 0, err
		}
		gid, err := strconv.ParseInt(u.Gid, 10, 64)
		if err != nil {
			return 0, 0, err
		}
		return uint32(uid), uint32(gid), nil // nobody is -2 on some systems
	}
	return 0, 0, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody")
}

// quit asks PostgreSQL for an immediate shutdown; one that has ended by itself
// is as good.
func quit(p *os.Process) { _ = p.Signal(syscall.SIGQUIT) }

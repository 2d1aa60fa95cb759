package cluster

import (
	"os"
	"syscall"
)

var Endings = []os.Signal{os.Interrupt}

func attributes() (*syscall.SysProcAttr, error) {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}, nil
}

func giveAway(string) error { return nil }

func quit(p *os.Process) { _ = p.Kill() }

func DieWithParent() *syscall.SysProcAttr { return nil }

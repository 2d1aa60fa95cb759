package cluster

import "syscall"

// DieWithParent has the kernel end a child whose parent was killed; SIGQUIT is
// PostgreSQL's immediate shutdown, and has a Go program print where it stood.
func DieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
}

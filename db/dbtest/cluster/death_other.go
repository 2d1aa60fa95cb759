//go:build unix && !linux

package cluster

import "syscall"

// DieWithParent can promise nothing where the kernel has no such thing.
func DieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }

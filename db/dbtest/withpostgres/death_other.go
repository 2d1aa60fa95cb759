//go:build unix && !linux

package main

import "syscall"

// dieWithParent can promise nothing where the kernel has no such thing.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }

package main

import (
	"os"
	"syscall"
)

var endings = []os.Signal{os.Interrupt}

func server() (*syscall.SysProcAttr, error) {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}, nil
}

func giveAway(string) error { return nil }

func quit(p *os.Process) { _ = p.Kill() }

func dieWithParent() *syscall.SysProcAttr { return nil }

package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Kill ends the server and all its processes at once, as a machine that loses
// its power.
func (c *Cluster) Kill() error {
	err := c.signal(syscall.SIGKILL)
	<-c.ended
	return err
}

// Restart starts a server that was killed, at the same address.
func (c *Cluster) Restart() error {
	if err := os.Remove(filepath.Join(c.data(), "postmaster.pid")); err != nil { // it says that it is ready
		return err
	}
	return c.serveAtPort()
}

// Freeze stops all processes of the server without ending them: connections stay
// open and nothing is answered, as on a machine or a disk that hangs.
func (c *Cluster) Freeze() error { return c.signal(syscall.SIGSTOP) }

// Thaw lets a frozen server go on.
func (c *Cluster) Thaw() error { return c.signal(syscall.SIGCONT) }

// signal reaches the server and its children, each of which leads a process
// group of its own. The server is stopped first, so that it starts no other
// meanwhile.
func (c *Cluster) signal(s syscall.Signal) error {
	server := c.cmd.Process.Pid
	if err := syscall.Kill(server, syscall.SIGSTOP); err != nil {
		return err
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", server, server))
	if err != nil {
		return err
	}
	for _, child := range strings.Fields(string(children)) {
		pid, err := strconv.Atoi(child)
		if err != nil {
			return err
		}
		_ = syscall.Kill(pid, s) // it may have ended by itself
	}
	return syscall.Kill(server, s)
}

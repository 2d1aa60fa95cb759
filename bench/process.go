package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// process is a server that was started here. Its output goes into a file, which
// is emptied between cells.
type process struct {
	cmd   *exec.Cmd
	log   string
	ended chan struct{}
}

func startProcess(cmd *exec.Cmd, dir string) (*process, error) {
	p := &process{cmd: cmd, log: filepath.Join(dir, "log"), ended: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(p.ended)
	}()
	return p, nil
}

func (p *process) pid() int {
	if p == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// await calls ready until it is true, and fails when the process ends before.
func (p *process) await(ready func() bool) error {
	deadline := time.After(time.Minute)
	for !ready() {
		select {
		case <-p.ended:
			return fmt.Errorf("the server ended: %s", p.lastWords())
		case <-deadline:
			return fmt.Errorf("the server does not answer: %s", p.lastWords())
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// stop ends the process, and what a shell started for it.
func (p *process) stop() {
	if p == nil {
		return
	}
	pids := pidsOf(p.pid())
	if len(pids) == 0 {
		pids = []int{p.pid()}
	}
	signal := func(s os.Signal) {
		for _, pid := range pids {
			if other, err := os.FindProcess(pid); err == nil {
				_ = other.Signal(s) // it may have ended already
			}
		}
	}
	select {
	case <-p.ended:
		return
	default:
		signal(syscall.SIGTERM)
	}
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		signal(os.Kill)
		<-p.ended
	}
}

func (p *process) emptyLog() {
	if p != nil {
		_ = os.Truncate(p.log, 0) // it only grows then
	}
}

func (p *process) lastWords() string {
	b, _ := os.ReadFile(p.log)
	return string(b[max(0, len(b)-2000):])
}

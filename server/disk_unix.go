//go:build linux || darwin || freebsd

package server

import (
	"fmt"
	"path/filepath"
	"syscall"
)

// enoughRoom is an error when the disk of a file has less than so many bytes left. What
// cannot be asked has room.
func enoughRoom(file string, least uint64) error {
	if file == "" {
		return nil
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(file), &disk); err != nil {
		return nil //nolint:nilerr // the write says what is wrong
	}
	free := uint64(disk.Bavail) * uint64(disk.Bsize) //nolint:gosec,unconvert // types differ by system
	if free < least {
		return fmt.Errorf("the disk has only %d MB left", free>>20)
	}
	return nil
}

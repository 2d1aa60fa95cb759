// Package debian gets programs that tests need and a machine lacks, where that is
// possible: as root on Debian or Ubuntu, as in a container or on a CI machine.
package debian

import (
	"fmt"
	"os"
	"os/exec"
)

// CanInstall reports whether it is possible.
func CanInstall() bool {
	if os.Geteuid() != 0 {
		return false
	}
	if _, err := os.Stat("/etc/debian_version"); err != nil {
		return false
	}
	_, err := exec.LookPath("apt-get")
	return err == nil
}

// Install gets packages of the distribution.
func Install(packages ...string) error {
	fmt.Fprintln(os.Stderr, "asking apt-get for", packages)
	for _, args := range [][]string{
		{"update", "-q"},
		append([]string{"install", "-q", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120"},
			packages...),
	} {
		cmd := exec.Command("apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("apt-get %s: %w", args[0], err)
		}
	}
	return nil
}

// Program finds a program on PATH, or installs the package that has it.
func Program(name, ofPackage string) (path string, err error) {
	if path, err = exec.LookPath(name); err == nil || !CanInstall() {
		return path, err
	}
	if err := Install(ofPackage); err != nil {
		return "", err
	}
	return exec.LookPath(name)
}

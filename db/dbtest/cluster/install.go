package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// canInstall is for containers and CI machines: root on Debian or Ubuntu.
func canInstall() bool {
	if os.Geteuid() != 0 {
		return false
	}
	if _, err := os.Stat("/etc/debian_version"); err != nil {
		return false
	}
	_, err := exec.LookPath("apt-get")
	return err == nil
}

// install gets PostgreSQL from the distribution.
func install() error {
	fmt.Fprintln(os.Stderr, "PostgreSQL is not installed; asking apt-get for it")
	// Debian's package would make a cluster of its own and start it.
	const own = "/etc/postgresql-common/createcluster.d/withpostgres.conf"
	if err := os.MkdirAll(filepath.Dir(own), 0o755); err == nil {
		if os.WriteFile(own, []byte("create_main_cluster = false\n"), 0o644) == nil {
			defer func() { _ = os.Remove(own) }()
		}
	}
	for _, args := range [][]string{
		{"update", "-q"},
		{"install", "-q", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120", "postgresql"},
	} {
		cmd := exec.Command("apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		if err := cmd.Run(); err != nil {
			return err
		}
	}
	return nil
}

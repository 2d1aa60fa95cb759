package cluster

import (
	"os"
	"path/filepath"

	"github.com/scimbridge/scimbridge/db/dbtest/debian"
)

// install gets PostgreSQL from the distribution.
func install() error {
	// Debian's package would make a cluster of its own and start it.
	const own = "/etc/postgresql-common/createcluster.d/withpostgres.conf"
	if err := os.MkdirAll(filepath.Dir(own), 0o755); err == nil {
		if os.WriteFile(own, []byte("create_main_cluster = false\n"), 0o644) == nil {
			defer func() { _ = os.Remove(own) }()
		}
	}
	return debian.Install("postgresql")
}

package cluster

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"github.com/scimbridge/scimbridge/db/dbtest/debian"
)

// oldest is the first major version that the store supports.
const oldest = 15

// Binaries is a directory with PostgreSQL's server programs.
type Binaries struct {
	dir     string
	major   int
	Version string
}

func (b Binaries) program(name string) string {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(b.dir, name)
}

var errNotInstalled = errors.New("it is not installed")

// Find finds PostgreSQL, or installs it where that is possible.
func Find() (Binaries, error) {
	bin, err := findBinaries()
	if errors.Is(err, errNotInstalled) && debian.CanInstall() {
		if err := install(); err != nil {
			return Binaries{}, fmt.Errorf("installing it: %w", err)
		}
		return findBinaries()
	}
	return bin, err
}

// findBinaries prefers what the user has put on PATH, and takes the newest
// version that is installed elsewhere.
func findBinaries() (Binaries, error) {
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		if bin, err := inspect(strings.TrimSpace(string(out))); err == nil {
			return bin, nil
		}
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		if bin, err := inspect(filepath.Dir(path)); err == nil {
			return bin, nil
		}
	}
	best, failed := Binaries{}, errNotInstalled
	for _, place := range []string{
		"/usr/lib/postgresql/*/bin",         // Debian, Ubuntu
		"/usr/pgsql-*/bin",                  // Red Hat
		"/usr/libexec/postgresql*",          // Alpine
		"/usr/local/pgsql/bin",              // from source
		"/opt/homebrew/opt/postgresql*/bin", // Homebrew on Apple silicon
		"/usr/local/opt/postgresql*/bin",    // Homebrew on Intel
		"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
		`C:\Program Files\PostgreSQL\*\bin`,
	} {
		dirs, err := filepath.Glob(place)
		if err != nil {
			return Binaries{}, err
		}
		for _, dir := range dirs {
			bin, err := inspect(dir)
			switch {
			case err != nil && best.dir == "" && !errors.Is(err, errNotInstalled):
				failed = err
			case err == nil && bin.major > best.major:
				best, failed = bin, nil
			}
		}
	}
	return best, failed
}

var versionLine = regexp.MustCompile(`\(PostgreSQL\) ((\d+)\S*)`)

// inspect reports the version in dir, or why it is of no use.
func inspect(dir string) (Binaries, error) {
	bin := Binaries{dir: dir}
	if _, err := exec.LookPath(bin.program("initdb")); err != nil {
		return bin, errNotInstalled // a client without its server, say
	}
	out, err := exec.Command(bin.program("postgres"), "--version").Output()
	if err != nil {
		return bin, fmt.Errorf("%w: %s does not run: %w", errNotInstalled, bin.program("postgres"), err)
	}
	m := versionLine.FindStringSubmatch(string(out))
	if m == nil {
		return bin, fmt.Errorf("cannot read the version in %q", out)
	}
	bin.Version = m[1]
	if bin.major, err = strconv.Atoi(m[2]); err != nil {
		return bin, err
	}
	if bin.major < oldest {
		return bin, fmt.Errorf("%s is version %s, older than %d", dir, bin.Version, oldest)
	}
	return bin, nil
}

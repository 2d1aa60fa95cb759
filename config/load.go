package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// Sources are where settings come from, the strongest first.
type Sources struct {
	Flags   map[string]string // those that were given, by the name of the flag
	Environ []string          // as os.Environ returns it
	File    string            // the YAML file; empty: SCIMBRIDGE_CONFIG names it, or there is none
}

// FileVariable names the YAML file where no flag does.
const FileVariable = Prefix + "CONFIG"

// Load reads the settings. The error is Problems with everything that
// is wrong. Warnings are variables that look like settings and are none.
func Load(from Sources) (c Config, warnings []string, err error) {
	env := environment(from.Environ)
	var found Problems

	path := from.File
	if path == "" {
		path = env[FileVariable]
	}
	var file map[string]entry
	if path != "" {
		file, found = readFile(path)
	}

	c = Default()
	for _, s := range Settings() {
		value, origin, err := from.find(s, env, file)
		if err == nil && origin != "" {
			err = s.write(&c, value)
		}
		if err != nil {
			found = append(found, origin+": "+err.Error())
		}
	}
	return c, unknown(env), append(found, c.conflicts()...).err()
}

// find returns the value of one setting and the name of the source that it
// comes from; no name: nothing sets it.
func (from Sources) find(s Setting, env map[string]string, file map[string]entry) (value, origin string, err error) {
	if v, given := from.Flags[s.Flag()]; given {
		return v, "--" + s.Flag(), nil
	}
	// An empty variable is one that is not set: container tools pass them on.
	v, secretFile := env[s.Variable()], ""
	if s.Secret {
		secretFile = env[s.Variable()+"_FILE"]
	}
	switch {
	case v != "" && secretFile != "":
		return "", s.Variable(), fmt.Errorf("both it and %s_FILE are set", s.Variable())
	case v != "":
		return v, s.Variable(), nil
	case secretFile != "":
		v, err := readSecret(secretFile)
		return v, s.Variable() + "_FILE", err
	}
	if e, ok := file[s.Key]; ok {
		return e.value, e.origin, nil
	}
	return "", "", nil
}

// readSecret reads a file that holds one value, such as a mounted secret.
func readSecret(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", reason(err)
	}
	v := strings.TrimRight(string(b), "\r\n")
	if v == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return v, nil
}

// reason shortens the error of opening a file to "path: why".
func reason(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return fmt.Errorf("%s: %w", e.Path, e.Err)
	}
	return err
}

func environment(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, line := range environ {
		if name, value, ok := strings.Cut(line, "="); ok && strings.HasPrefix(name, Prefix) {
			env[name] = value
		}
	}
	return env
}

// unknown finds variables that have the program's prefix and set nothing. They
// are no problem: Kubernetes makes such names for a service named scimbridge.
func unknown(env map[string]string) []string {
	known := []string{FileVariable}
	for _, s := range Settings() {
		known = append(known, s.Variable())
		if s.Secret {
			known = append(known, s.Variable()+"_FILE")
		}
	}
	var warnings []string
	for name := range env {
		if !slices.Contains(known, name) && !strings.HasPrefix(name, Prefix+"TEST_") {
			warnings = append(warnings, name+" is set, but there is no such setting")
		}
	}
	slices.Sort(warnings)
	return warnings
}

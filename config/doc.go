// Package config reads the program's settings: from flags, then the
// environment, then an optional YAML file, then defaults.
//
// One table, Settings, says what can be set. Flags, variables, keys of the file
// and the documentation follow from it. All problems are reported at once.
package config

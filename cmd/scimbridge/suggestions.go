package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const (
	suggestionDistance = 2 // letters that may be wrong
	maxSuggestions     = 3
)

// unknownCommand is wrong usage of a command that has only others below it.
func unknownCommand(parent *cobra.Command, name string) error {
	parent.SuggestionsMinimumDistance = suggestionDistance
	return usageError(fmt.Sprintf("unknown command %q for %q%s",
		name, parent.CommandPath(), didYouMean(begunWith(name, parent.SuggestionsFor(name)))))
}

// unknownFlag is a cobra.Command's FlagErrorFunc.
func unknownFlag(cmd *cobra.Command, err error) error {
	missing := new(pflag.NotExistError)
	if !errors.As(err, &missing) {
		return err
	}
	// cobra measures the distance of commands, not of flags.
	names := &cobra.Command{SuggestionsMinimumDistance: suggestionDistance}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		names.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
	})
	found := names.SuggestionsFor(missing.GetSpecifiedName())
	for i := range found {
		found[i] = "--" + found[i]
	}
	return usageError(err.Error() + didYouMean(found))
}

// begunWith are the names that begin with what was written, or all where none does.
func begunWith(written string, names []string) []string {
	var begun []string
	for _, name := range names {
		if strings.HasPrefix(name, written) {
			begun = append(begun, name)
		}
	}
	if len(begun) > 0 {
		return begun
	}
	return names
}

func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(names[:min(len(names), maxSuggestions)], " or ") + "?"
}

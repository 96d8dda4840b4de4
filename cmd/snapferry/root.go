package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// What the program's exit code means.
const (
	exitDone  = 0
	exitNo    = 1 // the answer is no: an invalid policy, something missing
	exitUsage = 2
	exitAWS   = 3 // AWS or the network failed
)

// codeError is an error with the exit code that it means. An empty text means
// that all has been said already.
type codeError struct {
	code int
	err  error
}

func (e *codeError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *codeError) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &codeError{exitUsage, fmt.Errorf(format, args...)}
}

// no is the answer no; err may be nil when the results say it.
func no(err error) error { return &codeError{exitNo, err} }

func exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	if e, ok := errors.AsType[*codeError](err); ok {
		return e.code
	}
	return exitAWS
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "snapferry",
		Short: "Copy shared EBS snapshots into the Regions you choose",
		Long: `snapferry copies the EBS snapshots that other accounts share with yours into the
Regions you choose, under keys you own, and deletes the copies when their time
is up. It reads the policy documents of Amazon Data Lifecycle Manager.

Only redrive and test-event talk to Amazon: validate only reads files, and sim,
local, invoke and demo work against a simulated AWS on this machine.

Results go to stdout, messages to stderr. Exit codes: 0 done, 1 the answer is
no, 2 wrong usage, 3 AWS or the network failed.`,
		Example: `  snapferry validate policies     check the policy documents
  snapferry demo                  see the whole story in a minute
  snapferry local                 run everything on this machine and try it`,
		SilenceErrors: true,
		SilenceUsage:  true,
		// cobra asks this before it runs a command named by mistake.
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("which command? %s", listed(commandNames(c)))
			}
			return usage("unknown command %q%s", args[0], didYouMean(c.SuggestionsFor(args[0])))
		},
		RunE:                       func(*cobra.Command, []string) error { return nil },
		SuggestionsMinimumDistance: 2,
		CompletionOptions:          cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.Version = version().Version
	root.SetVersionTemplate(version().String() + "\n")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
			return usage("%w%s", err, didYouMean(nearestFlags(c, unknown.GetSpecifiedName())))
		}
		return usage("%w", err)
	})
	root.AddCommand(newValidate(), newSim(), newLocal(), newInvoke(), newDemo(), newRedrive(), newTestEvent(), newVersion())
	return root
}

// noArguments refuses them by name.
func noArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("unexpected argument %q", args[0])
	}
	return nil
}

// usageOf is the command that args meant, as far as it is known.
func usageOf(root *cobra.Command, args []string) string {
	if c, _, err := root.Find(args); err == nil {
		return c.CommandPath()
	}
	return root.CommandPath()
}

func commandNames(c *cobra.Command) []string {
	var names []string
	for _, command := range c.Commands() {
		if command.IsAvailableCommand() {
			names = append(names, command.Name())
		}
	}
	return names
}

// nearestFlags is the flags whose names are like name, found by the measure
// that cobra has for commands.
func nearestFlags(c *cobra.Command, name string) []string {
	shelf := &cobra.Command{SuggestionsMinimumDistance: 2}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		shelf.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
	})
	var flags []string
	for _, found := range shelf.SuggestionsFor(name) {
		flags = append(flags, "--"+found)
	}
	return flags
}

func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(names, " or ") + "?"
}

func listed(names []string) string { return strings.Join(names, ", ") }

// writeJSON writes v for machines.
func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"snapferry/infra/blueprint"
)

// An assembly is a folder of stacks that are deployed with the same credentials.
type assembly struct {
	account string // as in the usage
	what    string // in words
	folder  string // below that of the target account
	// write synthesizes into the folder out, of which people are told as named.
	write func(b blueprint.Blueprint, dist, out, named string, stdout io.Writer) error
}

var assemblies = []assembly{
	{"target", "the target account", ".", target},
	{"source", "the source accounts", "source", func(b blueprint.Blueprint, _, out, named string, stdout io.Writer) error {
		return sources(b, out, named, stdout)
	}},
	{"guard", "the organization", "guard", func(b blueprint.Blueprint, _, out, named string, stdout io.Writer) error {
		return guard(b, out, named, stdout)
	}},
}

// synthesize writes one assembly into the folder out, where the CDK's command line
// expects it.
func (a assembly) synthesize(b blueprint.Blueprint, dist, out string, stdout io.Writer) error {
	return a.write(b, dist, out, out, stdout)
}

// synthesizeAll writes all assemblies into the folder out. They are made beside it,
// so that out is complete and new, or as it was.
func synthesizeAll(b blueprint.Blueprint, dist, out string, stdout, stderr io.Writer) (err error) {
	// Git and Go pass over a folder of this name.
	next := filepath.Join(filepath.Dir(out), ".new."+filepath.Base(out))
	defer func() { err = errors.Join(err, os.RemoveAll(next)) }()
	if err := os.RemoveAll(next); err != nil {
		return err
	}
	for _, a := range assemblies {
		if a.account == "guard" && b.Guard == nil {
			continue
		}
		fmt.Fprintf(stderr, "synthesize the stacks of %s\n", a.what)
		if err := a.write(b, dist, filepath.Join(next, a.folder), filepath.Join(out, a.folder), stdout); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	if err := os.Rename(next, out); err != nil {
		return err
	}
	return printStacks(stdout, out)
}

// printUntouched says what is left of the last synthesis after a failed one.
func printUntouched(stderr io.Writer, out string) {
	if _, err := os.Stat(out); err == nil {
		fmt.Fprintf(stderr, "%s is as it was: it does not have these settings and policies\n", out)
	} else {
		fmt.Fprintf(stderr, "%s is not written\n", out)
	}
}

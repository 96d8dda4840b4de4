package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"snapferry/infra/blueprint"
	"snapferry/infra/stacks"
)

// guard synthesizes the guard's stack into the folder out, and beside it writes its policies as they
// are attached, for those who manage service control policies otherwise.
func guard(b blueprint.Blueprint, out, named string, stdout io.Writer) error {
	if b.Guard == nil {
		return nil
	}
	if err := stacks.Guard(b, out); err != nil {
		return err
	}
	for _, p := range b.Guard.Policies {
		file := filepath.Join(out, p.Name+".json")
		data := p.JSON()
		if err := os.WriteFile(file, data, 0o644); err != nil {
			return fmt.Errorf("write the service control policy %s: %w", p.Name, err)
		}
		fmt.Fprintf(stdout, "%s: a service control policy of %d characters for %s\n", filepath.Join(named, p.Name+".json"), len(data), b.Guard.Target)
	}
	return nil
}

// printLeftOfGuard says what is open when the guard's stack goes.
func printLeftOfGuard(w io.Writer, b blueprint.Blueprint) {
	if b.Guard == nil {
		fmt.Fprintln(w, "The settings have no guard: nothing is removed.")
		return
	}
	fmt.Fprintf(w, "When the guard is destroyed, administrators of account %s, and its root, may again delete copies and keys there, "+
		"put other code under snapferry's roles, and leave the organisation. Nothing else changes.\n", b.Guard.Account)
}

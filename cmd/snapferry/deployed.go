package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"snapferry/internal/local"
	"snapferry/internal/policy"
)

// The accounts that this program plays with, and where they are at home.
const (
	targetAccount = "222222222222"
	homeRegion    = "us-east-1"
)

// Where the functions and the policies are, seen from the repository's root.
const (
	defaultFunctions = "dist/local"
	defaultPolicies  = "policies"
)

// functionFlags are the flags of every command that runs the functions.
func functionFlags(c *cobra.Command, functions, policies *string) {
	c.Flags().StringVar(functions, "functions", "", "the functions, built for this machine: `DIR`/NAME/bootstrap (default "+defaultFunctions+", or else this program's own folder)")
	if policies != nil {
		c.Flags().StringVar(policies, "policies", defaultPolicies, "the policies: a directory, or one document, at `PATH`")
	}
}

// functionsDirectory is where the functions are: what was said, or else the
// folder that make builds into, or else the one that this program is in.
func functionsDirectory(said string) string {
	if said != "" {
		return said
	}
	program, err := os.Executable()
	if err != nil || isDirectory(defaultFunctions) {
		return defaultFunctions
	}
	if own := filepath.Dir(program); isDirectory(filepath.Join(own, local.Copy)) {
		return own
	}
	return defaultFunctions
}

// targets is the Regions that policies copy to, each once.
func targets(policies []policy.Policy) []string {
	var regions []string
	for _, p := range policies {
		for _, rule := range p.Rules {
			regions = append(regions, rule.Region)
		}
	}
	slices.Sort(regions)
	return slices.Compact(regions)
}

// keys is the KMS keys that policies name, each once.
func keys(policies []policy.Policy) []string {
	var arns []string
	for _, p := range policies {
		for _, rule := range p.Rules {
			if rule.KeyARN != "" {
				arns = append(arns, rule.KeyARN)
			}
		}
	}
	slices.Sort(arns)
	return slices.Compact(arns)
}

// validPolicies is policy.Load for commands that can't go on without.
func validPolicies(path string) ([]policy.Policy, error) {
	policies, problems := policy.Load(path)
	if len(problems) > 0 {
		var lines []string
		for _, p := range problems {
			lines = append(lines, p.String())
		}
		return nil, no(fmt.Errorf("load policies: %s:\n%s", count(len(problems), "problem"), strings.Join(lines, "\n")))
	}
	return policies, nil
}

// deploying gives an error of internal/local the exit code that it means.
func deploying(err error) error {
	_, failed := errors.AsType[*local.FunctionError](err)
	switch {
	case errors.Is(err, local.ErrAddress):
		return usage("--listen: %w", err)
	case failed, errors.Is(err, fs.ErrNotExist), errors.Is(err, local.ErrNoProgram), errors.Is(err, local.ErrStart), errors.Is(err, local.ErrTemplates):
		return no(err)
	}
	return err
}

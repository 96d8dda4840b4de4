package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"snapferry/internal/local"
	"snapferry/internal/policy"
)

// The accounts that this program plays with, and where they are at home.
const (
	targetAccount = "222222222222"
	homeRegion    = "us-east-1"
)

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
	case failed, errors.Is(err, fs.ErrNotExist), errors.Is(err, local.ErrStart):
		return no(err)
	}
	return err
}

// Command infra is the CDK app: it synthesizes the stacks of the target account,
// as `infra source` those of the source accounts, as `infra guard` that of the service
// control policies, and as `infra all` everything.
// It runs alone and under the CDK's command line alike; neither the network nor
// credentials are needed, only Node.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/aws/jsii-runtime-go"

	"snapferry/infra/blueprint"
	"snapferry/internal/policy"
)

const usage = `usage: infra [all | target | source | guard]
       infra left [target | source | guard]
       infra bootstrap
  all      synthesize everything and say what there is: all or nothing is written
  target   synthesize the stacks of the target account (the default)
  source   synthesize the stacks of the source accounts, into infra/cdk.out/source
  guard    synthesize the stack of the service control policies, if the settings have a guard, into infra/cdk.out/guard
  left     synthesize nothing, and say what stays when those stacks are destroyed
  bootstrap
           synthesize nothing, and print the arguments of cdk bootstrap
from the environment, with defaults for the repository's root:
  SETTINGS=infra/settings.json  POLICIES=policies  DIST=dist  CDK_OUTDIR=infra/cdk.out
  ACCOUNT and HOME_REGION go before those of the settings`

func main() { os.Exit(run(os.Args[1:], os.Getenv, os.Stdout, os.Stderr)) }

func run(args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	bootstrap := len(args) == 1 && args[0] == "bootstrap"
	if bootstrap {
		args = nil
	}
	args, left := afterLeft(args)
	account := "target"
	if len(args) > 0 {
		account = args[0]
	}
	which := slices.IndexFunc(assemblies, func(a assembly) bool { return a.account == account })
	if len(args) > 1 || which < 0 && (left || account != "all") {
		fmt.Fprintln(stderr, usage)
		return 2
	}
	env := func(name, otherwise string) string {
		if value := getenv(name); value != "" {
			return value
		}
		return otherwise
	}
	out := env("CDK_OUTDIR", filepath.Join("infra", "cdk.out"))
	b, problems := plan(env("SETTINGS", "infra/settings.json"), env("POLICIES", "policies"),
		blueprint.Overrides{Account: getenv("ACCOUNT"), HomeRegion: getenv("HOME_REGION")})
	for _, p := range problems {
		fmt.Fprintln(stderr, p)
	}
	switch {
	case len(problems) > 0 && account == "all":
		printUntouched(stderr, out)
		fallthrough
	case len(problems) > 0:
		return 1
	case bootstrap:
		printBootstrap(stdout, b)
		return 0
	case left && account == "target":
		printLeft(stdout, b)
		return 0
	case left && account == "source":
		printLeftInSources(stdout, b)
		return 0
	case left:
		printLeftOfGuard(stdout, b)
		return 0
	}
	if account == "target" || account == "all" {
		for _, w := range b.Warnings {
			fmt.Fprintln(stderr, "warning:", w)
		}
		fmt.Fprint(stdout, b.CapacityReport())
	}
	prepareNode(stderr)
	defer jsii.Close()
	var err error
	if account == "all" {
		err = synthesizeAll(b, env("DIST", "dist"), out, stdout, stderr)
	} else {
		a := assemblies[which]
		err = a.synthesize(b, env("DIST", "dist"), env("CDK_OUTDIR", filepath.Join(out, a.folder)), stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "infra:", err)
		if account == "all" {
			printUntouched(stderr, out)
		}
		return 1
	}
	return 0
}

// afterLeft is the arguments after "left", and whether they began with it.
func afterLeft(args []string) ([]string, bool) {
	if len(args) > 0 && args[0] == "left" {
		return args[1:], true
	}
	return args, false
}

// plan is the blueprint for the settings and policies, or all that is wrong with
// either.
func plan(settingsFile, policyDir string, o blueprint.Overrides) (blueprint.Blueprint, []policy.Problem) {
	settings, problems := blueprint.LoadSettings(settingsFile, o)
	policies, wrong := policy.Load(policyDir)
	if problems = append(problems, wrong...); len(problems) > 0 {
		return blueprint.Blueprint{}, problems
	}
	files, err := policy.ReadDir(policyDir)
	if err != nil {
		return blueprint.Blueprint{}, []policy.Problem{{File: policyDir, Path: "$", Text: err.Error()}}
	}
	return blueprint.New(settings, policies, policy.Hash(files))
}

// Package stacks puts a blueprint into CloudFormation's words with the CDK, and
// decides nothing: what is deployed, who may do what and when somebody is told is
// in the blueprint. All stacks have their account and Region, refer to other
// Regions by ARN, and need neither the network nor credentials to synthesize.
//
// The constructs are those of CloudFormation itself (L1): a queue is a queue, a
// role has the statements that it was given, and nothing comes besides.
package stacks

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"

	"snapferry/infra/blueprint"
)

// Target synthesizes the stacks of the target account into the directory out:
// the home stack, a forwarder for each Region, and keys. Of the functions' code,
// built into the directory dist, it says if it does not fit the blueprint.
func Target(b blueprint.Blueprint, dist, out string) error {
	for _, f := range b.Home.Functions {
		if err := checkCode(f, dist, b.Settings.Architecture); err != nil {
			return err
		}
	}
	return synth(out, func(app awscdk.App) { target(app, b, dist) })
}

func target(app awscdk.App, b blueprint.Blueprint, dist string) {
	tagAll(app, b.Settings)
	home := newHome(app, b, dist)
	for _, f := range b.Forwarders {
		// Its rules would send to a bus that is not there yet.
		newForwarder(app, b.Settings, f).AddStackDependency(home, nil)
	}
	for _, k := range b.Keys {
		newKeyStack(app, b.Settings, k)
	}
}

// Source synthesizes the stacks of the source accounts into the directory out.
func Source(b blueprint.Blueprint, out string) error {
	return synth(out, func(app awscdk.App) { source(app, b) })
}

func source(app awscdk.App, b blueprint.Blueprint) {
	tagAll(app, b.Settings)
	for _, s := range b.Sources {
		newSource(app, b.Settings, s)
	}
	if b.StackSet != nil {
		newStackSet(app, b.Settings, *b.StackSet)
	}
}

// synth makes an app, has build fill it, and writes its templates into out.
func synth(out string, build func(awscdk.App)) (err error) {
	if _, err := exec.LookPath("node"); err != nil {
		return fmt.Errorf("synthesize: node is missing: install Node.js 24 (https://nodejs.org) and put it on PATH")
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("synthesize: %w", err)
	}
	// The CDK's errors are panics.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("synthesize: %v", p)
		}
	}()
	app := newApp(out)
	build(app)
	app.Synth(nil)
	return nil
}

// annotationsInReport is the flag by which the notes of constructs and aspects end
// the synthesis too if they are errors.
const annotationsInReport = "@aws-cdk/core:annotationsInValidationReport"

// newApp is an app that synthesizes alike under `cdk synth` and alone: what the
// CDK's command line would add to the templates is off.
func newApp(out string) awscdk.App {
	app := awscdk.NewApp(&awscdk.AppProps{
		Outdir:             new(filepath.Clean(out)),
		AnalyticsReporting: new(false),
		TreeMetadata:       new(false),
		StackTraces:        new(false),
		PostCliContext: &map[string]any{
			"aws:cdk:enable-path-metadata":  false,
			"aws:cdk:enable-asset-metadata": false,
			"aws:cdk:disable-stack-trace":   true,
			// Of the flags that the library recommends to new apps these are the ones that
			// matter to L1 constructs: what its template validation (AppProps's
			// BuiltinCloudFormationValidation) or a construct calls an error ends the
			// synthesis, and what they warn of is printed.
			"@aws-cdk/core:validateAgainstDefaultRules": true,
			annotationsInReport:                         true,
		},
	})
	return app
}

// tagAll gives everything below scope its tags, the stacks too.
func tagAll(scope constructs.Construct, s blueprint.Settings) {
	tags := awscdk.Tags_Of(scope)
	tags.Add(new("Application"), new(blueprint.Application), nil)
	for _, key := range s.TagKeys() {
		tags.Add(new(key), new(s.Tags[key]), nil)
	}
}

// newStack is a stack without assets, which needs no bootstrapped account: the
// legacy synthesizer names no roles in the manifest. The one called
// BootstraplessSynthesizer names those of cdk bootstrap, which the command line
// then hands to CloudFormation, and CloudFormation refuses roles that do not
// exist (https://github.com/aws/aws-cdk/issues/20648). account is "" for that of
// the credentials it is deployed with.
func newStack(scope constructs.Construct, name, account, region, description string) awscdk.Stack {
	return stack(scope, name, account, region, description, awscdk.NewLegacyStackSynthesizer())
}

// newStackWithAssets is the home stack, whose assets go through the buckets of
// `cdk bootstrap`.
func newStackWithAssets(scope constructs.Construct, s blueprint.Settings, region, description string) awscdk.Stack {
	return stack(scope, s.StackName("home"), s.Account, region, description, awscdk.NewDefaultStackSynthesizer(&awscdk.DefaultStackSynthesizerProps{
		Qualifier: new(s.Qualifier),
		// The command line checks the version before it deploys.
		GenerateBootstrapVersionRule: new(false),
	}))
}

func stack(scope constructs.Construct, name, account, region, description string, by awscdk.IStackSynthesizer) awscdk.Stack {
	env := &awscdk.Environment{Region: new(region)}
	if account != "" {
		env.Account = new(account)
	}
	return awscdk.NewStack(scope, new(name), &awscdk.StackProps{
		Env:         env,
		Description: new(description),
		Synthesizer: by,
	})
}

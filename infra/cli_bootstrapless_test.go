package main

import (
	"path/filepath"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"

	"snapferry/infra/blueprint"
)

// bootstrapless: an assembly as it was made before, with the synthesizer that is
// called BootstraplessSynthesizer. CloudFormation refuses it in an account without
// cdk bootstrap, and what was sent does not pass for a deployment here.
func (c *cloud) bootstrapless() {
	c.Helper()
	c.settings.Qualifier = blueprint.DefaultQualifier
	defer jsii.Close()
	dir := filepath.Join(c.scratch(), "assembly")
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: new(dir), AnalyticsReporting: new(false)})
	awscdk.Tags_Of(app).Add(new("Application"), new("snapferry"), nil)
	stack := awscdk.NewStack(app, new("snapferry-forwarder-eu-west-2"), &awscdk.StackProps{
		Env:         &awscdk.Environment{Account: new(targetAccount), Region: new("eu-west-2")},
		Synthesizer: awscdk.NewBootstraplessSynthesizer(&awscdk.BootstraplessSynthesizerProps{}),
	})
	awssns.NewCfnTopic(stack, new("Topic"), &awssns.CfnTopicProps{TopicName: new("snapferry-forwarder-alarms")})
	app.Synth(nil)
	output, err := c.run(targetAccount, *commandLine, "deploy", "--app", dir, "--import-existing-resources", "--require-approval", "never", "*")
	if err == nil || !strings.Contains(output, "is invalid or cannot be assumed") {
		c.Errorf("its roles are not there, and yet: %v:\n%s", err, output)
	}
	relative, err := filepath.Rel(filepath.Join(c.here(), root), dir)
	if err != nil {
		c.Fatal(err)
	}
	problems := strings.Join(c.assembly(relative).faults(c.take("CreateChangeSet"), all), "\n")
	for _, want := range []string{"CloudFormation refuses it: ValidationError", `the role is "arn:aws:iam::222222222222:role/cdk-hnb659fds-cfn-exec-role-222222222222-eu-west-2", want ""`} {
		if !strings.Contains(problems, want) {
			c.Errorf("of what was sent it is said:\n%s\nwant %s too", problems, want)
		}
	}
}

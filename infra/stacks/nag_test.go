package stacks

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// accepted are the findings of cdk-nag's AwsSolutions rules that are as they
// should be: /STACK/RESOURCE RULE[WHAT], and why.
var accepted = []struct{ found, why string }{
	{`/(acme-)?snapferry-home/(Copy|Reconcile|Expire)Role AwsSolutions-IAM5\[Resource::\*\]`,
		"EC2's Describe actions, GetEbsDefaultKmsKeyId and X-Ray's take no resource; the blueprint's statements say so one by one"},
	{`/(acme-)?snapferry-source-[^/]*/LifecycleRole AwsSolutions-IAM5\[Resource::\*\]`,
		"EC2's Describe actions take no resource"},
	{`/(acme-)?snapferry-home/CopyRole AwsSolutions-IAM5\[Action::kms:(ReEncrypt|GenerateDataKey)\*\]`,
		"as in step 4 of Amazon's guide: two actions each, on named keys and through EC2 only"},
	{`/(acme-)?snapferry-home/CopyRole AwsSolutions-IAM5\[Resource::arn:aws:ec2:[^:]+::snapshot/(snap-\*|<\*>)\]`,
		"copies have no id before they are made, so that EC2 asks for a literal star, and sources none before they are shared: tags and owners are conditions"},
	{`/(acme-)?snapferry-home/ExpireRole AwsSolutions-IAM5\[Resource::arn:aws:ec2:\*::snapshot/snap-\*\]`,
		"copies are where any policy ever sent them; their mark is the condition"},
	{`/(acme-)?snapferry-home/(Copy|Reconcile)Role AwsSolutions-IAM5\[Resource::arn:aws:sqs:[^:]+:222222222222:(acme-)?snapferry-orders-[^:]+-\*\.fifo\]`,
		"the lanes of a Region"},
	{`/(acme-)?snapferry-home/(Copy|Reconcile|Expire)Role AwsSolutions-IAM5\[Resource::arn:aws:logs:[^:]+:222222222222:log-group:/aws/lambda/(acme-)?snapferry-(copy|reconcile|expire):\*\]`,
		"the streams of the function's own log group"},
	{`/(acme-)?snapferry-source-[^/]*/LifecycleRole AwsSolutions-IAM5\[Resource::arn:aws:ec2:[^:]+:\d{12}:volume/\*\]`,
		"volumes with the tag that the settings name: it is a condition"},
	{`/(acme-)?snapferry-source-[^/]*/LifecycleRole AwsSolutions-IAM5\[Resource::arn:aws:ec2:[^:]+::snapshot/(snap-)?\*\]`,
		"snapshots have no id before DLM makes them; what it deletes must carry its own tag"},
	{`/(acme-)?snapferry-home/Orders\w+\d AwsSolutions-SQS3`,
		"copy buries orders itself: SQS can't tell waiting for a slot from failing (docs/adr/0009)"},
	{`/(acme-)?snapferry-home/OrdersDlq AwsSolutions-SQS3`, "it is a dead-letter queue: copy fills it, not SQS"},
	{`/(acme-)?snapferry-home/Undelivered AwsSolutions-SQS3`, "it is a dead-letter queue: EventBridge and Scheduler fill it, not SQS"},
	{`/(acme-)?snapferry-forwarder-[^/]+/ForwarderUndelivered AwsSolutions-SQS3`, "it is a dead-letter queue: EventBridge fills it, not SQS"},
}

// TestNag holds the stacks against rules that other people made.
func TestNag(t *testing.T) {
	used := make([]bool, len(accepted))
	patterns := make([]*regexp.Regexp, len(accepted))
	for i, a := range accepted {
		patterns[i] = regexp.MustCompile("^" + a.found + ": ")
	}
	for name, d := range deployments {
		for _, found := range nag(t, func(app awscdk.App) {
			target(app, d.blueprint, d.dist)
			source(app, d.blueprint)
		}) {
			fits := false
			for i, pattern := range patterns {
				if pattern.MatchString(found) {
					used[i], fits = true, true
				}
			}
			if !fits {
				t.Errorf("%s: %s", name, found)
			}
		}
	}
	for i, used := range used {
		if !used {
			t.Errorf("nothing is found any more of %s: remove the row", accepted[i].found)
		}
	}
}

// TestNagFinds plants what cdk-nag must find: if it finds nothing there, then that
// it finds nothing elsewhere says nothing.
func TestNagFinds(t *testing.T) {
	found := nag(t, func(app awscdk.App) {
		stack := newStack(app, "planted", "111111111111", "us-east-1", "a queue without dead letters, in plain HTTP")
		awssqs.NewCfnQueue(stack, new("Queue"), &awssqs.CfnQueueProps{SqsManagedSseEnabled: new(false)})
	})
	for _, rule := range []string{"AwsSolutions-SQS3", "AwsSolutions-SQS4"} {
		if !slices.ContainsFunc(found, func(f string) bool { return strings.HasPrefix(f, "/planted/Queue "+rule+": ") }) {
			t.Errorf("%s is broken in /planted/Queue, and found is %q", rule, found)
		}
	}
}

// nag is what cdk-nag finds in the app that build fills.
func nag(t *testing.T, build func(awscdk.App)) []string {
	t.Helper()
	out := t.TempDir()
	app := newApp(out)
	// What cdk-nag finds is no reason to stop before it is compared.
	app.Node().SetContext(new(annotationsInReport), false)
	build(app)
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{
		Reports: new(false),
	}), nil)
	app.Synth(nil)
	return findings(t, out)
}

package stacks

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snapferry/infra/blueprint"
	"snapferry/internal/event"
)

// TestOverTLS: no queue and no topic answers plain HTTP.
func TestOverTLS(t *testing.T) {
	each(t, func(t *testing.T, _ deployment, in template) {
		guarded := make(map[string]bool)
		for policy, of := range map[string]string{"AWS::SQS::QueuePolicy": "Queues", "AWS::SNS::TopicPolicy": "Topics"} {
			for _, id := range in.of(policy) {
				p := in.Resources[id].Properties
				for _, s := range statementsIn(p["PolicyDocument"]) {
					if s.Effect == "Deny" && cmp.Equal(s.Condition, map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}}) &&
						cmp.Equal(s.Principal, map[string]any{"AWS": "*"}) {
						for _, ref := range list(p[of]) {
							guarded[refersTo(ref)] = true
						}
					}
				}
			}
		}
		for _, id := range append(in.of("AWS::SQS::Queue"), in.of("AWS::SNS::Topic")...) {
			if !guarded[id] {
				t.Errorf("%s answers plain HTTP", id)
			}
		}
	})
}

// TestEncrypted: all queues are encrypted, under the key of the settings where
// there is one and under SQS's own otherwise; so are topics and logs where there
// is one.
func TestEncrypted(t *testing.T) {
	each(t, func(t *testing.T, d deployment, in template) {
		keys := make(map[string]any)
		for _, key := range d.blueprint.EncryptionKeys {
			keys[key.ARN] = key.Region
		}
		// The cases have keys in all of their Regions, or none.
		if len(keys) > 0 && len(keys) != len(regionsOf(d.blueprint)) {
			t.Errorf("encryptionKeys are %v, and the Regions %v", keys, regionsOf(d.blueprint))
		}
		check := func(id string, key any) {
			if text, _ := key.(string); (len(keys) > 0) != (keys[text] != nil) {
				t.Errorf("%s is under %v, and the settings name %v", id, key, keys)
			}
		}
		for _, id := range in.of("AWS::SQS::Queue") {
			p := in.Resources[id].Properties
			check(id, p["KmsMasterKeyId"])
			if p["KmsMasterKeyId"] == nil && p["SqsManagedSseEnabled"] != true {
				t.Errorf("%s is not encrypted", id)
			}
		}
		for _, id := range in.of("AWS::SNS::Topic") {
			check(id, in.Resources[id].Properties["KmsMasterKeyId"])
		}
		for _, id := range in.of("AWS::Logs::LogGroup") {
			check(id, in.Resources[id].Properties["KmsKeyId"])
		}
		for _, id := range in.of("AWS::KMS::Key") {
			if in.Resources[id].Properties["EnableKeyRotation"] != true {
				t.Errorf("%s is not rotated", id)
			}
		}
	})
}

// regionsOf are those in which something is deployed, keys for copies aside.
func regionsOf(b blueprint.Blueprint) map[string]bool {
	regions := map[string]bool{b.Home.Region: true}
	for _, f := range b.Forwarders {
		regions[f.Region] = true
	}
	return regions
}

// queueOf is the queue that an ARN or a reference means, "" for none of the
// template's.
func queueOf(in template, arn any) string {
	if id := refersTo(arn); id != "" {
		return id
	}
	text, _ := arn.(string)
	for _, id := range in.of("AWS::SQS::Queue") {
		if strings.HasSuffix(text, ":"+in.Resources[id].Properties["QueueName"].(string)) {
			return id
		}
	}
	return ""
}

// TestNothingGetsLost: what can't be delivered ends in a queue.
func TestNothingGetsLost(t *testing.T) {
	each(t, func(t *testing.T, _ deployment, in template) {
		isQueue := func(what string, arn any) {
			if id := queueOf(in, arn); in.Resources[id].Type != "AWS::SQS::Queue" {
				t.Errorf("%s has no dead-letter queue, only %v", what, arn)
			}
		}
		for _, id := range in.of("AWS::Events::Rule") {
			for _, target := range list(in.Resources[id].Properties["Targets"]) {
				isQueue(id, at(target, "DeadLetterConfig", "Arn"))
			}
		}
		for _, id := range in.of("AWS::Scheduler::Schedule") {
			isQueue(id, at(in.Resources[id].Properties, "Target", "DeadLetterConfig", "Arn"))
		}
		for _, id := range in.of("AWS::Lambda::EventSourceMapping") {
			source := refersTo(in.Resources[id].Properties["EventSourceArn"])
			redrive := in.Resources[source].Properties["RedrivePolicy"]
			isQueue(source, at(redrive, "deadLetterTargetArn"))
			if got, _ := at(redrive, "maxReceiveCount").(float64); got < 5 {
				t.Errorf("%s gives up after %v receives, want 5 or more", source, got)
			}
		}
		for _, id := range in.of("AWS::SQS::Queue") {
			p := in.Resources[id].Properties
			if p["MessageRetentionPeriod"] != 14*24*3600.0 {
				t.Errorf("%s keeps messages for %v s, want the 14 days that SQS has", id, p["MessageRetentionPeriod"])
			}
			// Waiting for a slot looks like failing to SQS, which only counts.
			if strings.HasPrefix(id, "Orders") && p["RedrivePolicy"] != nil {
				t.Errorf("%s has a redrive policy, which would bury orders that wait", id)
			}
		}
	})
}

// TestBatches: a message that fails comes back alone, and not while the function
// may still be at it.
func TestBatches(t *testing.T) {
	for name, d := range deployments {
		in := d.home()
		mappings := in.of("AWS::Lambda::EventSourceMapping")
		if len(mappings) != 1 {
			t.Errorf("%s: %d event sources, want that of copy only", name, len(mappings))
		}
		for _, id := range mappings {
			p := in.Resources[id].Properties
			if got := p["FunctionResponseTypes"]; !cmp.Equal(got, any([]any{"ReportBatchItemFailures"})) {
				t.Errorf("%s: %s answers with %v", name, id, got)
			}
			timeout := in.Resources[refersTo(p["FunctionName"])].Properties["Timeout"].(float64)
			taken := append([]string{refersTo(p["EventSourceArn"])}, d.ordersQueues()...)
			for _, queue := range taken {
				if got := in.Resources[queue].Properties["VisibilityTimeout"].(float64); got < 6*timeout {
					t.Errorf("%s: %s hides messages for %v s; its reader has %v s, want 6 times that", name, queue, got, timeout)
				}
			}
		}
	}
}

// ordersQueues is the queues of orders that wait.
func (d deployment) ordersQueues() []string {
	in := d.home()
	return slices.DeleteFunc(in.of("AWS::SQS::Queue"), func(id string) bool {
		name := in.Resources[id].Properties["QueueName"].(string)
		return !strings.HasPrefix(name, d.stack("orders-")) || strings.HasPrefix(name, d.stack("orders-dlq"))
	})
}

// TestLanes: every target Region has an orders queue for each lane.
func TestLanes(t *testing.T) {
	for name, d := range deployments {
		regions := make(map[string]int)
		in := d.home()
		for _, id := range d.ordersQueues() {
			p := in.Resources[id].Properties
			region := strings.TrimPrefix(p["QueueName"].(string), d.stack("orders-"))
			regions[region[:strings.LastIndex(region, "-")]]++
			if p["FifoQueue"] != true {
				t.Errorf("%s: %s is not FIFO", name, id)
			}
		}
		for region, lanes := range regions {
			if lanes != d.blueprint.Settings.Lanes {
				t.Errorf("%s: %s has %d lanes, want %d", name, region, lanes, d.blueprint.Settings.Lanes)
			}
		}
		if len(regions) == 0 {
			t.Errorf("%s: no orders queues", name)
		}
	}
}

// TestLogs: each function writes into a log group that is kept, but not for ever.
func TestLogs(t *testing.T) {
	for name, d := range deployments {
		in := d.home()
		for _, id := range in.of("AWS::Lambda::Function") {
			group := in.Resources[refersTo(at(in.Resources[id].Properties, "LoggingConfig", "LogGroup"))]
			if group.Properties["RetentionInDays"] == nil || group.DeletionPolicy != "RetainExceptOnCreate" {
				t.Errorf("%s: %s logs into %v", name, id, group)
			}
		}
	}
}

// TestAlarmsAreHeard: every alarm tells the topic, and when it is over too.
func TestAlarmsAreHeard(t *testing.T) {
	each(t, func(t *testing.T, _ deployment, in template) {
		for _, id := range in.of("AWS::CloudWatch::Alarm") {
			p := in.Resources[id].Properties
			for _, actions := range []string{"AlarmActions", "OKActions"} {
				if got := p[actions]; !cmp.Equal(got, any([]any{map[string]any{"Ref": "Topic"}})) {
					t.Errorf("%s: %s are %v, want the topic", id, actions, got)
				}
			}
			if p["AlarmDescription"] == nil || p["TreatMissingData"] == nil {
				t.Errorf("%s says neither what hurts nor what no data means: %v", id, p)
			}
		}
	})
}

// TestAlarmsMayPublish: a topic with a policy lets in only whom that names.
func TestAlarmsMayPublish(t *testing.T) {
	each(t, func(t *testing.T, d deployment, in template) {
		for _, id := range in.of("AWS::SNS::TopicPolicy") {
			var allowed []allowance
			for _, s := range statementsIn(in.Resources[id].Properties["PolicyDocument"]) {
				if s.Effect == "Allow" {
					allowed = append(allowed, s)
				}
			}
			if len(allowed) != 1 || !cmp.Equal(allowed[0].Principal, map[string]any{"Service": "cloudwatch.amazonaws.com"}) ||
				!cmp.Equal(at(allowed[0].Condition, "StringEquals", "aws:SourceAccount"), any(d.blueprint.Home.Account)) {
				t.Errorf("%s allows %v, want CloudWatch for this account only", id, allowed)
			}
		}
	})
}

// TestPatterns: EventBridge passes on what the functions read, from every Region
// in which it can happen, once.
func TestPatterns(t *testing.T) {
	var share, result any
	for pattern, into := range map[string]*any{event.SharePattern(): &share, event.CopyPattern(): &result} {
		if err := json.Unmarshal([]byte(pattern), into); err != nil {
			t.Fatal(err)
		}
	}
	for name, d := range deployments {
		var shares, results []string
		for stack, in := range d.target {
			region, isForwarder := strings.CutPrefix(stack, d.stack("forwarder-"))
			for _, id := range in.of("AWS::Events::Rule") {
				p := in.Resources[id].Properties
				pattern, bus := p["EventPattern"], p["EventBusName"]
				if isForwarder != (bus == nil) {
					t.Errorf("%s: rule %s of %s is on the bus %v", name, id, stack, bus)
				}
				if !isForwarder {
					region = "home"
				}
				switch {
				case cmp.Equal(pattern, share):
					shares = append(shares, region)
				case cmp.Equal(pattern, result):
					results = append(results, region)
				default:
					t.Errorf("%s: %s of %s has the pattern %v, which no function reads", name, id, stack, pattern)
				}
			}
		}
		targets := make(map[string]bool)
		for _, id := range d.ordersQueues() {
			region := strings.TrimPrefix(d.home().Resources[id].Properties["QueueName"].(string), d.stack("orders-"))
			targets[region[:strings.LastIndex(region, "-")]] = true
		}
		slices.Sort(shares)
		if want := sortedWith(d.blueprint.Settings.SourceRegions, "home"); !cmp.Equal(shares, want) {
			t.Errorf("%s: shares are passed on by %v, want %v", name, shares, want)
		}
		slices.Sort(results)
		var regions []string
		for region := range targets {
			regions = append(regions, region)
		}
		if want := sortedWith(regions, "home"); !cmp.Equal(results, want) {
			t.Errorf("%s: results are passed on by %v, want %v", name, results, want)
		}
	}
}

func sortedWith(list []string, more string) []string {
	all := append(slices.Clone(list), more)
	slices.Sort(all)
	return all
}

// TestKeysStay: a key that copies are under is not deleted with its stack.
func TestKeysStay(t *testing.T) {
	for name, d := range deployments {
		for stack, in := range d.target {
			for _, id := range in.of("AWS::KMS::Key") {
				if got := in.Resources[id].DeletionPolicy; got != "Retain" || !strings.HasPrefix(stack, d.stack("key-")) {
					t.Errorf("%s: the policy for deleting %s of %s is %s, want Retain", name, id, stack, got)
				}
			}
		}
	}
}

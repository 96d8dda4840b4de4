package proof

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"snapferry/internal/sim"
)

// queues are all queues of the account, by Region.
func (p *player) queues() map[string][]string {
	all := map[string][]string{}
	for _, region := range []string{Home, frankfurt, london, dublin, saoPaulo} {
		var listed struct{ QueueUrls []string }
		p.check(p.d.Do(p.Context(), region, "sqs", "ListQueues", nil, &listed))
		for _, url := range listed.QueueUrls {
			if name := url[strings.LastIndexByte(url, '/')+1:]; strings.HasPrefix(name, "snapferry-") && !strings.Contains(name, "eu-north-1") {
				all[region] = append(all[region], name)
			}
		}
	}
	return all
}

// touches are what can be done with a queue and leaves it as it is.
func touches(queue string) map[string]any {
	send := map[string]any{"QueueUrl": queueURL(queue), "MessageBody": "{}"}
	if strings.HasSuffix(queue, ".fifo") {
		send["MessageGroupId"], send["MessageDeduplicationId"] = "g", "d"
	}
	this := map[string]any{"QueueUrl": queueURL(queue)}
	return map[string]any{
		"SendMessage": send, "ReceiveMessage": this, "PurgeQueue": this,
		"GetQueueAttributes": map[string]any{"QueueUrl": queueURL(queue), "AttributeNames": []string{"All"}},
		"SetQueueAttributes": map[string]any{"QueueUrl": queueURL(queue), "Attributes": map[string]string{"Policy": ""}},
	}
}

// Nobody does anything with a queue without TLS, not even the account's root.
func TestPlainHTTPIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := prepared(t)
		refused := 0
		callers := []string{Account}
		for _, role := range p.d.Roles {
			callers = append(callers, role.AccessKeyID)
		}
		for region, names := range p.queues() {
			for _, name := range names {
				for action, in := range touches(name) {
					for _, caller := range callers {
						err := p.d.World.Do(sim.Insecurely(t.Context()), caller, region, "sqs", action, in, nil)
						if refusal, ok := errors.AsType[*sim.Error](err); !ok || refusal.Code != "AccessDeniedException" {
							t.Errorf("%s in %s: %s over HTTP got %v", name, region, action, err)
						}
						refused++
					}
				}
			}
		}
		fmt.Printf("plain HTTP: %d calls, all refused\n", refused)
		if want := 15 * 5 * len(callers); refused != want {
			t.Errorf("%d calls were tried, want %d: queues %v", refused, want, p.queues())
		}
	})
}

// Another account reaches neither queues nor bus nor roles.
func TestAnotherAccountIsRefused(t *testing.T) {
	inEveryReading(t, func(t *testing.T, p *player) {
		role, err := p.d.World.AddRole(outsider, "anything", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
		p.check(err)
		refused := 0
		attempt := func(region, service, action string, in any) {
			t.Helper()
			for _, caller := range []string{outsider, role} {
				code := p.attempt(caller, act{region: region, service: service, action: action, in: in})
				if !isRefusal(code) {
					t.Errorf("a stranger may %s %v: got %q", action, in, code)
				}
				refused++
			}
		}
		for region, names := range p.queues() {
			for _, name := range names {
				for action, in := range touches(name) {
					attempt(region, "sqs", action, in)
				}
			}
		}
		attempt(Home, "events", "PutEvents", map[string]any{"Entries": []map[string]any{{
			"EventBusName": "arn:aws:events:us-east-1:222222222222:event-bus/snapferry", "Source": "snapferry", "DetailType": "x", "Detail": "{}"}}})
		for _, r := range p.d.Roles {
			attempt(Home, "sts", "AssumeRole", form("RoleArn", r.ARN, "RoleSessionName", "mine"))
		}
		for _, key := range []string{vaultKey, brokenKey} {
			attempt(london, "kms", "DescribeKey", map[string]any{"KeyId": key})
		}
		fmt.Printf("strangers' calls: %d, all refused\n", refused)
	})
}

// No role is for another role of its account, and none for services that act for
// something else than what it was made for.
func TestRolesAreForTheirServicesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := prepared(t)
		byName := map[string]string{}
		for _, r := range p.d.Roles {
			byName[r.Name] = r.ARN
			for _, other := range append([]string{Account}, accessKeys(p.d)...) {
				if code := p.attempt(other, act{region: Home, service: "sts", action: "AssumeRole", in: form("RoleArn", r.ARN, "RoleSessionName", "mine")}); code != "AccessDenied" {
					t.Errorf("%s may be assumed: got %q", r.Name, code)
				}
			}
		}
		const events, schedules, lambda = "events.amazonaws.com", "scheduler.amazonaws.com", "lambda.amazonaws.com"
		rule := func(region, account, name string) string {
			return "arn:aws:events:" + region + ":" + account + ":rule/" + name
		}
		bus := "arn:aws:events:us-east-1:222222222222:event-bus/snapferry"
		group := func(account string) string {
			return "arn:aws:scheduler:us-east-1:" + account + ":schedule-group/default"
		}
		function := func(name string) string {
			return "arn:aws:lambda:us-east-1:222222222222:function:snapferry-" + name
		}
		for _, test := range []struct {
			name, role               string
			service, account, source string
			action, resource         string
			may                      bool
		}{
			{"its own rule", "snapferry-forwarder-sa-east-1-copy", events, Account, rule(saoPaulo, Account, "snapferry-copy-events"), "events:PutEvents", bus, true},
			{"another rule", "snapferry-forwarder-sa-east-1-copy", events, Account, rule(saoPaulo, Account, "mine"), "", "", false},
			{"the rule of its name in another Region", "snapferry-forwarder-sa-east-1-copy", events, Account, rule(london, Account, "snapferry-copy-events"), "", "", false},
			{"the rule of its name in another account", "snapferry-forwarder-sa-east-1-copy", events, outsider, rule(saoPaulo, outsider, "snapferry-copy-events"), "", "", false},
			{"another service", "snapferry-forwarder-sa-east-1-copy", lambda, Account, rule(saoPaulo, Account, "snapferry-copy-events"), "", "", false},
			{"its own rule, to another bus", "snapferry-forwarder-sa-east-1-copy", events, Account, rule(saoPaulo, Account, "snapferry-copy-events"), "events:PutEvents", strings.Replace(bus, "snapferry", "default", 1), false},
			{"its own rule, to a queue", "snapferry-forwarder-sa-east-1-copy", events, Account, rule(saoPaulo, Account, "snapferry-copy-events"), "sqs:SendMessage", queueARN(eventsQueue), false},
			{"reconcile's schedule", scheduler, schedules, Account, group(Account), "lambda:InvokeFunction", function("reconcile"), true},
			{"a schedule of copy", scheduler, schedules, Account, group(Account), "lambda:InvokeFunction", function("copy"), false},
			{"a schedule of another function", scheduler, schedules, Account, group(Account), "lambda:InvokeFunction", function("mine"), false},
			{"another account's schedule", scheduler, schedules, outsider, group(outsider), "", "", false},
			{"a rule", scheduler, events, Account, rule(Home, Account, "mine"), "", "", false},
			{"Lambda", copyRole, lambda, Account, function("copy"), "", "", true},
			{"a rule", copyRole, events, Account, rule(Home, Account, "mine"), "", "", false},
			{"a schedule", expire, schedules, Account, group(Account), "", "", false},
		} {
			err := p.d.World.Permit(sim.ServiceAct{Service: test.service, Account: test.account, Region: saoPaulo, SourceARN: test.source,
				RoleARN: byName[test.role], Action: test.action, Resource: test.resource})
			if refusal, _ := errors.AsType[*sim.Error](err); (err == nil) != test.may || err != nil && refusal.Code != "AccessDenied" {
				t.Errorf("%s for %s: got %v, want it allowed: %v", test.role, test.name, err, test.may)
			}
		}
	})
}

func accessKeys(d *Deployment) (keys []string) {
	for _, r := range d.Roles {
		keys = append(keys, r.AccessKeyID)
	}
	return keys
}

// EventBridge puts into the events queue what the two rules of the home bus send,
// and nothing for any other rule.
func TestOnlyTheRulesReachTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := prepared(t)
		time.Sleep(time.Minute)
		before := p.waiting(Home, eventsQueue)
		put := func(account, bus, name, target string) {
			pattern := map[string]any{"Name": name, "EventPattern": `{"source":["example.com"]}`, "EventBusName": bus}
			p.as(account, "events", "PutRule", pattern, nil)
			p.as(account, "events", "PutTargets", map[string]any{"Rule": name, "EventBusName": bus, "Targets": []any{map[string]any{"Id": "a", "Arn": target}}}, nil)
			p.as(account, "events", "PutEvents", map[string]any{"Entries": []any{map[string]any{"EventBusName": bus, "Source": "example.com", "DetailType": "x", "Detail": "{}"}}}, nil)
		}
		put(Account, busName, "mine", queueARN(eventsQueue))
		put(Account, "default", "mine", queueARN(eventsQueue))
		put(Account, "default", "snapferry-share-events-2", queueARN("snapferry-undelivered"))
		put(outsider, "default", "snapferry-share-events", "arn:aws:events:us-east-1:222222222222:event-bus/snapferry")
		lost := map[string]int{
			"arn:aws:events:us-east-1:222222222222:rule/snapferry/mine":           1,
			"arn:aws:events:us-east-1:222222222222:rule/mine":                     1,
			"arn:aws:events:us-east-1:222222222222:rule/snapferry-share-events-2": 1,
			"arn:aws:events:us-east-1:999999999999:rule/snapferry-share-events":   1,
		}
		got := p.d.World.Lost()
		// Each put fires the rules before it on the same bus once more.
		for rule := range lost {
			if got[rule] == 0 {
				t.Errorf("what %s sent was not lost: %v", rule, got)
			}
			delete(got, rule)
		}
		if len(got) > 0 {
			t.Errorf("these lost events too: %v", got)
		}
		if after := p.waiting(Home, eventsQueue); !slices.Equal(before, after) {
			t.Errorf("the events queue has %v, want %v as before", after, before)
		}
		// Another account's rule can't even name the queue.
		err := p.d.World.Do(t.Context(), outsider, Home, "events", "PutTargets", map[string]any{"Rule": "snapferry-share-events",
			"Targets": []any{map[string]any{"Id": "a", "Arn": queueARN(eventsQueue)}}}, nil)
		if refusal, ok := errors.AsType[*sim.Error](err); !ok || refusal.Code != "ValidationException" {
			t.Errorf("a stranger's rule for the queue: got %v", err)
		}
	})
}

// Anybody can share snapshots with the account. A share that no policy wants
// causes no copy: an invocation, a look at EC2 and an outcome, and nothing later.
// Shares that come together are looked at together.
func TestStrangersShareInVain(t *testing.T) {
	const shares = 200
	none := cost(t, 0, 0)
	apart := cost(t, shares, 30*time.Second)
	together := cost(t, shares, 0)
	for call := range apart {
		apart[call] -= none[call]
		together[call] -= none[call]
	}
	want := map[string]int{"invocations": shares, "ec2 DescribeSnapshots": shares, "events PutEvents": shares, "sqs ReceiveMessage": 0}
	if diff := gocmp.Diff(want, apart); diff != "" {
		t.Errorf("what %d shares cost, one by one (-want +got):\n%s", shares, diff)
	}
	// A batch has ten at most, and four are worked on at once.
	batches := shares / batchSize
	for call, n := range together {
		if n > batches {
			t.Errorf("%d shares at once: %s %d, want %d at most", shares, call, n, batches)
		}
	}
	fmt.Printf("%d shares of a stranger: %v one by one, %v at once\n", shares, apart, together)
}

// cost is what functions/copy did in a day, in which a stranger shares snapshots.
func cost(t *testing.T, shares int, apart time.Duration) (calls map[string]int) {
	t.Helper()
	calls = map[string]int{}
	synctest.Test(t, func(t *testing.T) {
		c := goldenOf(t, "proof")
		var mu sync.Mutex
		d, err := Deploy(t.Context(), Settings{Templates: c.templates(t, nil), PolicyFiles: c.policies,
			Simulation: sim.Options{NoThrottling: true, Log: func(call sim.Call, _ sim.Answer) {
				if strings.HasPrefix(call.UserAgent, agentPrefix+copying) {
					mu.Lock()
					defer mu.Unlock()
					calls[call.Service+" "+call.Action]++
				}
			}}})
		if err != nil {
			t.Fatal(err)
		}
		p := &player{T: t, d: d}
		began := time.Now()
		d.Start(t.Context())
		// Not at once with the schedules, whose wake-ups could come in one batch
		// with a share.
		time.Sleep(10 * time.Second)
		for n := range shares {
			id := fmt.Sprintf("snap-0eeeeeeeee%07x", n)
			p.check(d.World.AddSnapshot(sim.Seed{Region: Home, ID: id, Owner: outsider, Description: "production"}))
			p.share(outsider, id)
			time.Sleep(apart)
		}
		time.Sleep(time.Until(began.Add(24 * time.Hour)))
		d.Stop()
		if copies := p.copies(Home, frankfurt, london, dublin, saoPaulo); len(copies) > 0 {
			t.Errorf("copies were made: %v", copies)
		}
		invoked, _ := d.Invoked()
		calls["invocations"] = invoked[copying]
	})
	return calls
}

package reactor_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"snapferry/internal/event"
	"snapferry/internal/sim"
	"snapferry/internal/snapshot"
)

var quiet = sim.Options{NoThrottling: true}

// The main job: one share becomes one copy per rule, with what the rule says.
func TestShareBecomesCopies(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		id := l.shared(owner, "nightly production backup")
		ordered := time.Now()
		failures, summary := l.deliver()
		if len(failures) > 0 {
			t.Fatal(failures)
		}
		if diff := cmp.Diff(map[string]int{"ordered": 2, "started": 2}, summary.Counts); diff != "" {
			t.Errorf("steps: %s", diff)
		}
		time.Sleep(time.Hour)
		l.deliver()
		if diff := cmp.Diff(map[string]int{"Started": 2, "Completed": 2}, l.types()); diff != "" {
			t.Errorf("outcomes: %s", diff)
		}
		for _, o := range l.of("Completed") {
			// The share's event tells whole seconds.
			if d := o.Detail; d.CopySeconds < 1 || d.LagSeconds < d.CopySeconds || d.LagSeconds > d.CopySeconds+2 {
				t.Errorf("a copy that took %v seconds, and began at once, lagged by %v", d.CopySeconds, d.LagSeconds)
			}
		}
		for region, want := range map[string]struct {
			encrypted bool
			key       string
			expires   time.Time
		}{
			saoPaulo: {false, "", ordered.AddDate(0, 0, 3)},
			london:   {true, londonKey, ordered.AddDate(0, 1, 0)},
		} {
			copies := l.own(region)
			if len(copies) != 1 {
				t.Fatalf("%s has %d copies, want 1", region, len(copies))
			}
			c := copies[0]
			if c.Status != "completed" || c.Encrypted != want.encrypted || c.Key != want.key {
				t.Errorf("%s: the copy is %s, encrypted %v, key %q; want completed, %v, %q", region, c.Status, c.Encrypted, c.Key, want.encrypted, want.key)
			}
			for _, part := range []string{id, virginia, owner, "nightly production backup"} {
				if !strings.Contains(c.Description, part) {
					t.Errorf("%s: description %q does not say %q", region, c.Description, part)
				}
			}
			for key, want := range map[string]string{
				snapshot.TagOrder:         "policy1/" + id,
				snapshot.TagSource:        "us-east-1/" + id,
				snapshot.TagSourceAccount: owner,
				snapshot.TagExpires:       want.expires.UTC().Format(time.RFC3339),
			} {
				if got := c.tag(key); got != want {
					t.Errorf("%s: tag %s is %q, want %q", region, key, got, want)
				}
			}
		}
	})
}

func TestTheSameShareAgainMakesNoSecondCopy(t *testing.T) {
	for name, pause := range map[string]time.Duration{
		"at once":                       0,
		"while the copy is pending":     time.Second,
		"after the copy":                time.Minute,
		"after SQS has forgotten it":    6 * time.Minute,
		"after EC2's listing caught up": time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, quiet, func(l *lab) {
				l.shared(owner, "production")
				l.settled()
				share := l.heard.all()[0]
				l.handle(share, share) // twice in one batch, too
				time.Sleep(pause)
				l.handle(share)
				l.run(time.Hour)
				l.handle(share)
				for _, region := range []string{london, saoPaulo} {
					if got := len(l.own(region)); got != 1 {
						t.Errorf("%s has %d copies, want 1", region, got)
					}
				}
			})
		})
	}
}

// What is not copied has an outcome that says why.
func TestSkipped(t *testing.T) {
	for name, test := range map[string]struct {
		account, description, reason string
	}{
		"another description": {owner, "test", "description"},
		"a part is no match":  {owner, "Production", "description"},
		"a stranger":          {stranger, "production", "no policy lists account 999999999999"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, quiet, func(l *lab) {
				l.shared(test.account, test.description)
				l.deliver()
				l.run(time.Hour)
				if got := len(l.own(london)) + len(l.own(saoPaulo)); got > 0 {
					t.Errorf("%d copies were made", got)
				}
				skipped := l.of("Skipped")
				if len(skipped) != 1 || !strings.Contains(skipped[0].Detail.Reason, test.reason) {
					t.Errorf("outcomes %+v, want one skip because of %q", l.outcomes, test.reason)
				}
			})
		})
	}
}

// The event claims an owner on the list; EC2 knows better.
func TestTheEventIsNotBelieved(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		l.shared(stranger, "production")
		l.settled()
		l.handle([]byte(strings.ReplaceAll(string(l.heard.all()[0]), stranger, owner)))
		l.run(time.Hour)
		if got := len(l.own(london)) + len(l.own(saoPaulo)); got > 0 {
			t.Errorf("%d copies were made of a stranger's snapshot", got)
		}
	})
}

func TestAPendingSourceIsCopiedOnceItCompletes(t *testing.T) {
	bubble(t, sim.Options{NoThrottling: true, CreateTime: func(int) time.Duration { return 40 * time.Minute }}, func(l *lab) {
		id := l.snapshot(owner, "production")
		l.share(owner, id)
		_, summary := l.deliver()
		if diff := cmp.Diff(map[string]int{"ordered": 2, "waiting": 2}, summary.Counts); diff != "" {
			t.Errorf("steps: %s", diff)
		}
		l.run(30 * time.Minute)
		if got := len(l.own(london)) + len(l.own(saoPaulo)); got > 0 {
			t.Errorf("%d copies of a pending source", got)
		}
		l.run(time.Hour)
		for _, region := range []string{london, saoPaulo} {
			if got := l.own(region); len(got) != 1 || got[0].Status != "completed" {
				t.Errorf("%s: %+v, want one completed copy", region, got)
			}
		}
		if got := l.types()["Failed"]; got > 0 {
			t.Errorf("%d failures: %+v", got, l.of("Failed"))
		}
	})
}

func TestOneBadRecordFailsAlone(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		l.shared(owner, "production")
		l.settled()
		failures, summary := l.handle([]byte("}{"), l.heard.all()[0], []byte(`{"source":"aws.s3","detail-type":"x"}`))
		if len(failures) != 1 || failures[0].ID != "0" {
			t.Errorf("failures %v, want only record 0", failures)
		}
		if diff := cmp.Diff(map[string]int{"failed": 1, "ordered": 2, "started": 2, "ignored": 1}, summary.Counts); diff != "" {
			t.Errorf("steps: %s", diff)
		}
		told := l.of("Failed")
		if len(told) != 1 || told[0].Detail.Cause == "" || told[0].Detail.Fix == "" {
			t.Errorf("outcomes %+v, want one failure with cause and fix", told)
		}
	})
}

// A snapshot that EC2 does not show (yet) is looked for again, and then skipped.
func TestAShareThatIsNotVisible(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		id := l.shared(owner, "production")
		l.do(owner, virginia, "ec2", "DeleteSnapshot", form("SnapshotId", id), nil)
		failures, _ := l.deliver()
		if len(failures) != 1 {
			t.Errorf("failures %v, want the record to be delivered again", failures)
		}
		l.shared(owner, "other")
		l.heard.take()
		l.run(time.Minute)
		if got := l.types()["Skipped"]; got > 0 {
			t.Errorf("skipped at once")
		}
	})
}

func TestAKeyThatIsNotAccessibleIsReportedAndRetried(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		var key struct{ KeyMetadata struct{ Arn string } }
		l.do(owner, virginia, "kms", "CreateKey", nil, &key)
		l.shared(owner, "production", "Encrypted", "true", "KmsKeyId", key.KeyMetadata.Arn)
		l.deliver()
		time.Sleep(time.Minute)
		l.deliver()
		if diff := cmp.Diff(map[string]int{"Started": 2, "Failed": 2}, l.types()); diff != "" {
			t.Fatalf("outcomes: %s", diff)
		}
		for _, o := range l.of("Failed") {
			if o.Detail.Cause != "Given key ID is not accessible" || !strings.Contains(o.Detail.Fix, "kms:CreateGrant") {
				t.Errorf("cause %q, fix %q", o.Detail.Cause, o.Detail.Fix)
			}
		}
		// Its owner lets us use it: reconcile copies again, after a while.
		l.do(owner, virginia, "kms", "PutKeyPolicy", map[string]any{"KeyId": key.KeyMetadata.Arn, "PolicyName": "default",
			"Policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111111111111:root","arn:aws:iam::222222222222:root"]},"Action":"kms:*","Resource":"*"}]}`}, nil)
		if got := l.reconcile(false).Counts; got["waiting"] != 2 || got["ordered"] > 0 {
			t.Errorf("right after the failure reconcile did %v, want it to wait for both", got)
		}
		l.run(time.Hour)
		for _, region := range []string{london, saoPaulo} {
			healthy := 0
			for _, c := range l.own(region) {
				if c.Status == "completed" {
					healthy++
					if !c.Encrypted {
						t.Errorf("%s: a copy of an encrypted source is not encrypted", region)
					}
				}
			}
			if healthy != 1 {
				t.Errorf("%s has %d completed copies, want 1: %+v", region, healthy, l.own(region))
			}
		}
		// The rule for São Paulo asks for no encryption; that the copy has it is said.
		for _, o := range l.of("Completed") {
			if o.Detail.TargetRegion == saoPaulo && !strings.Contains(o.Detail.Reason, "although the rule does not ask for it") {
				t.Errorf("reason %q", o.Detail.Reason)
			}
		}
	})
}

func TestADisabledTargetKeyIsDeniedAndRetriedSlowly(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		l.do(target, london, "kms", "DisableKey", map[string]any{"KeyId": londonKey}, nil)
		l.shared(owner, "production")
		l.run(20 * time.Minute)
		if got := len(l.own(london)); got != 0 {
			t.Errorf("%d copies under a disabled key", got)
		}
		if got := len(l.own(saoPaulo)); got != 1 {
			t.Errorf("the other Region has %d copies, want 1", got)
		}
		failed := l.of("Failed")
		if len(failed) != 1 || !strings.Contains(failed[0].Detail.Cause, "disabled") || !strings.Contains(failed[0].Detail.Fix, "enable") {
			t.Fatalf("failures %+v, want one with cause and fix", failed)
		}
		l.do(target, london, "kms", "EnableKey", map[string]any{"KeyId": londonKey}, nil)
		l.run(2 * time.Hour)
		if got := l.own(london); len(got) != 1 || got[0].Key != londonKey {
			t.Errorf("copies after the key was enabled: %+v", got)
		}
	})
}

// A rule without a key means the Region's default key, also where EC2 by itself
// would take another one.
func TestTheDefaultKey(t *testing.T) {
	const keyless = `{"PolicyType":"EVENT_BASED_POLICY","EventSource":{"Type":"MANAGED_CWE","Parameters":{"EventType":"shareSnapshot","SnapshotOwner":["111111111111"],"DescriptionRegex":".*"}},
		"Actions":[{"Name":"a","CrossRegionCopy":[{"Target":"eu-west-2","EncryptionConfiguration":{"Encrypted":true}}]}]}`
	for name, encrypted := range map[string]bool{"unencrypted source": false, "encrypted source": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, quiet, func(l *lab) {
				l.do(target, london, "ec2", "ModifyEbsDefaultKmsKeyId", form("KmsKeyId", londonKey), nil)
				var volume []string
				if encrypted {
					var key struct{ KeyMetadata struct{ Arn string } }
					l.do(owner, virginia, "kms", "CreateKey", map[string]any{
						"Policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["111111111111","222222222222"]},"Action":"kms:*","Resource":"*"}]}`}, &key)
					volume = []string{"Encrypted", "true", "KmsKeyId", key.KeyMetadata.Arn}
				}
				l.shared(owner, "x", volume...)
				l.run(time.Hour)
				if got := l.own(london); len(got) != 1 || got[0].Key != londonKey {
					t.Errorf("copies %+v, want one under %s", got, londonKey)
				}
				if got := l.own(london)[0].tag(snapshot.TagExpires); got != "never" {
					t.Errorf("without a RetainRule the copy expires %q, want never", got)
				}
			}, keyless)
		})
	}
}

// More shares than slots: never more than EC2 allows at a time, none refused,
// and all copied.
func TestSlots(t *testing.T) {
	const sources = 70
	tooMany := 0
	o := quiet
	o.CopyTime = func(int) time.Duration { return 7 * time.Minute }
	o.Log = func(c sim.Call, a sim.Answer) {
		if a.Code == "ResourceLimitExceeded" {
			tooMany++
		}
	}
	bubble(t, o, func(l *lab) {
		for range sources {
			l.share(owner, func() string { id := l.snapshot(owner, "production"); time.Sleep(10 * time.Second); return id }())
		}
		for range 12 {
			l.run(5 * time.Minute)
			pending := 0
			for _, c := range l.own(london) {
				if c.Status == "pending" {
					pending++
				}
			}
			if pending > 20 {
				t.Errorf("%d copies pending at a time", pending)
			}
		}
		for _, region := range []string{london, saoPaulo} {
			completed := map[string]bool{}
			for _, c := range l.own(region) {
				if c.Status == "completed" {
					completed[c.tag(snapshot.TagOrder)] = true
				}
			}
			if len(completed) != sources || len(l.own(region)) != sources {
				t.Errorf("%s has %d copies of %d orders, want %d", region, len(l.own(region)), len(completed), sources)
			}
		}
		if tooMany > 0 {
			t.Errorf("%d copies were refused for want of a slot", tooMany)
		}
	})
}

// Slots that others use: the quota error is the last word, and nothing is lost.
func TestNoFreeSlotAfterAll(t *testing.T) {
	o := quiet
	o.CopyQuota = 1
	bubble(t, o, func(l *lab) {
		for range 5 {
			l.shared(owner, "production")
		}
		failures, _ := l.deliver()
		if len(failures) > 0 {
			t.Errorf("waiting for a slot failed the records: %v", failures)
		}
		l.run(3 * time.Hour)
		if got := len(l.own(london)); got != 5 {
			t.Errorf("%d copies, want 5", got)
		}
		if failed := l.of("Failed"); len(failed) > 0 {
			t.Errorf("waiting was told as a failure: %+v", failed)
		}
	})
}

// A failing CopySnapshot, with and without effect, ends in exactly one copy.
func TestAnAmbiguousFailureMakesNoSecondCopy(t *testing.T) {
	for name, done := range map[string]bool{"nothing was done": false, "the copy was made": true} {
		t.Run(name, func(t *testing.T) {
			faults := 0
			o := quiet
			o.ListingLag = 5 * time.Second
			o.Fault = func(c sim.Call) sim.Fault {
				if c.Action == "CopySnapshot" && faults < 4 {
					faults++
					return sim.Fault{Done: done, Status: 500, Code: "InternalError", Message: "An internal error has occurred"}
				}
				return sim.Fault{}
			}
			bubble(t, o, func(l *lab) {
				l.shared(owner, "production")
				l.run(2 * time.Hour)
				for _, region := range []string{london, saoPaulo} {
					if got := len(l.own(region)); got != 1 {
						t.Errorf("%s has %d copies, want 1", region, got)
					}
				}
			})
		})
	}
}

// Orders that are not orders: left for the dead-letter queue, and in nobody's way.
func TestAnOrderThatCantBeRead(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		for i, body := range []string{"?", "{}", `{"policy":"p","source":{"region":"us-east-1","id":"snap-01234567"},"target":"sa-east-1","lineage":"vol-1"}`} {
			l.do(target, virginia, "sqs", "SendMessage", map[string]any{"QueueUrl": "http://sim/222222222222/orders-eu-west-2.fifo",
				"MessageBody": body, "MessageGroupId": string(rune('a' + i)), "MessageDeduplicationId": string(rune('a' + i))}, nil)
		}
		l.shared(owner, "production")
		_, summary := l.deliver()
		if summary.Counts["failed"] != 3 || summary.Counts["started"] != 2 {
			t.Errorf("steps %v, want 3 failed and 2 started", summary.Counts)
		}
	})
}

// Results of copies that are not ours free a slot and nothing else.
func TestOtherPeoplesCopies(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		id := l.shared(owner, "not for us")
		l.deliver()
		l.outcomes = nil
		l.do(target, london, "ec2", "CopySnapshot", form("SourceRegion", virginia, "SourceSnapshotId", id), nil)
		time.Sleep(time.Hour)
		failures, summary := l.deliver()
		if len(failures) > 0 || summary.Counts["ignored"] != 1 || len(l.outcomes) > 0 {
			t.Errorf("failures %v, steps %v, outcomes %+v", failures, summary.Counts, l.outcomes)
		}
	})
}

// A function that is about to be stopped takes no orders.
func TestOutOfTime(t *testing.T) {
	o, slow := quiet, time.Duration(0)
	o.Fault = func(c sim.Call) sim.Fault {
		if c.Service == "ec2" && c.Account == target {
			time.Sleep(slow)
		}
		return sim.Fault{}
	}
	bubble(t, o, func(l *lab) {
		l.shared(owner, "production")
		ctx, stop := context.WithTimeout(l.ctx, time.Minute)
		defer stop()
		full := l.ctx
		l.ctx, slow = ctx, 26*time.Second // looks twice, and 8 seconds are left
		_, summary := l.deliver()
		l.ctx, slow = full, 0
		if diff := cmp.Diff(map[string]int{"ordered": 2}, summary.Counts); diff != "" {
			t.Errorf("with 8 seconds left: %s", diff)
		}
		if got := l.wake(london).Counts["started"]; got != 1 {
			t.Errorf("the next wake-up started %d copies, want 1", got)
		}
	})
}

func TestReconcileFindsWhatEventsMissed(t *testing.T) {
	bubble(t, sim.Options{NoThrottling: true, Notify: func([]byte) int { return 0 }}, func(l *lab) {
		l.shared(owner, "production one")
		l.shared(owner, "production two")
		l.shared(owner, "test")
		l.shared(stranger, "production three")
		dry := l.reconcile(true)
		if diff := cmp.Diff(map[string]int{"ordered": 4}, dry.Counts); diff != "" || !dry.DryRun {
			t.Errorf("dry run: %v %s", dry.DryRun, diff)
		}
		if got := l.received(); len(got) > 0 || len(l.own(london)) > 0 {
			t.Errorf("a dry run sent %d wake-ups", len(got))
		}
		l.run(time.Hour)
		for _, region := range []string{london, saoPaulo} {
			if got := len(l.own(region)); got != 2 {
				t.Errorf("%s has %d copies, want 2", region, got)
			}
		}
		if got := l.reconcile(false).Counts; got["ordered"] > 0 {
			t.Errorf("reconcile orders again what is there: %v", got)
		}
	})
}

func TestWakeUpComesFromReconcile(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		l.reconcile(false)
		var regions []string
		for _, body := range l.received() {
			decoded, err := event.Decode([]byte(body))
			if err != nil {
				t.Fatal(err)
			}
			regions = append(regions, decoded.(event.WakeUp).Region)
		}
		if diff := cmp.Diff([]string{london, saoPaulo}, regions); diff != "" {
			t.Error(diff)
		}
	})
}

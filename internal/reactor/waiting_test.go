package reactor_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"snapferry/internal/sim"
	"snapferry/internal/snapshot"
)

// A second snapshot of a volume waits for the copy of the first, and takes no
// slot meanwhile.
func TestALineageIsCopiedOneAtATime(t *testing.T) {
	o := quiet
	o.CopyTime = func(int) time.Duration { return time.Hour }
	bubble(t, o, func(l *lab) {
		var v struct {
			ID string `xml:"volumeId"`
		}
		l.do(owner, virginia, "ec2", "CreateVolume", form("Size", "1", "AvailabilityZone", "us-east-1a"), &v)
		for range 3 {
			id := l.snapshotOf(owner, v.ID, "production")
			time.Sleep(time.Minute)
			l.share(owner, id)
		}
		l.shared(owner, "production of another volume")
		for range 40 {
			l.run(10 * time.Minute)
			pending := map[string]int{}
			for _, c := range l.own(london) {
				if c.Status == "pending" {
					pending[c.tag(snapshot.TagSourceVolume)]++
				}
			}
			if pending[v.ID] > 1 {
				t.Fatalf("%d copies of one volume are pending", pending[v.ID])
			}
		}
		completed := 0
		for _, c := range l.own(london) {
			if c.Status == "completed" {
				completed++
			}
		}
		if completed != 4 {
			t.Errorf("%d copies completed, want 4", completed)
		}
	})
}

// A denied order is told once per cause, tried every hour, and after a day ends
// where people look.
func TestDenied(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		l.do(target, london, "kms", "DisableKey", map[string]any{"KeyId": londonKey}, nil)
		id := l.shared(owner, "production")
		attempts := func() (n int) {
			for call, count := range l.world.Counts() {
				if call.Action == "CopySnapshot" && call.Region == london {
					n += count
				}
			}
			return n
		}
		l.run(10 * time.Hour)
		if got := len(l.of("Failed")); got != 1 {
			t.Errorf("told %d times in 10 hours, want once: %+v", got, l.of("Failed"))
		}
		if got := attempts(); got < 7 || got > 12 {
			t.Errorf("%d attempts in 10 hours, want about one an hour", got)
		}
		l.do(target, london, "kms", "ScheduleKeyDeletion", map[string]any{"KeyId": londonKey, "PendingWindowInDays": 7}, nil)
		l.run(16 * time.Hour)
		var got struct {
			Messages []struct{ Body string }
		}
		l.do(target, virginia, "sqs", "ReceiveMessage", map[string]any{"QueueUrl": "http://sim/222222222222/orders-dlq.fifo", "MaxNumberOfMessages": 10}, &got)
		if len(got.Messages) != 1 || !strings.Contains(got.Messages[0].Body, id) || !strings.Contains(got.Messages[0].Body, "keyId") {
			t.Errorf("dead letters %+v, want the order of %s with its cause", got.Messages, id)
		}
		if !slices.ContainsFunc(l.of("Failed"), func(o outcome) bool { return strings.Contains(o.Detail.Reason, "dead-letter queue") }) {
			t.Errorf("nobody was told where the order is: %+v", l.of("Failed"))
		}
		if len(l.own(saoPaulo)) != 1 {
			t.Error("the other Region was held up")
		}
	})
}

// A role that may copy by the source's owner is refused once the source is gone:
// nobody has to mend that.
func TestDeniedBecauseTheSourceIsGone(t *testing.T) {
	o, gone := quiet, false
	o.Fault = func(c sim.Call) sim.Fault {
		switch {
		case c.Action != "CopySnapshot" || c.Region != london:
			return sim.Fault{}
		case gone:
			return sim.Fault{Status: 403, Code: "UnauthorizedOperation", Message: "You are not authorized to perform this operation."}
		}
		return sim.Fault{Status: 400, Code: "ResourceLimitExceeded", Message: "Too many snapshot copies in progress."}
	}
	bubble(t, o, func(l *lab) {
		id := l.shared(owner, "production")
		l.run(10 * time.Minute)
		gone = true
		l.do(owner, virginia, "ec2", "DeleteSnapshot", form("SnapshotId", id), nil)
		l.run(time.Hour)
		if failed := l.of("Failed"); len(failed) > 0 {
			t.Errorf("people are told to mend it: %+v", failed)
		}
		skipped := l.of("Skipped")
		if len(skipped) != 1 || !strings.Contains(skipped[0].Detail.Reason, "gone") || skipped[0].Detail.TargetRegion != london {
			t.Errorf("skipped %+v, want the order for %s, whose source is gone", skipped, london)
		}
	})
}

// Orders that wait in the queue are not lost ones: reconcile leaves them alone.
// Once the queue was purged, it orders them anew.
func TestBacklog(t *testing.T) {
	o := quiet
	o.CopyTime = func(int) time.Duration { return 48 * time.Hour }
	bubble(t, o, func(l *lab) {
		for range 30 {
			l.shared(owner, "production")
		}
		l.run(30 * time.Minute)
		if got := len(l.own(london)); got != 20 {
			t.Fatalf("%d copies pending, want 20", got)
		}
		got := l.reconcile(false)
		if got.Counts["ordered"] > 0 {
			t.Errorf("reconcile ordered %d copies that wait already", got.Counts["ordered"])
		}
		l.do(target, virginia, "sqs", "PurgeQueue", map[string]any{"QueueUrl": "http://sim/222222222222/orders-eu-west-2.fifo"}, nil)
		time.Sleep(6 * time.Minute)
		if got := l.reconcile(false).Counts["ordered"]; got != 10 {
			t.Errorf("after the purge reconcile ordered %d, want 10", got)
		}
		l.run(100 * time.Hour)
		if got := len(l.own(london)); got != 30 {
			t.Errorf("%d copies in the end, want 30", got)
		}
	})
}

// Results whose events were lost are told all the same, and once.
func TestResultsWhoseEventWasLost(t *testing.T) {
	o := quiet
	o.Notify = func(event []byte) int {
		if strings.Contains(string(event), `"copySnapshot"`) {
			return 0
		}
		return 1
	}
	bubble(t, o, func(l *lab) {
		l.shared(owner, "production")
		var key struct{ KeyMetadata struct{ Arn string } }
		l.do(owner, virginia, "kms", "CreateKey", nil, &key)
		l.shared(owner, "production out of reach", "Encrypted", "true", "KmsKeyId", key.KeyMetadata.Arn)
		l.deliver()
		l.run(3 * time.Hour)
		if got := l.types()["Completed"]; got != 2 {
			t.Errorf("%d completions were told, want 2", got)
		}
		failed := 0
		for _, region := range []string{london, saoPaulo} {
			for _, c := range l.own(region) {
				if c.Status == "error" {
					failed++
				}
			}
		}
		if got := l.types()["Failed"]; got == 0 || got > failed {
			t.Errorf("%d failures were told of %d failed copies", got, failed)
		}
		l.outcomes = nil
		l.do(owner, virginia, "kms", "DisableKey", map[string]any{"KeyId": key.KeyMetadata.Arn}, nil)
		l.run(10 * time.Minute)
		if got := l.types()["Completed"]; got > 0 {
			t.Errorf("%d completions were told again", got)
		}
	})
}

// A source that goes while its order waits costs a failed copy, and is told as
// what it is.
func TestASourceThatGoesWhileItsOrderWaits(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		id := l.shared(owner, "production")
		l.settled()
		heard := l.heard.take()
		l.copier.Slots = 0
		l.handle(heard...)
		l.copier.Slots = 20
		l.do(owner, virginia, "ec2", "ModifySnapshotAttribute",
			form("SnapshotId", id, "Attribute", "createVolumePermission", "OperationType", "remove", "UserId.1", target), nil)
		l.run(time.Hour)
		if got := l.types(); got["Failed"] > 0 || got["Completed"] > 0 || got["Skipped"] != 2 {
			t.Errorf("outcomes %v, want two skips: the source is gone", got)
		}
		for _, o := range l.of("Skipped") {
			if !strings.Contains(o.Detail.Reason, "source was deleted, or was shared no more") {
				t.Errorf("reason %q", o.Detail.Reason)
			}
		}
	})
}

// Shared, unshared and shared again within SQS's five minutes: it is ordered
// again, whatever became of the first order.
func TestSharedAgainAtOnce(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		id := l.shared(owner, "production")
		unshare := form("SnapshotId", id, "Attribute", "createVolumePermission", "OperationType", "remove", "UserId.1", target)
		l.settled()
		first := l.heard.all()[0]
		l.heard.take()
		l.do(owner, virginia, "ec2", "ModifySnapshotAttribute", unshare, nil)
		l.copier.Slots = 0 // the order waits
		for range 3 {
			l.copier.Handle(l.ctx, l.journal(false), nil)
		}
		l.copier.Slots = 20
		l.handle(first) // EC2 does not show the source: nothing is ordered
		time.Sleep(time.Minute)
		l.share(owner, id)
		l.deliver()
		time.Sleep(time.Hour)
		l.deliver()
		if got := l.types()["Completed"]; got != 2 {
			t.Errorf("%d completed copies, want 2: %+v", got, l.outcomes)
		}
	})
}

// A reconcile that runs out of time says where, and the next one goes on there.
func TestReconcileGoesOn(t *testing.T) {
	slow := time.Duration(0)
	o := sim.Options{NoThrottling: true}
	o.Fault = func(c sim.Call) sim.Fault {
		if c.Account == target && c.Action == "DescribeSnapshots" && c.Region == virginia {
			time.Sleep(slow)
		}
		return sim.Fault{}
	}
	bubble(t, o, func(l *lab) {
		const sources = 2500
		for i := range sources {
			if err := l.world.AddSnapshot(sim.Seed{Region: virginia, ID: snapID(i), Owner: owner, Description: "production", SharedWith: []string{target}}); err != nil {
				t.Fatal(err)
			}
		}
		slow = 26 * time.Second // per page of 1,000; there are three
		ordered, full := 0, l.ctx
		var incomplete []string
		for range 3 {
			ctx, stop := context.WithTimeout(full, time.Minute)
			l.ctx = ctx
			got := l.reconcile(false)
			stop()
			ordered += got.Seen["sources"]
			incomplete = append(incomplete, got.Incomplete)
		}
		l.ctx = full
		if ordered < sources {
			t.Errorf("three runs saw %d of %d sources", ordered, sources)
		}
		if diff := cmp.Diff(virginia, incomplete[0]); diff != "" {
			t.Errorf("the first run does not say that it is incomplete: %s", diff)
		}
	})
}

func snapID(i int) string {
	const digits = "0123456789abcdef"
	id := []byte("snap-00000000000000000")
	for n := len(id) - 1; i > 0; n, i = n-1, i/16 {
		id[n] = digits[i%16]
	}
	id[5] = '1'
	return string(id)
}

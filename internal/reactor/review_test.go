package reactor_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"snapferry/internal/reactor"
	"snapferry/internal/sim"
	"snapferry/internal/snapshot"
)

// twice lists every copy twice, as a listing may whose pages shift.
type twice struct{ reactor.Expiring }

func (t twice) Marked(ctx context.Context, region string) iter.Seq2[snapshot.Snapshot, error] {
	return func(yield func(snapshot.Snapshot, error) bool) {
		for range 2 {
			for s, err := range t.Expiring.Marked(ctx, region) {
				if !yield(s, err) {
					return
				}
			}
		}
	}
}

func TestExpireIsNotMisledByAListing(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		l.copies(2, london)
		l.expirer.Copies = twice{l.expirer.Copies}
		if got := l.expire(false).Counts["deleted"]; got > 0 {
			t.Errorf("deleted %d copies that have not expired", got)
		}
		if got := len(l.own(london)); got != 2 {
			t.Errorf("%d copies are left, want 2", got)
		}
	})
}

// A hold that is set while the run goes on counts.
func TestAHoldWhileExpireRuns(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		ids := l.copies(1, saoPaulo)
		time.Sleep(4 * 24 * time.Hour)
		l.expirer.Copies = holdAfterListing{l.expirer.Copies, func() { l.tag(saoPaulo, ids[0], snapshot.TagHold, "wait") }}
		if got := l.expire(false).Counts["deleted"]; got > 0 {
			t.Errorf("deleted %d copies, one of them held since the listing", got)
		}
	})
}

type holdAfterListing struct {
	reactor.Expiring
	hold func()
}

func (h holdAfterListing) Marked(ctx context.Context, region string) iter.Seq2[snapshot.Snapshot, error] {
	return func(yield func(snapshot.Snapshot, error) bool) {
		for s, err := range h.Expiring.Marked(ctx, region) {
			if !yield(s, err) {
				return
			}
		}
		if region == saoPaulo {
			h.hold()
		}
	}
}

// Nothing is deleted that nobody can be told of.
func TestExpireTellsFirst(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		l.copies(3, saoPaulo)
		time.Sleep(4 * 24 * time.Hour)
		l.expirer.Outcomes = mute{}
		if err := l.expirer.Expire(l.ctx, l.journal(false)); err == nil {
			t.Error("no error, although nobody could be told")
		}
		if got := len(l.own(saoPaulo)); got != 3 {
			t.Errorf("%d copies are left, want all 3", got)
		}
	})
}

type mute struct{}

func (mute) Publish(context.Context, []reactor.Outcome) error { return errors.New("no bus") }

// One source Region that can't be looked into is not in the way of the others.
func TestASourceRegionThatCantBeLookedInto(t *testing.T) {
	const milan = "eu-south-1"
	denied := false
	o := sim.Options{NoThrottling: true, CreateTime: func(int) time.Duration { return 3 * time.Hour }}
	o.Fault = func(c sim.Call) sim.Fault {
		if denied && c.Account == target && c.Region == milan {
			return sim.Fault{Status: 403, Code: "UnauthorizedOperation", Message: "denied by a service control policy"}
		}
		return sim.Fault{}
	}
	bubble(t, o, func(l *lab) {
		for i := range 5 {
			for n, region := range []string{milan, virginia} {
				id := snapID(100 + 10*i + n)
				if err := l.world.AddSnapshot(sim.Seed{Region: region, ID: id, Owner: owner, Description: "production", SharedWith: []string{target}}); err != nil {
					t.Fatal(err)
				}
				share := strings.NewReplacer("REGION", region, "ID", id).Replace(`{"source":"aws.ec2","detail-type":"EBS Snapshot Notification","detail":{"event":"shareSnapshot","result":"succeeded","snapshot_id":"arn:aws:ec2::REGION:snapshot/ID","source":"111111111111"}}`)
				l.heard.add([]byte(share))
			}
		}
		l.deliver()
		denied = true
		l.run(time.Hour)
		fromVirginia := 0
		for _, c := range l.own(london) {
			if strings.HasPrefix(c.tag(snapshot.TagSource), virginia) && c.Status == "completed" {
				fromVirginia++
			}
		}
		if fromVirginia != 5 {
			t.Errorf("%d copies from the healthy Region, want 5", fromVirginia)
		}
	})
}

// Doubles of an order, and listings that lag: still one copy.
func TestDoublesWhileListingsLag(t *testing.T) {
	o := quiet
	o.ListingLag = 10 * time.Second
	bubble(t, o, func(l *lab) {
		l.shared(owner, "production")
		l.settled()
		share := string(l.heard.all()[0])
		l.heard.take()
		// The same share under other times: SQS takes them for other orders.
		var doubles [][]byte
		for _, second := range []string{"11", "12", "13", "14"} {
			doubles = append(doubles, []byte(strings.ReplaceAll(share, `"endTime":"`, `"endTime":"2026-01-01T00:00:`+second+`Z","ignored":"`)))
		}
		time.Sleep(20 * time.Second) // until EC2 shows the source
		for _, double := range doubles {
			l.handle(double)
		}
		l.run(time.Hour)
		for _, region := range []string{london, saoPaulo} {
			if got := len(l.own(region)); got != 1 {
				t.Errorf("%s has %d copies, want 1", region, got)
			}
		}
	})
}

// A result from a Region that no policy names is ignored: nothing is looked for
// there, where the role may not look.
func TestAResultFromElsewhere(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		failures, summary := l.handle([]byte(`{"source":"aws.ec2","detail-type":"EBS Snapshot Notification","detail":{"event":"copySnapshot","result":"succeeded","snapshot_id":"arn:aws:ec2::eu-north-1:snapshot/snap-0123456789abcdef0"}}`),
			[]byte(`{"source":"snapferry","detail-type":"Wake-Up","detail":{"region":"us-nowhere-1"}}`))
		if len(failures) > 0 || summary.Counts["ignored"] == 0 {
			t.Errorf("failures %v, steps %+v", failures, summary.Steps)
		}
		for call := range l.world.Counts() {
			if call.Region == "eu-north-1" {
				t.Errorf("%s was called there", call.Action)
			}
		}
	})
}

// An old snapshot that is shared late gets more than one try.
func TestAnOldSourceIsTriedAgain(t *testing.T) {
	o := quiet
	o.ShareLag = 90 * time.Second
	bubble(t, o, func(l *lab) {
		id := l.snapshot(owner, "production")
		time.Sleep(8 * 24 * time.Hour)
		l.share(owner, id)
		l.deliver()
		l.run(3 * time.Hour)
		for _, region := range []string{london, saoPaulo} {
			completed := 0
			for _, c := range l.own(region) {
				if c.Status == "completed" {
					completed++
				}
			}
			if completed != 1 {
				t.Errorf("%s has %d completed copies, want 1", region, completed)
			}
		}
	})
}

// A failure of EC2's that does not pass is told in the end, once, and after a day
// more the order waits where people look.
func TestEC2KeepsFailing(t *testing.T) {
	o := quiet
	o.Fault = func(c sim.Call) sim.Fault {
		if c.Action == "CopySnapshot" && c.Region == london {
			return sim.Fault{Status: 500, Code: "InternalError", Message: "An internal error has occurred"}
		}
		return sim.Fault{}
	}
	bubble(t, o, func(l *lab) {
		id := l.shared(owner, "production")
		l.run(24 * time.Hour)
		failed := l.of("Failed")
		if len(failed) != 1 || !strings.Contains(failed[0].Detail.Cause, "InternalError") {
			t.Errorf("after a day people were told %+v, want once", failed)
		}
		l.run(24 * time.Hour)
		var got struct {
			Messages []struct{ Body string }
		}
		l.do(target, virginia, "sqs", "ReceiveMessage", map[string]any{"QueueUrl": "http://sim/222222222222/orders-dlq.fifo", "MaxNumberOfMessages": 10}, &got)
		if len(got.Messages) != 1 || !strings.Contains(got.Messages[0].Body, id) || !strings.Contains(got.Messages[0].Body, "InternalError") {
			t.Errorf("dead letters %+v, want the order of %s with its cause", got.Messages, id)
		}
		if len(l.own(saoPaulo)) != 1 {
			t.Error("the other Region was held up")
		}
	})
}

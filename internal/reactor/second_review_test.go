package reactor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"snapferry/internal/plan"
	"snapferry/internal/reactor"
	"snapferry/internal/sim"
	"snapferry/internal/snapshot"
)

// refusing denies copies of some sources.
type refusing struct {
	reactor.Copies
	ids map[string]bool
}

func (r refusing) Copy(ctx context.Context, q plan.Request) (string, error) {
	if r.ids[q.Source.ID] {
		return "", fmt.Errorf("%w: InvalidParameterValue: keyId", reactor.ErrDenied)
	}
	return r.Copies.Copy(ctx, q)
}

// noBury is a queue whose dead-letter queue does not work.
type noBury struct{ reactor.Orders }

func (noBury) Bury(context.Context, reactor.Delivery) error {
	return fmt.Errorf("%w: the dead-letter queue is gone", reactor.ErrDenied)
}

// noLetters is what cloud.Orders does without ORDERS_DLQ_URL.
type noLetters struct{ reactor.Orders }

func (noLetters) Buries() bool { return false }

func (n noLetters) Bury(ctx context.Context, d reactor.Delivery) error {
	return n.Replace(ctx, d, d.Order)
}

// An order that can't be put into the dead-letter queue holds up no others.
func TestAnOrderThatCantBeBuriedIsInNobodysWay(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		bad := l.shared(owner, "production bad")
		l.copier.Copies = refusing{l.copier.Copies, map[string]bool{bad: true}}
		l.copier.Orders = noBury{l.copier.Orders}
		l.run(26 * time.Hour)
		for range 5 {
			l.shared(owner, "production good")
		}
		before := len(l.own(london))
		l.run(24 * time.Hour)
		t.Logf("before %d after %d; Failed told %d", before, len(l.own(london)), len(l.of("Failed")))
		if got := len(l.own(london)); got != 5 {
			t.Errorf("%d of 5 healthy snapshots copied to london in a day", got)
		}
	})
}

// A bus that takes no outcomes holds up no copies.
func TestABusThatTakesNothingHoldsUpNoCopies(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		bad := l.shared(owner, "production bad")
		l.copier.Copies = refusing{l.copier.Copies, map[string]bool{bad: true}}
		l.copier.Outcomes = mute{}
		l.run(time.Hour)
		for range 5 {
			l.shared(owner, "production good")
		}
		l.run(24 * time.Hour)
		if got := len(l.own(london)); got != 5 {
			t.Errorf("%d of 5 healthy snapshots copied to london in a day", got)
		}
	})
}

// A refused order that waits for ever hides no lost share.
func TestARefusedOrderHidesNoLostShare(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		bad := l.shared(owner, "production bad")
		l.copier.Copies = refusing{l.copier.Copies, map[string]bool{bad: true}}
		l.copier.Orders = noLetters{l.copier.Orders}
		l.run(8 * 24 * time.Hour)
		lost := l.shared(owner, "production lost")
		l.settled()
		l.heard.take() // Amazon loses the event
		l.run(7 * 24 * time.Hour)
		for _, region := range []string{london, saoPaulo} {
			if !slices.ContainsFunc(l.own(region), func(s seen) bool { return s.tag(snapshot.TagOrder) == "policy1/"+lost }) {
				t.Errorf("%s: the lost share was never found (%+v)", region, l.reconcile(true).Steps)
			}
		}
	})
}

// Without a dead-letter queue people are reminded once a day.
func TestWithoutADeadLetterQueue(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		bad := l.shared(owner, "production bad")
		l.copier.Copies = refusing{l.copier.Copies, map[string]bool{bad: true}}
		l.copier.Orders = noLetters{l.copier.Orders}
		l.run(48 * time.Hour)
		if got := l.of("Failed"); len(got) > 6 {
			t.Errorf("told %d times in two days for 2 orders; last: %s", len(got), got[len(got)-1].Detail.Reason)
		}
	})
}

// T4: a fresh look that lacks a copy must not delete it.
type blind struct {
	reactor.Expiring
	hold func()
}

func (b blind) Find(ctx context.Context, region string, ids []string) ([]snapshot.Snapshot, error) {
	if region == saoPaulo {
		b.hold()
		return nil, nil
	}
	return b.Expiring.Find(ctx, region, ids)
}

// A copy that the fresh look omits is left to the next run.
func TestExpireSparesWhatALookOmits(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		ids := l.copies(1, saoPaulo)
		time.Sleep(4 * 24 * time.Hour)
		l.expirer.Copies = blind{l.expirer.Copies, func() { l.tag(saoPaulo, ids[0], snapshot.TagHold, "wait") }}
		l.expire(false)
		if got := len(l.own(saoPaulo)); got != 1 {
			t.Errorf("a held copy was deleted: %d left", got)
		}
	})
}

// twins has a copy made in São Paulo, and an hour later another with the same
// mark; it returns their ids.
func (l *lab) twins() (elder, younger string) {
	l.t.Helper()
	elder = l.copies(1, saoPaulo)[0]
	time.Sleep(time.Hour)
	marked := l.own(saoPaulo)[0]
	var made struct {
		ID string `xml:"snapshotId"`
	}
	l.do(target, saoPaulo, "ec2", "CopySnapshot", form("SourceRegion", saoPaulo, "SourceSnapshotId", elder), &made)
	for _, tag := range marked.Tags {
		l.tag(saoPaulo, made.ID, tag.Key, tag.Value)
	}
	time.Sleep(time.Hour)
	return elder, made.ID
}

// A twin stays when its elder goes meanwhile.
func TestATwinStaysWhenItsElderGoes(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		elder, _ := l.twins()
		l.expirer.Copies = holdAfterListing{l.expirer.Copies, func() {
			l.do(target, saoPaulo, "ec2", "DeleteSnapshot", form("SnapshotId", elder), nil)
		}}
		l.expire(false)
		if got := len(l.own(saoPaulo)); got != 1 {
			t.Errorf("%d copies left, want the younger twin", got)
		}
	})
}

// A twin that somebody prolongs meanwhile stays.
func TestATwinThatIsProlongedStays(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		_, younger := l.twins()
		l.expirer.Copies = holdAfterListing{l.expirer.Copies, func() { l.tag(saoPaulo, younger, snapshot.TagExpires, "never") }}
		l.expire(false)
		if !slices.ContainsFunc(l.own(saoPaulo), func(s seen) bool { return s.ID == younger }) {
			t.Error("the copy that was made to stay for ever is deleted")
		}
	})
}

// T7: one copy that can't be tagged has others told again for ever.
type untaggable struct {
	reactor.Copies
	id *string
}

func (u untaggable) Settled(ctx context.Context, region string, ids []string) error {
	if slices.Contains(ids, *u.id) {
		return errors.New("TagLimitExceeded")
	}
	return u.Copies.Settled(ctx, region, ids)
}

// A copy that can't be tagged does not have the others told again.
func TestACopyThatCantBeTagged(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		id := "?"
		l.copier.Copies = untaggable{l.copier.Copies, &id}
		for range 5 {
			l.shared(owner, "production")
		}
		l.run(10 * time.Minute)
		id = l.own(london)[0].ID
		l.run(24 * time.Hour)
		told := map[string]int{}
		for _, o := range l.of("Completed") {
			told[o.Detail.Copy.ID]++
		}
		for copied, n := range told {
			if copied != id && n > 2 {
				t.Errorf("%s was told %d times in a day", copied, n)
			}
		}
		t.Logf("the untaggable one: %d", told[id])
	})
}

// T8: Started is lost when the bus fails once.
type failing struct {
	reactor.Outcomes
	until time.Time
}

func (f failing) Publish(ctx context.Context, o []reactor.Outcome) error {
	if time.Now().Before(f.until) {
		return fmt.Errorf("%w: throttled", reactor.ErrBusy)
	}
	return f.Outcomes.Publish(ctx, o)
}

// That a copy was started is told once the bus takes outcomes again.
func TestStartedIsToldLater(t *testing.T) {
	o := quiet
	o.CopyTime = func(int) time.Duration { return time.Hour }
	bubble(t, o, func(l *lab) {
		l.shared(owner, "production")
		l.copier.Outcomes = failing{l.copier.Outcomes, time.Now().Add(10 * time.Second)}
		f, _ := l.deliver()
		t.Log("failures", f)
		l.run(3 * time.Hour)
		if got := l.types(); got["Started"] == 0 {
			t.Errorf("Started never told: %v", got)
		}
	})
}

// A retry after a failed copy is made once, also where it was ordered twice and listings lag.
func TestARetryIsMadeOnce(t *testing.T) {
	o := quiet
	o.ListingLag = 10 * time.Second
	o.ShareLag = 90 * time.Second
	bubble(t, o, func(l *lab) {
		id := l.shared(owner, "production")
		time.Sleep(20 * time.Second)
		l.deliver()
		time.Sleep(5 * time.Minute)
		l.deliver() // results: failed, orders finished
		time.Sleep(20 * time.Minute)
		l.deliver()
		for _, c := range l.own(london) {
			t.Logf("%s %s %s", c.ID, c.Status, c.Message)
		}
		found, err := l.copier.Copies.Find(l.ctx, virginia, []string{id})
		if err != nil || len(found) != 1 {
			t.Fatal(err, found)
		}
		// The retry, twice, as two shares of different time would be.
		for i := range 2 {
			order := plan.Order{Policy: "policy1", Source: found[0].Ref, Target: london, Facts: plan.FactsOf(found[0]), Shared: time.Now().Add(time.Duration(i) * time.Minute)}
			for _, err := range l.copier.Orders.Send(l.ctx, london, []plan.Order{order}) {
				if err != nil {
					t.Fatal(err)
				}
			}
			if i == 0 {
				// so that one batch does not hold both
				l.copier.Orders = oneAtATime{l.copier.Orders}
			}
		}
		l.wake(london)
		pendingNow := 0
		time.Sleep(30 * time.Second)
		for _, c := range l.own(london) {
			if c.Status != "error" {
				pendingNow++
			}
		}
		t.Logf("after one wake-up: %d healthy copies", pendingNow)
		if pendingNow != 1 {
			t.Errorf("%d healthy copies of one order after one wake-up, want 1", pendingNow)
		}
		completed := 0
		for _, c := range l.own(london) {
			if c.Status == "completed" {
				completed++
			}
		}
		if completed > 1 {
			t.Errorf("%d completed copies, want 1", completed)
		}
	})
}

type oneAtATime struct{ reactor.Orders }

func (o oneAtATime) Receive(ctx context.Context, region string, limit int) ([]reactor.Delivery, error) {
	return o.Orders.Receive(ctx, region, min(limit, 1))
}

// A dry run does not move the place where the next run begins.
func TestADryRunLeavesNothingBehind(t *testing.T) {
	slow := time.Duration(0)
	o := sim.Options{NoThrottling: true}
	o.Fault = func(c sim.Call) sim.Fault {
		if c.Account == target && c.Action == "DescribeSnapshots" && c.Region == virginia {
			time.Sleep(slow)
		}
		return sim.Fault{}
	}
	bubble(t, o, func(l *lab) {
		for i := range 2500 {
			if err := l.world.AddSnapshot(sim.Seed{Region: virginia, ID: snapID(i), Owner: owner, Description: "production", SharedWith: []string{target}}); err != nil {
				t.Fatal(err)
			}
		}
		slow = 26 * time.Second
		full := l.ctx
		ctx, stop := context.WithTimeout(full, time.Minute)
		l.ctx = ctx
		dry := l.reconcile(true)
		stop()
		slow = 0
		l.ctx = full
		got := l.reconcile(false)
		t.Log("dry saw", dry.Seen, dry.Incomplete, "real saw", got.Seen, got.Counts)
		time.Sleep(15 * time.Minute)
		again := l.reconcile(false)
		t.Log("next run", again.Seen, again.Counts)
		if got.Seen["sources"] < 2500 {
			t.Errorf("the first real run saw %d of 2500 sources, and says nothing of it: %q", got.Seen["sources"], got.Incomplete)
		}
	})
}

package reactor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"snapferry/internal/plan"
	"snapferry/internal/snapshot"
)

const (
	restUnknown = 3 * time.Minute // long enough for EC2 to show what it may have done
	restMost    = 11 * time.Hour  // SQS lets nothing rest for more than 12 hours in all
)

// turn is one batch of results and orders of a Region in hand. Whatever happens,
// each order is either finished or handed back, and each result is either told
// or its record fails.
type turn struct {
	copier  *Copier
	journal *Journal
	work    *work
	region  string
	results []result

	waiting  []Delivery   // neither finished nor handed back yet
	finished []Delivery   // to be finished once their outcomes are out
	begun    []begunOrder // whose copies have begun: to be finished a while later
	outcomes []Outcome
	started  int
	full     bool // EC2 takes no more
}

func (t *turn) run(ctx context.Context) error {
	t.setAside(ctx)
	kin, err := t.kin(ctx)
	if err != nil {
		for _, r := range t.results {
			t.work.fail(r.record.ID, err)
		}
		return errors.Join(err, t.handBack(ctx))
	}
	t.copier.settle(ctx, t.journal, t.work, t.region, t.results, kin)
	err = t.start(ctx, kin)
	return errors.Join(err, t.handBack(ctx))
}

// setAside takes out of the batch what can't be read, what is not to be tried
// yet, what was begun a moment ago, and all but the first of orders that are there
// more than once.
func (t *turn) setAside(ctx context.Context) {
	now := t.copier.Now()
	seen := map[string]bool{}
	var ready []Delivery
	for _, d := range t.waiting {
		key := d.Order.Key()
		switch {
		case d.Problem != nil:
			t.journal.add(ctx, Step{Action: actFailed, Reason: "put into the dead-letter queue", Region: t.region,
				Error: d.Problem.Error(), Fix: "delete the message there: only snapferry may send to this queue"})
			if err := t.copier.Orders.Bury(ctx, d); err != nil {
				t.journal.fail(ctx, t.region, fmt.Errorf("bury message %s: %w", d.ID, err))
				t.release(ctx, d, restUnknown)
			}
		case seen[key]:
			t.finished = append(t.finished, d)
		case t.copier.begun.has(t.region, key):
			// A double that came by another queue, before EC2 shows the copy.
			seen[key] = true
			t.release(ctx, d, settleTime)
		case now.Before(d.Order.NotBefore):
			seen[key] = true
			t.release(ctx, d, min(d.Order.NotBefore.Sub(now)+time.Second, restMost))
		default:
			seen[key] = true
			ready = append(ready, d)
		}
	}
	t.waiting = ready
}

// kin finds, in one look, the copies that matter to the orders and results in
// hand: those of the orders' lineages and those of the results' sources.
func (t *turn) kin(ctx context.Context) ([]snapshot.Snapshot, error) {
	patterns := map[string]bool{}
	for _, d := range t.waiting {
		patterns[d.Order.Group()+"/*"] = true
	}
	for _, r := range t.results {
		if source := r.result.Source.ID; source != "" {
			patterns["*/"+source] = true
		}
	}
	if len(patterns) == 0 {
		return nil, nil
	}
	kin, err := t.copier.Copies.Kin(ctx, t.region, slices.Sorted(maps.Keys(patterns)))
	if err != nil {
		return nil, fmt.Errorf("look for copies in %s: %w", t.region, err)
	}
	return kin, nil
}

// start decides about each order in hand and acts.
func (t *turn) start(ctx context.Context, kin []snapshot.Snapshot) error {
	sources := t.unknown(ctx)
	byGroup := map[string][]snapshot.Snapshot{}
	for _, s := range kin {
		if mark, err := snapshot.ParseMark(s.Tags); err == nil {
			byGroup[mark.Group()] = append(byGroup[mark.Group()], s)
		}
	}
	begun := map[string]bool{}
	var problems []error
	for len(t.waiting) > 0 && !t.full && !t.work.time.spent(ctx) {
		d := t.waiting[0]
		known, enough := d.Order.Known()
		source := &known
		if !enough {
			source = sources[d.Order.Source]
		}
		group := d.Order.Group()
		if begun[group] {
			// It waits for the one that has just begun, and is looked at afresh.
			t.waiting = t.waiting[1:]
			t.release(ctx, d, 0)
			continue
		}
		decision := plan.Start(d.Order, source, byGroup[group], t.copier.Policies, t.copier.Now())
		id, err := t.act(ctx, d, decision)
		t.waiting = t.waiting[1:]
		if err != nil {
			problems = append(problems, err)
			t.release(ctx, d, restUnknown)
			continue
		}
		begun[group] = begun[group] || id != ""
	}
	return errors.Join(problems...)
}

// unknown looks up the sources that were still pending when they were ordered.
// Orders whose source Region can't be looked into rest: they are not in the way
// of the others.
func (t *turn) unknown(ctx context.Context) map[snapshot.Ref]*snapshot.Snapshot {
	ids := map[string][]string{}
	for _, d := range t.waiting {
		ref := d.Order.Source
		if _, enough := d.Order.Known(); !enough && !slices.Contains(ids[ref.Region], ref.ID) {
			ids[ref.Region] = append(ids[ref.Region], ref.ID)
		}
	}
	found := map[snapshot.Ref]*snapshot.Snapshot{}
	for _, region := range slices.Sorted(maps.Keys(ids)) {
		snapshots, err := t.copier.Copies.Find(ctx, region, ids[region])
		if err != nil {
			t.journal.fail(ctx, region, fmt.Errorf("look up sources in %s: %w", region, err))
			t.rest(ctx, region)
			continue
		}
		for _, s := range snapshots {
			found[s.Ref] = &s
		}
	}
	return found
}

// rest leaves alone, for a while, the orders in hand whose source in a Region
// would have to be looked at.
func (t *turn) rest(ctx context.Context, region string) {
	t.waiting = slices.DeleteFunc(t.waiting, func(d Delivery) bool {
		_, enough := d.Order.Known()
		if enough || d.Order.Source.Region != region {
			return false
		}
		t.release(ctx, d, restUnknown)
		return true
	})
}

// act does what was decided about d, and returns the copy if one was started. An
// error means that d is still in hand.
func (t *turn) act(ctx context.Context, d Delivery, decision plan.Decision) (string, error) {
	switch decision.Action {
	case plan.Wait:
		t.journal.add(ctx, stepOf(actWaiting, d.Order, decision.Reason))
		t.release(ctx, d, decision.Rest)
		return "", nil
	case plan.Miss:
		return "", t.missed(ctx, d, decision.Reason, decision.Rest)
	case plan.Done:
		if !d.Sent.IsZero() && !decision.Copy.Started.Before(d.Sent.Truncate(time.Second)) {
			// The order's own copy, or its twin's: it was told when it began.
			t.journal.add(ctx, stepOf(actIgnored, d.Order, decision.Reason))
			t.finished = append(t.finished, d)
			return "", nil
		}
		t.skip(ctx, d, decision.Reason)
		return "", nil
	case plan.Drop:
		t.skip(ctx, d, decision.Reason)
		return "", nil
	}
	request := decision.Request
	id, err := t.copier.Copies.Copy(ctx, request)
	if err != nil {
		return "", t.refused(ctx, d, fmt.Errorf("copy %s to %s: %w", request.Source.ID, request.Target, err))
	}
	t.started++
	copied := snapshot.Ref{Region: t.region, ID: id}
	step := stepOf(actStarted, d.Order, decision.Reason)
	step.Copy = &copied
	t.journal.add(ctx, step)
	outcome := ofOrder(Started, d.Order)
	outcome.Copy, outcome.Reason = &copied, decision.Reason
	outcome.SourceTime, outcome.Expires = when(request.Mark.SourceTime), when(request.Mark.Expires)
	if shared := d.Order.Shared; !shared.IsZero() {
		outcome.Shared, outcome.WaitSeconds = when(shared), t.copier.Now().Sub(shared).Seconds()
	}
	t.outcomes = append(t.outcomes, outcome)
	t.begun = append(t.begun, begunOrder{d, id, t.copier.Now()})
	return id, nil
}

// missed notes that EC2 did not show the source of d, and looks again later.
func (t *turn) missed(ctx context.Context, d Delivery, reason string, rest time.Duration) error {
	t.journal.add(ctx, stepOf(actWaiting, d.Order, reason))
	order := d.Order
	order.Missed++
	order.NotBefore = t.copier.Now().Add(rest)
	return t.copier.Orders.Replace(ctx, d, order)
}

func (t *turn) skip(ctx context.Context, d Delivery, reason string) {
	t.journal.add(ctx, stepOf(actSkipped, d.Order, reason))
	outcome := ofOrder(Skipped, d.Order)
	outcome.Reason = reason
	t.end(d, outcome)
}

// end has d finished once its outcome is out.
func (t *turn) end(d Delivery, outcome Outcome) {
	t.outcomes = append(t.outcomes, outcome)
	t.finished = append(t.finished, d)
}

// handBack publishes what there is to tell, then takes the orders that are over
// out of the queue and releases the others. Crashing in between only tells twice.
func (t *turn) handBack(ctx context.Context) error {
	for _, d := range t.waiting {
		t.release(ctx, d, 0)
	}
	t.waiting = nil
	t.copier.keep(t.begun)
	if err := t.copier.publish(ctx, t.journal, t.outcomes); err != nil {
		for _, d := range t.finished {
			t.release(ctx, d, restUnknown)
		}
		return err
	}
	var problems []error
	for _, d := range t.finished {
		if err := t.copier.Orders.Finish(ctx, d); err != nil {
			problems = append(problems, fmt.Errorf("take %s out of the queue: %w", d.Order, err))
		}
	}
	return errors.Join(problems...)
}

// release hands d back. If that fails, the queue's own time-out does it.
func (t *turn) release(ctx context.Context, d Delivery, after time.Duration) {
	if err := t.copier.Orders.Release(ctx, d, after); err != nil {
		t.journal.fail(ctx, t.region, fmt.Errorf("release an order: %w", err))
	}
}

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
	// batch is how many orders are taken at once: what SQS hands out at most.
	batch = 10
	// firstWait is how long the first look into a queue waits: a queue that is
	// asked to answer at once may overlook what was just sent.
	firstWait = time.Second

	// How long an order rests before its next turn.
	restPending    = 2 * time.Minute  // the source is still pending
	restDenied     = time.Hour        // somebody must act first
	restUnknown    = 3 * time.Minute  // long enough for EC2 to show what it may have done
	restUnreadable = 15 * time.Minute // until it has been received too often
)

// drain starts waiting orders of a Region, as many as there are free slots. The
// error says that it could not look or not tell; the orders are safe either way.
func (c *Copier) drain(ctx context.Context, j *Journal, region string, left budget) error {
	copying, err := c.Copies.Copying(ctx, region)
	if err != nil {
		return busyIsFine(fmt.Errorf("count pending copies in %s: %w", region, err))
	}
	free := c.Slots - copying
	wait := firstWait
	for free > 0 && !left.spent(ctx) {
		deliveries, err := c.Orders.Receive(ctx, region, min(free, batch), wait)
		if err != nil {
			return fmt.Errorf("receive orders for %s: %w", region, err)
		}
		if len(deliveries) == 0 {
			return nil
		}
		wait = 0
		b := &turn{copier: c, journal: j, region: region, left: left, waiting: deliveries}
		err = b.work(ctx)
		if released := b.releaseAll(ctx); err == nil {
			err = released
		}
		if err != nil || b.full {
			return busyIsFine(err)
		}
		free -= b.started
	}
	return nil
}

// busyIsFine drops an error that only means "later": the next wake-up is on its
// way, and the orders wait for it in their queue.
func busyIsFine(err error) error {
	if errors.Is(err, ErrBusy) {
		return nil
	}
	return err
}

// turn is one batch of orders of a Region in hand. Whatever happens, each of
// them is either finished or released.
type turn struct {
	copier  *Copier
	journal *Journal
	region  string
	left    budget

	waiting  []Delivery // neither finished nor released yet
	finished []Delivery // to be finished once their outcomes are out
	outcomes []Outcome
	started  int
	full     bool // EC2 takes no more
}

func (t *turn) work(ctx context.Context) error {
	t.setAside(ctx)
	if len(t.waiting) == 0 {
		return nil
	}
	sources, err := t.sources(ctx)
	if err != nil {
		return err
	}
	keys := map[string]bool{}
	for _, d := range t.waiting {
		keys[d.Order.Key()] = true
	}
	copies, err := t.copier.Copies.Made(ctx, t.region, slices.Sorted(maps.Keys(keys)))
	if err != nil {
		return fmt.Errorf("look for copies in %s: %w", t.region, err)
	}
	made := map[string][]snapshot.Snapshot{}
	for _, s := range copies {
		key := s.Tags[snapshot.TagOrder]
		made[key] = append(made[key], s)
	}

	for len(t.waiting) > 0 && !t.full && !t.left.spent(ctx) {
		d := t.waiting[0]
		t.waiting = t.waiting[1:]
		var source *snapshot.Snapshot
		if s, visible := sources[d.Order.Source]; visible {
			source = &s
		}
		key := d.Order.Key()
		decision := plan.Start(d.Order, source, made[key], t.copier.Policies, t.copier.Now())
		if err := t.act(ctx, d, decision); err != nil {
			t.waiting = append(t.waiting, d)
			return err
		}
	}
	return t.finish(ctx)
}

// setAside takes out of the batch what can't be read, and all but the first of
// orders that are there more than once.
func (t *turn) setAside(ctx context.Context) {
	seen := map[string]bool{}
	var readable []Delivery
	for _, d := range t.waiting {
		key := d.Order.Key()
		switch {
		case d.Problem != nil:
			t.journal.add(ctx, Step{Action: actFailed, Reason: "left for the dead-letter queue", Region: t.region,
				Error: d.Problem.Error(), Fix: "delete the message: only snapferry may send to this queue"})
			t.release(ctx, d, restUnreadable)
		case seen[key]:
			t.finished = append(t.finished, d)
		default:
			seen[key] = true
			readable = append(readable, d)
		}
	}
	t.waiting = readable
}

func (t *turn) sources(ctx context.Context) (map[snapshot.Ref]snapshot.Snapshot, error) {
	ids := map[string][]string{}
	for _, d := range t.waiting {
		ref := d.Order.Source
		if !slices.Contains(ids[ref.Region], ref.ID) {
			ids[ref.Region] = append(ids[ref.Region], ref.ID)
		}
	}
	found := map[snapshot.Ref]snapshot.Snapshot{}
	for _, region := range slices.Sorted(maps.Keys(ids)) {
		snapshots, err := t.copier.Copies.Find(ctx, region, ids[region])
		if err != nil {
			return nil, fmt.Errorf("look up sources in %s: %w", region, err)
		}
		for _, s := range snapshots {
			found[s.Ref] = s
		}
	}
	return found, nil
}

// act does what was decided about d. An error means that d is still in hand.
func (t *turn) act(ctx context.Context, d Delivery, decision plan.Decision) error {
	switch decision.Action {
	case plan.Wait:
		t.journal.add(ctx, stepOf(actWaiting, d.Order, decision.Reason))
		t.release(ctx, d, restPending)
		return nil
	case plan.Done, plan.Drop:
		t.journal.add(ctx, stepOf(actSkipped, d.Order, decision.Reason))
		outcome := ofOrder(Skipped, d.Order)
		outcome.Reason = decision.Reason
		t.end(d, outcome)
		return nil
	}
	request := decision.Request
	id, err := t.copier.Copies.Copy(ctx, request)
	if err != nil {
		return t.refused(ctx, d, request, err)
	}
	t.started++
	copied := snapshot.Ref{Region: t.region, ID: id}
	step := stepOf(actStarted, d.Order, decision.Reason)
	step.Copy = &copied
	t.journal.add(ctx, step)
	outcome := ofOrder(Started, d.Order)
	outcome.Copy, outcome.Reason = &copied, decision.Reason
	outcome.SourceAccount = request.Mark.SourceAccount
	outcome.SourceTime, outcome.Expires = when(request.Mark.SourceTime), when(request.Mark.Expires)
	if shared := d.Order.Shared; !shared.IsZero() {
		outcome.Shared, outcome.WaitSeconds = when(shared), t.copier.Now().Sub(shared).Seconds()
	}
	t.end(d, outcome)
	return nil
}

// refused deals with a CopySnapshot that did not answer with a copy.
func (t *turn) refused(ctx context.Context, d Delivery, r plan.Request, err error) error {
	err = fmt.Errorf("copy %s to %s: %w", r.Source.ID, r.Target, err)
	switch {
	case errors.Is(err, ErrBusy):
		// No slot, or too many calls: the next wake-up finds the order first.
		t.journal.add(ctx, stepOf(actWaiting, d.Order, err.Error()))
		t.release(ctx, d, 0)
		t.full = true
		return nil
	case errors.Is(err, ErrGone):
		t.journal.add(ctx, stepOf(actSkipped, d.Order, err.Error()))
		outcome := ofOrder(Skipped, d.Order)
		outcome.Reason = err.Error()
		t.end(d, outcome)
		return nil
	}
	step := stepOf(actFailed, d.Order, "tried again later")
	step.Error, step.Fix = err.Error(), Fix(err.Error())
	t.journal.add(ctx, step)
	rest := restUnknown // there may be a copy: whoever is next looks first
	if errors.Is(err, ErrDenied) {
		rest = restDenied
		outcome := ofOrder(Failed, d.Order)
		outcome.SourceAccount = r.Mark.SourceAccount
		outcome.Reason, outcome.Cause, outcome.Fix = "EC2 refused the copy", err.Error(), step.Fix
		if err := t.copier.publish(ctx, t.journal, []Outcome{outcome}); err != nil {
			return err
		}
	}
	t.release(ctx, d, rest)
	return nil
}

// end has d finished once its outcome is out.
func (t *turn) end(d Delivery, outcome Outcome) {
	t.outcomes = append(t.outcomes, outcome)
	t.finished = append(t.finished, d)
}

// finish publishes what there is to tell and then takes the orders that are
// over out of the queue. Crashing in between only tells twice.
func (t *turn) finish(ctx context.Context) error {
	if err := t.copier.publish(ctx, t.journal, t.outcomes); err != nil {
		return err
	}
	var problems []error
	for _, d := range t.finished {
		if err := t.copier.Orders.Finish(ctx, d); err != nil {
			problems = append(problems, fmt.Errorf("take %s out of the queue: %w", d.Order, err))
		}
	}
	t.finished = nil
	return errors.Join(problems...)
}

// release hands d back. If that fails, the queue's own time-out does it.
func (t *turn) release(ctx context.Context, d Delivery, after time.Duration) {
	if err := t.copier.Orders.Release(ctx, d, after); err != nil {
		t.journal.fail(ctx, t.region, fmt.Errorf("release an order: %w", err))
	}
}

// releaseAll hands back what is still in hand, and finishes what was done before
// something went wrong.
func (t *turn) releaseAll(ctx context.Context) error {
	for _, d := range t.waiting {
		t.release(ctx, d, 0)
	}
	t.waiting = nil
	if len(t.finished) == 0 {
		return nil
	}
	return t.finish(ctx)
}

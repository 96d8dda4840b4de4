package reactor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"snapferry/internal/plan"
	"snapferry/internal/snapshot"
)

const (
	restDenied = time.Hour      // between two attempts at what somebody must mend
	buryAfter  = 24 * time.Hour // as long as DLM tries
	// An order may have waited for a slot all day: it must also have failed that
	// often, at tries well apart.
	buryTimes = 4
)

// refused deals with a CopySnapshot that did not answer with a copy. An error
// means that d is still in hand.
func (t *turn) refused(ctx context.Context, d Delivery, err error) error {
	gone := errors.Is(err, ErrGone) || errors.Is(err, ErrDenied) && t.gone(ctx, d.Order.Source)
	switch {
	case errors.Is(err, ErrBusy):
		// No slot, or too many calls: the next wake-up finds the order first.
		t.journal.add(ctx, stepOf(actWaiting, d.Order, err.Error()))
		t.release(ctx, d, 0)
		t.full = true
		return nil
	case gone:
		decision := plan.Start(d.Order, nil, nil, t.copier.Policies, t.copier.Now())
		if decision.Action == plan.Miss {
			return t.missed(ctx, d, err.Error(), decision.Rest)
		}
		t.skip(ctx, d, decision.Reason)
		return nil
	}
	step := stepOf(actFailed, d.Order, "tried again later")
	step.Error, step.Fix = err.Error(), Fix(err.Error())
	t.journal.add(ctx, step)
	switch {
	case errors.Is(err, ErrDenied):
		return t.failing(ctx, d, err, restDenied, "EC2 refuses the copy", "tried again every hour")
	case d.Receives%tellEvery == 0:
		return t.failing(ctx, d, err, restUnknown, "EC2 fails to answer", "tried again every few minutes")
	}
	t.release(ctx, d, restUnknown) // there may be a copy: whoever is next looks first
	return nil
}

// gone says whether EC2 does not show a source any more. The function's role may
// copy by whom the source belongs to: of one that is deleted, or not shared any
// more, EC2 knows nothing, and says that the role may not.
func (t *turn) gone(ctx context.Context, source snapshot.Ref) bool {
	found, err := t.copier.Copies.Find(ctx, source.Region, []string{source.ID})
	return err == nil && len(found) == 0
}

// tellEvery is how often an order is handed out before people are told of a
// failure that may pass by itself: an hour or more.
const tellEvery = 20

// failing keeps trying slowly, tells people once per cause, and gives up after a
// day: the order then waits in the dead-letter queue until it is put back.
func (t *turn) failing(ctx context.Context, d Delivery, err error, rest time.Duration, what, meanwhile string) error {
	now, cause := t.copier.Now(), Cause(err)
	history := plan.Denial{Cause: cause, Since: now, Times: 1}
	told := false
	if before := d.Order.Denial; before != nil {
		history.Since, history.Times, told = before.Since, before.Times+1, before.Cause == cause
	}
	order := d.Order
	order.Denial, order.NotBefore = &history, now.Add(rest)
	day := now.Sub(history.Since) >= buryAfter && history.Times >= buryTimes
	over := day && t.copier.Orders.Buries()
	if day && !over {
		history.Since, history.Times = now, 0 // without such a queue people are reminded once a day
	}
	if !told || day {
		outcome := ofOrder(Failed, d.Order)
		outcome.Reason, outcome.Cause, outcome.Fix = what+"; it is "+meanwhile, cause, Fix(cause)
		if over {
			outcome.Reason = what + ", and has for a day; the order is in the dead-letter queue: mend the cause, then put it back with snapferry redrive"
		}
		if err := t.copier.publish(ctx, t.journal, []Outcome{outcome}); err != nil {
			return err
		}
	}
	if over {
		letter := d
		letter.Order = order
		err := t.copier.Orders.Bury(ctx, letter)
		if err == nil {
			return nil
		}
		t.journal.fail(ctx, t.region, fmt.Errorf("put %s into the dead-letter queue: %w", order, err))
	}
	return t.copier.Orders.Replace(ctx, d, order)
}

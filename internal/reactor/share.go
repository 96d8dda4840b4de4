package reactor

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"sync"

	"snapferry/internal/plan"
	"snapferry/internal/snapshot"
)

// order turns the shares in one Region into orders. The event only said where
// to look: owner, description and state are what EC2 shows.
func (c *Copier) order(ctx context.Context, j *Journal, w *work, region string, shares []sharing) {
	found, err := c.find(ctx, region, func(yield func(string) bool) {
		for _, s := range shares {
			if !yield(s.share.Snapshot.ID) {
				return
			}
		}
	})
	if err != nil {
		// Nothing has happened yet: the same records will do it all later.
		err = fmt.Errorf("look up shared snapshots in %s: %w", region, err)
		j.fail(ctx, region, err)
		for _, s := range shares {
			w.fail(s.record.ID, err)
		}
		return
	}

	queued := map[string][]ticket{} // by target Region
	var skips []Outcome
	var skippers []string
	skip := func(record string, o plan.Order, account, reason string) {
		j.add(ctx, stepOf(actSkipped, o, reason))
		outcome := ofOrder(Skipped, o)
		outcome.Reason = reason
		if outcome.SourceAccount == "" {
			outcome.SourceAccount = account
		}
		skips, skippers = append(skips, outcome), append(skippers, record)
	}
	for _, s := range shares {
		source, visible := found[s.share.Snapshot.ID]
		if !visible {
			const reason = "EC2 does not show the snapshot: it was deleted or unshared, or never shared"
			if s.record.again() {
				w.fail(s.record.ID, fmt.Errorf("%s: %s", s.share.Snapshot, reason))
				j.add(ctx, stepOf(actWaiting, plan.Order{Source: s.share.Snapshot}, reason+"; looking again"))
				continue
			}
			skip(s.record.ID, plan.Order{Source: s.share.Snapshot}, s.share.Account, reason)
			continue
		}
		for _, wish := range plan.Orders(source, c.Policies) {
			if wish.Skip {
				skip(s.record.ID, wish.Order, "", wish.Reason)
				continue
			}
			wish.Order.Shared = s.share.Time
			target := wish.Order.Target
			queued[target] = append(queued[target], ticket{s.record.ID, wish})
		}
	}
	if err := c.publish(ctx, j, skips); err != nil {
		for _, record := range skippers {
			w.fail(record, err)
		}
	}
	c.send(ctx, j, w, queued)
}

// ticket is an order and the record that it came from.
type ticket struct {
	record string
	wish   plan.Wish
}

// send puts orders into the queues of their target Regions. An order that could
// not be sent fails its record; the others stand, and sending them again with
// it does no harm.
func (c *Copier) send(ctx context.Context, j *Journal, w *work, queued map[string][]ticket) {
	for target, tickets := range queued {
		orders := make([]plan.Order, len(tickets))
		for i, t := range tickets {
			orders[i] = t.wish.Order
		}
		for i, err := range c.Orders.Send(ctx, target, orders) {
			t := tickets[i]
			if err != nil {
				err = fmt.Errorf("order %s: %w", orders[i], err)
				j.fail(ctx, target, err)
				w.fail(t.record, err)
				continue
			}
			j.add(ctx, stepOf(actOrdered, orders[i], t.wish.Reason))
			w.wake(target, t.record)
		}
	}
}

// find is Copies.Find for ids that may repeat, by id.
func (c *Copier) find(ctx context.Context, region string, ids iter.Seq[string]) (map[string]snapshot.Snapshot, error) {
	wanted := map[string]bool{}
	var list []string
	for id := range ids {
		if !wanted[id] {
			wanted[id] = true
			list = append(list, id)
		}
	}
	snapshots, err := c.Copies.Find(ctx, region, list)
	if err != nil {
		return nil, err
	}
	found := make(map[string]snapshot.Snapshot, len(snapshots))
	for _, s := range snapshots {
		found[s.ID] = s
	}
	return found, nil
}

// publish publishes outcomes, if there are any. Whoever gets an error does, or
// is handed, the same again, and tells then; only that a copy was started is not
// found again by itself, and so is kept to be told next time.
func (c *Copier) publish(ctx context.Context, j *Journal, outcomes []Outcome) error {
	outcomes = append(c.untold.take(), outcomes...)
	if len(outcomes) == 0 {
		return nil
	}
	if err := c.Outcomes.Publish(ctx, outcomes); err != nil {
		for _, o := range outcomes {
			if o.Type == Started {
				c.untold.add(o)
			}
		}
		err = fmt.Errorf("publish outcomes: %w", err)
		j.fail(ctx, "", err)
		return err
	}
	j.count(outcomes)
	return nil
}

// untoldOutcomes are outcomes that the bus did not take. A process that forgets
// them leaves copies of which only the end is told.
type untoldOutcomes struct {
	mu   sync.Mutex
	list []Outcome
}

func (u *untoldOutcomes) add(o Outcome) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.list = append(u.list, o)
}

func (u *untoldOutcomes) take() []Outcome {
	u.mu.Lock()
	defer u.mu.Unlock()
	list := u.list
	u.list = nil
	return list
}

func mapKeys[V any](m map[string]V) iter.Seq[string] { return maps.Keys(m) }

package reactor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"snapferry/internal/policy"
)

// batch is how many orders are taken at once: what SQS hands out at most.
const batch = 10

// drain settles the results that came from a Region and starts waiting orders
// there, as many as there are free slots. The error says that it could not look
// or not tell; the orders are safe either way.
//
// A result means a free slot, so after results as many orders are started as
// copies have ended, and one look at EC2 serves both. When others asked, by a
// new order or on schedule, the pending copies are counted instead. Either way
// EC2's quota has the last word.
func (c *Copier) drain(ctx context.Context, j *Journal, w *work, region string) error {
	free, err := c.free(ctx, j, w, region)
	results := w.results[region]
	for !w.time.spent(ctx) {
		t := &turn{copier: c, journal: j, work: w, region: region, results: results}
		if free > 0 && err == nil {
			t.waiting, err = c.Orders.Receive(ctx, region, min(free, batch))
		}
		received := len(t.waiting)
		if received > 0 || len(results) > 0 {
			results = nil
			err = errors.Join(err, t.run(ctx))
		}
		if t.full {
			c.full.set(region, c.Now())
		}
		free -= t.started
		if t.full || err != nil {
			break
		}
		if received > 0 && free > 0 {
			continue
		}
		// The next order of a lineage may wait for one that is done with.
		shown, problem := 0, error(nil)
		if len(w.wakers[region]) > 0 {
			shown, problem = c.finishShown(ctx, region)
		}
		if err = problem; shown == 0 || free <= 0 || err != nil {
			break
		}
	}
	for _, r := range results {
		w.fail(r.record.ID, fmt.Errorf("settle %s: out of time", r.result.Copy))
	}
	if errors.Is(err, ErrBusy) {
		// Nothing is wrong: the next wake-up is on its way, and the orders wait
		// for it in their queue.
		j.add(ctx, Step{Action: actWaiting, Reason: err.Error(), Region: region})
		return nil
	}
	return err
}

// free is how many copies may be started in a Region.
func (c *Copier) free(ctx context.Context, j *Journal, w *work, region string) (int, error) {
	if !c.named(region) {
		return 0, nil // no policy, no orders; perhaps no queue
	}
	ended, late := 0, false
	for _, r := range w.results[region] {
		if late = late || r.late; !r.late {
			ended++
		}
	}
	// What reconcile takes for lost may only have no tag yet.
	c.flush(ctx, j, region, late)
	if ended > 0 {
		c.full.clear(region)
	}
	asked := len(w.wakers[region]) > 0 && (w.woken[region] || !c.full.lately(region, c.Now()))
	if !asked && c.Slots >= amazonsSlots {
		return ended, nil
	}
	pending, err := c.Copies.Pending(ctx, region)
	if err != nil {
		return 0, fmt.Errorf("count pending copies in %s: %w", region, err)
	}
	j.measure(metricSlots, region, float64(pending))
	if pending >= c.Slots {
		c.full.set(region, c.Now())
	}
	return c.Slots - pending, nil
}

// named says whether a policy has a rule for the Region.
func (c *Copier) named(region string) bool {
	return slices.ContainsFunc(c.Policies, func(p policy.Policy) bool {
		_, found := p.Rule(region)
		return found
	})
}

// amazonsSlots is Amazon's quota of concurrent copies per destination Region.
const amazonsSlots = 20

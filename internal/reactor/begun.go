package reactor

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// begunOrders are orders whose copies have begun, and which are still in their
// queue: while they are in hand, nobody else is handed an order of the same
// lineage, so that a double of an order meets the copy in EC2's listings and
// not the moment before it appears there. A process that forgets them leaves
// them to the queue's time-out, after which whoever takes them finds the copy.
type begunOrders struct {
	mu   sync.Mutex
	list []begunOrder
}

type begunOrder struct {
	Delivery
	copy  string // its id
	since time.Time
}

// settleTime is how long EC2's listings are given to show a new copy.
const settleTime = time.Minute

// keep notes orders whose copies have just begun.
func (c *Copier) keep(orders []begunOrder) {
	c.begun.mu.Lock()
	defer c.begun.mu.Unlock()
	c.begun.list = append(c.begun.list, orders...)
}

// has says whether the copy of an order has begun a moment ago.
func (b *begunOrders) has(region, key string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.list, func(o begunOrder) bool { return o.Region == region && o.Order.Key() == key })
}

// finishBegun takes those orders out of the queue whose copies have begun a
// while ago. That it did not work is no failure: the queue hands them out again,
// and then the copy is found.
func (c *Copier) finishBegun(ctx context.Context) {
	now := c.Now()
	c.finish(ctx, func(o begunOrder) bool { return now.Sub(o.since) >= settleTime })
}

// finish takes the orders out of the queue that f wants, and counts them.
func (c *Copier) finish(ctx context.Context, f func(begunOrder) bool) int {
	taken := c.begun.take(f)
	for _, o := range taken {
		_ = c.Orders.Finish(ctx, o.Delivery)
	}
	return len(taken)
}

// finishShown takes those orders of a Region out of the queue at once whose
// copies EC2 shows already, and counts them. It costs a look, which is well
// spent where the next order of a lineage may be waiting behind it and no storm
// is on.
func (c *Copier) finishShown(ctx context.Context, region string) (int, error) {
	c.begun.mu.Lock()
	var patterns []string
	for _, o := range c.begun.list {
		if o.Region == region {
			patterns = append(patterns, o.Order.Group()+"/"+o.Order.Source.ID)
		}
	}
	c.begun.mu.Unlock()
	if len(patterns) == 0 {
		return 0, nil
	}
	kin, err := c.Copies.Kin(ctx, region, patterns)
	if err != nil {
		return 0, fmt.Errorf("look whether copies show in %s: %w", region, err)
	}
	shown := map[string]bool{}
	for _, s := range kin {
		shown[s.ID] = true
	}
	return c.finish(ctx, func(o begunOrder) bool { return o.Region == region && shown[o.copy] }), nil
}

// take removes and returns the orders that f wants.
func (b *begunOrders) take(f func(begunOrder) bool) []begunOrder {
	b.mu.Lock()
	defer b.mu.Unlock()
	var taken []begunOrder
	b.list = slices.DeleteFunc(b.list, func(o begunOrder) bool {
		wanted := f(o)
		if wanted {
			taken = append(taken, o)
		}
		return wanted
	})
	return taken
}

package reactor

import (
	"context"
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
	since time.Time
}

// settleTime is how long EC2's listings are given to show a new copy.
const settleTime = time.Minute

// keep notes orders whose copies have just begun.
func (c *Copier) keep(deliveries []Delivery) {
	c.begun.mu.Lock()
	defer c.begun.mu.Unlock()
	for _, d := range deliveries {
		c.begun.list = append(c.begun.list, begunOrder{d, c.Now()})
	}
}

// finishBegun takes those orders out of the queue whose copies have begun a
// while ago. That it did not work is no failure: the queue hands them out again,
// and then the copy is found.
func (c *Copier) finishBegun(ctx context.Context) {
	c.begun.mu.Lock()
	now := c.Now()
	var due []begunOrder
	c.begun.list = slices.DeleteFunc(c.begun.list, func(o begunOrder) bool {
		old := now.Sub(o.since) >= settleTime
		if old {
			due = append(due, o)
		}
		return old
	})
	c.begun.mu.Unlock()
	for _, o := range due {
		_ = c.Orders.Finish(ctx, o.Delivery)
	}
}

package cloud

import (
	"sync"
	"time"
)

// Clock tells Amazon's time, as the Date of its latest answer says it, moved on
// by what has passed here since. Copies are stamped and judged by the one clock
// that everybody shares, so that a machine whose own clock is wrong deletes
// nothing too early. Before the first answer it is the machine's time.
type Clock struct {
	mu     sync.Mutex
	served time.Time
	heard  time.Time // here, when served was read
}

// Now is Amazon's time, to the second.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.served.IsZero() {
		return time.Now().UTC()
	}
	return c.served.Add(time.Since(c.heard)).UTC()
}

func (c *Clock) set(served time.Time) {
	if served.IsZero() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.served, c.heard = served, time.Now()
}

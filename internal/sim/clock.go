package sim

import (
	"sync"
	"time"
)

// Clock is the one clock of a World. Everything that takes time in it (copies,
// visibility time-outs, token buckets, propagation) is measured on this clock.
type Clock interface {
	Now() time.Time
	// AfterFunc runs f in a goroutine of its own once d of this clock's time
	// has passed. Stop on the returned timer reports whether it prevented f.
	AfterFunc(d time.Duration, f func()) Timer
}

// Timer is a pending AfterFunc.
type Timer interface{ Stop() bool }

// WallClock is the machine's own time; in a testing/synctest bubble it is the
// bubble's, so that weeks of simulated copying pass in milliseconds.
type WallClock struct{}

// Now is time.Now in UTC.
func (WallClock) Now() time.Time { return time.Now().UTC() }

// AfterFunc is time.AfterFunc.
func (WallClock) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }

// ScaledClock runs a whole number of times faster than the machine's clock and
// can be moved forward by hand; never backward.
type ScaledClock struct {
	speed int

	mu      sync.Mutex
	base    time.Time // simulated time at real
	real    time.Time
	pending map[*scaledTimer]struct{}
}

type scaledTimer struct {
	clock *ScaledClock
	at    time.Time // simulated
	f     func()
	timer *time.Timer
}

// NewScaledClock starts a clock at start that runs speed times as fast as the
// machine's; a speed below 1 counts as 1.
func NewScaledClock(start time.Time, speed int) *ScaledClock {
	return &ScaledClock{
		speed:   max(speed, 1),
		base:    start.UTC(),
		real:    time.Now(),
		pending: map[*scaledTimer]struct{}{},
	}
}

// Now is the simulated time.
func (c *ScaledClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *ScaledClock) now() time.Time {
	return c.base.Add(time.Since(c.real) * time.Duration(c.speed))
}

// Jump moves the clock forward by d; timers that fall due meanwhile run at once.
func (c *ScaledClock) Jump(d time.Duration) {
	if d <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base, c.real = c.now().Add(d), time.Now()
	for t := range c.pending {
		t.timer.Reset(c.realUntil(t.at))
	}
}

// AfterFunc implements Clock.
func (c *ScaledClock) AfterFunc(d time.Duration, f func()) Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &scaledTimer{clock: c, at: c.now().Add(d), f: f}
	c.pending[t] = struct{}{}
	t.timer = time.AfterFunc(c.realUntil(t.at), t.fire)
	return t
}

func (c *ScaledClock) realUntil(at time.Time) time.Duration {
	return max(at.Sub(c.now())/time.Duration(c.speed), 0)
}

func (t *scaledTimer) fire() {
	t.clock.mu.Lock()
	_, live := t.clock.pending[t]
	delete(t.clock.pending, t)
	t.clock.mu.Unlock()
	if live {
		t.f()
	}
}

// Stop implements Timer.
func (t *scaledTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	_, live := t.clock.pending[t]
	delete(t.clock.pending, t)
	t.timer.Stop()
	return live
}

package local

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"snapferry/internal/sim"
)

// schedule runs something at times of the world's clock. It never
// overlaps itself, and the times that passed while it ran or while the clock
// jumped are made up for by one run, at once, not by many.
type schedule struct {
	clock sim.Clock
	after func(time.Time) time.Time // when it is due next; zero: never again
	run   func(ctx context.Context, now time.Time)

	context context.Context
	stop    context.CancelFunc

	mu      sync.Mutex
	over    bool
	next    time.Time
	timer   sim.Timer
	running sync.WaitGroup
}

// every is a fixed rate.
func every(period time.Duration) func(time.Time) time.Time {
	return func(last time.Time) time.Time { return last.Add(period) }
}

// startSchedule runs run for the first time when it is due after now.
func startSchedule(ctx context.Context, clock sim.Clock, after func(time.Time) time.Time, run func(context.Context, time.Time)) *schedule {
	s := &schedule{clock: clock, after: after, run: run, next: after(clock.Now())}
	s.context, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arm()
	return s
}

// arm sets the timer for next, if there is one; call it with mu held.
func (s *schedule) arm() {
	if s.next.IsZero() {
		return
	}
	s.timer = s.clock.AfterFunc(max(s.next.Sub(s.clock.Now()), 0), s.fire)
}

func (s *schedule) fire() {
	s.mu.Lock()
	if s.over {
		s.mu.Unlock()
		return
	}
	s.running.Add(1)
	s.next = s.latest()
	s.mu.Unlock()
	defer s.running.Done()

	s.run(s.context, s.clock.Now())

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	if latest := s.latest(); latest.After(s.next) {
		s.next = latest // it was due meanwhile
	} else {
		s.next = s.after(s.next)
	}
	s.arm()
}

// latest is the last time that the schedule was due, next or after it.
func (s *schedule) latest() time.Time {
	now, due := s.clock.Now(), s.next
	for {
		following := s.after(due)
		if following.IsZero() || following.After(now) {
			return due
		}
		due = following
	}
}

// close ends the schedule and waits for a run under way, which it tells to
// stop. It may be called more than once.
func (s *schedule) close() {
	s.mu.Lock()
	s.over = true
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	s.stop()
	s.running.Wait()
}

// scheduledEvent is what a service sends when a rule or a schedule of its is due
// and has no input of its own.
func scheduledEvent(service, account, region, resource string, now time.Time) []byte {
	data, err := json.Marshal(map[string]any{
		"version":     "0",
		"id":          newID(),
		"detail-type": "Scheduled Event",
		"source":      service,
		"account":     account,
		"time":        now.UTC().Format(time.RFC3339),
		"region":      region,
		"resources":   []string{resource},
		"detail":      struct{}{},
	})
	if err != nil {
		panic(err) // strings always marshal
	}
	return data
}

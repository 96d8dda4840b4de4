package local

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"snapferry/internal/sim"
)

// schedule runs something at a fixed rate of the world's clock. It never
// overlaps itself, and the times that passed while it ran or while the clock
// jumped are made up for by one run, at once, not by many.
type schedule struct {
	clock sim.Clock
	every time.Duration
	run   func(ctx context.Context, now time.Time)

	context context.Context
	stop    context.CancelFunc

	mu      sync.Mutex
	over    bool
	next    time.Time
	timer   sim.Timer
	running sync.WaitGroup
}

// startSchedule runs run for the first time one period from now.
func startSchedule(ctx context.Context, clock sim.Clock, every time.Duration, run func(context.Context, time.Time)) *schedule {
	s := &schedule{clock: clock, every: every, run: run, next: clock.Now().Add(every)}
	s.context, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arm()
	return s
}

// arm sets the timer for next; call it with mu held.
func (s *schedule) arm() {
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
		s.next = s.next.Add(s.every)
	}
	s.arm()
}

// latest is the last time that the schedule was due, next or after it.
func (s *schedule) latest() time.Time {
	late := max(s.clock.Now().Sub(s.next), 0)
	return s.next.Add(late / s.every * s.every)
}

// close ends the schedule and waits for a run under way, which it tells to
// stop. It may be called more than once.
func (s *schedule) close() {
	s.mu.Lock()
	s.over = true
	s.timer.Stop()
	s.mu.Unlock()
	s.stop()
	s.running.Wait()
}

// scheduledEvent is what EventBridge sends for a schedule's rule.
func scheduledEvent(account, region, rule string, now time.Time) []byte {
	data, err := json.Marshal(map[string]any{
		"version":     "0",
		"id":          newID(),
		"detail-type": "Scheduled Event",
		"source":      "aws.events",
		"account":     account,
		"time":        now.UTC().Format(time.RFC3339),
		"region":      region,
		"resources":   []string{fmt.Sprintf("arn:aws:events:%s:%s:rule/%s", region, account, rule)},
		"detail":      struct{}{},
	})
	if err != nil {
		panic(err) // strings always marshal
	}
	return data
}

package local

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"snapferry/internal/sim"
)

func TestScheduleKeepsItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now().UTC()
		var got []time.Duration
		s := startSchedule(t.Context(), sim.WallClock{}, every(time.Hour), func(_ context.Context, now time.Time) {
			got = append(got, now.Sub(start))
			time.Sleep(10 * time.Minute) // does not shift what follows
		})
		time.Sleep(3*time.Hour + 30*time.Minute)
		s.close()
		if diff := cmp.Diff([]time.Duration{time.Hour, 2 * time.Hour, 3 * time.Hour}, got); diff != "" {
			t.Errorf("runs (-want +got):\n%s", diff)
		}
	})
}

func TestScheduleNeverOverlapsItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now().UTC()
		running, runs := 0, []time.Duration{}
		s := startSchedule(t.Context(), sim.WallClock{}, every(time.Hour), func(_ context.Context, now time.Time) {
			if running++; running > 1 {
				t.Error("two runs at once")
			}
			runs = append(runs, now.Sub(start))
			time.Sleep(140 * time.Minute)
			running--
		})
		time.Sleep(6 * time.Hour)
		s.close()
		want := []time.Duration{
			time.Hour,
			3*time.Hour + 20*time.Minute, // at once, for the two that were missed
			5*time.Hour + 40*time.Minute,
		}
		if diff := cmp.Diff(want, runs); diff != "" {
			t.Errorf("runs (-want +got):\n%s", diff)
		}
	})
}

func TestScheduleRunsOnceAfterAJump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		clock := sim.NewScaledClock(start, 60)
		runs := make(chan time.Duration, 100)
		s := startSchedule(t.Context(), clock, every(time.Hour), func(_ context.Context, now time.Time) {
			runs <- now.Sub(start)
		})
		clock.Jump(72*time.Hour + 30*time.Minute)
		time.Sleep(time.Second)      // a minute, there
		time.Sleep(30 * time.Second) // half an hour: the rate is as it was
		s.close()
		close(runs)
		var got []time.Duration
		for run := range runs {
			got = append(got, run)
		}
		if diff := cmp.Diff([]time.Duration{72*time.Hour + 30*time.Minute, 73 * time.Hour}, got); diff != "" {
			t.Errorf("runs after the jump (-want +got):\n%s", diff)
		}
	})
}

func TestScheduleCloseStopsARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stopped atomic.Bool
		s := startSchedule(t.Context(), sim.WallClock{}, every(time.Hour), func(ctx context.Context, _ time.Time) {
			<-ctx.Done()
			stopped.Store(true)
		})
		time.Sleep(61 * time.Minute)
		s.close()
		s.close()
		if !stopped.Load() {
			t.Error("close did not wait for the run")
		}
		time.Sleep(3 * time.Hour) // nothing more happens; the bubble would notice a goroutine
	})
}

func TestScheduledEvent(t *testing.T) {
	var got map[string]any
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	if err := json.Unmarshal(scheduledEvent("aws.events", "222222222222", "us-east-1", "arn:aws:events:us-east-1:222222222222:rule/snapferry-expire", now), &got); err != nil {
		t.Fatal(err)
	}
	if id, _ := got["id"].(string); len(id) != 36 {
		t.Errorf("id: got %q", id)
	}
	delete(got, "id")
	want := map[string]any{
		"version": "0", "source": "aws.events", "detail-type": "Scheduled Event",
		"account": "222222222222", "region": "us-east-1", "time": "2026-11-23T12:00:00Z",
		"resources": []any{"arn:aws:events:us-east-1:222222222222:rule/snapferry-expire"},
		"detail":    map[string]any{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

package proof

import (
	"flag"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

var (
	sources = flag.Int("sources", 0, "how many snapshots the storm of TestStorm shares; 0: its own number")
)

// A small storm is over as soon as EC2 allows, with few calls, and breaks no law.
func TestStorm(t *testing.T) {
	s := Storm{Seed: 1, Sources: 150}
	if *sources > 0 {
		s.Sources = *sources
	}
	wall := time.Now()
	r := weather(t, s)
	report(t, s, r, time.Since(wall))
	if r.Lost > 0 || r.Doubled > 0 || r.Copies == 0 {
		t.Errorf("%d copies made, %d lost, %d doubled", r.Copies, r.Lost, r.Doubled)
	}
}

// weather runs a storm in a bubble and fails the test for every broken law.
func weather(t *testing.T, s Storm) (result Result) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r, err := s.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range summary(r.Violations) {
			t.Errorf("seed %d: %s", s.Seed, v)
		}
		result = r
	})
	return result
}

func report(t *testing.T, s Storm, r Result, wall time.Duration) {
	t.Helper()
	t.Logf("seed %d: %d copies, makespan %s over %s = %.4f, calls per copy %.2f, refused %d, unfairness %.2f (%.2f in the flooded lane), lost %d, doubled %d, wall %s",
		s.Seed, r.Copies, r.Makespan, r.Bound, r.Ratio(), r.CallsPerCopy(), r.Refused, r.Unfairness, r.Flooded, r.Lost, r.Doubled, wall.Round(time.Millisecond))
	t.Log(fmt.Sprint(r.Calls, r.Invocations, r.Killed))
	for _, err := range r.Problems[:min(3, len(r.Problems))] {
		t.Log("problem: ", err)
	}
}

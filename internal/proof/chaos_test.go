package proof

import (
	"flag"
	"testing"
	"time"
)

var seed = flag.Uint64("seed", 0, "run only the chaos with this number")

// smallChaos is over soon, and still has more copies than slots.
func smallChaos(seed uint64) Storm {
	return Storm{Seed: seed, Sources: 100, Accounts: 12, Chaos: Rough(), Shortest: time.Minute, Longest: 20 * time.Minute}
}

// Whatever goes wrong, every snapshot is copied, once. A seed that fails can be
// repeated alone with -seed.
func TestChaos(t *testing.T) {
	seeds := []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	if *seed > 0 {
		seeds = []uint64{*seed}
	}
	for _, seed := range seeds {
		s := smallChaos(seed)
		if *sources > 0 {
			s.Sources = *sources
		}
		wall := time.Now()
		r := weather(t, s)
		report(t, s, r, time.Since(wall))
		if r.Lost > 0 || r.Doubled > 0 || r.Copies == 0 {
			t.Errorf("seed %d: %d copies made, %d lost, %d doubled", seed, r.Copies, r.Lost, r.Doubled)
		}
	}
}

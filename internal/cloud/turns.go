package cloud

import (
	"math/rand/v2"
	"sync"
)

// turns remembers, per target Region, whose turn it is and which lanes this
// process has filled since it last found orders there. Forgetting it costs a
// little fairness and a little time, nothing else. The zero turns is ready.
type turns struct {
	mu      sync.Mutex
	regions map[string]*laneTurns
}

type laneTurns struct {
	after int // the lane that was served last
	fresh map[int]bool
}

func (t *turns) of(region string, lanes int) *laneTurns {
	if t.regions == nil {
		t.regions = map[string]*laneTurns{}
	}
	r := t.regions[region]
	if r == nil {
		// Processes start at different lanes, or the first would be favoured.
		r = &laneTurns{after: rand.IntN(max(lanes, 1)), fresh: map[int]bool{}}
		t.regions[region] = r
	}
	return r
}

// next is all lanes, beginning after the one that was served last.
func (t *turns) next(region string, lanes int) []int {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.of(region, lanes)
	order := make([]int, lanes)
	for i := range order {
		order[i] = (r.after + 1 + i) % lanes
	}
	return order
}

// served notes that a lane has had its turn.
func (t *turns) served(region string, lane int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.of(region, lane+1).after = lane
}

// filled notes that orders were sent to a lane.
func (t *turns) filled(region string, lane int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.of(region, lane+1).fresh[lane] = true
}

// fresh says, once, whether orders were sent to a lane lately.
func (t *turns) fresh(region string, lane int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.of(region, lane+1)
	was := r.fresh[lane]
	delete(r.fresh, lane)
	return was
}

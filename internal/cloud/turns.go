package cloud

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// A lane that was empty rests, for longer each time that it is empty again: only
// another process can have filled it meanwhile. While it rests it is looked into
// where the others have nothing, so that no slot is idle. A spare lane, which no
// account has, is not looked into even then: in it there can only be what was
// ordered under older policies or put back by hand. The first look after its rest
// finds that, and there is one at each of reconcile's wake-ups.
const (
	restFirst = 30 * time.Second
	restMost  = 10 * time.Minute
)

// turns remembers, per target Region, whose turn it is, which lanes this process
// has filled since it looked there, and which were empty. Forgetting it costs a
// little fairness and a little time, nothing else.
type turns struct {
	lanes int // of each Region
	given int // of them, from 0, those that accounts have

	mu      sync.Mutex
	regions map[string]*regionTurns
}

type regionTurns struct {
	lanes []laneTurn // the one whose turn is longest ago first
	quiet bool       // the last look found no orders at all
}

type laneTurn struct {
	number int
	fresh  bool          // this process has filled it since it looked there
	until  time.Time     // when its rest is over
	rest   time.Duration // how long that was
}

func newTurns(lanes, given int) *turns {
	return &turns{lanes: lanes, given: min(given, lanes), regions: map[string]*regionTurns{}}
}

func (t *turns) of(region string) *regionTurns {
	r := t.regions[region]
	if r == nil {
		// Processes begin in different orders, or the first lanes would be
		// favoured.
		r = &regionTurns{lanes: make([]laneTurn, t.lanes)}
		for i, number := range rand.Perm(t.lanes) {
			r.lanes[i].number = number
		}
		t.regions[region] = r
	}
	return r
}

func (r *regionTurns) lane(number int) *laneTurn {
	return &r.lanes[slices.IndexFunc(r.lanes, func(l laneTurn) bool { return l.number == number })]
}

// next is the lanes to look into, in three parts: the second only if there is
// nothing in the first, and the third only if there is nothing in the second. In
// each the lane comes first whose turn is longest ago.
//
//	likely   where there was nothing at all a moment ago, the lanes which this
//	         process has filled since: an order that has just come need not wait
//	         until all of them were looked into
//	due      those that do not rest
//	resting  those that do
func (t *turns) next(region string, now time.Time) (likely, due, resting []int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.of(region)
	for _, l := range r.lanes {
		switch {
		case r.quiet && l.fresh:
			likely = append(likely, l.number)
		case !now.Before(l.until):
			due = append(due, l.number)
		case l.number < t.given:
			resting = append(resting, l.number)
		}
	}
	return likely, due, resting
}

// looked notes that a lane has had its turn, and whether it was empty.
func (t *turns) looked(region string, lane int, empty bool, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.of(region)
	l := *r.lane(lane)
	l.until, l.rest = time.Time{}, min(max(restFirst, 2*l.rest), restMost)
	if empty {
		l.until = now.Add(l.rest)
	} else {
		l.rest = 0
	}
	r.lanes = append(slices.DeleteFunc(r.lanes, func(l laneTurn) bool { return l.number == lane }), l)
}

// ended notes whether all lanes of a Region were found empty.
func (t *turns) ended(region string, quiet bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.of(region).quiet = quiet
}

// filled notes that orders were sent to a lane.
func (t *turns) filled(region string, lane int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.of(region).lane(lane)
	l.fresh, l.until, l.rest = true, time.Time{}, 0
}

// fresh says, once, whether orders were sent to a lane lately.
func (t *turns) fresh(region string, lane int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.of(region).lane(lane)
	was := l.fresh
	l.fresh = false
	return was
}

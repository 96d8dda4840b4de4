package proof

import "testing"

// delayBound is what a flood may delay others by, over the ideal of unfairness.
// Every process takes turns by itself, and slots that the flood had before the
// others came are free only when its copies end: that is the half above 1.
const delayBound = 1.5

// One account floods the queues with four fifths of all snapshots, before the
// others come. With no more accounts than lanes it delays nobody by more than its
// share, and with more only those with whom it has its lane in common.
func TestFlood(t *testing.T) {
	for name, s := range map[string]Storm{
		"a lane each":            {Seed: 2, Sources: 150, Accounts: 12, Flood: 0.8},
		"two accounts to a lane": {Seed: 2, Sources: 150, Accounts: 12, Flood: 0.8, Lanes: 8},
	} {
		t.Run(name, func(t *testing.T) {
			r := weather(t, s)
			report(t, s, r, 0)
			if r.Lost > 0 || r.Doubled > 0 {
				t.Errorf("%d lost, %d doubled", r.Lost, r.Doubled)
			}
			if r.Unfairness > delayBound {
				t.Errorf("an account waited %.2f times as long as if all had taken turns, want at most %.2f times", r.Unfairness, delayBound)
			}
			if shared := s.Lanes == 8; shared != (r.Flooded > delayBound) {
				t.Errorf("in the flooded lane an account waited %.2f times as long, want more than %.2f times: %v", r.Flooded, delayBound, shared)
			}
		})
	}
}

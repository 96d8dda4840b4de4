package proof

import "testing"

// One account floods the queues with four fifths of all snapshots, before the
// others come. Those who share no lane with it are not held up by more than its
// share; nobody is lost.
func TestFlood(t *testing.T) {
	s := Storm{Seed: 2, Sources: 150, Accounts: 12, Flood: 0.8}
	r := weather(t, s)
	report(t, s, r, 0)
	if r.Lost > 0 || r.Doubled > 0 {
		t.Errorf("%d lost, %d doubled", r.Lost, r.Doubled)
	}
}

package proof

import "time"

// unfairness compares, for each account, when its last copy ended with when it
// would have ended had all accounts taken turns, a copy each: an account with
// three copies to make in a Region is done once everybody has had three turns
// there, or fewer if there is no more to copy. Copies can't be interrupted, so
// the ideal has the account's longest copy on top, and the time in which the
// shares come. It returns the worst quotient, and that of the accounts which
// share the flooding one's lane.
func (r *run) unfairness() (worst, flooded float64) {
	lanes := map[string]int{}
	for i := range r.Accounts {
		lanes[account(i)] = i % r.Lanes
	}
	for _, target := range stormTargets {
		turns := map[string][]time.Duration{} // by account, in the order of the shares
		last := map[string]time.Duration{}
		for _, src := range r.sources {
			ends := r.ends[job{src.ID, target}]
			if len(ends) == 0 {
				continue
			}
			turns[src.owner] = append(turns[src.owner], r.copyTime(src.gib))
			last[src.owner] = max(last[src.owner], ends[0].Sub(r.began))
		}
		for account, own := range turns {
			work, longest := time.Duration(0), time.Duration(0)
			for _, copies := range turns {
				for _, took := range copies[:min(len(copies), len(own))] {
					work += took
				}
			}
			for _, took := range own {
				longest = max(longest, took)
			}
			ratio := float64(last[account]) / float64(work/slots+longest+r.Within)
			switch {
			case r.Flood > 0 && account == flooder:
			case r.Flood > 0 && lanes[account] == lanes[flooder]:
				flooded = max(flooded, ratio)
			default:
				worst = max(worst, ratio)
			}
		}
	}
	return worst, flooded
}

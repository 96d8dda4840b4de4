package proof

import "time"

// turns are the copies that one account has made in a Region.
type turns struct {
	copies   []time.Duration          // how long they took, in the order of the shares
	lineages map[string]time.Duration // by volume: copies of one follow each other
	last     time.Duration            // when the last one ended
}

// unfairness compares, for each account, when its last copy ended with when it
// would have ended had all accounts taken turns, a copy each: an account with
// three copies to make in a Region is done once everybody has had three turns
// there, or fewer if there is no more to copy. Copies can't be interrupted, so
// the ideal has the account's longest lineage on top, and the time in which the
// shares come. It returns the worst quotient, and that of the accounts which
// share the flooding one's lane.
func (r *run) unfairness() (worst, flooded float64) {
	lanes := map[string]int{}
	for i := range r.Accounts {
		lanes[account(i)] = i % r.Lanes
	}
	for _, target := range stormTargets {
		accounts := r.turns(target)
		for name, own := range accounts {
			work, longest := time.Duration(0), time.Duration(0)
			for _, other := range accounts {
				for _, took := range other.copies[:min(len(other.copies), len(own.copies))] {
					work += took
				}
			}
			for _, took := range own.lineages {
				longest = max(longest, took)
			}
			ratio := float64(own.last) / float64(work/slots+longest+r.Within)
			switch {
			case r.Flood > 0 && name == flooder:
			case r.Flood > 0 && lanes[name] == lanes[flooder]:
				flooded = max(flooded, ratio)
			default:
				worst = max(worst, ratio)
			}
		}
	}
	return worst, flooded
}

// turns are those of each account in a Region.
func (r *run) turns(target string) map[string]*turns {
	accounts := map[string]*turns{}
	for _, src := range r.sources {
		ends := r.ends[job{src.ID, target}]
		if len(ends) == 0 {
			continue
		}
		a := accounts[src.owner]
		if a == nil {
			a = &turns{lineages: map[string]time.Duration{}}
			accounts[src.owner] = a
		}
		took := r.copyTime(src.gib)
		a.copies = append(a.copies, took)
		a.lineages[src.volume] += took
		a.last = max(a.last, ends[0].Sub(r.began))
	}
	return accounts
}

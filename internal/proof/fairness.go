package proof

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// unfairness compares, for each account but a flooding one, when its last copy
// ended with when it would have ended in the ideal: the slots of a Region are
// shared equally, at every moment, by the accounts that have copies to make
// there. Whole copies can't do as well as that fluid, so the ideal has the
// account's longest copy on top. It returns the worst quotient.
func (r *run) unfairness() float64 {
	type share struct {
		account       string
		work, longest time.Duration
		last          time.Duration
	}
	worst := 0.0
	for _, target := range stormTargets {
		shares := map[string]*share{}
		for j, ends := range r.ends {
			if j.target != target {
				continue
			}
			src := r.byID[j.source]
			s := shares[src.owner]
			if s == nil {
				s = &share{account: src.owner}
				shares[src.owner] = s
			}
			took := r.copyTime(src.gib)
			s.work += took
			s.longest = max(s.longest, took)
			s.last = max(s.last, ends[0].Sub(r.began))
		}
		sorted := slices.SortedFunc(maps.Values(shares), func(a, b *share) int { return cmp.Compare(a.work, b.work) })
		done := time.Duration(0) // of the work of accounts with less
		for i, s := range sorted {
			ideal := (done + s.work*time.Duration(len(sorted)-i)) / slots
			done += s.work
			if r.Flood > 0 && s.account == account(0) {
				continue
			}
			worst = max(worst, float64(s.last)/float64(ideal+s.longest+r.Within))
		}
	}
	return worst
}

package plan

import (
	"bytes"
	"cmp"
	"fmt"
	"iter"
	"slices"
	"time"

	"snapferry/internal/policy"
	"snapferry/internal/snapshot"
)

// Expiry is what Expire decided. Verdicts are made when they are asked for: all
// at once they would take many times the memory of the copies.
type Expiry struct {
	copies   *Copies
	policies []policy.Policy
	now      time.Time
	fates    []fate      // of each copy
	elders   map[int]int // of twins
}

// fate is what becomes of a copy.
type fate byte

const (
	kept     fate = iota // as judge says
	deleted              // as judge says
	twin                 // deleted, although judge would keep it
	spared               // kept, although judge would delete it
	repeated             // added again later: there is no verdict about this one
)

// Deleted yields the verdicts on the copies that are to be deleted, Kept those
// on all others. Both may be ranged over again.
func (e *Expiry) Deleted() iter.Seq[Verdict] { return e.verdicts(deleted, twin) }

// Kept is the other half of Deleted.
func (e *Expiry) Kept() iter.Seq[Verdict] { return e.verdicts(kept, spared) }

func (e *Expiry) verdicts(fates ...fate) iter.Seq[Verdict] {
	return func(yield func(Verdict) bool) {
		for i, is := range e.fates {
			if slices.Contains(fates, is) && !yield(e.verdict(i)) {
				return
			}
		}
	}
}

func (e *Expiry) verdict(i int) Verdict {
	v := judge(e.copies.at(i), e.now)
	switch e.fates[i] {
	case twin:
		v.Delete, v.Cause, v.Elder = true, Twin, e.copies.at(e.elders[i]).copy.Ref
		v.Reason = fmt.Sprintf("%s is an elder copy of the same order", v.Elder.ID)
	case spared:
		v.Delete, v.Cause = false, LastCopies
		v.Reason = fmt.Sprintf("%s, but one of the %d newest of %s that the policy keeps", v.Reason, e.minimum(v.Mark.Policy, v.Copy.Region), v.Mark.Lineage())
	}
	return v
}

// dropRepeated leaves one of the copies of the same name.
func (e *Expiry) dropRepeated() {
	for same := range e.alike(func(f facts) string { return f.copy.Ref.String() }) {
		for _, i := range same[:len(same)-1] {
			e.fates[i] = repeated
		}
	}
}

// dropTwins finds orders that were copied twice: of the completed copies that
// stay, the eldest does and the others go, unless one would outlive it.
func (e *Expiry) dropTwins() {
	all := e.alike(func(f facts) string {
		if f.mark.Policy == "" || f.copy.State != snapshot.Completed {
			return ""
		}
		return f.mark.Order()
	})
	for same := range all {
		same = slices.DeleteFunc(same, func(i int) bool { return e.fates[i] != kept })
		if len(same) < 2 {
			continue
		}
		first := slices.MinFunc(same, func(i, j int) int { return byAge(e.copies.at(i), e.copies.at(j)) })
		elder := e.copies.at(first)
		for _, i := range same {
			f := e.copies.at(i)
			if i == first || f.held || outlives(f.mark.Expires, elder.mark.Expires) {
				continue
			}
			e.fates[i], e.elders[i] = twin, first
		}
	}
}

// keepMinimum spares the newest copies of each lineage, as many points in time
// as the policy asks for, whatever their age.
func (e *Expiry) keepMinimum() {
	lines := e.alike(func(f facts) string {
		if f.mark.Policy == "" || f.copy.State != snapshot.Completed || e.minimum(f.mark.Policy, f.copy.Region) == 0 {
			return ""
		}
		return f.mark.Policy + "\x00" + f.mark.Lineage()
	})
	for line := range lines {
		line = slices.DeleteFunc(line, func(i int) bool { return e.fates[i] == twin })
		if !slices.ContainsFunc(line, func(i int) bool { return e.fates[i] == deleted }) {
			continue
		}
		slices.SortFunc(line, func(i, j int) int { return bySource(e.copies.at(i), e.copies.at(j)) })
		first := e.copies.at(line[0])
		minimum := e.minimum(first.mark.Policy, first.copy.Region)
		points := map[string]bool{}
		for _, i := range line {
			order := e.copies.at(i).mark.Order()
			if points[order] {
				continue // a twin is no further point in time
			}
			if len(points) == minimum {
				break
			}
			points[order] = true
			if e.fates[i] == deleted {
				e.fates[i] = spared
			}
		}
	}
}

func (e *Expiry) minimum(policy, region string) int {
	p, _ := byName(e.policies, policy)
	rule, _ := p.Rule(region)
	return rule.Retention.MinimumCount
}

// alike yields the copies that have the same key, in the order in which they
// were added; those that have none, "", are left out. Keys are known by their
// digests.
func (e *Expiry) alike(key func(facts) string) iter.Seq[[]int] {
	type keyed struct {
		key digest
		at  int32
	}
	all := make([]keyed, 0, len(e.fates))
	for i, is := range e.fates {
		if is == repeated {
			continue
		}
		if k := key(e.copies.at(i)); k != "" {
			all = append(all, keyed{digestOf(k), int32(i)})
		}
	}
	slices.SortFunc(all, func(a, b keyed) int {
		return cmp.Or(bytes.Compare(a.key[:], b.key[:]), cmp.Compare(a.at, b.at))
	})
	return func(yield func([]int) bool) {
		var same []int
		for i, k := range all {
			same = append(same, int(k.at))
			if i+1 < len(all) && all[i+1].key == k.key {
				continue
			}
			if !yield(same) {
				return
			}
			same = same[:0]
		}
	}
}

// byAge puts the elder copy first.
func byAge(a, b facts) int {
	return cmp.Or(a.copy.Started.Compare(b.copy.Started), cmp.Compare(a.copy.ID, b.copy.ID))
}

// bySource puts the copy of the newer source first, and of twins the elder.
func bySource(a, b facts) int {
	return cmp.Or(b.mark.SourceTime.Compare(a.mark.SourceTime), cmp.Compare(a.mark.Source.ID, b.mark.Source.ID), byAge(a, b))
}

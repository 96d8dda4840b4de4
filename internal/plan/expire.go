package plan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"snapferry/internal/policy"
	"snapferry/internal/snapshot"
)

// failedFor is how long a failed copy stays where people can look at it, and
// where the next attempt sees that there was one.
const failedFor = 24 * time.Hour

// Cause is why a verdict is what it is, for counting.
type Cause string

// The causes of verdicts. Only Expired, Twin and FailedCopy delete.
const (
	Expired    Cause = "expired"
	Twin       Cause = "twin"
	FailedCopy Cause = "failed"

	NotMarked   Cause = "not marked"
	Unreadable  Cause = "unreadable mark"
	Held        Cause = "held"
	NotExpired  Cause = "not expired"
	NeverEnds   Cause = "never expires"
	StillCopied Cause = "pending"
	OddState    Cause = "state"
	LastCopies  Cause = "minimum count"
	NoTime      Cause = "out of time"
	Refused     Cause = "refused" // by EC2: locked, in use, denied, throttled
)

// Verdict says whether one copy is to be deleted, and why or why not.
type Verdict struct {
	Copy   snapshot.Snapshot
	Mark   snapshot.Mark // zero if there is none that can be read
	Delete bool
	Cause  Cause
	Reason string
	// Elder is the copy that stays when Cause is Twin.
	Elder snapshot.Ref
}

// Surprising says whether people should be told that the copy stays: it is past
// its day, or nobody can tell when that is.
func (v Verdict) Surprising(now time.Time) bool {
	if v.Delete {
		return false
	}
	if v.Cause == Unreadable {
		return true
	}
	if v.Cause == Refused {
		return true
	}
	past := !v.Mark.Expires.IsZero() && !now.Before(v.Mark.Expires)
	return past && v.Cause != StillCopied && v.Cause != NoTime
}

// Expire decides which of the copies in one Region are to be deleted. Every
// copy gets exactly one verdict, in the order given; the order changes nothing
// else. A copy that is listed twice, as may happen between the pages of a
// listing, is one copy, and its later listing counts.
//
//	mark       | held | state     | expired | verdict
//	none       |      |           |         | keep
//	unreadable |      |           |         | keep, and tell
//	readable   | yes  |           |         | keep
//	readable   | no   | pending   |         | keep until it has ended
//	readable   | no   | error     |         | delete a day after it began
//	readable   | no   | completed | no      | keep; delete if an elder copy of the same order does as long
//	readable   | no   | completed | yes     | delete, but keep the policy's MinimumCount newest of the lineage
//	readable   | no   | other     |         | keep
func Expire(copies []snapshot.Snapshot, policies []policy.Policy, now time.Time) []Verdict {
	var verdicts []Verdict
	at := map[snapshot.Ref]int{}
	for _, c := range copies {
		v := judge(c, now)
		if i, again := at[c.Ref]; again {
			verdicts[i] = v
			continue
		}
		at[c.Ref] = len(verdicts)
		verdicts = append(verdicts, v)
	}
	dropTwins(verdicts)
	keepMinimum(verdicts, policies)
	return verdicts
}

// judge decides about a copy by itself.
func judge(c snapshot.Snapshot, now time.Time) Verdict {
	v := Verdict{Copy: c}
	keep := func(cause Cause, format string, args ...any) Verdict {
		v.Cause, v.Reason = cause, fmt.Sprintf(format, args...)
		return v
	}
	drop := func(cause Cause, format string, args ...any) Verdict {
		v.Delete = true
		return keep(cause, format, args...)
	}
	mark, err := snapshot.ParseMark(c.Tags)
	switch {
	case errors.Is(err, snapshot.ErrNoMark):
		return keep(NotMarked, "not made by snapferry")
	case err != nil:
		return keep(Unreadable, "%v; mend the tags, or delete the snapshot by hand", err)
	}
	v.Mark = mark
	if snapshot.Held(c.Tags) {
		return keep(Held, "held by tag %s", snapshot.TagHold)
	}
	switch c.State {
	case snapshot.Completed:
	case snapshot.Pending:
		return keep(StillCopied, "still being copied")
	case snapshot.Failed:
		if c.Started.IsZero() || now.Sub(c.Started) < failedFor {
			return keep(FailedCopy, "failed (%s); kept for %s after its start for people to see", c.StateMessage, failedFor)
		}
		return drop(FailedCopy, "the copy failed: %s", c.StateMessage)
	default:
		return keep(OddState, "in state %q", c.State)
	}
	switch {
	case mark.Expires.IsZero():
		return keep(NeverEnds, "kept for ever by its mark")
	case now.Before(mark.Expires):
		return keep(NotExpired, "expires %s", mark.Expires.Format(time.RFC3339))
	}
	return drop(Expired, "expired %s", mark.Expires.Format(time.RFC3339))
}

// dropTwins finds orders that were copied twice: of the completed copies that
// stay, the eldest does and the others go, unless one would outlive it.
func dropTwins(verdicts []Verdict) {
	elders := map[string]*Verdict{}
	stays := func(v *Verdict) bool {
		return v.Mark.Policy != "" && v.Copy.State == snapshot.Completed && !v.Delete
	}
	for i := range verdicts {
		v := &verdicts[i]
		if !stays(v) {
			continue
		}
		order := v.Mark.Order()
		if elder := elders[order]; elder == nil || older(v.Copy, elder.Copy) {
			elders[order] = v
		}
	}
	for i := range verdicts {
		v := &verdicts[i]
		if !stays(v) || v.Cause == Held {
			continue
		}
		elder := elders[v.Mark.Order()]
		if elder == v || outlives(v.Mark.Expires, elder.Mark.Expires) {
			continue
		}
		v.Delete, v.Cause, v.Elder = true, Twin, elder.Copy.Ref
		v.Reason = fmt.Sprintf("%s is an elder copy of the same order", elder.Copy.ID)
	}
}

// keepMinimum spares the newest copies of each lineage, as many points in time
// as the policy asks for, whatever their age.
func keepMinimum(verdicts []Verdict, policies []policy.Policy) {
	type lineage struct{ policy, volume string }
	lines := map[lineage][]*Verdict{}
	for i := range verdicts {
		v := &verdicts[i]
		completed := v.Mark.Policy != "" && v.Copy.State == snapshot.Completed
		if completed && v.Cause != Twin {
			key := lineage{v.Mark.Policy, v.Mark.Lineage()}
			lines[key] = append(lines[key], v)
		}
	}
	for key, line := range lines {
		p, _ := byName(policies, key.policy)
		rule, _ := p.Rule(line[0].Copy.Region)
		minimum := rule.Retention.MinimumCount
		if minimum == 0 {
			continue
		}
		slices.SortFunc(line, func(a, b *Verdict) int {
			return cmp.Or(
				b.Mark.SourceTime.Compare(a.Mark.SourceTime),
				cmp.Compare(a.Mark.Source.ID, b.Mark.Source.ID),
				a.Copy.Started.Compare(b.Copy.Started),
				cmp.Compare(a.Copy.ID, b.Copy.ID),
			)
		})
		points := map[string]bool{}
		for _, v := range line {
			order := v.Mark.Order()
			if points[order] {
				continue // a twin is no further point in time
			}
			if len(points) == minimum {
				break
			}
			points[order] = true
			if v.Delete {
				v.Delete, v.Cause = false, LastCopies
				v.Reason = fmt.Sprintf("%s, but one of the %d newest of %s that the policy keeps", v.Reason, minimum, key.volume)
			}
		}
	}
}

func older(a, b snapshot.Snapshot) bool {
	return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID)) < 0
}

// Confirm decides again about a copy that is about to be deleted, on a fresh look
// at it and, for a twin, at its elder (nil if EC2 does not show it): people may
// have put a hold on it, changed a mark, or deleted the elder meanwhile. It never
// turns keep into delete.
func Confirm(v Verdict, fresh snapshot.Snapshot, elder *snapshot.Snapshot, now time.Time) Verdict {
	again := judge(fresh, now)
	switch {
	case !v.Delete:
		return v
	case v.Cause != Twin && again.Delete:
		return v
	case v.Cause != Twin:
		return again
	}
	unchanged := again.Mark == v.Mark && (again.Cause == NotExpired || again.Cause == NeverEnds)
	if unchanged && elder != nil {
		stays := judge(*elder, now)
		if elder.State == snapshot.Completed && !stays.Delete && stays.Mark.Order() == v.Mark.Order() && !outlives(v.Mark.Expires, stays.Mark.Expires) {
			return v
		}
	}
	again.Delete = false
	again.Reason = fmt.Sprintf("%s; the elder copy %s of its order was there a moment ago, the next run looks again", again.Reason, v.Elder.ID)
	return again
}

// twinGap is how much later a twin may expire and still not outlive its elder:
// twins are made hours apart at most, and stamped when they are made.
const twinGap = 24 * time.Hour

// outlives says whether an expiry is later than another by more than the gap
// between twins; zero is never.
func outlives(a, b time.Time) bool {
	return !b.IsZero() && (a.IsZero() || a.Sub(b) > twinGap)
}

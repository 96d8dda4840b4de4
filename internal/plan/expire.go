package plan

import (
	"fmt"
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
	// Copy has what is told about a copy: its name, state, key and times.
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
// copy gets exactly one verdict; the order in which they were added changes
// nothing. A copy that was added twice, as one may be listed twice where the
// pages of a listing shift, is one copy, and what was added later counts.
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
func Expire(copies *Copies, policies []policy.Policy, now time.Time) *Expiry {
	e := &Expiry{copies: copies, policies: policies, now: now, fates: make([]fate, copies.Len()), elders: map[int]int{}}
	e.dropRepeated()
	for i := range e.fates {
		if e.fates[i] != repeated && judge(copies.at(i), now).Delete {
			e.fates[i] = deleted
		}
	}
	e.dropTwins()
	e.keepMinimum()
	return e
}

// judge decides about a copy by itself.
func judge(f facts, now time.Time) Verdict {
	c, mark := f.copy, f.mark
	v := Verdict{Copy: c, Mark: mark}
	keep := func(cause Cause, format string, args ...any) Verdict {
		v.Cause, v.Reason = cause, fmt.Sprintf(format, args...)
		return v
	}
	drop := func(cause Cause, format string, args ...any) Verdict {
		v.Delete = true
		return keep(cause, format, args...)
	}
	switch {
	case f.unmarked:
		return keep(NotMarked, "not made by snapferry")
	case f.unreadable != "":
		return keep(Unreadable, "%s; mend the tags, or delete the snapshot by hand", f.unreadable)
	case f.held:
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

// Confirm decides again about a copy that is about to be deleted, on a fresh look
// at it and, for a twin, at its elder (nil if EC2 does not show it): people may
// have put a hold on it, changed a mark, or deleted the elder meanwhile. It never
// turns keep into delete.
func Confirm(v Verdict, fresh snapshot.Snapshot, elder *snapshot.Snapshot, now time.Time) Verdict {
	again := judge(factsOf(fresh), now)
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
		stays := judge(factsOf(*elder), now)
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

package plan

import (
	"crypto/sha256"
	"fmt"
	"math"
	"time"

	"snapferry/internal/policy"
	"snapferry/internal/snapshot"
)

// Attempts is what the copies in a Region tell of one order.
type Attempts struct {
	Healthy bool
	failures
}

type failures struct {
	Failed     uint16
	lastFailed int64 // when the latest failed copy began, in Unix seconds
}

// Made is the attempts of every order in one Region. It is small, because there
// may be a hundred thousand: orders are known by a digest of their key, and most
// have a healthy copy and no failed one. The zero Made is empty.
type Made struct {
	copies  int
	healthy map[digest]struct{}
	failed  map[digest]failures
}

// digest is so long that no two orders will ever share one.
type digest [16]byte

func digestOf(key string) digest {
	sum := sha256.Sum256([]byte(key))
	return digest(sum[:16])
}

// Len is how many copies were added.
func (m *Made) Len() int { return m.copies }

// Of is what is known of an order; nothing is, where m is nil.
func (m *Made) Of(key string) Attempts {
	if m == nil {
		return Attempts{}
	}
	d := digestOf(key)
	_, healthy := m.healthy[d]
	return Attempts{healthy, m.failed[d]}
}

// Add counts one copy. Marks that can't be read count for the order that their
// order tag names: better one copy too few by mistake than one too many for
// ever.
func (m *Made) Add(c snapshot.Snapshot) {
	key, marked := c.Tags[snapshot.TagOrder]
	if !marked {
		return
	}
	if m.healthy == nil {
		m.healthy, m.failed = map[digest]struct{}{}, map[digest]failures{}
	}
	m.copies++
	d := digestOf(key)
	switch {
	case c.Healthy():
		m.healthy[d] = struct{}{}
	case c.State == snapshot.Failed:
		f := m.failed[d]
		f.Failed = min(f.Failed, math.MaxUint16-1) + 1
		f.lastFailed = max(f.lastFailed, c.Started.Unix())
		m.failed[d] = f
	}
}

// untoldAfter is how long after its end a copy's result counts as lost: by then
// its event has come, and the tag that says so has been set.
const untoldAfter = 45 * time.Minute

// Untold says whether a copy has ended so long ago that people should have been
// told, and carries no tag that they were.
func Untold(c snapshot.Snapshot, now time.Time) bool {
	if snapshot.Settled(c.Tags) {
		return false
	}
	ended := c.Completed
	switch {
	case c.State == snapshot.Failed:
		ended = c.Started // EC2 does not say when it failed; soon, as a rule
	case c.State != snapshot.Completed:
		return false
	}
	return !ended.IsZero() && now.Sub(ended) >= untoldAfter
}

// Gap is an order that has no healthy copy.
type Gap struct {
	Order  Order
	Wait   bool // a copy failed lately: not yet
	Reason string
	// Open is how much of the time in which it can be noticed has passed: from
	// 0, when the source began, to 1, when catch-up or retention end.
	Open float64
}

// firstRetry is how long after a failed copy the next is ordered; the wait
// doubles with every further failure, up to lastRetry.
const (
	firstRetry = 15 * time.Minute
	lastRetry  = 6 * time.Hour
)

// Missing decides what to order of a source that events should have brought:
// what it matches, has no healthy copy (made is by target Region) and can't have
// expired yet. Sources older than catchUp or than the rule's retention are left
// alone, because a copy of theirs may have come and gone. A failed copy proves
// that none was there when it began, and what came later can't have expired
// before the retention has passed since: then time counts from the failure.
func Missing(source snapshot.Snapshot, policies []policy.Policy, made map[string]*Made, catchUp time.Duration, now time.Time) []Gap {
	var gaps []Gap
	for _, wish := range Orders(source, policies) {
		if wish.Skip {
			continue
		}
		o := wish.Order
		p, _ := byName(policies, o.Policy)
		rule, _ := p.Rule(o.Target)
		attempts := made[o.Target].Of(o.Key())
		last, since := time.Unix(attempts.lastFailed, 0).UTC(), source.Started
		if attempts.Failed > 0 && last.After(since) {
			since = last
		}
		open := window(since, rule.Retention, catchUp, now)
		if attempts.Healthy || open >= 1 {
			continue
		}
		gap := Gap{Order: o, Reason: "no copy", Open: open}
		if attempts.Failed > 0 {
			next := last.Add(backOff(int(attempts.Failed)))
			gap.Wait = now.Before(next)
			gap.Reason = fmt.Sprintf("failed copies: %d, the last begun %s; next attempt from %s",
				attempts.Failed, last.Format(time.RFC3339), next.Format(time.RFC3339))
		}
		gaps = append(gaps, gap)
	}
	return gaps
}

// window is how much of the time has passed in which a copy of what began then
// can be missed, which ends with catchUp or with the retention: 1 is all of it.
func window(began time.Time, r policy.Retention, catchUp time.Duration, now time.Time) float64 {
	if began.IsZero() {
		return 1
	}
	if expires := Expires(began, r); !expires.IsZero() {
		catchUp = min(catchUp, expires.Sub(began))
	}
	return float64(now.Sub(began)) / float64(catchUp)
}

func backOff(failures int) time.Duration {
	wait := firstRetry
	for range failures - 1 {
		if wait *= 2; wait >= lastRetry {
			return lastRetry
		}
	}
	return wait
}

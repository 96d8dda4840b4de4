package plan

import (
	"fmt"
	"time"

	"snapferry/internal/policy"
	"snapferry/internal/snapshot"
)

// Attempts is what the copies in a Region tell of one order.
type Attempts struct {
	Healthy    bool
	Failed     int
	LastFailed time.Time // when the latest failed copy began
}

// Made counts the attempts of every order in one Region by key. Marks that
// can't be read count for the order that their order tag names: better one copy
// too few by mistake than one too many for ever.
type Made map[string]Attempts

// Add counts one copy.
func (m Made) Add(c snapshot.Snapshot) {
	key, marked := c.Tags[snapshot.TagOrder]
	if !marked {
		return
	}
	a := m[key]
	switch {
	case c.Healthy():
		a.Healthy = true
	case c.State == snapshot.Failed:
		a.Failed++
		if c.Started.After(a.LastFailed) {
			a.LastFailed = c.Started
		}
	}
	m[key] = a
}

// Gap is an order that has no healthy copy.
type Gap struct {
	Order   Order
	Started time.Time // of the source
	Wait    bool      // a copy failed lately: not yet
	Reason  string
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
// alone, because a copy of theirs may have come and gone.
func Missing(source snapshot.Snapshot, policies []policy.Policy, made map[string]Made, catchUp time.Duration, now time.Time) []Gap {
	var gaps []Gap
	for _, wish := range Orders(source, policies) {
		if wish.Skip {
			continue
		}
		o := wish.Order
		p, _ := byName(policies, o.Policy)
		rule, _ := p.Rule(o.Target)
		if !inWindow(source.Started, rule.Retention, catchUp, now) {
			continue
		}
		attempts := made[o.Target][o.Key()]
		if attempts.Healthy {
			continue
		}
		gap := Gap{Order: o, Started: source.Started, Reason: "no copy"}
		if attempts.Failed > 0 {
			next := attempts.LastFailed.Add(backOff(attempts.Failed))
			gap.Wait = now.Before(next)
			gap.Reason = fmt.Sprintf("failed copies: %d, the last begun %s; next attempt from %s",
				attempts.Failed, attempts.LastFailed.Format(time.RFC3339), next.Format(time.RFC3339))
		}
		gaps = append(gaps, gap)
	}
	return gaps
}

func inWindow(started time.Time, r policy.Retention, catchUp time.Duration, now time.Time) bool {
	if started.IsZero() || now.Sub(started) >= catchUp {
		return false
	}
	expires := Expires(started, r)
	return expires.IsZero() || now.Before(expires)
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

package blueprint

import (
	"time"

	"snapferry/internal/policy"
)

// Capacity is what a deployment is expected to carry; the zero Capacity says
// nothing of it, and then nothing is computed.
type Capacity struct {
	// SnapshotsPerDay are those that each policy matches in a day, so that each of
	// its rules orders as many copies.
	SnapshotsPerDay int
	// CopyTime is how long EC2 takes for a copy on average.
	CopyTime time.Duration
	// SnapshotQuota is how many snapshots the account may have in a Region.
	SnapshotQuota int
}

// snapshotsPerRegion is EC2's quota on them, which can be raised in Service
// Quotas: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-resource-quotas.html
const snapshotsPerRegion = 100_000

// Load is what one target Region is to carry, if each policy matches as many
// snapshots a day as Capacity says.
type Load struct {
	Region string
	// Copies are ordered a day, and Carried is how many the slots could copy.
	Copies, Carried int
	// Used is the part of the slots' day that copying takes; above 1 orders pile
	// up.
	Used float64
	// Drained is how long the slots take for a whole day's orders if all come at
	// once, as they do after a nightly schedule; a year stands for longer too.
	Drained time.Duration
	// Kept is how many copies stand once the first of them expire, of those rules
	// under which copies do expire.
	Kept int
	// Growing is how many copies a day are made to stay, and Full after how many
	// days they and Kept have reached the quota; both 0 if none are.
	Growing, Full int
	// Quota is how many snapshots the Region has room for.
	Quota int
}

// loads are those of the Regions to which enabled policies copy, in order; none if
// settings do not say what is expected.
func (d deployment) loads() []Load {
	c := d.Capacity
	if c.SnapshotsPerDay == 0 {
		return nil
	}
	const day = 24 * 60 // minutes
	minutes := int(c.CopyTime / time.Minute)
	loads := make([]Load, len(d.active))
	for i, region := range d.active {
		l := Load{Region: region, Quota: c.SnapshotQuota, Carried: d.CopySlots * day / minutes}
		for _, p := range d.enabled {
			rule, ok := p.Rule(region)
			if !ok {
				continue
			}
			l.Copies += c.SnapshotsPerDay
			if rule.Retention.Interval == 0 {
				l.Growing += c.SnapshotsPerDay
			} else {
				l.Kept += c.SnapshotsPerDay * d.daysKept(rule.Retention)
			}
		}
		l.Used = float64(l.Copies*minutes) / float64(d.CopySlots*day)
		l.Drained = time.Duration(min(l.Copies*minutes*60/d.CopySlots, 365*day*60)) * time.Second
		if l.Growing > 0 {
			l.Full = max(0, l.Quota-l.Kept) / l.Growing
		}
		loads[i] = l
	}
	return loads
}

// daysKept is how many days' copies a rule keeps: those of its retention or, where
// that is more, its minimum of each volume, of which a snapshot is made as often as
// the settings say.
func (d deployment) daysKept(r policy.Retention) int {
	days := r.Interval
	switch r.Unit {
	case policy.Weeks:
		days *= 7
	case policy.Months:
		days = (r.Interval*487 + 15) / 16 // 30.4375 each, rounded up
	case policy.Years:
		days = (r.Interval*1461 + 3) / 4
	}
	perDay := int(24 * time.Hour / d.Snapshots.Every)
	return max(days, (r.MinimumCount+perDay-1)/perDay)
}

// Limits of what is expected, beyond which a number is a slip of the finger.
const (
	maxSnapshotsPerDay = 10_000_000
	maxCopyMinutes     = 7 * 24 * 60
	maxSnapshotQuota   = 100_000_000
	usualCopyMinutes   = 10
)

func (s *Settings) capacity(n policy.Value) {
	if !n.Present() || !n.Fields("snapshotsPerDay", "copyMinutes", "snapshotQuota") {
		return
	}
	minutes := usualCopyMinutes
	s.Capacity.SnapshotQuota = snapshotsPerRegion
	read(&s.Capacity.SnapshotsPerDay, n.Required("snapshotsPerDay", "200"), within(1, maxSnapshotsPerDay))
	read(&minutes, n.Get("copyMinutes"), within(1, maxCopyMinutes))
	read(&s.Capacity.SnapshotQuota, n.Get("snapshotQuota"), within(1, maxSnapshotQuota))
	s.Capacity.CopyTime = time.Duration(minutes) * time.Minute
}

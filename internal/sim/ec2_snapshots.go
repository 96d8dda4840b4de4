package sim

import (
	"strconv"
	"time"
)

// maxSnapshots is the quota of snapshots per account and Region.
const maxSnapshots = 100_000

// copiedVolume is the volume that every copy claims to come from.
const copiedVolume = "vol-ffffffff"

// ebsSnapshot is a snapshot of a volume, or a copy of a snapshot.
type ebsSnapshot struct {
	resource
	in          *ec2Region
	volume      string
	description string
	start       time.Time
	minutes     int       // of a time-based copy, else 0
	ready       time.Time // when a snapshot of a volume will be complete

	lock   *snapshotLock
	images map[string]bool // the AMIs that use it
	doomed bool            // deleted while pending

	// now is what is; shown is what listings show, possibly a little later.
	now, shown snapshotFacts
}

// snapshotFacts are the facts about a snapshot that change. Their maps are
// never changed in place, so that now and shown may share them.
type snapshotFacts struct {
	exists    bool
	state     string
	message   string
	gib       int
	encrypted bool
	key       string // ARN
	completed time.Time
	archived  bool
	shares    map[string]time.Time // account: since when
	public    time.Time            // since when; zero: never
}

// sharedAt says since when an account other than the owner may use the
// snapshot. An archived snapshot is out of its reach.
func (f *snapshotFacts) sharedAt(account string) (time.Time, bool) {
	since, shared := f.shares[account]
	if !f.public.IsZero() && (!shared || f.public.Before(since)) {
		since, shared = f.public, true
	}
	return since, shared && f.exists && !f.archived
}

// reachable says whether a call that names the snapshot finds it: one that is
// new can't be tagged, locked or deleted either before it shows.
func (s *ebsSnapshot) reachable() bool { return s != nil && s.now.exists && s.shown.exists }

// showsTo says whether listings show the snapshot to the account.
func (s *ebsSnapshot) showsTo(account string) bool {
	if s.owner == account {
		return s.shown.exists
	}
	_, shared := s.shown.sharedAt(account)
	return shared
}

// progress is the percentage that listings show. A copy's stays at 0 until it
// is complete.
func (s *ebsSnapshot) progress(now time.Time) string {
	switch {
	case s.shown.state == "completed":
		return "100%"
	case s.shown.state != "pending" || !s.ready.After(s.start):
		return "0%"
	}
	percent := 100 * now.Sub(s.start) / s.ready.Sub(s.start)
	return strconv.Itoa(int(min(max(percent, 0), 99))) + "%"
}

// reveal makes listings show what now is, after the lag that the world's
// options allow.
func (e *ec2) reveal(now time.Time, s *ebsSnapshot) {
	e.lagged(now, func() { s.reveal() })
}

func (e *ec2) lagged(now time.Time, f func()) {
	if e.w.options.ListingLag <= 0 {
		f()
		return
	}
	lag := time.Duration(e.w.chance.Int64N(int64(e.w.options.ListingLag))) + 1
	e.w.at(now.Add(lag), func(time.Time) { f() })
}

func (s *ebsSnapshot) reveal() {
	in, was := s.in, s.shown
	s.shown = s.now
	if s.now.exists && s.now.state == "pending" {
		in.pending.add(s)
	} else {
		in.pending.remove(s)
	}
	switch {
	case !s.now.exists:
		drop(in.byOwner, s.owner, s)
		in.public.remove(s)
		for account := range was.shares {
			drop(in.sharedWith, account, s)
		}
		for _, sheet := range s.sheets {
			sheet.now = nil
			sheet.reveal()
		}
		delete(in.snapshots, s.id)
		return
	case !was.exists:
		rollOf(in.byOwner, s.owner).add(s)
		// A snapshot never shows without the tags it was made with.
		if sheet := s.sheets[s.owner]; sheet != nil {
			sheet.reveal()
		}
	}
	for account := range was.shares {
		if _, still := s.now.shares[account]; !still {
			drop(in.sharedWith, account, s)
		}
	}
	for account := range s.now.shares {
		rollOf(in.sharedWith, account).add(s)
	}
	if s.now.public.IsZero() {
		in.public.remove(s)
	} else {
		in.public.add(s)
	}
}

// newSnapshot makes a pending snapshot that exists but does not show yet.
func (e *ec2) newSnapshot(c *ec2Call, tags map[string]string) *ebsSnapshot {
	s := &ebsSnapshot{
		resource:    e.newResource(c.in, "snap", "snapshot", c.account),
		in:          c.in,
		description: c.get("Description"),
		start:       c.now,
		now:         snapshotFacts{exists: true, state: "pending"},
	}
	c.in.snapshots[s.id] = s
	c.in.owned[s.owner]++
	if len(tags) > 0 {
		s.sheet(c.in, s.owner).now = tags
	}
	return s
}

func (c *ec2Call) roomForSnapshot() *apiError {
	if c.in.owned[c.account] >= maxSnapshots {
		return badRequest("SnapshotLimitExceeded", "The maximum number of snapshots (%d) has been reached in this Region.", maxSnapshots)
	}
	return nil
}

// end makes a pending snapshot completed or, with a cause, failed. It says
// whether the snapshot is still there: one that was deleted while pending goes
// now.
func (e *ec2) end(now time.Time, s *ebsSnapshot, cause string) bool {
	if s.doomed {
		e.remove(now, s)
		return false
	}
	if cause == "" {
		s.now.state, s.now.message, s.now.completed = "completed", "", now
	} else {
		s.now.state, s.now.message = "error", cause
	}
	e.reveal(now, s)
	e.settleLock(now, s)
	return true
}

func (e *ec2) remove(now time.Time, s *ebsSnapshot) {
	s.now.exists = false
	s.in.owned[s.owner]--
	s.lock = nil
	drop(s.in.locked, s.owner, s)
	e.reveal(now, s)
}

func (e *ec2) createSnapshot(c *ec2Call) (any, *apiError) {
	id, problem := c.volumeID()
	if problem != nil {
		return nil, problem
	}
	tags, problem := c.tagSpecification("snapshot")
	if problem != nil {
		return nil, problem
	}
	if problem := c.permitted(); problem != nil {
		return nil, problem
	}
	v, problem := c.ownVolume(id)
	if problem != nil {
		return nil, problem
	}
	if problem := c.roomForSnapshot(); problem != nil {
		return nil, problem
	}
	s := e.newSnapshot(c, tags)
	s.volume = v.id
	s.now.gib, s.now.encrypted, s.now.key = v.gib, v.encrypted, v.key
	s.ready = c.now.Add(e.createTime(v.gib))
	e.reveal(c.now, s)
	e.w.at(s.ready, func(now time.Time) {
		if e.end(now, s, "") {
			e.publishCreate(now, s)
		}
	})
	return pendingItem(s, tags), nil
}

func (e *ec2) createTime(gib int) time.Duration {
	if e.w.options.CreateTime != nil {
		return e.w.options.CreateTime(gib)
	}
	return fewSeconds(gib)
}

// fewSeconds is how long snapshots and copies take by default: with their
// size, but never so long that waiting is a nuisance.
func fewSeconds(gib int) time.Duration {
	return 2*time.Second + time.Duration(min(gib, 1000))*3*time.Millisecond
}

func (e *ec2) deleteSnapshot(c *ec2Call) (any, *apiError) {
	id, problem := c.snapshotID()
	if problem != nil {
		return nil, problem
	}
	if problem := c.permitted(); problem != nil {
		return nil, problem
	}
	s, problem := c.ownSnapshot(id)
	if problem != nil {
		return nil, problem
	}
	if len(s.images) > 0 {
		return nil, badRequest("InvalidSnapshot.InUse", "The snapshot %s is currently in use by %s", id, sortedKeys(s.images)[0])
	}
	if s.lock.holds(c.now) {
		// Amazon documents that this fails, but no record says with what code:
		// callers must take any refusal but InvalidSnapshot.NotFound for "not now".
		return nil, badRequest("OperationNotPermitted", "The snapshot %s is locked and can't be deleted", id)
	}
	if s.now.state == "pending" {
		// It has to complete before the deletion takes effect.
		s.doomed = true
	} else {
		e.remove(c.now, s)
	}
	return returned{true}, nil
}

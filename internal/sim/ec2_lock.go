package sim

import "time"

const (
	maxLockDays     = 36_500
	maxCoolOffHours = 72
	day             = 24 * time.Hour
)

// snapshotLock keeps a snapshot from being deleted. Modifying a lock makes a
// new one.
type snapshotLock struct {
	mode        string // "governance" or "compliance"
	days        int
	coolOff     int // hours
	created     time.Time
	started     time.Time // of the duration; zero while the snapshot is pending
	expires     time.Time // zero while that is not known
	coolOffEnds time.Time // zero: there is no cooling-off period
}

func (l *snapshotLock) state(now time.Time) string {
	switch {
	case !l.expires.IsZero() && !now.Before(l.expires):
		return "expired"
	case now.Before(l.coolOffEnds):
		return "compliance-cooloff"
	}
	return l.mode
}

// holds says whether the lock, if there is one, forbids deletion.
func (l *snapshotLock) holds(now time.Time) bool {
	return l != nil && l.state(now) != "expired"
}

type lockItem struct {
	OwnerID        string `xml:"ownerId,omitempty"`
	SnapshotID     string `xml:"snapshotId"`
	State          string `xml:"lockState"`
	Days           int    `xml:"lockDuration"`
	CoolOff        int    `xml:"coolOffPeriod,omitempty"`
	CoolOffExpires string `xml:"coolOffPeriodExpiresOn,omitempty"`
	Created        string `xml:"lockCreatedOn"`
	Expires        string `xml:"lockExpiresOn,omitempty"`
	Started        string `xml:"lockDurationStartTime,omitempty"`
}

func (l *snapshotLock) item(now time.Time, id string) lockItem {
	return lockItem{
		SnapshotID:     id,
		State:          l.state(now),
		Days:           l.days,
		CoolOff:        l.coolOff,
		CoolOffExpires: optionalTime(l.coolOffEnds),
		Created:        ec2Time(l.created),
		Expires:        optionalTime(l.expires),
		Started:        optionalTime(l.started),
	}
}

// readLock reads and checks the parameters of LockSnapshot.
func (c *ec2Call) readLock() (*snapshotLock, *apiError) {
	l := &snapshotLock{mode: c.get("LockMode"), created: c.now}
	switch l.mode {
	case "governance", "compliance":
	case "":
		return nil, badRequest("MissingParameter", "The request must contain the parameter LockMode")
	default:
		return nil, badRequest("InvalidParameterValue", "Value (%s) for parameter lockMode is invalid.", l.mode)
	}
	days, byDays, problem := c.number("LockDuration")
	if problem != nil {
		return nil, problem
	}
	if byDays == c.has("ExpirationDate") {
		return nil, badRequest("InvalidParameterCombination", "Specify either LockDuration or ExpirationDate, and not both")
	}
	if byDays {
		l.days = days
	} else {
		expires, err := time.Parse(time.RFC3339Nano, c.get("ExpirationDate"))
		if err != nil {
			return nil, badRequest("InvalidParameterValue", "Value (%s) for parameter expirationDate is invalid.", c.get("ExpirationDate"))
		}
		if !expires.After(c.now) {
			return nil, badRequest("InvalidParameterValue", "ExpirationDate must be in the future")
		}
		l.expires = expires.UTC()
		l.days = int((expires.Sub(c.now) + day - 1) / day)
	}
	if l.days < 1 || l.days > maxLockDays {
		return nil, badRequest("InvalidParameterValue", "The lock duration must be from 1 to %d days", maxLockDays)
	}
	hours, given, problem := c.number("CoolOffPeriod")
	switch {
	case problem != nil:
		return nil, problem
	case !given:
		return l, nil
	case l.mode != "compliance":
		return nil, badRequest("InvalidParameterCombination", "CoolOffPeriod can only be specified for the lock mode compliance")
	case hours < 1 || hours > maxCoolOffHours:
		return nil, badRequest("InvalidParameterValue", "CoolOffPeriod must be from 1 to %d hours", maxCoolOffHours)
	}
	l.coolOff, l.coolOffEnds = hours, c.now.Add(time.Duration(hours)*time.Hour)
	return l, nil
}

func (e *ec2) lockSnapshot(c *ec2Call) (any, *apiError) {
	id, problem := c.snapshotID()
	if problem != nil {
		return nil, problem
	}
	l, problem := c.readLock()
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
	switch s.now.state {
	case "pending":
		// A duration starts when the snapshot is complete.
	case "completed":
		l.start(c.now)
	default:
		return nil, badRequest("IncorrectState", "The snapshot %s is in the state %s and can't be locked", id, s.now.state)
	}
	if problem := s.lock.yieldsTo(l, c.now); problem != nil {
		return nil, problem
	}
	e.setLock(s, l)
	e.publishLock(c.now, s, l, "lockSnapshot", "succeeded")
	return l.item(c.now, id), nil
}

// start begins the lock's duration.
func (l *snapshotLock) start(now time.Time) {
	l.started = now
	if l.expires.IsZero() {
		l.expires = now.Add(time.Duration(l.days) * day)
	}
}

// No record shows with what codes LockSnapshot and UnlockSnapshot refuse; of
// these, callers should rely on none but InvalidSnapshot.NotFound.

// yieldsTo says whether the lock may be replaced. One in compliance mode whose
// cooling-off period is over can only be made longer.
func (l *snapshotLock) yieldsTo(next *snapshotLock, now time.Time) *apiError {
	if l == nil || l.state(now) != "compliance" {
		return nil
	}
	switch {
	case next.mode != "compliance" || next.coolOff > 0:
		return badRequest("OperationNotPermitted", "The snapshot is locked in compliance mode: only its lock duration can be changed")
	case next.days < l.days || next.expires.Before(l.expires):
		return badRequest("OperationNotPermitted", "The snapshot is locked in compliance mode: its lock duration can't be decreased")
	}
	return nil
}

func (e *ec2) setLock(s *ebsSnapshot, l *snapshotLock) {
	s.lock = l
	rollOf(s.in.locked, s.owner).add(s)
	if !l.coolOffEnds.IsZero() {
		e.w.at(l.coolOffEnds, func(now time.Time) {
			if s.lock == l && l.state(now) == "compliance" {
				e.publishLock(now, s, l, "cooloffperiodExpiry", "succeeded")
			}
		})
	}
	e.expireLock(s, l)
}

func (e *ec2) expireLock(s *ebsSnapshot, l *snapshotLock) {
	if l.expires.IsZero() {
		return
	}
	e.w.at(l.expires, func(now time.Time) {
		if s.lock == l {
			e.publishLock(now, s, l, "lockDurationExpiry", "succeeded")
		}
	})
}

// settleLock starts the duration of a lock that was set while the snapshot was
// pending, or cancels the lock if the snapshot failed.
func (e *ec2) settleLock(now time.Time, s *ebsSnapshot) {
	l := s.lock
	if l == nil {
		return
	}
	if s.now.state == "error" {
		e.publishLock(now, s, l, "lockSnapshot", "failed")
		e.unlock(s)
		return
	}
	scheduled := !l.expires.IsZero()
	l.start(now)
	if !scheduled {
		e.expireLock(s, l)
	}
}

func (e *ec2) unlock(s *ebsSnapshot) {
	s.lock = nil
	drop(s.in.locked, s.owner, s)
}

func (e *ec2) unlockSnapshot(c *ec2Call) (any, *apiError) {
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
	switch {
	case !s.lock.holds(c.now):
		return nil, badRequest("IncorrectState", "The snapshot %s is not locked", id)
	case s.lock.state(c.now) == "compliance":
		return nil, badRequest("OperationNotPermitted", "The snapshot %s is locked in compliance mode and can't be unlocked", id)
	}
	e.unlock(s)
	return struct {
		SnapshotID string `xml:"snapshotId"`
	}{id}, nil
}

func (e *ec2) describeLockedSnapshots(c *ec2Call) (any, *apiError) {
	ids := c.list("SnapshotId")
	for _, id := range ids {
		if problem := checkSnapshotID(id); problem != nil {
			return nil, problem
		}
	}
	p, problem := c.page()
	if problem != nil {
		return nil, problem
	}
	filters, problem := c.filters(func(name string) bool { return name == "lock-state" })
	if problem != nil {
		return nil, problem
	}
	if problem := c.permitted(); problem != nil {
		return nil, problem
	}
	wanted := map[string]bool{}
	for _, id := range ids {
		if _, problem := c.ownSnapshot(id); problem != nil {
			return nil, problem
		}
		wanted[id] = true
	}
	reply := struct {
		Snapshots struct {
			Items []lockItem `xml:"item"`
		} `xml:"snapshotSet"`
		NextToken string `xml:"nextToken,omitempty"`
	}{}
	last := 0
	for s := range merged(p.after, []*roll[*ebsSnapshot]{c.in.locked[c.account]}) {
		item := s.lock.item(c.now, s.id)
		item.OwnerID = s.owner
		pass := len(wanted) == 0 || wanted[s.id]
		for i := range filters {
			pass = pass && filters[i].matches(item.State)
		}
		if !pass {
			continue
		}
		if p.size > 0 && len(reply.Snapshots.Items) == p.size {
			reply.NextToken = nextToken(last, "")
			break
		}
		reply.Snapshots.Items = append(reply.Snapshots.Items, item)
		last = s.seq
	}
	return reply, nil
}

package sim

import (
	"encoding/json"
	"fmt"
	"time"
)

// ebsEvent is an "EBS Snapshot Notification" as EventBridge delivers it.
type ebsEvent struct {
	Version    string   `json:"version"`
	ID         string   `json:"id"`
	DetailType string   `json:"detail-type"`
	Source     string   `json:"source"`
	Account    string   `json:"account"`
	Time       string   `json:"time"`
	Region     string   `json:"region"`
	Resources  []string `json:"resources"`
	Detail     any      `json:"detail"`
}

// ebsDetail is the detail of most events. Booleans are strings in it, as they
// are in recorded events.
type ebsDetail struct {
	Event         string `json:"event"`
	Result        string `json:"result"`
	Cause         string `json:"cause"`
	RequestID     string `json:"request-id"`
	StartTime     string `json:"startTime"`
	EndTime       string `json:"endTime"`
	SnapshotID    string `json:"snapshot_id"`
	Source        string `json:"source,omitempty"`
	Incremental   string `json:"incremental,omitempty"`
	DurationStart string `json:"completionDurationStartTime,omitempty"`
	TransferType  string `json:"transferType,omitempty"`
	MetDuration   string `json:"metCompletionDuration,omitempty"`
}

// ebsARN is an ARN as events write it: with the Region where the account
// belongs.
func ebsARN(region, kind, id string) string {
	return fmt.Sprintf("arn:aws:ec2::%s:%s/%s", region, kind, id)
}

func (s *ebsSnapshot) eventARN() string { return ebsARN(s.in.name, "snapshot", s.id) }

// notify publishes an event about a snapshot to an account in its Region.
func (e *ec2) notify(now time.Time, account string, s *ebsSnapshot, detail any) {
	event, err := json.Marshal(ebsEvent{
		Version:    "0",
		ID:         e.w.uuid(),
		DetailType: "EBS Snapshot Notification",
		Source:     "aws.ec2",
		Account:    account,
		Time:       now.UTC().Format("2006-01-02T15:04:05Z"),
		Region:     s.in.name,
		Resources:  []string{s.eventARN()},
		Detail:     detail,
	})
	if err != nil {
		panic(fmt.Sprintf("sim: marshal %T: %v", detail, err))
	}
	e.w.events.publishEBS(account, s.in.name, now, event)
}

func (e *ec2) publishCreate(now time.Time, s *ebsSnapshot) {
	e.notify(now, s.owner, s, ebsDetail{
		Event: "createSnapshot", Result: "succeeded",
		StartTime: ec2Time(s.start), EndTime: ec2Time(now),
		SnapshotID: s.eventARN(), Source: ebsARN(s.in.name, "volume", s.volume),
	})
}

// publishShare tells an account that a snapshot is now shared with it. The
// source is the owner's account, as a string.
func (e *ec2) publishShare(now time.Time, s *ebsSnapshot, account string) {
	e.notify(now, account, s, ebsDetail{
		Event: "shareSnapshot", Result: "succeeded",
		StartTime: ec2Time(now), EndTime: ec2Time(now),
		SnapshotID: s.eventARN(), Source: s.owner,
	})
}

// publishCopy tells how a copy ended: well when cause is empty.
func (e *ec2) publishCopy(now time.Time, job *copyJob, cause string) {
	s := job.copy
	detail := ebsDetail{
		Event: "copySnapshot", Result: "succeeded", Cause: cause,
		StartTime: ec2Time(s.start), EndTime: ec2Time(now),
		SnapshotID: s.eventARN(), Source: ebsARN(job.sourceRegion, "snapshot", job.source),
		Incremental: "false", TransferType: s.transferType(),
	}
	switch {
	case cause != "":
		detail.Result = "failed"
	default:
		detail.DurationStart = ec2Time(job.begun)
		if job.incremental {
			detail.Incremental = "true"
		}
		if s.minutes > 0 {
			detail.MetDuration = "true"
		}
	}
	e.notify(now, s.owner, s, detail)
}

func (e *ec2) publishArchive(started, now time.Time, s *ebsSnapshot) {
	e.notify(now, s.owner, s, ebsDetail{
		Event: "archiveSnapshot", Result: "succeeded",
		StartTime: ec2Time(started), EndTime: ec2Time(now), SnapshotID: s.eventARN(),
	})
}

// lockDetail is the detail of the events about locks, with Amazon's own
// spelling of its names (Amazon EBS user guide, "Monitor Amazon EBS snapshot
// locks"). The guide prints the source as a bare number; it is a string here,
// as in the other events.
type lockDetail struct {
	Event          string `json:"event"`
	Result         string `json:"result"`
	SnapshotID     string `json:"snapshot_id"`
	Source         string `json:"source"`
	State          string `json:"lockState"`
	Created        string `json:"lockCreatedOn"`
	Expires        string `json:"lockExpiresOn,omitempty"`
	Duration       int    `json:"lockDuration"`
	DurationStart  string `json:"lockStartDurationTime,omitempty"`
	CoolOff        int    `json:"cooOffPeriod,omitempty"`
	CoolOffExpires string `json:"coolOffPeriodExpiresOn,omitempty"`
}

func (e *ec2) publishLock(now time.Time, s *ebsSnapshot, l *snapshotLock, event, result string) {
	e.notify(now, s.owner, s, lockDetail{
		Event: event, Result: result,
		SnapshotID: s.eventARN(), Source: s.owner,
		State: l.state(now), Created: ec2Time(l.created), Expires: optionalTime(l.expires),
		Duration: l.days, DurationStart: optionalTime(l.started),
		CoolOff: l.coolOff, CoolOffExpires: optionalTime(l.coolOffEnds),
	})
}

// optionalTime is "" for the zero time.
func optionalTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return ec2Time(t)
}

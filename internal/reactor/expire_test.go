package reactor_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"snapferry/internal/sim"
	"snapferry/internal/snapshot"
)

// copies makes n sources and lets them be copied everywhere; it returns the ids
// in the Region.
func (l *lab) copies(n int, region string) (ids []string) {
	l.t.Helper()
	for range n {
		l.shared(owner, "production")
	}
	l.run(time.Hour)
	for _, c := range l.own(region) {
		ids = append(ids, c.ID)
	}
	if len(ids) != n {
		l.t.Fatalf("%s has %d copies, want %d", region, len(ids), n)
	}
	l.outcomes = nil
	return ids
}

func (l *lab) tag(region, id, key, value string) {
	l.t.Helper()
	l.do(target, region, "ec2", "CreateTags", form("ResourceId.1", id, "Tag.1.Key", key, "Tag.1.Value", value), nil)
}

func TestExpireDeletesOnlyWhatItMay(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		ids := l.copies(5, saoPaulo)
		expired, held, locked, inUse, odd := ids[0], ids[1], ids[2], ids[3], ids[4]
		l.tag(saoPaulo, held, snapshot.TagHold, "case 17")
		l.tag(saoPaulo, odd, snapshot.TagExpires, "some day")
		l.do(target, saoPaulo, "ec2", "LockSnapshot", form("SnapshotId", locked, "LockMode", "governance", "LockDuration", "30"), nil)
		l.do(target, saoPaulo, "ec2", "RegisterImage", form("Name", "image", "RootDeviceName", "/dev/xvda",
			"BlockDeviceMapping.1.DeviceName", "/dev/xvda", "BlockDeviceMapping.1.Ebs.SnapshotId", inUse), nil)
		var own struct {
			ID string `xml:"snapshotId"`
		}
		l.do(target, saoPaulo, "ec2", "CopySnapshot", form("SourceRegion", saoPaulo, "SourceSnapshotId", expired), &own)

		if got := l.expire(false).Counts; got["deleted"] > 0 {
			t.Fatalf("deleted before its day: %v", got)
		}
		if len(l.outcomes) != 1 || l.outcomes[0].Type != "Kept" || !strings.Contains(l.outcomes[0].Detail.Reason, "unreadable") {
			t.Errorf("outcomes %+v, want only that the mark can't be read", l.outcomes)
		}
		l.outcomes = nil
		time.Sleep(3 * 24 * time.Hour)

		dry := l.expire(true)
		if got := len(l.own(saoPaulo)); got != 6 || len(l.outcomes) > 0 {
			t.Fatalf("a dry run left %d snapshots and published %+v", got, l.outcomes)
		}
		if diff := cmp.Diff(map[string]int{"deleted": 1, "kept": 9}, dry.Counts); diff != "" {
			t.Errorf("dry run: %s", diff)
		}

		summary := l.expire(false)
		if diff := cmp.Diff(map[string]int{"deleted": 1, "kept": 9}, summary.Counts); diff != "" {
			t.Errorf("steps: %s", diff)
		}
		left := map[string]bool{}
		for _, s := range l.own(saoPaulo) {
			left[s.ID] = true
		}
		if diff := cmp.Diff(map[string]bool{held: true, locked: true, inUse: true, odd: true, own.ID: true}, left); diff != "" {
			t.Errorf("left in %s: %s", saoPaulo, diff)
		}
		if got := len(l.own(london)); got != 5 {
			t.Errorf("%s has %d copies left, want all 5: they are kept for a month", london, got)
		}
		if diff := cmp.Diff(map[string]int{"Expired": 1, "Kept": 4}, l.types()); diff != "" {
			t.Errorf("outcomes: %s", diff)
		}
		reasons := map[string]string{}
		for _, o := range l.of("Kept") {
			reasons[o.Detail.Copy.ID] = o.Detail.Reason
		}
		for id, want := range map[string]string{held: "held", locked: "locked (governance) until", inUse: "in use by image ami-", odd: "unreadable mark"} {
			if !strings.Contains(reasons[id], want) {
				t.Errorf("kept because %q, want %q", reasons[id], want)
			}
		}

		// What kept them goes away: the next runs delete them.
		l.do(target, saoPaulo, "ec2", "UnlockSnapshot", form("SnapshotId", locked), nil)
		l.do(target, saoPaulo, "ec2", "DeleteTags", form("ResourceId.1", held, "Tag.1.Key", snapshot.TagHold), nil)
		if got := l.expire(false).Counts["deleted"]; got != 2 {
			t.Errorf("the next run deleted %d, want 2", got)
		}
		if got := l.expire(false).Counts["deleted"]; got != 0 {
			t.Errorf("and the one after that %d, want 0", got)
		}
	})
}

// The policies are gone, and with them the names of Regions; copies go on their
// day all the same.
func TestExpireFindsCopiesOfRemovedPolicies(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		l.copies(1, london)
		l.expirer.Policies = nil
		time.Sleep(32 * 24 * time.Hour)
		if got := l.expire(false).Counts["deleted"]; got != 2 {
			t.Errorf("deleted %d, want both copies", got)
		}
	})
}

// One Region's trouble, or one copy's, is not another's.
func TestExpireGoesOn(t *testing.T) {
	var refuse map[string]sim.Fault
	o := quiet
	o.Fault = func(c sim.Call) sim.Fault { return refuse[c.Action+" "+c.Region] }
	bubble(t, o, func(l *lab) {
		l.copies(2, london)
		time.Sleep(32 * 24 * time.Hour)
		refuse = map[string]sim.Fault{
			"DescribeSnapshots " + london: {Status: 403, Code: "UnauthorizedOperation", Message: "You are not authorized to perform this operation."},
			"DescribeSnapshots eu-west-1": {Status: 403, Code: "UnauthorizedOperation", Message: "denied by a service control policy"},
			"DescribeRegions " + virginia: {},
		}
		j := l.journal(false)
		err := l.expirer.Expire(l.ctx, j)
		if err == nil || !strings.Contains(err.Error(), london) || strings.Contains(err.Error(), "eu-west-1") {
			t.Errorf("error %v, want one that names %s only", err, london)
		}
		if got := len(l.own(saoPaulo)); got != 0 {
			t.Errorf("%s still has %d copies", saoPaulo, got)
		}
		refuse = map[string]sim.Fault{
			"DeleteSnapshot " + london:    {Status: 503, Code: "RequestLimitExceeded", Message: "Request limit exceeded."},
			"DescribeRegions " + virginia: {Status: 403, Code: "UnauthorizedOperation", Message: "no"},
		}
		if got := l.expire(false).Counts; got["deleted"] != 0 || got["kept"] != 2 {
			t.Errorf("throttled: %v, want both kept", got)
		}
		refuse = nil
		if got := l.expire(false).Counts["deleted"]; got != 2 {
			t.Errorf("deleted %d in the end, want 2", got)
		}
	})
}

// A copy that somebody else deletes in the same moment is gone: that is success.
func TestExpireAlreadyGone(t *testing.T) {
	o := quiet
	o.Fault = func(c sim.Call) sim.Fault {
		if c.Action == "DeleteSnapshot" {
			return sim.Fault{Done: true, Status: 400, Code: "InvalidSnapshot.NotFound", Message: "The snapshot does not exist."}
		}
		return sim.Fault{}
	}
	bubble(t, o, func(l *lab) {
		l.copies(1, london)
		time.Sleep(32 * 24 * time.Hour)
		if got := l.expire(false).Counts; got["deleted"] != 2 || got["kept"] != 0 {
			t.Errorf("steps %v, want both deleted", got)
		}
	})
}

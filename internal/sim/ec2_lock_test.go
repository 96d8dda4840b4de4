package sim

import (
	"testing"
	"time"
)

func TestLock(t *testing.T) {
	lock := func(id string, more ...string) []string { return append([]string{"SnapshotId", id}, more...) }
	bubble(t, "a lock in governance mode holds until it is over or taken off", Options{}, func(l *lab) {
		id := l.newSnapshot(owner, east, l.newVolume(owner, east))
		now := l.w.Now()
		got := l.ec2(owner, east, "LockSnapshot", lock(id, "LockMode", "governance", "LockDuration", "3")...)
		for path, want := range map[string]string{
			"lockState": "governance", "lockDuration": "3", "lockCreatedOn": ec2Time(now), "lockDurationStartTime": ec2Time(now),
			"lockExpiresOn": ec2Time(now.Add(3 * day)), "coolOffPeriod": "", "snapshotId": id,
		} {
			l.want(path, got.get(path), want)
		}
		l.want("delete", l.code(owner, east, "DeleteSnapshot", "SnapshotId", id), "OperationNotPermitted")
		l.ec2(owner, east, "UnlockSnapshot", "SnapshotId", id)
		l.want("unlock twice", l.code(owner, east, "UnlockSnapshot", "SnapshotId", id), "IncorrectState")
		l.ec2(owner, east, "LockSnapshot", lock(id, "LockMode", "governance", "LockDuration", "3")...)
		l.ec2(owner, east, "LockSnapshot", lock(id, "LockMode", "governance", "LockDuration", "1")...)
		time.Sleep(day)
		l.want("state", l.ec2(owner, east, "DescribeLockedSnapshots").get("snapshotSet/item/lockState"), "expired")
		l.ec2(owner, east, "DeleteSnapshot", "SnapshotId", id)
		l.wantList("locked", l.ec2(owner, east, "DescribeLockedSnapshots").list("snapshotSet/item/snapshotId"), []string{})
		l.want("lock events", len(l.heard("lockSnapshot")), 3)
		l.want("expiry events", len(l.heard("lockDurationExpiry")), 1)
	})
	bubble(t, "a lock in compliance mode can be undone while it cools off, then only be made longer", Options{}, func(l *lab) {
		id := l.newSnapshot(owner, east, l.newVolume(owner, east))
		compliance := func(days string, more ...string) []string {
			return lock(id, append([]string{"LockMode", "compliance", "LockDuration", days}, more...)...)
		}
		got := l.ec2(owner, east, "LockSnapshot", compliance("3", "CoolOffPeriod", "2")...)
		l.want("state", got.get("lockState"), "compliance-cooloff")
		l.ec2(owner, east, "UnlockSnapshot", "SnapshotId", id)
		l.ec2(owner, east, "LockSnapshot", compliance("3", "CoolOffPeriod", "2")...)
		l.ec2(owner, east, "LockSnapshot", compliance("2", "CoolOffPeriod", "1")...)
		time.Sleep(time.Hour)
		l.want("unlock", l.code(owner, east, "UnlockSnapshot", "SnapshotId", id), "OperationNotPermitted")
		l.want("shorter", l.code(owner, east, "LockSnapshot", compliance("1")...), "OperationNotPermitted")
		l.want("governance", l.code(owner, east, "LockSnapshot", lock(id, "LockMode", "governance", "LockDuration", "9")...), "OperationNotPermitted")
		l.want("cooling off", l.code(owner, east, "LockSnapshot", compliance("9", "CoolOffPeriod", "1")...), "OperationNotPermitted")
		l.want("longer", l.ec2(owner, east, "LockSnapshot", compliance("9")...).get("lockState"), "compliance")
		l.wantList("by state", l.ec2(owner, east, "DescribeLockedSnapshots", "Filter.1.Name", "lock-state", "Filter.1.Value.1", "compliance").list("snapshotSet/item/snapshotId"), []string{id})
		l.want("cool-off events", len(l.heard("cooloffperiodExpiry")), 1)
	})
	hour := Options{CopyTime: func(int) time.Duration { return time.Hour }}
	bubble(t, "the duration of a lock on a pending copy starts when it completes", hour, func(l *lab) {
		id := l.copy(east, l.source(east), west)
		got := l.ec2(vault, west, "LockSnapshot", lock(id, "LockMode", "governance", "LockDuration", "1")...)
		l.want("expires", got.get("lockExpiresOn"), "")
		l.want("delete", l.code(vault, west, "DeleteSnapshot", "SnapshotId", id), "OperationNotPermitted")
		ends := l.w.Now().Add(time.Hour)
		time.Sleep(2 * time.Hour)
		got = l.ec2(vault, west, "DescribeLockedSnapshots", "SnapshotId.1", id)
		l.want("started", got.get("snapshotSet/item/lockDurationStartTime"), ec2Time(ends))
		l.want("expires", got.get("snapshotSet/item/lockExpiresOn"), ec2Time(ends.Add(day)))
		time.Sleep(day)
		l.want("expiry events", len(l.heard("lockDurationExpiry")), 1)
	})
	bubble(t, "a lock on a copy that fails is cancelled", Options{}, func(l *lab) {
		id := l.copy(east, "snap-0123456789abcdef0", west)
		l.ec2(vault, west, "LockSnapshot", lock(id, "LockMode", "governance", "LockDuration", "1")...)
		time.Sleep(time.Minute)
		events := l.heard("lockSnapshot")
		l.want("event", events[len(events)-1]["detail"].(map[string]any)["result"], "failed")
		l.want("lock it now", l.code(vault, west, "LockSnapshot", lock(id, "LockMode", "governance", "LockDuration", "1")...), "IncorrectState")
		l.ec2(vault, west, "DeleteSnapshot", "SnapshotId", id)
	})
	tests := []struct {
		name  string
		pairs []string
		code  string
	}{
		{"no mode", []string{"LockDuration", "1"}, "MissingParameter"},
		{"another mode", []string{"LockMode", "strict", "LockDuration", "1"}, "InvalidParameterValue"},
		{"no duration", []string{"LockMode", "governance"}, "InvalidParameterCombination"},
		{"a duration and a date", []string{"LockMode", "governance", "LockDuration", "1", "ExpirationDate", "2100-01-01T00:00:00Z"}, "InvalidParameterCombination"},
		{"a date in the past", []string{"LockMode", "governance", "ExpirationDate", "1999-01-01T00:00:00Z"}, "InvalidParameterValue"},
		{"no day", []string{"LockMode", "governance", "LockDuration", "0"}, "InvalidParameterValue"},
		{"36,501 days", []string{"LockMode", "governance", "LockDuration", "36501"}, "InvalidParameterValue"},
		{"36,500 days", []string{"LockMode", "governance", "LockDuration", "36500"}, ""},
		{"cooling off in governance mode", []string{"LockMode", "governance", "LockDuration", "1", "CoolOffPeriod", "1"}, "InvalidParameterCombination"},
		{"73 hours of cooling off", []string{"LockMode", "compliance", "LockDuration", "1", "CoolOffPeriod", "73"}, "InvalidParameterValue"},
		{"a dry run", []string{"LockMode", "compliance", "LockDuration", "1", "DryRun", "true"}, "DryRunOperation"},
	}
	for _, test := range tests {
		bubble(t, "a lock with "+test.name, Options{}, func(l *lab) {
			id := l.newSnapshot(owner, east, l.newVolume(owner, east))
			l.want("code", l.code(owner, east, "LockSnapshot", lock(id, test.pairs...)...), test.code)
		})
	}
}

package sim

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestShare(t *testing.T) {
	const add, remove = "CreateVolumePermission.Add.", "CreateVolumePermission.Remove."
	bubble(t, "both forms share and unshare, and each new account hears of it once", Options{}, func(l *lab) {
		id := l.newSnapshot(owner, east, l.newVolume(owner, east))
		allowed := func() []string {
			answer := l.ec2(owner, east, "DescribeSnapshotAttribute", "SnapshotId", id, "Attribute", "createVolumePermission")
			return append(answer.list("createVolumePermission/item/group"), answer.list("createVolumePermission/item/userId")...)
		}
		l.wantList("at first", allowed(), []string{})
		l.ec2(owner, east, "ModifySnapshotAttribute", "SnapshotId", id, add+"1.UserId", vault, add+"2.UserId", owner)
		l.wantList("added", allowed(), []string{vault})
		l.ec2(owner, east, "ModifySnapshotAttribute", "SnapshotId", id, "Attribute", "createVolumePermission", "OperationType", "add", "UserId.1", stranger, "UserId.2", vault)
		l.wantList("added the old way", allowed(), []string{vault, stranger})
		l.ec2(owner, east, "ModifySnapshotAttribute", "SnapshotId", id, add+"1.Group", "all")
		l.wantList("public", allowed(), []string{"all", vault, stranger})
		heard := []string{}
		for _, event := range l.heard("shareSnapshot") {
			heard = append(heard, event["account"].(string))
		}
		l.wantList("heard", heard, []string{vault, stranger})
		l.ec2(owner, east, "ModifySnapshotAttribute", "SnapshotId", id, remove+"1.UserId", vault, remove+"2.Group", "all")
		l.wantList("removed", allowed(), []string{stranger})
		l.ec2(owner, east, "ResetSnapshotAttribute", "SnapshotId", id, "Attribute", "createVolumePermission")
		l.wantList("reset", allowed(), []string{})
		l.share(east, id, vault)
		l.want("heard after sharing anew", len(l.heard("shareSnapshot")), 3)
	})
	bubble(t, "the event of a share has the documented shape, with its oddities", Options{}, func(l *lab) {
		id := l.newSnapshot(owner, east, l.newVolume(owner, east))
		now := l.w.Now()
		l.share(east, id, vault)
		event := l.heard("shareSnapshot")[0]
		delete(event, "id")
		arn := "arn:aws:ec2::us-east-1:snapshot/" + id
		want := map[string]any{
			"version": "0", "detail-type": "EBS Snapshot Notification", "source": "aws.ec2", "account": vault, "region": east,
			"time": now.Format(time.RFC3339), "resources": []any{arn},
			"detail": map[string]any{
				"event": "shareSnapshot", "result": "succeeded", "cause": "", "request-id": "",
				"snapshot_id": arn, "source": owner, "startTime": ec2Time(now), "endTime": ec2Time(now),
			},
		}
		if diff := cmp.Diff(want, event); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	for _, test := range []struct {
		name string
		with []string // the share, besides the vault
		want int
	}{
		{"a private snapshot's share makes an event", nil, 1},
		{"a public snapshot's share makes none", []string{add + "2.Group", "all"}, 0},
	} {
		bubble(t, test.name, Options{}, func(l *lab) {
			id := l.newSnapshot(owner, east, l.newVolume(owner, east))
			l.ec2(owner, east, "ModifySnapshotAttribute", append([]string{"SnapshotId", id, add + "1.UserId", vault}, test.with...)...)
			l.want("events", len(l.heard("shareSnapshot")), test.want)
			l.ec2(owner, east, "ModifySnapshotAttribute", "SnapshotId", id, add+"1.UserId", stranger)
			l.want("events after another share", len(l.heard("shareSnapshot")), 2*test.want)
			l.want("seen", l.show(stranger, east, id).get("status"), "completed")
		})
	}
	bubble(t, "a pending snapshot can be shared", Options{}, func(l *lab) {
		id := l.ec2(owner, east, "CreateSnapshot", "VolumeId", l.newVolume(owner, east)).get("snapshotId")
		l.share(east, id, vault)
		l.want("seen", l.show(vault, east, id).get("status"), "pending")
	})
	tests := []struct {
		name    string
		pairs   []string
		code    string
		message string
	}{
		{"adding and removing at once", []string{add + "1.UserId", vault, remove + "1.UserId", stranger}, "InvalidParameterCombination", "One and only one operation type may be specified for createVolumePermissions"},
		{"nothing at all", nil, "InvalidParameterCombination", "No attributes specified."},
		{"no operation", []string{"Attribute", "createVolumePermission", "UserId.1", vault}, "InvalidParameterCombination", "No operation specified for createVolumePermission attribute."},
		{"another attribute", []string{"Attribute", "productCodes", "OperationType", "add"}, "InvalidParameterValue", "Unrecognized attribute."},
		{"an account that is none", []string{add + "1.UserId", "me"}, "InvalidAMIAttributeItemValue", "UserId me"},
		{"an account that is none, the old way", []string{"Attribute", "createVolumePermission", "OperationType", "add", "UserId.1", "me"}, "InvalidAMIAttributeItemValue", "UserId (me) is invalid."},
		{"a group that is none", []string{add + "1.Group", "some"}, "InvalidAMIAttributeItemValue", "UserGroup some"},
	}
	for _, test := range tests {
		bubble(t, test.name, Options{}, func(l *lab) {
			id := l.newSnapshot(owner, east, l.newVolume(owner, east))
			got := l.refused(owner, east, "ModifySnapshotAttribute", append(test.pairs, "SnapshotId", id)...)
			l.want("error", got.Code+": "+got.Message, test.code+": "+test.message)
		})
	}
	bubble(t, "five hundred entries in a call, counted before duplicates", Options{}, func(l *lab) {
		id := l.newSnapshot(owner, east, l.newVolume(owner, east))
		for _, form := range [][]string{{add + "%d.UserId"}, {"UserId.%d", "Attribute", "createVolumePermission", "OperationType", "add"}} {
			pairs := append([]string{"SnapshotId", id}, form[1:]...)
			for n := range 500 {
				pairs = append(pairs, fmt.Sprintf(form[0], n+1), owner)
			}
			l.want("500", l.code(owner, east, "ModifySnapshotAttribute", pairs...), "")
			got := l.refused(owner, east, "ModifySnapshotAttribute", append(pairs, fmt.Sprintf(form[0], 501), owner)...)
			l.want("501", got.Code+": "+got.Message, "InvalidParameterValue: Modification size must not be greater than 500.")
		}
	})
	bubble(t, "only the owner changes who may use a snapshot", Options{}, func(l *lab) {
		id := l.source(east)
		l.want("share", l.code(vault, east, "ModifySnapshotAttribute", "SnapshotId", id, add+"1.UserId", stranger), "InvalidSnapshot.NotFound")
		l.want("look", l.code(vault, east, "DescribeSnapshotAttribute", "SnapshotId", id, "Attribute", "createVolumePermission"), "InvalidSnapshot.NotFound")
		l.want("reset", l.code(vault, east, "ResetSnapshotAttribute", "SnapshotId", id, "Attribute", "createVolumePermission"), "InvalidSnapshot.NotFound")
		l.want("archive", l.code(vault, east, "ModifySnapshotTier", "SnapshotId", id, "StorageTier", "archive"), "InvalidSnapshot.NotFound")
		l.want("lock", l.code(vault, east, "LockSnapshot", "SnapshotId", id, "LockMode", "governance", "LockDuration", "1"), "InvalidSnapshot.NotFound")
		l.want("dry run", l.code(vault, east, "ModifySnapshotAttribute", "SnapshotId", id, add+"1.UserId", stranger, "DryRun", "true"), "DryRunOperation")
	})
	bubble(t, "what aws/ebs encrypts can't be shared, and nothing encrypted be public", Options{}, func(l *lab) {
		managed := l.newSnapshot(owner, east, l.newVolume(owner, east, "Encrypted", "true"))
		got := l.refused(owner, east, "ModifySnapshotAttribute", "SnapshotId", managed, add+"1.UserId", vault)
		l.want("aws/ebs", got.Code+": "+got.Message, "OperationNotPermitted: Encrypted snapshots with EBS default key cannot be shared")
		mine := l.newSnapshot(owner, east, l.newVolume(owner, east, "Encrypted", "true", "KmsKeyId", l.newKey(owner, east, "")))
		got = l.refused(owner, east, "ModifySnapshotAttribute", "SnapshotId", mine, add+"1.Group", "all")
		l.want("public", got.Code+": "+got.Message, "OperationNotPermitted: Encrypted snapshots cannot be shared publicly.")
		l.share(east, mine, vault)
	})
	bubble(t, "an archived snapshot is out of everybody's reach but its owner's", Options{}, func(l *lab) {
		id := l.source(east)
		l.ec2(owner, east, "ModifySnapshotTier", "SnapshotId", id, "StorageTier", "archive")
		time.Sleep(time.Minute)
		l.want("tier", l.show(owner, east, id).get("storageTier"), "archive")
		l.want("seen", l.code(vault, east, "DescribeSnapshots", "SnapshotId.1", id), "InvalidSnapshot.NotFound")
		l.want("shared again", l.code(owner, east, "ModifySnapshotAttribute", "SnapshotId", id, add+"1.UserId", stranger), "OperationNotPermitted")
		l.want("events", len(l.heard("archiveSnapshot")), 1)
	})
}

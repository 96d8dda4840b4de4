package sim

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCopyFailsLater(t *testing.T) {
	tests := []struct {
		name  string
		cause string
		setup func(l *lab) (source, region string)
	}{
		{"a source that does not exist", "Source snapshot is not found", func(l *lab) (string, string) { return "snap-0123456789abcdef0", east }},
		{"a source that is not shared", "Source snapshot is not found", func(l *lab) (string, string) {
			return l.newSnapshot(owner, east, l.newVolume(owner, east)), east
		}},
		{"a source in another Region", "Source snapshot is not found", func(l *lab) (string, string) { return l.source(east), "us-west-2" }},
		{"a source that is still pending", "Source snapshot is not complete", func(l *lab) (string, string) {
			id := l.ec2(owner, east, "CreateSnapshot", "VolumeId", l.newVolume(owner, east)).get("snapshotId")
			l.share(east, id, vault)
			return id, east
		}},
		{"a source that is archived, and so out of reach", "Source snapshot is not found", func(l *lab) (string, string) {
			id := l.source(east)
			l.ec2(owner, east, "ModifySnapshotTier", "SnapshotId", id, "StorageTier", "archive")
			time.Sleep(time.Minute)
			return id, east
		}},
		{"a source under a key that is not shared", "Given key ID is not accessible", func(l *lab) (string, string) {
			return l.source(east, "Encrypted", "true", "KmsKeyId", l.newKey(owner, east, "")), east
		}},
	}
	for _, test := range tests {
		bubble(t, test.name, Options{}, func(l *lab) {
			source, region := test.setup(l)
			id := l.copy(region, source, west)
			time.Sleep(1900 * time.Millisecond)
			l.want("status before 2 s", l.show(vault, west, id).get("status"), "pending")
			time.Sleep(4200 * time.Millisecond)
			got := l.show(vault, west, id)
			for path, want := range map[string]string{
				"status": "error", "statusMessage": test.cause, "volumeSize": "0", "progress": "0%", "completionTime": "", "encrypted": "false",
			} {
				l.want(path, got.get(path), want)
			}
			events := l.heard("copySnapshot")
			if len(events) != 1 {
				t.Fatalf("got %d events, want 1", len(events))
			}
			detail := events[0]["detail"].(map[string]any)
			l.want("result", detail["result"], "failed")
			l.want("cause", detail["cause"], test.cause)
			l.want("incremental", detail["incremental"], "false")
			if _, has := detail["completionDurationStartTime"]; has {
				t.Error("a failed copy's event has completionDurationStartTime")
			}
		})
	}
	bubble(t, "a share that has not spread yet", Options{ShareLag: time.Minute}, func(l *lab) {
		source := l.source(east)
		l.want("at once", l.copiedIn(10*time.Second, source).get("statusMessage"), "Source snapshot is not found")
		time.Sleep(time.Minute)
		l.want("later", l.copiedIn(time.Minute, source).get("status"), "completed")
	})
}

// copiedIn makes a copy of a source in the east and looks after d.
func (l *lab) copiedIn(d time.Duration, source string) element {
	l.t.Helper()
	id := l.copy(east, source, west)
	time.Sleep(d)
	return l.show(vault, west, id)
}

func TestCopyQuota(t *testing.T) {
	hour := Options{CopyTime: func(int) time.Duration { return time.Hour }, ListingLag: time.Minute}
	bubble(t, "the twenty-first pending copy in a Region is refused until one ends", hour, func(l *lab) {
		var sources []string
		for range 20 {
			sources = append(sources, l.source(east))
		}
		for _, source := range sources {
			l.copy(east, source, west)
		}
		got := l.refused(vault, west, "CopySnapshot", "SourceRegion", east, "SourceSnapshotId", sources[0])
		l.want("code", got.Code, "ResourceLimitExceeded")
		l.want("message", got.Message, "Too many snapshot copies in progress. The limit is 20 for this destination region.")
		l.want("in another Region", l.code(vault, east, "CopySnapshot", "SourceRegion", east, "SourceSnapshotId", sources[0]), "")
		l.want("by another account", l.code(owner, west, "CopySnapshot", "SourceRegion", east, "SourceSnapshotId", sources[0]), "")
		time.Sleep(time.Hour)
		l.want("after an hour", l.code(vault, west, "CopySnapshot", "SourceRegion", east, "SourceSnapshotId", sources[0]), "")
	})
	bubble(t, "failed copies free their place, and the options set the quota", Options{CopyQuota: 1}, func(l *lab) {
		const nothing = "snap-0123456789abcdef0"
		l.copy(east, nothing, west)
		got := l.refused(vault, west, "CopySnapshot", "SourceRegion", east, "SourceSnapshotId", nothing)
		l.want("message", got.Message, "Too many snapshot copies in progress. The limit is 1 for this destination region.")
		time.Sleep(6 * time.Second)
		l.copy(east, nothing, west)
	})
}

func TestCopyLineage(t *testing.T) {
	minute := Options{CopyTime: func(int) time.Duration { return time.Minute }}
	bubble(t, "the second copy of a volume begins when the first has ended", minute, func(l *lab) {
		volume := l.newVolume(owner, east)
		first, second := l.newSnapshot(owner, east, volume), l.newSnapshot(owner, east, volume)
		l.share(east, first, vault)
		l.share(east, second, vault)
		a, b := l.copy(east, first, west), l.copy(east, second, west)
		elsewhere := l.copy(east, second, east)
		time.Sleep(time.Minute)
		l.want("first after a minute", l.show(vault, west, a).get("status"), "completed")
		l.want("second after a minute", l.show(vault, west, b).get("status"), "pending")
		l.want("in another Region", l.show(vault, east, elsewhere).get("status"), "completed")
		time.Sleep(time.Minute)
		l.want("second after two", l.show(vault, west, b).get("status"), "completed")
	})
	bubble(t, "the source is looked at when its copy begins", minute, func(l *lab) {
		source := l.source(east)
		a, b := l.copy(east, source, west), l.copy(east, source, west)
		time.Sleep(time.Second)
		l.ec2(owner, east, "ModifySnapshotAttribute", "SnapshotId", source, "CreateVolumePermission.Remove.1.UserId", vault)
		time.Sleep(2 * time.Minute)
		l.want("first", l.show(vault, west, a).get("status"), "completed")
		l.want("second", l.show(vault, west, b).get("statusMessage"), "Source snapshot is not found")
	})
	bubble(t, "a copy is incremental while the newest copy of its lineage is there under the same key", Options{}, func(l *lab) {
		volume := l.newVolume(owner, east)
		incremental := func(more ...string) string {
			source := l.newSnapshot(owner, east, volume)
			l.share(east, source, vault)
			l.copied(east, source, west, more...)
			events := l.heard("copySnapshot")
			return events[len(events)-1]["detail"].(map[string]any)["incremental"].(string)
		}
		got := []string{incremental(), incremental()}
		all := l.listed(vault, west, "Owner.1", "self")
		l.ec2(vault, west, "DeleteSnapshot", "SnapshotId", all[0]) // an older one
		got = append(got, incremental())
		all = l.listed(vault, west, "Owner.1", "self")
		l.ec2(vault, west, "DeleteSnapshot", "SnapshotId", all[len(all)-1]) // the newest
		got = append(got, incremental(), incremental("Encrypted", "true"), incremental())
		want := []string{"false", "true", "true", "false", "false", "false"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("incremental (-want +got):\n%s", diff)
		}
	})
	bubble(t, "within an account and Region a copy under the same key is incremental", Options{}, func(l *lab) {
		id := l.newSnapshot(vault, west, l.newVolume(vault, west))
		l.copied(west, id, west)
		l.want("incremental", l.heard("copySnapshot")[0]["detail"].(map[string]any)["incremental"], "true")
	})
}

func TestCopyEvent(t *testing.T) {
	bubble(t, "the event of a copy has the recorded shape", Options{}, func(l *lab) {
		source := l.source(east)
		started := l.w.Now()
		id := l.copy(east, source, west)
		time.Sleep(time.Minute)
		events := l.heard("copySnapshot")
		if len(events) != 1 {
			t.Fatalf("got %d events, want 1", len(events))
		}
		ended := started.Add(fewSeconds(8))
		arn := "arn:aws:ec2::eu-west-1:snapshot/" + id
		delete(events[0], "id")
		want := map[string]any{
			"version": "0", "detail-type": "EBS Snapshot Notification", "source": "aws.ec2", "account": vault, "region": west,
			"time": ended.Format(time.RFC3339), "resources": []any{arn},
			"detail": map[string]any{
				"event": "copySnapshot", "result": "succeeded", "cause": "", "request-id": "",
				"startTime": ec2Time(started), "endTime": ec2Time(ended), "snapshot_id": arn,
				"source": "arn:aws:ec2::us-east-1:snapshot/" + source, "incremental": "false",
				"completionDurationStartTime": ec2Time(started), "transferType": "standard",
			},
		}
		if diff := cmp.Diff(want, events[0]); diff != "" {
			t.Errorf("event (-want +got):\n%s", diff)
		}
	})
}

package sim

import (
	"fmt"
	"testing"
	"time"
)

func TestCopyLife(t *testing.T) {
	minute := Options{CopyTime: func(int) time.Duration { return 30 * time.Second }}
	bubble(t, "a pending copy shows nothing of its source but its own tags and description", minute, func(l *lab) {
		source := l.source(east)
		started := l.w.Now()
		answer := l.ec2(vault, west, "CopySnapshot", "SourceRegion", east, "SourceSnapshotId", source, "Description", "mine",
			"TagSpecification.1.ResourceType", "snapshot", "TagSpecification.1.Tag.1.Key", "k", "TagSpecification.1.Tag.1.Value", "v")
		l.want("tag in the answer", answer.get("tagSet/item/key")+"="+answer.get("tagSet/item/value"), "k=v")
		got := l.show(vault, west, answer.get("snapshotId"))
		for path, want := range map[string]string{
			"status": "pending", "statusMessage": "Metadata not updated", "volumeId": "vol-ffffffff", "volumeSize": "0",
			"encrypted": "false", "progress": "0%", "description": "mine", "tagSet/item/key": "k", "storageTier": "standard",
			"transferType": "standard", "ownerId": vault, "completionTime": "", "kmsKeyId": "", "startTime": ec2Time(started),
		} {
			l.want(path, got.get(path), want)
		}
		if len(got.all("fullSnapshotSizeInBytes")) != 0 {
			t.Error("a pending copy has a full size")
		}
	})
	bubble(t, "a completed copy has the source's size and no message", minute, func(l *lab) {
		source := l.source(east)
		id := l.copy(east, source, west)
		started := l.w.Now()
		time.Sleep(30 * time.Second)
		got := l.show(vault, west, id)
		for path, want := range map[string]string{
			"status": "completed", "volumeId": "vol-ffffffff", "volumeSize": "8", "progress": "100%", "description": "",
			"encrypted": "false", "completionTime": ec2Time(started.Add(30 * time.Second)), "fullSnapshotSizeInBytes": fmt.Sprint(8 << 30),
			"startTime": ec2Time(started), "tagSet": "",
		} {
			l.want(path, got.get(path), want)
		}
		if len(got.all("statusMessage")) != 0 {
			t.Error("a completed copy has a message")
		}
	})
	bubble(t, "nothing makes a second identical call the same copy", Options{}, func(l *lab) {
		source := l.source(east)
		if a, b := l.copy(east, source, west), l.copy(east, source, west); a == b {
			t.Errorf("got %s twice", a)
		}
	})
	bubble(t, "tags, permissions and description of the source are not inherited", Options{}, func(l *lab) {
		source := l.newSnapshot(owner, east, l.newVolume(owner, east), "Description", "secret",
			"TagSpecification.1.ResourceType", "snapshot", "TagSpecification.1.Tag.1.Key", "k", "TagSpecification.1.Tag.1.Value", "v")
		l.share(east, source, vault)
		got := l.copied(east, source, east)
		l.want("description", got.get("description"), "")
		l.want("tags", len(got.all("tagSet")), 0)
		l.want("seen by the owner", l.code(owner, east, "DescribeSnapshots", "SnapshotId.1", got.get("snapshotId")), "InvalidSnapshot.NotFound")
	})
	bubble(t, "a time-based copy is complete in time", Options{CopyTime: func(int) time.Duration { return 5 * time.Hour }}, func(l *lab) {
		id := l.copy(east, l.source(east), west, "CompletionDurationMinutes", "15")
		time.Sleep(15 * time.Minute)
		got := l.show(vault, west, id)
		l.want("status", got.get("status"), "completed")
		l.want("transfer type", got.get("transferType"), "time-based")
		l.want("minutes", got.get("completionDurationMinutes"), "15")
		detail := l.heard("copySnapshot")[0]["detail"].(map[string]any)
		l.want("event", fmt.Sprint(detail["transferType"], " ", detail["metCompletionDuration"]), "time-based true")
	})
}

func TestCopyRefused(t *testing.T) {
	const good = "snap-0123456789abcdef0"
	presign := func(pairs ...string) string { return "https://ec2.example/?" + params(pairs).Encode() }
	tests := []struct {
		name    string
		pairs   []string
		code    string
		message string
		status  int
	}{
		{"a missing source", []string{"SourceRegion", east}, "MissingParameter", "The request must contain the parameter SourceSnapshotId", 400},
		{"an empty source", []string{"SourceRegion", east, "SourceSnapshotId", ""}, "InvalidParameterValue", "The specified snapshotId is invalid", 400},
		{"a bad source", []string{"SourceRegion", east, "SourceSnapshotId", "bad"}, "InvalidParameterValue", "The specified snapshotId is invalid", 400},
		{"a source of zeros", []string{"SourceRegion", east, "SourceSnapshotId", "snap-00000000000000000"}, "InvalidParameterValue", "The specified snapshotId is invalid", 400},
		{"a bad source in a dry run", []string{"SourceRegion", east, "SourceSnapshotId", "bad", "DryRun", "true"}, "InvalidParameterValue", "The specified snapshotId is invalid", 400},
		{"a missing source Region is Amazon's own fault", []string{"SourceSnapshotId", good}, "InternalError", "An internal error has occurred", 500},
		{"an unknown source Region", []string{"SourceSnapshotId", good, "SourceRegion", "not-a-region"}, "InvalidRegion", "not-a-region is not a valid region name", 400},
		{"an empty source Region", []string{"SourceSnapshotId", good, "SourceRegion", ""}, "InvalidRegion", " is not a valid region name", 400},
		{"another destination Region than the endpoint's", []string{"SourceSnapshotId", good, "SourceRegion", east, "DestinationRegion", "us-west-2"}, "InvalidParameterValue", "DestinationRegion 'us-west-2' does not match the current region (eu-west-1)", 400},
		{"another destination Region in a dry run passes", []string{"SourceSnapshotId", good, "SourceRegion", east, "DestinationRegion", "us-west-2", "DryRun", "true"}, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412},
		{"a source that does not exist in a dry run passes", []string{"SourceSnapshotId", good, "SourceRegion", east, "DryRun", "true"}, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412},
		{"a presigned URL that is none", []string{"SourceSnapshotId", good, "SourceRegion", east, "PresignedUrl", "not-a-url"}, "InvalidParameterValue", "The protocol in PresignedUrl should be http or https", 400},
		{"a presigned URL for another source", []string{"SourceSnapshotId", good, "SourceRegion", east, "PresignedUrl", presign("SourceSnapshotId", "snap-00000000000000001", "SourceRegion", east, "DestinationRegion", west)}, "InvalidParameterValue", "The source snapshot specified in PresignedUrl 'snap-00000000000000001' does not match the source snapshot in the request: '" + good + "'", 400},
		{"a presigned URL for another destination", []string{"SourceSnapshotId", good, "SourceRegion", east, "PresignedUrl", presign("SourceSnapshotId", good, "SourceRegion", east, "DestinationRegion", east)}, "InvalidParameterValue", "The destination region specified in PresignedUrl: 'us-east-1' is incorrect", 400},
		{"a presigned URL for another source Region", []string{"SourceSnapshotId", good, "SourceRegion", east, "PresignedUrl", presign("SourceSnapshotId", good, "SourceRegion", "us-west-1", "DestinationRegion", west)}, "InvalidParameterValue", "The source region specified in PresignedUrl: 'us-west-1' is incorrect", 400},
		{"a key without encryption", []string{"SourceSnapshotId", good, "SourceRegion", east, "KmsKeyId", ebsAlias}, "InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set.", 400},
		{"a key that does not exist", []string{"SourceSnapshotId", good, "SourceRegion", east, "Encrypted", "true", "KmsKeyId", "alias/missing"}, "InvalidParameterValue", "The specified keyId alias/missing is invalid", 400},
		{"tags for another kind of resource", []string{"SourceSnapshotId", good, "SourceRegion", east, "DryRun", "true", "TagSpecification.1.ResourceType", "volume", "TagSpecification.1.Tag.1.Key", "k"}, "InvalidParameterValue", "'volume' is not a valid taggable resource type for this operation.", 400},
		{"a duplicate tag", []string{"SourceSnapshotId", good, "SourceRegion", east, "DryRun", "true", "TagSpecification.1.ResourceType", "snapshot", "TagSpecification.1.Tag.1.Key", "k", "TagSpecification.1.Tag.2.Key", "k"}, "InvalidParameterValue", "Duplicate tag key 'k' specified.", 400},
		{"a boolean that is none", []string{"SourceSnapshotId", good, "SourceRegion", east, "Encrypted", "perhaps"}, "InvalidParameterValue", "Value (perhaps) for parameter Encrypted is invalid. Invalid boolean.", 400},
	}
	for _, minutes := range []string{"-1", "0", "1", "14", "16", "2881", "x"} {
		test := tests[0]
		test.name = "a completion duration of " + minutes
		test.pairs = []string{"SourceSnapshotId", good, "SourceRegion", east, "DryRun", "true", "CompletionDurationMinutes", minutes}
		test.code, test.message = "InvalidParameterValue", ""
		tests = append(tests, test)
	}
	for _, minutes := range []string{"15", "2880"} {
		tests = append(tests, struct {
			name    string
			pairs   []string
			code    string
			message string
			status  int
		}{"a completion duration of " + minutes + " is right", []string{"SourceSnapshotId", good, "SourceRegion", east, "DryRun", "true", "CompletionDurationMinutes", minutes}, "DryRunOperation", "", 412})
	}
	for _, test := range tests {
		bubble(t, test.name, Options{}, func(l *lab) {
			got := l.refused(vault, west, "CopySnapshot", test.pairs...)
			l.want("code", got.Code, test.code)
			l.want("status", got.Status, test.status)
			if test.message != "" {
				l.want("message", got.Message, test.message)
			}
			l.want("snapshots afterwards", len(l.listed(vault, west)), 0)
		})
	}
	bubble(t, "a presigned URL that fits is taken, whatever its signature", Options{}, func(l *lab) {
		source := l.source(east)
		got := l.copied(east, source, west, "PresignedUrl", presign("SourceSnapshotId", source, "SourceRegion", east, "DestinationRegion", west, "X-Amz-Signature", "0"))
		l.want("status", got.get("status"), "completed")
	})
	bubble(t, "a disabled key, and one that may not be described", Options{}, func(l *lab) {
		disabled, foreign := l.newKey(vault, west, ""), l.newKey(owner, west, "")
		l.kms(vault, west, "DisableKey", map[string]any{"KeyId": disabled})
		pairs := []string{"SourceSnapshotId", good, "SourceRegion", east, "Encrypted", "true", "KmsKeyId"}
		got := l.refused(vault, west, "CopySnapshot", append(pairs, disabled)...)
		l.want("disabled", got.Code+": "+got.Message, "InvalidParameterValue: The specified keyId "+disabled+" is disabled")
		got = l.refused(vault, west, "CopySnapshot", append(pairs, foreign)...)
		l.want("foreign", fmt.Sprint(got.Status, " ", got.Code, ": ", got.Message), "403 AuthFailure: Not authorized to use key "+foreign+" ")
	})
}

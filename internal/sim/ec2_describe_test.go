package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func (l *lab) wantList(what string, got, want []string) {
	l.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		l.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestSnapshotLife(t *testing.T) {
	minute := Options{CreateTime: func(int) time.Duration { return 100 * time.Second }}
	bubble(t, "a snapshot is pending, makes progress, completes and says so", minute, func(l *lab) {
		key := l.newKey(owner, east, "")
		volume := l.newVolume(owner, east, "Encrypted", "true", "KmsKeyId", key)
		started := l.w.Now()
		answer := l.ec2(owner, east, "CreateSnapshot", "VolumeId", volume, "Description", "nightly")
		id := answer.get("snapshotId")
		l.want("state in the answer", answer.get("status"), "pending")
		time.Sleep(42 * time.Second)
		got := l.show(owner, east, id)
		for path, want := range map[string]string{
			"status": "pending", "progress": "42%", "volumeSize": "8", "volumeId": volume, "encrypted": "true", "kmsKeyId": key,
			"description": "nightly", "statusMessage": "", "completionTime": "", "startTime": ec2Time(started),
		} {
			l.want(path, got.get(path), want)
		}
		time.Sleep(58 * time.Second)
		got = l.show(owner, east, id)
		l.want("status", got.get("status"), "completed")
		l.want("progress", got.get("progress"), "100%")
		l.want("completed", got.get("completionTime"), ec2Time(started.Add(100*time.Second)))
		detail := l.heard("createSnapshot")[0]["detail"]
		want := map[string]any{
			"event": "createSnapshot", "result": "succeeded", "cause": "", "request-id": "",
			"snapshot_id": "arn:aws:ec2::us-east-1:snapshot/" + id, "source": "arn:aws:ec2::us-east-1:volume/" + volume,
			"startTime": ec2Time(started), "endTime": ec2Time(started.Add(100 * time.Second)),
		}
		if diff := cmp.Diff(want, detail); diff != "" {
			t.Errorf("event (-want +got):\n%s", diff)
		}
	})
	bubble(t, "a snapshot deleted while pending goes when it completes, without an event", minute, func(l *lab) {
		id := l.ec2(owner, east, "CreateSnapshot", "VolumeId", l.newVolume(owner, east)).get("snapshotId")
		l.ec2(owner, east, "DeleteSnapshot", "SnapshotId", id)
		time.Sleep(99 * time.Second)
		l.want("before", l.show(owner, east, id).get("status"), "pending")
		time.Sleep(2 * time.Second)
		l.want("after", l.code(owner, east, "DescribeSnapshots", "SnapshotId.1", id), "InvalidSnapshot.NotFound")
		l.want("events", len(l.heard("createSnapshot")), 0)
	})
	bubble(t, "deletion is refused for what is missing, foreign, malformed or in use", Options{}, func(l *lab) {
		id := l.source(east)
		l.want("missing", l.code(owner, east, "DeleteSnapshot", "SnapshotId", "snap-0123456789abcdef0"), "InvalidSnapshot.NotFound")
		l.want("foreign", l.code(vault, east, "DeleteSnapshot", "SnapshotId", id), "InvalidSnapshot.NotFound")
		l.want("none", l.code(owner, east, "DeleteSnapshot"), "MissingParameter")
		l.want("malformed", l.code(owner, east, "DeleteSnapshot", "SnapshotId", "snap-xyz"), "InvalidSnapshotID.Malformed")
		l.want("no id at all", l.code(owner, east, "DeleteSnapshot", "SnapshotId", "bad"), "InvalidParameterValue")
		image := l.ec2(owner, east, "RegisterImage", "Name", "golden", "BlockDeviceMapping.1.DeviceName", "/dev/sda1", "BlockDeviceMapping.1.Ebs.SnapshotId", id).get("imageId")
		got := l.refused(owner, east, "DeleteSnapshot", "SnapshotId", id)
		l.want("in use", got.Code+": "+got.Message, fmt.Sprintf("InvalidSnapshot.InUse: The snapshot %s is currently in use by %s", id, image))
		l.want("dry run", l.code(owner, east, "DeleteSnapshot", "SnapshotId", id, "DryRun", "true"), "DryRunOperation")
		l.ec2(owner, east, "DeregisterImage", "ImageId", image)
		l.ec2(owner, east, "DeleteSnapshot", "SnapshotId", id)
		l.want("twice", l.code(owner, east, "DeleteSnapshot", "SnapshotId", id), "InvalidSnapshot.NotFound")
	})
	bubble(t, "a volume comes and goes, also from a snapshot", Options{}, func(l *lab) {
		id := l.source(east)
		volume := l.ec2(vault, east, "CreateVolume", "AvailabilityZone", "us-east-1b", "SnapshotId", id).get("volumeId")
		l.want("too small", l.code(vault, east, "CreateVolume", "AvailabilityZone", "us-east-1b", "SnapshotId", id, "Size", "1"), "InvalidParameterValue")
		l.want("elsewhere", l.code(vault, east, "CreateVolume", "AvailabilityZone", "eu-west-1a", "SnapshotId", id), "InvalidZone.NotFound")
		time.Sleep(time.Second)
		got := l.ec2(vault, east, "DescribeVolumes", "Filter.1.Name", "status", "Filter.1.Value.1", "available")
		l.want("size", got.get("volumeSet/item/size"), "8")
		l.want("snapshot", got.get("volumeSet/item/snapshotId"), id)
		l.want("another's volume", l.code(owner, east, "DeleteVolume", "VolumeId", volume), "InvalidVolume.NotFound")
		l.ec2(vault, east, "DeleteVolume", "VolumeId", volume)
		l.want("gone", l.code(vault, east, "DescribeVolumes", "VolumeId.1", volume), "InvalidVolume.NotFound")
		l.want("no snapshot of it", l.code(vault, east, "CreateSnapshot", "VolumeId", volume), "InvalidVolume.NotFound")
	})
}

func TestDescribeSnapshots(t *testing.T) {
	bubble(t, "a shared snapshot is listed by its owner and for those who may restore it", Options{}, func(l *lab) {
		mine := l.newSnapshot(vault, east, l.newVolume(vault, east))
		shared := l.source(east)
		private := l.newSnapshot(owner, east, l.newVolume(owner, east))
		both, none := []string{mine, shared}, []string{}
		l.wantList("everything", l.listed(vault, east), both)
		l.wantList("Owner=self", l.listed(vault, east, "Owner.1", "self"), both[:1])
		l.wantList("Owner=owner", l.listed(vault, east, "Owner.1", owner), both[1:])
		l.wantList("RestorableBy=self", l.listed(vault, east, "RestorableBy.1", "self"), both)
		l.wantList("RestorableBy=own id", l.listed(vault, east, "RestorableBy.1", vault), both)
		l.wantList("RestorableBy=the source's owner", l.listed(vault, east, "RestorableBy.1", owner), none)
		l.wantList("RestorableBy=all", l.listed(vault, east, "RestorableBy.1", "all"), none)
		l.wantList("both", l.listed(vault, east, "Owner.1", owner, "RestorableBy.1", "self"), both[1:])
		l.wantList("as the owner, RestorableBy=vault", l.listed(owner, east, "RestorableBy.1", vault), []string{shared})
		l.wantList("as a stranger", l.listed(stranger, east), none)
		l.wantList("in another Region", l.listed(vault, west), none)
		l.wantList("Owner=amazon", l.listed(vault, east, "Owner.1", "amazon"), none)
		got := l.refused(vault, east, "DescribeSnapshots", "SnapshotId.1", shared, "SnapshotId.2", private)
		l.want("unshared id", got.Code+": "+got.Message, "InvalidSnapshot.NotFound: The snapshot '"+private+"' does not exist.")
		l.wantList("unshared id in a filter", l.listed(vault, east, "Filter.1.Name", "snapshot-id", "Filter.1.Value.1", private, "Filter.1.Value.2", shared), both[1:])
		l.ec2(owner, east, "ModifySnapshotAttribute", "SnapshotId", private, "CreateVolumePermission.Add.1.Group", "all")
		l.wantList("public", l.listed(stranger, east, "RestorableBy.1", "all"), []string{private})
		l.wantList("public, by a stranger's own", l.listed(stranger, east, "RestorableBy.1", "self"), none)
	})
	tests := []struct {
		name  string
		pairs []string
		code  string
	}{
		{"an id without a prefix", []string{"SnapshotId.1", "bad"}, "InvalidParameterValue"},
		{"a malformed id", []string{"SnapshotId.1", "snap-bad"}, "InvalidSnapshotID.Malformed"},
		{"an unknown filter", []string{"Filter.1.Name", "completion-time", "Filter.1.Value.1", "x"}, "InvalidParameterValue"},
		{"a page with ids", []string{"SnapshotId.1", "snap-0123456789abcdef0", "MaxResults", "5"}, "InvalidParameterCombination"},
		{"a page of four", []string{"MaxResults", "4"}, "InvalidParameterValue"},
		{"a token that is none", []string{"MaxResults", "5", "NextToken", "?"}, "InvalidNextToken"},
		{"an owner that is none", []string{"Owner.1", "me"}, "InvalidUserID.Malformed"},
		{"a dry run", []string{"DryRun", "true"}, "DryRunOperation"},
		{"a dry run with an unknown filter", []string{"DryRun", "true", "Filter.1.Name", "x", "Filter.1.Value.1", "x"}, "InvalidParameterValue"},
	}
	for _, test := range tests {
		bubble(t, test.name, Options{}, func(l *lab) {
			l.want("code", l.code(vault, east, "DescribeSnapshots", test.pairs...), test.code)
		})
	}
	bubble(t, "a filter takes 200 values and no more", Options{}, func(l *lab) {
		pairs := []string{"Filter.1.Name", "owner-id"}
		for n := range 200 {
			pairs = append(pairs, fmt.Sprintf("Filter.1.Value.%d", n+1), "x")
		}
		l.want("200", l.code(vault, east, "DescribeSnapshots", pairs...), "")
		l.want("201", l.code(vault, east, "DescribeSnapshots", append(pairs, "Filter.1.Value.201", "x")...), "FilterLimitExceeded")
	})
	bubble(t, "pages are whole, in order, and survive deletions", Options{}, func(l *lab) {
		volume := l.newVolume(owner, east)
		var want []string
		for n := range 23 {
			want = append(want, l.newSnapshot(owner, east, volume, "TagSpecification.1.ResourceType", "snapshot",
				"TagSpecification.1.Tag.1.Key", "n", "TagSpecification.1.Tag.1.Value", fmt.Sprint(n%2)))
		}
		walk := func(pairs ...string) (pages [][]string) {
			next := ""
			for {
				answer := l.ec2(owner, east, "DescribeSnapshots", append(pairs, "MaxResults", "10", "NextToken", next)...)
				pages = append(pages, answer.list("snapshotSet/item/snapshotId"))
				if next = answer.get("nextToken"); next == "" {
					return pages
				}
			}
		}
		pages := walk("Owner.1", "self")
		l.wantList("all", slices.Concat(pages...), want)
		l.want("pages", len(pages), 3)
		tagged := walk("Filter.1.Name", "tag:n", "Filter.1.Value.1", "0")
		l.want("tagged", len(slices.Concat(tagged...)), 12)
		either := walk("Filter.1.Name", "tag:n", "Filter.1.Value.1", "0", "Filter.1.Value.2", "1")
		l.wantList("tagged either way", slices.Concat(either...), want)
		first := l.ec2(owner, east, "DescribeSnapshots", "MaxResults", "10", "Owner.1", "self")
		for _, id := range want[:10] {
			l.ec2(owner, east, "DeleteSnapshot", "SnapshotId", id)
		}
		l.wantList("the second page after the first is gone", l.listed(owner, east, "MaxResults", "10", "NextToken", first.get("nextToken")), want[10:20])
	})
}

func TestFilters(t *testing.T) {
	bubble(t, "filters are joined with and, their values with or", Options{}, func(l *lab) {
		volume := l.newVolume(owner, east)
		made := func(description string) string { return l.newSnapshot(owner, east, volume, "Description", description) }
		prod, test, star := made("nightly production 1"), made("nightly test 1"), made("odd * and ?")
		archived := made("old")
		l.ec2(owner, east, "ModifySnapshotTier", "SnapshotId", archived, "StorageTier", "archive")
		time.Sleep(time.Minute)
		pending := l.ec2(owner, east, "CreateSnapshot", "VolumeId", volume).get("snapshotId")
		started := l.show(owner, east, prod).get("startTime")
		tests := []struct {
			name  string
			pairs []string // filter, value
			want  []string
		}{
			{"a wildcard for many", []string{"description", "nightly*"}, []string{prod, test}},
			{"a wildcard in the middle", []string{"description", "*production*"}, []string{prod}},
			{"a wildcard for one", []string{"description", "nightly tes? ?"}, []string{test}},
			{"a wildcard for one is not one for none", []string{"description", "nightly test 1?"}, []string{}},
			{"a backslash takes a wildcard's meaning", []string{"description", `odd \* and \?`}, []string{star}},
			{"case matters", []string{"description", "Nightly*"}, []string{}},
			{"an empty value", []string{"description", ""}, []string{pending}},
			{"status", []string{"status", "pending"}, []string{pending}},
			{"progress", []string{"progress", "0%"}, []string{pending}},
			{"storage-tier", []string{"storage-tier", "archive"}, []string{archived}},
			{"start-time", []string{"start-time", started}, []string{prod}},
			{"start-time by day", []string{"start-time", started[:10] + "*", "status", "pending"}, []string{pending}},
			{"volume-size", []string{"volume-size", "8", "description", "old"}, []string{archived}},
			{"volume-size is no prefix", []string{"volume-size", "80"}, []string{}},
			{"volume-id", []string{"volume-id", volume, "snapshot-id", test}, []string{test}},
			{"encrypted", []string{"encrypted", "true"}, []string{}},
			{"transfer-type", []string{"transfer-type", "standard", "snapshot-id", test[:9] + "*"}, []string{test}},
			{"owner-id", []string{"owner-id", vault}, []string{}},
			{"owner-alias", []string{"owner-alias", "amazon"}, []string{}},
		}
		for _, test := range tests {
			var pairs []string
			for i := 0; i < len(test.pairs); i += 2 {
				prefix := fmt.Sprintf("Filter.%d.", i/2+1)
				pairs = append(pairs, prefix+"Name", test.pairs[i], prefix+"Value.1", test.pairs[i+1])
			}
			l.wantList(test.name, l.listed(owner, east, pairs...), test.want)
		}
		l.wantList("two values", l.listed(owner, east, "Filter.1.Name", "description", "Filter.1.Value.1", "old", "Filter.1.Value.2", "*test*"), []string{test, archived})
	})
	t.Run("many stars take no time", func(t *testing.T) {
		glob, _ := parseGlob(strings.Repeat("*a", 100) + "b")
		if matchGlob(glob, []rune(strings.Repeat("a", 255))) {
			t.Error("matched")
		}
	})
}

func TestListingLag(t *testing.T) {
	bubble(t, "listings lag behind by no more than the option says, and facts do not", Options{ListingLag: time.Minute, CopyQuota: 1}, func(l *lab) {
		source := l.source(east)
		time.Sleep(time.Minute)
		missed, stale, unreached, untagged := 0, 0, 0, 0
		for range 20 {
			id := l.copy(east, source, west)
			if l.code(vault, west, "DescribeSnapshots", "SnapshotId.1", id) != "" {
				missed++
			}
			l.want("quota", l.code(vault, west, "CopySnapshot", "SourceRegion", east, "SourceSnapshotId", source), "ResourceLimitExceeded")
			time.Sleep(fewSeconds(8))
			if l.code(vault, west, "DescribeSnapshots", "SnapshotId.1", id) != "" || l.show(vault, west, id).get("status") == "pending" {
				stale++
			}
			tag := []string{"ResourceId.1", id, "Tag.1.Key", "k", "Tag.1.Value", "v"}
			if l.code(vault, west, "DescribeSnapshots", "SnapshotId.1", id) != "" {
				l.want("tagging what does not show", l.code(vault, west, "CreateTags", tag...), "InvalidSnapshot.NotFound")
				l.want("deleting it", l.code(vault, west, "DeleteSnapshot", "SnapshotId", id), "InvalidSnapshot.NotFound")
				unreached++
				time.Sleep(time.Minute)
			}
			l.ec2(vault, west, "CreateTags", tag...)
			if len(l.ec2(vault, west, "DescribeTags", "Filter.1.Name", "resource-id", "Filter.1.Value.1", id).all("tagSet/item")) == 0 {
				untagged++
			}
			time.Sleep(time.Minute)
			got := l.show(vault, west, id)
			l.want("status after the lag", got.get("status"), "completed")
			l.want("tag after the lag", got.get("tagSet/item/key"), "k")
			l.ec2(vault, west, "DeleteSnapshot", "SnapshotId", id)
			l.want("deleted twice", l.code(vault, west, "DeleteSnapshot", "SnapshotId", id), "InvalidSnapshot.NotFound")
		}
		time.Sleep(time.Minute)
		l.wantList("left", l.listed(vault, west), []string{})
		if missed == 0 || stale == 0 || unreached == 0 || untagged == 0 {
			t.Errorf("missed %d, stale %d, unreached %d, untagged %d of 20: nothing lags", missed, stale, unreached, untagged)
		}
	})
	bubble(t, "a new snapshot never shows without its tags", Options{ListingLag: time.Minute}, func(l *lab) {
		id := l.ec2(owner, east, "CreateSnapshot", "VolumeId", l.newVolume(owner, east), "TagSpecification.1.ResourceType", "snapshot",
			"TagSpecification.1.Tag.1.Key", "k", "TagSpecification.1.Tag.1.Value", "v").get("snapshotId")
		for l.code(owner, east, "DescribeSnapshots", "SnapshotId.1", id) != "" {
			time.Sleep(10 * time.Millisecond)
		}
		l.want("tag", l.show(owner, east, id).get("tagSet/item/value"), "v")
		l.wantList("by tag", l.listed(owner, east, "Filter.1.Name", "tag:k", "Filter.1.Value.1", "v"), []string{id})
	})
}

// A Region may hold a hundred thousand snapshots; a page must not cost more
// for it. The law is about work, so it counts what a page looks at.
func TestManySnapshots(t *testing.T) {
	const many = 100_000
	bubble(t, "a hundred thousand snapshots can be walked, and no more be made", Options{}, func(l *lab) {
		e := l.w.ec2
		l.w.step(func(now time.Time) {
			c := &ec2Call{call: &call{account: owner, region: east}, now: now, in: e.region(east)}
			for n := range many {
				tags := map[string]string{"order": fmt.Sprint(n)}
				if n%10 == 0 {
					tags["policy"] = "p"
				}
				s := e.newSnapshot(c, tags)
				s.now.state = "completed"
				s.reveal()
			}
		})
		seen, next := 0, ""
		for {
			answer := l.ec2(owner, east, "DescribeSnapshots", "Filter.1.Name", "tag-key", "Filter.1.Value.1", "policy", "MaxResults", "1000", "NextToken", next)
			seen += len(answer.all("snapshotSet/item"))
			if next = answer.get("nextToken"); next == "" {
				break
			}
		}
		l.want("seen", seen, many/10)
		for n := 0; n < many; n += 1000 {
			l.want("found by order", len(l.listed(owner, east, "Filter.1.Name", "tag:order", "Filter.1.Value.1", fmt.Sprint(n))), 1)
		}
		looked := 0
		q := &snapshotQuery{viewer: owner, filters: []filter{{name: "tag:order", exact: map[string]bool{"7": true}}}}
		for range q.candidates(e.region(east)) {
			looked++
		}
		l.want("looked at for one order", looked, 1)
		l.want("one more", l.code(owner, east, "CreateSnapshot", "VolumeId", l.newVolume(owner, east)), "SnapshotLimitExceeded")
	})
}

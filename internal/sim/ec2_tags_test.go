package sim

import (
	"fmt"
	"strings"
	"testing"
)

func (l *lab) tag(account, region, id string, pairs ...string) {
	l.t.Helper()
	l.ec2(account, region, "CreateTags", append([]string{"ResourceId.1", id}, tagPairs(pairs)...)...)
}

func tagPairs(pairs []string) []string {
	var all []string
	for i := 0; i+1 < len(pairs); i += 2 {
		prefix := fmt.Sprintf("Tag.%d.", i/2+1)
		all = append(all, prefix+"Key", pairs[i], prefix+"Value", pairs[i+1])
	}
	return all
}

func (l *lab) tags(account, region string, pairs ...string) []string {
	l.t.Helper()
	got := []string{}
	for _, item := range l.ec2(account, region, "DescribeTags", pairs...).all("tagSet/item") {
		got = append(got, item.get("key")+"="+item.get("value"))
	}
	return got
}

func TestTags(t *testing.T) {
	bubble(t, "tags on a shared snapshot belong to who set them, and outlive the share", Options{}, func(l *lab) {
		id := l.source(east)
		l.tag(owner, east, id, "a", "owner's", "b", "owner's")
		l.tag(vault, east, id, "a", "vault's")
		l.want("owner's", l.show(owner, east, id).get("tagSet/item/value"), "owner's")
		l.want("vault's", l.show(vault, east, id).get("tagSet/item/value"), "vault's")
		l.wantList("as the vault", l.tags(vault, east), []string{"a=vault's"})
		l.wantList("by the owner's tag", l.listed(vault, east, "Filter.1.Name", "tag-key", "Filter.1.Value.1", "b"), []string{})
		l.wantList("by its own tag", l.listed(vault, east, "Filter.1.Name", "tag:a", "Filter.1.Value.1", "vault*"), []string{id})
		l.want("by a stranger", l.code(stranger, east, "CreateTags", append([]string{"ResourceId.1", id}, tagPairs([]string{"x", "y"})...)...), "InvalidSnapshot.NotFound")
		l.ec2(owner, east, "ResetSnapshotAttribute", "SnapshotId", id, "Attribute", "createVolumePermission")
		l.want("tagging after the share", l.code(vault, east, "CreateTags", append([]string{"ResourceId.1", id}, tagPairs([]string{"x", "y"})...)...), "InvalidSnapshot.NotFound")
		l.wantList("after the share", l.tags(vault, east), []string{"a=vault's"})
		l.ec2(vault, east, "DeleteTags", "ResourceId.1", id, "Tag.1.Key", "a")
		l.wantList("deleted", l.tags(vault, east), []string{})
		l.wantList("the owner's stay", l.tags(owner, east), []string{"a=owner's", "b=owner's"})
	})
	bubble(t, "tags are set, replaced and deleted, with their value or whatever it is", Options{}, func(l *lab) {
		id := l.newSnapshot(owner, east, l.newVolume(owner, east))
		l.tag(owner, east, id, "a", "1", "b", "2", "c", "")
		l.tag(owner, east, id, "a", "3")
		l.wantList("replaced", l.tags(owner, east), []string{"a=3", "b=2", "c="})
		l.wantList("by the old value", l.listed(owner, east, "Filter.1.Name", "tag:a", "Filter.1.Value.1", "1"), []string{})
		l.ec2(owner, east, "DeleteTags", "ResourceId.1", id, "Tag.1.Key", "a", "Tag.1.Value", "1")
		l.wantList("another value", l.tags(owner, east), []string{"a=3", "b=2", "c="})
		l.ec2(owner, east, "DeleteTags", "ResourceId.1", id, "Tag.1.Key", "a", "Tag.1.Value", "3", "Tag.2.Key", "c", "Tag.2.Value", "")
		l.wantList("the value", l.tags(owner, east), []string{"b=2"})
		l.ec2(owner, east, "DeleteTags", "ResourceId.1", id)
		l.wantList("all", l.tags(owner, east), []string{})
	})
	bubble(t, "pages of tags may end within a snapshot", Options{}, func(l *lab) {
		volume := l.newVolume(owner, east)
		var want []string
		for n := range 4 {
			id := l.newSnapshot(owner, east, volume)
			l.tag(owner, east, id, "a", fmt.Sprint(n), "b", "x", "c", "x")
			want = append(want, fmt.Sprintf("a=%d", n), "b=x", "c=x")
		}
		got := []string{}
		next := ""
		for {
			answer := l.ec2(owner, east, "DescribeTags", "MaxResults", "5", "NextToken", next)
			for _, item := range answer.all("tagSet/item") {
				got = append(got, item.get("key")+"="+item.get("value"))
			}
			if next = answer.get("nextToken"); next == "" {
				break
			}
		}
		l.wantList("pages", got, want)
		l.wantList("by key and value", l.tags(owner, east, "Filter.1.Name", "key", "Filter.1.Value.1", "a", "Filter.2.Name", "value", "Filter.2.Value.1", "2"), []string{"a=2"})
		l.wantList("by tag", l.tags(owner, east, "Filter.1.Name", "tag:a", "Filter.1.Value.1", "3"), []string{"a=3"})
		l.wantList("by type", l.tags(owner, east, "Filter.1.Name", "resource-type", "Filter.1.Value.1", "volume"), []string{})
	})
	bubble(t, "the tags of a deleted snapshot are gone", Options{}, func(l *lab) {
		id := l.source(east)
		l.tag(vault, east, id, "a", "1")
		l.ec2(owner, east, "DeleteSnapshot", "SnapshotId", id)
		l.wantList("vault's", l.tags(vault, east), []string{})
	})
	tests := []struct {
		name string
		tags []string
		code string
	}{
		{"a key of 128 characters and a value of 256", []string{strings.Repeat("ä", 128), strings.Repeat("ä", 256)}, ""},
		{"a key of 129 characters", []string{strings.Repeat("k", 129), ""}, "InvalidParameterValue"},
		{"a value of 257 characters", []string{"k", strings.Repeat("v", 257)}, "InvalidParameterValue"},
		{"an empty key", []string{"", "v"}, "InvalidParameterValue"},
		{"a reserved key", []string{"aws:dlm:managed", "v"}, "InvalidParameterValue"},
		{"a key that only starts like one", []string{"awsome", "v"}, ""},
		{"a duplicate key", []string{"k", "1", "k", "2"}, "InvalidParameterValue"},
		{"keys that differ in case", []string{"k", "1", "K", "2"}, ""},
		{"no tag", nil, "MissingParameter"},
	}
	for _, test := range tests {
		bubble(t, test.name, Options{}, func(l *lab) {
			id := l.newSnapshot(owner, east, l.newVolume(owner, east))
			l.want("code", l.code(owner, east, "CreateTags", append([]string{"ResourceId.1", id}, tagPairs(test.tags)...)...), test.code)
		})
	}
	bubble(t, "fifty tags per account, and not one more", Options{}, func(l *lab) {
		id := l.source(east)
		var fifty []string
		for n := range 50 {
			fifty = append(fifty, fmt.Sprint(n), "v")
		}
		l.tag(owner, east, id, fifty...)
		l.tag(owner, east, id, "0", "again")
		l.want("the 51st", l.code(owner, east, "CreateTags", append([]string{"ResourceId.1", id}, tagPairs([]string{"51", "v"})...)...), "TagLimitExceeded")
		l.tag(vault, east, id, fifty...)
		specification := []string{"SourceRegion", east, "SourceSnapshotId", id, "TagSpecification.1.ResourceType", "snapshot"}
		for n := range 51 {
			specification = append(specification, fmt.Sprintf("TagSpecification.1.Tag.%d.Key", n+1), fmt.Sprint(n))
		}
		l.want("at once", l.code(vault, west, "CopySnapshot", specification...), "TagLimitExceeded")
	})
}

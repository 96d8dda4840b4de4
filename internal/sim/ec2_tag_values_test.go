package sim

import (
	"slices"
	"strings"
	"testing"
)

// Filters with wildcards find what a look at every resource would find, also
// after tags have changed.
func TestWildcardsOnTags(t *testing.T) {
	bubble(t, "tags", Options{NoThrottling: true}, func(l *lab) {
		ids := map[string]string{}
		for _, value := range []string{"p/vol-1/snap-1", "p/vol-1/snap-2", "p/vol-2/snap-2", "q/vol-1/snap-1", "x*"} {
			id := l.newSnapshot(owner, "us-east-1", l.newVolume(owner, "us-east-1"))
			ids[id] = value
			l.ec2(owner, "us-east-1", "CreateTags", "ResourceId.1", id, "Tag.1.Key", "k", "Tag.1.Value", value)
		}
		check := func(pattern string, want ...string) {
			t.Helper()
			var got []string
			for _, id := range l.listed(owner, "us-east-1", "Owner.1", "self", "Filter.1.Name", "tag:k", "Filter.1.Value.1", pattern) {
				got = append(got, ids[id])
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("tag:k = %q finds %q, want %q", pattern, got, want)
			}
		}
		check("p/vol-1/*", "p/vol-1/snap-1", "p/vol-1/snap-2")
		check("*/snap-2", "p/vol-1/snap-2", "p/vol-2/snap-2")
		check("p/*/snap-1", "p/vol-1/snap-1")
		check("*vol-1*", "p/vol-1/snap-1", "p/vol-1/snap-2", "q/vol-1/snap-1")
		check("?/vol-1/snap-1", "p/vol-1/snap-1", "q/vol-1/snap-1")
		check(`x\*`, "x*")
		check("nothing*")
		for id, value := range ids {
			if strings.HasPrefix(value, "p/vol-1") {
				ids[id] = "z" + value
				l.ec2(owner, "us-east-1", "CreateTags", "ResourceId.1", id, "Tag.1.Key", "k", "Tag.1.Value", "z"+value)
			}
		}
		check("p/vol-1/*")
		check("*/snap-2", "p/vol-2/snap-2", "zp/vol-1/snap-2")
		for id, value := range ids {
			if value == "zp/vol-1/snap-2" {
				l.ec2(owner, "us-east-1", "DeleteSnapshot", "SnapshotId", id)
			}
		}
		check("*/snap-2", "p/vol-2/snap-2")
	})
}

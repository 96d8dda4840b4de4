package proof

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The laws notice what they are there for: a storm whose world is spoiled
// afterwards breaks them.
func TestTheLawsBite(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(t *testing.T, r *run, copies []shown)
		want  string
	}{
		"nothing": {func(*testing.T, *run, []shown) {}, ""},
		"a copy is gone": {func(t *testing.T, r *run, copies []shown) {
			r.must(t, "DeleteSnapshot", "SnapshotId", copies[0].ID)
		}, "has no copy"},
		"a copy too many": {func(t *testing.T, r *run, copies []shown) {
			tags := []string{"SourceRegion", r.sources[0].Region, "SourceSnapshotId", r.sources[0].ID, "TagSpecification.1.ResourceType", "snapshot"}
			n := 0
			for key, value := range copies[0].tags() {
				n++
				at := "TagSpecification.1.Tag." + string(rune('0'+n))
				tags = append(tags, at+".Key", key, at+".Value", value)
			}
			r.must(t, "CopySnapshot", tags...)
			time.Sleep(time.Minute)
		}, "2 healthy copies"},
		"a mark is spoiled": {func(t *testing.T, r *run, copies []shown) {
			r.must(t, "CreateTags", "ResourceId.1", copies[0].ID, "Tag.1.Key", "snapferry:expires", "Tag.1.Value", "2031-01-01T00:00:00Z")
		}, "not after 30 days"},
		"nobody was told": {func(t *testing.T, r *run, _ []shown) { clear(r.told) }, "nobody was told"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := Storm{Seed: 5, Sources: 5, Accounts: 3, Shortest: time.Second, Longest: time.Minute}.withDefaults()
				r, err := s.pass(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				copies, err := r.deployment.list(t.Context(), stormTargets[0])
				if err != nil || len(copies) == 0 {
					t.Fatal(len(copies), err)
				}
				test.spoil(t, r, copies)
				violations, _, err := r.check(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				got := strings.Join(violations, "; ")
				if (test.want == "") != (got == "") || !strings.Contains(got, test.want) {
					t.Errorf("the laws say %q, want %q", got, test.want)
				}
			})
		})
	}
}

// must makes a call in the first target Region.
func (r *run) must(t *testing.T, action string, pairs ...string) {
	t.Helper()
	if err := r.deployment.Do(t.Context(), stormTargets[0], "ec2", action, form(pairs...), nil); err != nil {
		t.Fatal(err)
	}
}

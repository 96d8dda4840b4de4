package policy

import (
	"testing"

	"snapferry/internal/snapshot"
)

func TestMatch(t *testing.T) {
	filter, err := ParseFilter(".*production.*")
	if err != nil {
		t.Fatal(err)
	}
	enabled := Policy{Name: "nightly", Enabled: true, Owners: []string{"111111111111", "333333333333"}, Filter: filter}
	disabled := enabled
	disabled.Enabled = false
	wanted := snapshot.Snapshot{
		Ref:         snapshot.Ref{Region: "eu-west-1", ID: "snap-0123456789abcdef0"},
		Owner:       "111111111111",
		Description: "my production db",
	}
	with := func(change func(*snapshot.Snapshot)) snapshot.Snapshot {
		s := wanted
		change(&s)
		return s
	}
	for _, test := range []struct {
		name   string
		policy Policy
		source snapshot.Snapshot
		want   Reason
		text   string
	}{
		{"first owner", enabled, wanted, Matches,
			`policy nightly lists owner 111111111111, and description "my production db" matches ".*production.*"`},
		{"second owner", enabled, with(func(s *snapshot.Snapshot) { s.Owner = "333333333333" }), Matches,
			`policy nightly lists owner 333333333333, and description "my production db" matches ".*production.*"`},
		{"tagged by a person", enabled, with(func(s *snapshot.Snapshot) { s.Tags = map[string]string{"team": "a"} }), Matches,
			`policy nightly lists owner 111111111111, and description "my production db" matches ".*production.*"`},
		{"other owner", enabled, with(func(s *snapshot.Snapshot) { s.Owner = "999999999999" }), OwnerNotListed,
			`policy nightly does not list owner "999999999999"`},
		{"no owner", enabled, with(func(s *snapshot.Snapshot) { s.Owner = "" }), OwnerNotListed,
			`policy nightly does not list owner ""`},
		{"other description", enabled, with(func(s *snapshot.Snapshot) { s.Description = "test\nfake: ok" }), DescriptionDiffers,
			`policy nightly wants descriptions that match ".*production.*", not "test\nfake: ok"`},
		{"disabled", disabled, wanted, Disabled, "policy nightly is disabled"},
		{"disabled, other owner", disabled, with(func(s *snapshot.Snapshot) { s.Owner = "999999999999" }), OwnerNotListed,
			`policy nightly does not list owner "999999999999"`},
		{"own copy", enabled, with(func(s *snapshot.Snapshot) { s.Tags = map[string]string{snapshot.TagOrder: ""} }), OwnCopy,
			"policy nightly does not copy what snapferry made or marked itself"},
		{"zero policy", Policy{}, wanted, OwnerNotListed, `policy  does not list owner "111111111111"`},
	} {
		got := test.policy.Match(test.source)
		if got.Reason != test.want || got.OK() != (test.want == Matches) {
			t.Errorf("%s: got reason %v, OK %v, want reason %v", test.name, got.Reason, got.OK(), test.want)
		}
		if got.String() != test.text {
			t.Errorf("%s:\ngot  %s\nwant %s", test.name, got, test.text)
		}
	}
	if zero := (Verdict{}); zero.OK() || zero.String() != "no verdict" {
		t.Errorf("the zero verdict is %q, OK %v", zero, zero.OK())
	}
}

package policy

import "testing"

func TestNearest(t *testing.T) {
	for _, test := range []struct {
		word  string
		known []string
		want  string
	}{
		{"actions", detailsFields, "Actions"},
		{"policy_type", detailsFields, "PolicyType"},
		{"EventSuorce", detailsFields, "EventSource"},
		{"Nmae", []string{"Name", "CrossRegionCopy"}, "Name"},
		{"Key ", []string{"Key", "Value"}, "Key"},
		{"Cat", []string{"Key", "Value"}, ""},
		{"", []string{"Key", "Value"}, ""},
		{"Comment", detailsFields, ""},
		{"CrossRegionCopyActions", []string{"CrossRegionCopy"}, ""},
		{"eu-west-9", regionNames, "eu-west-1"},
		{"EU-WEST-2", regionNames, "eu-west-2"},
		{"eu_central_1", regionNames, "eu-central-1"},
		{"us-east-1a", regionNames, "us-east-1"},
		{"moon", regionNames, ""},
	} {
		if got := nearest(test.word, test.known); got != test.want {
			t.Errorf("%q: got %q, want %q", test.word, got, test.want)
		}
	}
}

package blueprint

import (
	"strings"
	"testing"

	"snapferry/internal/policy"
)

// TestOptional: Regions since 2019 must be opted into, in the partition that has
// such; an unknown Region is none of ours.
func TestOptional(t *testing.T) {
	for region, want := range map[string]bool{
		"us-east-1": false, "ap-northeast-3": false, "eu-north-1": false,
		"ap-east-1": true, "me-south-1": true, "eu-central-2": true, "mx-central-1": true,
		"cn-north-1": false, "us-gov-west-1": false, "eusc-de-east-1": false,
	} {
		if got := optional(region); got != want {
			t.Errorf("%s: must be opted into is %v, want %v", region, got, want)
		}
	}
	for _, region := range alwaysEnabled {
		if fault := policy.RegionFault(region); fault != "" {
			t.Errorf("%s %s", region, fault)
		}
	}
}

// TestWarnOfOptional: whatever setting or policy names the Region.
func TestWarnOfOptional(t *testing.T) {
	for name, change := range map[string]func(*Settings, *policy.Policy){
		"home":   func(s *Settings, _ *policy.Policy) { s.HomeRegion = "ap-east-1" },
		"source": func(s *Settings, _ *policy.Policy) { s.SourceRegions = []string{"ap-east-1", "us-east-1"} },
		"target": func(_ *Settings, p *policy.Policy) { p.Rules[0].Region = "ap-east-1" },
		"key":    func(s *Settings, _ *policy.Policy) { s.OwnKeys = []string{"ap-east-1"} },
		"expiry": func(s *Settings, _ *policy.Policy) { s.ExpireRegions = []string{"ap-east-1"} },
	} {
		t.Run(name, func(t *testing.T) {
			s, policies := organisation(1, 1, 0, 1)
			change(&s, &policies[0])
			b, problems := New(s, policies, "hash")
			if len(problems) > 0 {
				t.Fatal(lines(problems))
			}
			const want = "settings.json: $: and the policies name ap-east-1, which account 222222222222 must opt into before you deploy"
			if got := lines(b.Warnings); !strings.HasPrefix(got, want) || len(b.Warnings) != 1 {
				t.Errorf("warnings %s\nwant %s", got, want)
			}
		})
	}
}

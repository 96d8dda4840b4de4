package blueprint

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"snapferry/internal/policy"
)

// organisation is settings and policies of some size: owners in each policy,
// keys of each owner, and all policies to the same Regions.
func organisation(policies, owners, keys, regions int) (Settings, []policy.Policy) {
	s := defaults()
	s.File, s.Account, s.HomeRegion = "settings.json", target, "us-east-1"
	s.SourceRegions = []string{"us-east-1"}
	s.AlarmEmails = []string{"backup-team@example.com"}
	var all []policy.Policy
	for i := range policies {
		p := policy.Policy{Name: fmt.Sprintf("policy-%d", i), Enabled: true}
		for n := range owners {
			source := SourceAccount{Account: fmt.Sprintf("%d%011d", i+3, n), Regions: s.SourceRegions}
			for k := range keys {
				source.Keys = append(source.Keys, keyARN("us-east-1", source.Account, k))
			}
			s.Sources = append(s.Sources, source)
			p.Owners = append(p.Owners, source.Account)
		}
		for _, region := range someRegions[:regions] {
			p.Rules = append(p.Rules, policy.Rule{Region: region, Encrypted: true, KeyARN: keyARN(region, target, i)})
		}
		all = append(all, p)
	}
	return s, all
}

// TestPolicies: however many statements a role has, each is in one of its
// policies, and IAM has room for all of them.
func TestPolicies(t *testing.T) {
	for _, test := range []struct {
		name                            string
		policies, owners, keys, regions int
		documents                       int
	}{
		{name: "one account", policies: 1, owners: 1, keys: 1, regions: 2, documents: 1},
		{name: "one policy's fifty owners", policies: 1, owners: 50, regions: 3, documents: 1},
		{name: "fifty owners with a key each", policies: 1, owners: 50, keys: 1, regions: 3, documents: 2},
		{name: "five policies of fifty owners to ten Regions", policies: 5, owners: 50, regions: 10, documents: 5},
		{name: "as many accounts with a key each as IAM has room for", policies: 5, owners: 36, keys: 1, regions: 10, documents: 11},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, policies := organisation(test.policies, test.owners, test.keys, test.regions)
			b, problems := New(s, policies, "hash")
			if len(problems) > 0 {
				t.Fatal(lines(problems))
			}
			role := roles(b)["snapferry-copy"]
			var sids []string
			var sizes []int
			for _, p := range role.Policies() {
				sizes = append(sizes, size(p.Statements))
				limit := maxInline
				if p.Managed {
					limit = maxManaged
				}
				if p.Managed != (len(sizes) > 1) || size(p.Statements) > limit || len(p.Name) > 128 {
					t.Errorf("policy %s: managed %v, %d characters of %d", p.Name, p.Managed, size(p.Statements), limit)
				}
				for _, s := range p.Statements {
					sids = append(sids, s.Sid)
				}
			}
			var want []string
			for _, s := range role.Statements {
				want = append(want, s.Sid)
			}
			if !slices.Equal(set(sids), set(want)) || len(sids) != len(want) {
				t.Errorf("statements %q, want %q", sids, want)
			}
			if len(sizes) != test.documents || len(sizes) > 1+maxAttached {
				t.Errorf("%d policies with %v characters, want %d", len(sizes), sizes, test.documents)
			}
		})
	}
}

// TestTooLarge: what AWS has no room for is a problem and not a deployment that
// fails.
func TestTooLarge(t *testing.T) {
	for _, test := range []struct {
		name     string
		settings func() (Settings, []policy.Policy)
		want     string
	}{
		{
			name:     "more keys than managed policies hold",
			settings: func() (Settings, []policy.Policy) { return organisation(5, 50, 1, 10) },
			want:     "managed policies, and IAM attaches 10 to a role: name fewer accounts, keys or Regions",
		},
		{
			name: "more queues than a stack holds",
			settings: func() (Settings, []policy.Policy) {
				s, policies := organisation(1, 1, 1, 10)
				s.Lanes = 21
				return s, policies
			},
			want: "settings.json: $.lanes: 21 makes 210 queues for 10 target Regions, and a stack has room for 200: write 20 or less",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			settings, policies := test.settings()
			b, problems := New(settings, policies, "hash")
			if len(problems) != 1 || !strings.Contains(problems[0].String(), test.want) {
				t.Errorf("problems %s, want %s", lines(problems), test.want)
			}
			if b.Home.Functions != nil {
				t.Error("a blueprint beside problems")
			}
		})
	}
}

package blueprint

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/aws-sdk-go-base/v2/endpoints"

	"snapferry/internal/policy"
	"snapferry/internal/snapshot"
)

// acme are conventions whose every part can be told from the rest of a blueprint.
var acme = Conventions{NamePrefix: "acme-", IAMPath: "/acme/backup/", Boundary: "bounds/acme", Tags: map[string]string{"CostCenter": "1234"}, Qualifier: "acme1"}

// contracts are the strings with snapferry in them that no prefix goes before: others
// rely on them, wherever snapferry is deployed.
var contracts = regexp.MustCompile(`^(snapferry|(aws:[A-Za-z]+/)?snapferry:[a-z]+|snapferry: .*|\{.*"source":\["aws.ec2","snapferry\.test"\]\})$`)

// TestConventions: conventions change names, paths and boundaries, and nothing else;
// and they change all of them.
func TestConventions(t *testing.T) {
	worlds(t, func(t *testing.T, s Settings, policies []policy.Policy, b Blueprint) {
		s.Conventions = acme
		changed, problems := New(s, policies, "hash")
		if len(problems) > 0 {
			t.Fatal(lines(problems))
		}
		for name, role := range roles(changed) {
			account, _, elsewhere := strings.Cut(name, "/")
			if !elsewhere {
				account = target
			}
			if want := "arn:aws:iam::" + account + ":policy/bounds/acme"; role.Path != "/acme/backup/" || role.Boundary != want {
				t.Errorf("%s is on path %s and bounded by %q, want %q", name, role.Path, role.Boundary, want)
			}
		}
		b.Settings, changed.Settings = Settings{}, Settings{}
		before, after := textsIn(t, b), textsIn(t, changed)
		for _, text := range after {
			plain := strings.ReplaceAll(text, "acme-snapferry", "")
			if strings.Contains(plain, "snapferry") && !contracts.MatchString(plain) {
				t.Errorf("%q has no prefix", text)
			}
			if strings.Contains(text, ":role/") && !strings.Contains(text, ":role/acme/backup/acme-snapferry-") {
				t.Errorf("%q has no path", text)
			}
		}
		undo := strings.NewReplacer("acme-", "", "/acme/backup/", "/", "arn:aws:iam::"+target+":policy/bounds/acme", "")
		for i := range after {
			after[i] = undo.Replace(after[i])
			if strings.HasSuffix(after[i], ":policy/bounds/acme") { // in another account
				after[i] = ""
			}
		}
		if !slices.Equal(before, after) { // to compare takes longer
			t.Errorf("without the conventions (-want +got):\n%s", cmp.Diff(before, after))
		}
	})
}

// textsIn are all strings of a blueprint, in order, the names of fields aside.
func textsIn(t *testing.T, b Blueprint) (all []string) {
	t.Helper()
	data, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	for {
		token, err := decoder.Token()
		if err != nil {
			return all
		}
		if text, is := token.(string); is {
			all = append(all, text)
		}
	}
}

// TestLongestPrefix: the longest prefix leaves every name within its limit, with
// as many lanes as can be and every Region of every partition, and a little room
// for Regions to come.
func TestLongestPrefix(t *testing.T) {
	longest := 0
	for _, partition := range endpoints.DefaultPartitions() {
		var regions []string
		for region := range partition.Regions() {
			if snapshot.LooksLikeRegion(region) {
				regions = append(regions, region)
			}
		}
		slices.Sort(regions)
		for some := range slices.Chunk(regions, 3) {
			s, policies := generated(rand.New(rand.NewPCG(1, 0)))
			s.NamePrefix = strings.Repeat("x", maxPrefix-1) + "-"
			s.HomeRegion, s.SourceRegions, s.OwnKeys, s.ExpireRegions, s.DefaultKeys = some[0], some, some, nil, nil
			s.Lanes = maxLanes
			for i := range s.Sources {
				s.Sources[i].Regions, s.Sources[i].Keys = some, nil
			}
			for i := range policies {
				policies[i].Rules = nil
				for _, region := range some {
					policies[i].Rules = append(policies[i].Rules, policy.Rule{Region: region})
				}
			}
			b, problems := New(s, policies, "hash")
			if len(problems) > 0 {
				t.Fatal(lines(problems))
			}
			longest = max(longest, checkNames(t, b))
		}
	}
	if longest < 58 || longest > 62 {
		t.Errorf("the longest name of a role has %d characters, of 64: change maxPrefix", longest)
	}
}

// TestBoundaryOfAnotherPartition: the ARN of a policy that AWS manages names the
// partition.
func TestBoundaryOfAnotherPartition(t *testing.T) {
	document := `{"account": "222222222222", "homeRegion": "us-gov-west-1", "sourceRegions": ["us-gov-west-1"], "sources": [{"account": "111111111111"}],
		"permissionsBoundary": "arn:PARTITION:iam::aws:policy/PowerUserAccess"}`
	_, problems := ParseSettings("settings.json", []byte(strings.Replace(document, "PARTITION", "aws", 1)), Overrides{})
	const want = `settings.json: $.permissionsBoundary: "arn:aws:iam::aws:policy/PowerUserAccess" is in partition aws, but the home Region us-gov-west-1 is in aws-us-gov: ` +
		"write arn:aws-us-gov:iam::aws:policy/PowerUserAccess\n"
	if got := lines(problems); got != want {
		t.Errorf("got %swant %s", got, want)
	}
	s, problems := ParseSettings("settings.json", []byte(strings.Replace(document, "PARTITION", "aws-us-gov", 1)), Overrides{})
	if got, want := s.Boundary, "arn:aws-us-gov:iam::aws:policy/PowerUserAccess"; len(problems) > 0 || got != want {
		t.Errorf("got %q, want %q: %s", got, want, lines(problems))
	}
}

// TestStackSetDefaults: without further settings many accounts are worked on
// concurrently, in all Regions, and some may fail; both pages say the same numbers.
func TestStackSetDefaults(t *testing.T) {
	s, problems := ParseSettings("settings.json", []byte(`{"account": "222222222222", "homeRegion": "us-east-1", "sourceRegions": ["us-east-1"],
		"sources": [{"account": "111111111111"}], "organization": {"id": "o-a1b2c3d4e5", "units": ["r-a1b2"]}}`), Overrides{})
	if len(problems) > 0 {
		t.Fatal(lines(problems))
	}
	o := s.Organization
	want := Organization{ID: "o-a1b2c3d4e5", Units: []string{"r-a1b2"}, CallAs: "SELF", MaxConcurrent: 50, FailureTolerance: 10, RegionConcurrency: "PARALLEL"}
	if diff := cmp.Diff(want, o); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for file, texts := range map[string][]string{
		"settings.md": {fmt.Sprintf("accounts concurrently (%d)", o.MaxConcurrent), fmt.Sprintf("failed ones in a Region (%d)", o.FailureTolerance)},
		"deploy.md":   {fmt.Sprintf("up to %d accounts concurrently", o.MaxConcurrent), fmt.Sprintf("no more than %d accounts have failed in a Region", o.FailureTolerance)},
	} {
		doc := strings.Join(strings.Fields(string(contents(t, "../../docs/"+file))), " ")
		for _, text := range texts {
			if !strings.Contains(doc, text) {
				t.Errorf("docs/%s does not say %q", file, text)
			}
		}
	}
}

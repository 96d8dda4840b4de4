package blueprint

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"snapferry/internal/policy"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestParseSettingsBad compares the problems of each document in testdata/bad
// with the text file of the same name.
func TestParseSettingsBad(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.json")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d documents: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			s, problems := ParseSettings(filepath.Base(file), contents(t, file), Overrides{})
			if len(problems) == 0 {
				t.Fatalf("no problems, settings %+v", s)
			}
			if diff := cmp.Diff(Settings{}, s); diff != "" {
				t.Errorf("settings beside problems: %s", diff)
			}
			compare(t, strings.TrimSuffix(file, ".json")+".txt", lines(problems))
		})
	}
}

// TestParseSettingsWhole reads every field there is.
func TestParseSettingsWhole(t *testing.T) {
	got, problems := ParseSettings("settings.json", contents(t, "testdata/whole.json"), Overrides{})
	if len(problems) > 0 {
		t.Fatal(lines(problems))
	}
	want := Settings{
		File:          "settings.json",
		Account:       "222222222222",
		HomeRegion:    "eu-central-1",
		SourceRegions: []string{"eu-west-1", "us-east-1"},
		Sources: []SourceAccount{
			{
				Account: "111111111111",
				Regions: []string{"us-east-1"},
				Keys:    []string{"arn:aws:kms:us-east-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab"},
			},
			{Account: "333333333333", Regions: []string{"eu-west-1", "us-east-1"}},
		},
		Organization: Organization{ID: "o-a1b2c3d4e5", Units: []string{"ou-a1b2-c3d4e5f6", "r-a1b2"},
			CallAs: "DELEGATED_ADMIN", MaxConcurrent: 30, FailureTolerance: 0, RegionConcurrency: "SEQUENTIAL"},
		Guard: GuardSettings{Deployers: []string{"Deploy", "team/Deploy"}, Operators: []string{"BackupOperator"}, Target: "ou-a1b2-c3d4e5f6"},
		Conventions: Conventions{NamePrefix: "acme-", IAMPath: "/acme/backup/", Boundary: "acme/boundary",
			Tags: map[string]string{"CostCenter": "1234", "Owner": "backup team"}, Qualifier: "acme1"},
		Snapshots:      Snapshots{Tags: map[string]string{"Backup": "daily", "Tier": "gold"}, Every: 12 * time.Hour, At: "21:30", Keep: 30, UnshareDays: 7},
		Schedules:      Schedules{Reconcile: time.Minute, Expire: 24 * time.Hour},
		CopySlots:      5,
		Capacity:       Capacity{SnapshotsPerDay: 40, CopyTime: 25 * time.Minute, SnapshotQuota: 150_000},
		CatchUp:        90 * time.Minute,
		Lanes:          64,
		OwnKeys:        []string{"eu-west-2"},
		DefaultKeys:    map[string]string{"sa-east-1": "arn:aws:kms:sa-east-1:222222222222:key/mrk-1234abcd12ab34cd56ef1234567890ab"},
		EncryptionKeys: map[string]string{"eu-central-1": "arn:aws:kms:eu-central-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"},
		ExpireRegions:  []string{"ap-south-1"},
		AlarmEmails:    []string{"backup-team@example.com", "on-call@example.com"},
		OrderAge:       48 * time.Hour,
		QuietAfter:     168 * time.Hour,
		LogLevel:       "debug",
		LogRetention:   3653,
		Tracing:        true,
		Architecture:   "x86_64",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

const least = `{"account": "222222222222", "homeRegion": "us-east-1", "sourceRegions": ["us-east-1"],
	"sources": [{"account": "111111111111"}]}`

// TestParseSettingsDefaults has what the least of settings mean.
func TestParseSettingsDefaults(t *testing.T) {
	got, problems := ParseSettings("settings.json", []byte(least), Overrides{})
	if len(problems) > 0 {
		t.Fatal(lines(problems))
	}
	want := defaults()
	want.File, want.Account, want.HomeRegion, want.SourceRegions = "settings.json", "222222222222", "us-east-1", []string{"us-east-1"}
	want.Sources = []SourceAccount{{Account: "111111111111", Regions: []string{"us-east-1"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestOverrides(t *testing.T) {
	const neither = `{"sourceRegions": ["us-east-1"], "sources": [{"account": "111111111111"}]}`
	for _, test := range []struct {
		name, document string
		overrides      Overrides
		account, home  string
		problem        string
	}{
		{name: "account wins", document: least, overrides: Overrides{Account: "333333333333"}, account: "333333333333", home: "us-east-1"},
		{name: "home Region wins", document: least, overrides: Overrides{HomeRegion: "eu-west-1"}, account: "222222222222", home: "eu-west-1"},
		{name: "stand for missing fields", document: neither, overrides: Overrides{"333333333333", "eu-west-1"}, account: "333333333333", home: "eu-west-1"},
		{name: "account with letters", document: least, overrides: Overrides{Account: "22222222222x"},
			problem: `command line: ACCOUNT: "22222222222x" is not an account id: write 12 digits, leading zeros kept`},
		{name: "unknown Region", document: least, overrides: Overrides{HomeRegion: "eu-west-9"},
			problem: `command line: HOME_REGION: "eu-west-9" is not a Region that this version of snapferry knows: did you mean "eu-west-1"?`},
		{name: "a source account", document: least, overrides: Overrides{Account: "111111111111"},
			problem: `settings.json: $.sources[0].account: "111111111111" is the target account itself: snapshots come from other accounts; remove it`},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, problems := ParseSettings("settings.json", []byte(test.document), test.overrides)
			if got := strings.TrimSpace(lines(problems)); got != test.problem {
				t.Fatalf("problems %s\nwant %s", got, test.problem)
			}
			if s.Account != test.account || s.HomeRegion != test.home {
				t.Errorf("account %q in %q, want %q in %q", s.Account, s.HomeRegion, test.account, test.home)
			}
		})
	}
}

func TestLoadSettings(t *testing.T) {
	s, problems := LoadSettings("../golden/guide/settings.json", Overrides{})
	if len(problems) > 0 || s.Account != "222222222222" {
		t.Errorf("account %q, problems:\n%s", s.Account, lines(problems))
	}
	_, problems = LoadSettings("testdata/none.json", Overrides{})
	if got, want := lines(problems), "testdata/none.json: $: can't be read: no such file or directory: check the path\n"; got != want {
		t.Errorf("problems %swant %s", got, want)
	}
}

// FuzzParseSettings: settings or problems, never both, neither or a panic.
func FuzzParseSettings(f *testing.F) {
	f.Add([]byte(least))
	f.Add(contents(f, "testdata/whole.json"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, problems := ParseSettings("settings.json", data, Overrides{})
		if (s.Account == "") != (len(problems) > 0) {
			t.Errorf("settings %+v with problems %v", s, problems)
		}
	})
}

func lines(problems []policy.Problem) string {
	var b strings.Builder
	for _, p := range problems {
		b.WriteString(p.String() + "\n")
	}
	return b.String()
}

func contents(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// compare holds a text against a golden file, which -update rewrites.
func compare(t *testing.T, golden, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(contents(t, golden)), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", golden, diff)
	}
}

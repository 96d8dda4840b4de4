package policy

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestParseBad compares the problems of each document in testdata/bad with the
// text file of the same name.
func TestParseBad(t *testing.T) {
	for _, file := range fixtures(t, "testdata/bad/*.json") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			p, problems := Parse(file, contents(t, file))
			if len(problems) == 0 {
				t.Fatalf("no problems, policy %+v", p)
			}
			if diff := cmp.Diff(Policy{}, p); diff != "" {
				t.Errorf("a policy beside problems: %s", diff)
			}
			var got strings.Builder
			for _, problem := range problems {
				got.WriteString(problem.String() + "\n")
			}
			compare(t, strings.TrimSuffix(file, ".json")+".txt", got.String())
		})
	}
}

// TestParseGood compares the policy of each document in testdata/good with the
// text file of the same name.
func TestParseGood(t *testing.T) {
	for _, file := range fixtures(t, "testdata/good/*.json") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			p, problems := Parse(file, contents(t, file))
			for _, problem := range problems {
				t.Error(problem)
			}
			if t.Failed() {
				return
			}
			usable(t, p)
			got, err := json.MarshalIndent(struct {
				Policy
				Filter string
			}{p, p.Filter.String()}, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			compare(t, strings.TrimSuffix(file, ".json")+".txt", string(got)+"\n")
		})
	}
}

// TestGoldens holds every line of the goldens to the form that editors and
// scripts take apart, and finds goldens without a document.
func TestGoldens(t *testing.T) {
	form := regexp.MustCompile(`^testdata/bad/[^:]*\.json: \$\S*(\["[^"]*"\])?: .*[^ .]$`)
	for _, golden := range fixtures(t, "testdata/bad/*.txt") {
		for line := range strings.Lines(string(contents(t, golden))) {
			if !form.MatchString(strings.TrimSuffix(line, "\n")) {
				t.Errorf("%s: not file: path: text: %s", golden, line)
			}
		}
	}
	for _, golden := range slices.Concat(fixtures(t, "testdata/bad/*.txt"), fixtures(t, "testdata/good/*.txt")) {
		if _, err := os.Stat(strings.TrimSuffix(golden, ".txt") + ".json"); err != nil {
			t.Errorf("golden without its document: %v", err)
		}
	}
}

func TestParseFileNames(t *testing.T) {
	good := contents(t, "testdata/good/details.json")
	for file, want := range map[string]string{
		"p.json":                              "",
		"dir/with:colon and\nbreak/p.json":    "",
		"0.9-a_B.json":                        "",
		strings.Repeat("a", 64) + ".json":     "",
		strings.Repeat("a", 65) + ".json":     "rename it",
		".json":                               "rename it",
		"_p.json":                             "rename it",
		"a b.json":                            "rename it",
		"é.json":                              "rename it",
		"p.JSON":                              "does not end in .json",
		"p":                                   "does not end in .json",
		"":                                    "does not end in .json",
		"two\nlines/\x1b[31mcolour/\u202e.js": "does not end in .json",
	} {
		_, problems := Parse(file, good)
		if want == "" {
			if len(problems) > 0 {
				t.Errorf("%q: %v", file, problems)
			}
			continue
		}
		if len(problems) != 1 || !strings.Contains(problems[0].Text, want) {
			t.Errorf("%q: got %v, want one problem with %q", file, problems, want)
			continue
		}
		if line := problems[0].String(); !oneLine(line) {
			t.Errorf("%q: not one printable line: %q", file, line)
		}
	}
}

func TestParseTooLarge(t *testing.T) {
	good := contents(t, "testdata/good/details.json")
	atLimit := append(bytes.Clone(good), bytes.Repeat([]byte(" "), maxBytes-len(good))...)
	if _, problems := Parse("p.json", atLimit); len(problems) > 0 {
		t.Errorf("at the limit: %v", problems)
	}
	_, problems := Parse("p.json", append(atLimit, ' '))
	if len(problems) != 1 || !strings.Contains(problems[0].Text, "larger than 1048576 bytes") {
		t.Errorf("over the limit: got %v", problems)
	}
}

func TestParseManyDuplicates(t *testing.T) {
	_, problems := Parse("p.json", []byte(`{"PolicyType": "IMAGE_MANAGEMENT"`+strings.Repeat(`, "PolicyType": 1`, 500)+`}`))
	if got, want := len(problems), maxDuplicates+1; got != want {
		t.Errorf("got %d problems, want %d", got, want)
	}
}

// TestShippedPolicies keeps what is in policies valid.
func TestShippedPolicies(t *testing.T) {
	policies, problems := Load("../../policies")
	for _, problem := range problems {
		t.Error(problem)
	}
	if len(policies) == 0 {
		t.Error("no policies")
	}
}

func TestPolicyRule(t *testing.T) {
	p := parsed(t, "testdata/good/five-regions.json")
	if got, ok := p.Rule("eu-central-1"); !ok || got.Region != "eu-central-1" {
		t.Errorf("got %+v, %v", got, ok)
	}
	if got, ok := p.Rule("sa-east-1"); ok {
		t.Errorf("got %+v for a Region without a rule", got)
	}
}

// usable states what every policy that Parse returns can be relied on for.
func usable(t *testing.T, p Policy) {
	t.Helper()
	if !isName(p.Name) || p.Action == "" || p.Filter.regexp == nil {
		t.Errorf("unusable: name %q, action %q, filter %q", p.Name, p.Action, p.Filter)
	}
	if len(p.Owners) == 0 || len(p.Owners) > maxOwners {
		t.Errorf("%d owners", len(p.Owners))
	}
	for _, owner := range p.Owners {
		if !isAccount(owner) {
			t.Errorf("owner %q", owner)
		}
	}
	if len(p.Rules) == 0 {
		t.Error("no rules")
	}
	for _, rule := range p.Rules {
		if partitions[rule.Region] == "" || partitions[rule.Region] != partitions[p.Rules[0].Region] {
			t.Errorf("Region %q", rule.Region)
		}
		if found, ok := p.Rule(rule.Region); !ok || !cmp.Equal(found, rule) {
			t.Errorf("Region %s has two rules", rule.Region)
		}
		if rule.KeyARN != "" && (!rule.Encrypted || !strings.Contains(rule.KeyARN, ":kms:"+rule.Region+":")) {
			t.Errorf("key %q, encrypted %v", rule.KeyARN, rule.Encrypted)
		}
		r := rule.Retention
		if r != (Retention{}) && (r.Interval < 1 || r.Interval > hundredYears[r.Unit] || r.MinimumCount < 0) {
			t.Errorf("retention %+v", r)
		}
		if m := rule.CompletionMinutes; m%completionGap != 0 || m < 0 || m > maxCompletion {
			t.Errorf("completion %d", m)
		}
		if _, unnamed := rule.Tags[""]; unnamed || len(rule.Tags) > maxTags {
			t.Errorf("tags %v", rule.Tags)
		}
	}
}

func fixtures(t testing.TB, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(files), err)
	}
	return files
}

func contents(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func parsed(t *testing.T, file string) Policy {
	t.Helper()
	p, problems := Parse(file, contents(t, file))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return p
}

func compare(t *testing.T, golden, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := contents(t, golden)
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("-want +got (go test -update rewrites the goldens)\n%s", diff)
	}
}

func oneLine(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\u2028' || r == '\u202e' })
}

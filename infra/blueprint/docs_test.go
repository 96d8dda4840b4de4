package blueprint

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snapferry/internal/policy"
)

// general are the sections of the runbook that no alarm names.
var general = []string{"where-to-look", "a-key-was-disabled", "a-deployment-failed", "pause-everything", "restoring", "the-quota-is-used-by-another-tool"}

// TestRunbook: every alarm's section is there, and every section is an alarm's
// or a general one.
func TestRunbook(t *testing.T) {
	var got []string
	for line := range strings.Lines(string(contents(t, "../../docs/runbook.md"))) {
		if heading, found := strings.CutPrefix(strings.TrimSpace(line), "## "); found {
			got = append(got, strings.ReplaceAll(strings.ToLower(heading), " ", "-"))
		}
	}
	want := slices.Clone(general)
	worlds(t, func(_ *testing.T, _ Settings, _ []policy.Policy, b Blueprint) {
		alarms := slices.Clone(b.Home.Alarms)
		for _, f := range b.Forwarders {
			alarms = append(alarms, f.Alarms...)
		}
		for _, a := range alarms {
			want = append(want, a.Runbook)
		}
	})
	slices.Sort(got)
	if want := set(want); !slices.Equal(got, want) {
		t.Errorf("docs/runbook.md has the sections %q, want %q", got, want)
	}
}

// TestDeployedNames: the stacks, queues, topics, functions, alarms and roles that the
// documents for operators name are deployed. A name that ends with a hyphen
// stands for several.
func TestDeployedNames(t *testing.T) {
	b := guide(t, func(s *Settings) { s.OwnKeys = []string{"eu-west-2"} })
	known := []string{Application + "-home", Application + "-source-stackset", Application + "-source", Application + "-guard", plain.homeTopic, plain.forwarderTopic}
	for _, k := range b.Keys {
		known = append(known, Application+"-key-"+k.Region)
	}
	for _, s := range b.Sources {
		known = append(known, Application+"-source-"+s.Account+"-"+s.Region)
	}
	for _, q := range b.Home.Queues {
		known = append(known, strings.TrimSuffix(q.Name, ".fifo"))
	}
	alarms := slices.Clone(b.Home.Alarms)
	for _, f := range b.Forwarders {
		known = append(known, Application+"-forwarder-"+f.Region, f.Undelivered.Name)
		alarms = append(alarms, f.Alarms...)
	}
	for _, a := range alarms {
		known = append(known, a.Name)
	}
	for _, rule := range b.Home.Rules {
		known = append(known, rule.Name)
	}
	for _, role := range roles(b) {
		known = append(known, role.Name)
	}
	for _, file := range []string{"runbook.md", "deploy.md", "failures.md"} {
		for _, name := range regexp.MustCompile(`snapferry-[a-z0-9-]+`).FindAllString(string(contents(t, "../../docs/"+file)), -1) {
			if !slices.ContainsFunc(known, func(k string) bool {
				return k == name || strings.HasSuffix(name, "-") && strings.HasPrefix(k, name)
			}) {
				t.Errorf("docs/%s names %s, which is not deployed", file, name)
			}
		}
	}
}

// TestSettingsDoc: every setting is in docs/settings.md, in the table and in an
// example that is valid, and no other.
func TestSettingsDoc(t *testing.T) {
	doc := string(contents(t, "../../docs/settings.md"))
	var got []string
	for line := range strings.Lines(doc) {
		if columns := strings.Split(line, "|"); len(columns) > 4 {
			for _, name := range regexp.MustCompile("`([a-zA-Z]+)`").FindAllStringSubmatch(columns[1], -1) {
				got = append(got, name[1])
			}
		}
	}
	if got, want := set(got), set(known); !slices.Equal(got, want) {
		t.Errorf("the table of docs/settings.md has %q, want %q", got, want)
	}
	_, example, _ := strings.Cut(doc, "```json\n")
	example, _, _ = strings.Cut(example, "```")
	if _, problems := ParseSettings("settings.md", []byte(example), Overrides{}); len(problems) > 0 {
		t.Errorf("the example of docs/settings.md:\n%s", lines(problems))
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(example), &fields); err != nil {
		t.Fatal(err)
	}
	if got, want := names(fields), set(known); !slices.Equal(got, want) {
		t.Errorf("the example of docs/settings.md has %q, want %q", got, want)
	}
}

// TestSettingsDocDefaults: docs/settings.md tells the defaults that there are.
func TestSettingsDocDefaults(t *testing.T) {
	doc := string(contents(t, "../../docs/settings.md"))
	d := defaults()
	for setting, want := range map[string]string{
		"schedules":        "`" + rateOf(d.Schedules.Reconcile) + "`, `" + rateOf(d.Schedules.Expire) + "`",
		"copySlots":        fmt.Sprint(d.CopySlots),
		"catchUp":          "`" + hoursOf(d.CatchUp) + "`",
		"lanes":            fmt.Sprint(d.Lanes),
		"orderAgeHours":    fmt.Sprint(int(d.OrderAge.Hours())),
		"quietHours":       fmt.Sprint(int(d.QuietAfter.Hours())),
		"logLevel":         "`" + d.LogLevel + "`",
		"logRetentionDays": fmt.Sprint(d.LogRetention),
		"tracing":          fmt.Sprint(d.Tracing),
		"architecture":     "`" + d.Architecture + "`",
	} {
		if row := "| `" + setting + "` | " + want + " |"; !strings.Contains(doc, row) {
			t.Errorf("docs/settings.md has no row %s", row)
		}
	}
	_, written, _ := strings.Cut(doc, "The default of `snapshots` is `")
	written, _, _ = strings.Cut(written, "`")
	s, problems := ParseSettings("settings.md", []byte(strings.Replace(least, "{", `{"snapshots": `+written+", ", 1)), Overrides{})
	if diff := cmp.Diff(d.Snapshots, s.Snapshots); diff != "" || len(problems) > 0 {
		t.Errorf("the default of snapshots in docs/settings.md is not the code's (-code +documented):\n%s%s", diff, lines(problems))
	}
}

// TestMetricsAreOurs: what alarms and the dashboard show of the functions' own
// metrics is what docs/metrics.md has, by the dimensions that it has there;
// a test of internal/reactor holds that page to what is measured.
func TestMetricsAreOurs(t *testing.T) {
	rows := map[string]string{}
	for line := range strings.Lines(string(contents(t, "../../docs/metrics.md"))) {
		if columns := strings.Split(line, "|"); len(columns) > 4 {
			for _, name := range regexp.MustCompile("`([A-Za-z]+)`").FindAllStringSubmatch(columns[1], -1) {
				rows[name[1]] = columns[3]
			}
		}
	}
	b := guide(t, nil)
	var used []Metric
	for _, a := range b.Home.Alarms {
		used = append(used, a.Metrics...)
	}
	for _, row := range b.Home.Dashboard.Rows {
		for _, g := range row {
			used = append(used, g.Metrics...)
		}
	}
	seen := map[string]bool{}
	for _, m := range used {
		if m.Namespace != ours {
			continue
		}
		seen[m.Name] = true
		by := "none"
		for dimension := range m.Dimensions {
			by = "`" + dimension + "`"
		}
		if dimensions := rows[m.Name]; !strings.Contains(dimensions, by) || len(m.Dimensions) > 1 {
			t.Errorf("%s by %v: docs/metrics.md has it by %q", m.Name, m.Dimensions, dimensions)
		}
	}
	if got, want := names(seen), names(rows); !slices.Equal(got, want) {
		t.Errorf("metrics shown %q, want all that are measured, %q", got, want)
	}
}

// TestBoundaryDoc: the permissions boundary in docs/deploy.md lets through what the
// roles of target and source accounts may do, and no more.
func TestBoundaryDoc(t *testing.T) {
	doc := string(contents(t, "../../docs/deploy.md"))
	_, text, found := strings.Cut(doc, "<!-- the least boundary -->\n```json\n")
	if !found {
		t.Fatal("docs/deploy.md has no permissions boundary")
	}
	text, _, _ = strings.Cut(text, "```")
	var boundary struct {
		Statement []struct {
			Effect   string
			Action   []string
			Resource string
		}
	}
	if err := json.Unmarshal([]byte(text), &boundary); err != nil {
		t.Fatal(err)
	}
	if len(boundary.Statement) != 1 || boundary.Statement[0].Effect != "Allow" || boundary.Statement[0].Resource != "*" {
		t.Fatalf("the boundary is %+v", boundary)
	}
	var want []string
	worlds(t, func(_ *testing.T, _ Settings, _ []policy.Policy, b Blueprint) {
		for _, role := range roles(b) {
			for _, s := range role.Statements {
				if !s.Deny {
					want = append(want, s.Actions...)
				}
			}
		}
	})
	// The wildcard has the plain action.
	want = slices.DeleteFunc(set(want), func(action string) bool { return action == "kms:GenerateDataKey" })
	if diff := cmp.Diff(want, boundary.Statement[0].Action); diff != "" {
		t.Errorf("the boundary in docs/deploy.md (-want +got):\n%s", diff)
	}
}

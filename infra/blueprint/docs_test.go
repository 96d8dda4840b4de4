package blueprint

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"snapferry/internal/policy"
)

// general are the sections of the runbook that no alarm names.
var general = []string{"where-to-look", "a-key-was-disabled", "pause-everything", "restoring", "the-quota-is-used-by-another-tool"}

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

// TestRunbookNames: the queues, topics, functions and alarms that the runbook
// and the guide to deployment name are there.
func TestRunbookNames(t *testing.T) {
	b := guide(t, func(s *Settings) { s.OwnKeys = []string{"eu-west-2"} })
	known := map[string]bool{
		"snapferry":                             true,
		"snapferry-home":                        true, // the stacks
		"snapferry-key-eu-west-2":               true,
		"snapferry-source-stackset":             true,
		"snapferry-source":                      true, // the StackSet
		"snapferry-source-111111111111-us-east": true,
		"snapferry-orders-dlq":                  true,
	}
	// What is numbered ends here with its letters.
	short := func(name string) string { return strings.TrimRight(strings.TrimSuffix(name, ".fifo"), "-0123456789") }
	for _, f := range b.Forwarders {
		known[short("snapferry-forwarder-"+f.Region)] = true
		known[short(f.Topic.Name)] = true
		known[short(f.Undelivered.Name)] = true
		for _, a := range f.Alarms {
			known[short(a.Name)] = true
		}
		for _, r := range f.Rules {
			known[short(r.Name)] = true
		}
	}
	for _, q := range b.Home.Queues {
		known[short(q.Name)] = true
	}
	for _, a := range b.Home.Alarms {
		known[short(a.Name)] = true
	}
	known[b.Home.Topic.Name] = true
	for name := range roles(b) {
		_, name, _ = strings.Cut("/"+name, "snapferry-")
		known[short("snapferry-"+name)] = true
	}
	for _, file := range []string{"runbook.md", "deploy.md"} {
		for _, name := range regexp.MustCompile(`snapferry-[a-z0-9-]+`).FindAllString(string(contents(t, "../../docs/"+file)), -1) {
			if !known[short(name)] {
				t.Errorf("docs/%s names %s, which is not deployed", file, name)
			}
		}
	}
}

// TestSettingsDoc: every setting is in docs/settings.md, and no other.
func TestSettingsDoc(t *testing.T) {
	var got []string
	for line := range strings.Lines(string(contents(t, "../../docs/settings.md"))) {
		columns := strings.Split(line, "|")
		if len(columns) < 4 {
			continue
		}
		for _, name := range regexp.MustCompile("`([a-zA-Z]+)[^`]*`").FindAllStringSubmatch(columns[1], -1) {
			got = append(got, name[1])
		}
	}
	if got, want := set(got), set(known); !slices.Equal(got, want) {
		t.Errorf("docs/settings.md has %q, want %q", got, want)
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

package blueprint

import (
	"regexp"
	"strings"
	"testing"

	"snapferry/internal/policy"
)

// plain are the names without a prefix.
var plain = namesWith("")

// TestNames: names are within AWS's limits, and none is given twice where it
// must be single.
func TestNames(t *testing.T) {
	worlds(t, func(t *testing.T, _ Settings, _ []policy.Policy, b Blueprint) { checkNames(t, b) })
}

// checkNames returns the length of the longest name of a role: it is the closest to
// a limit.
func checkNames(t *testing.T, b Blueprint) (longest int) {
	t.Helper()
	s := b.Settings
	name := regexp.MustCompile(`^` + s.NamePrefix + `snapferry[A-Za-z0-9._-]*$`)
	all := map[string]int{} // to AWS's limit, by kind and name
	add := func(kind, n string, limit int) {
		if _, twice := all[kind+n]; twice {
			t.Errorf("two of %s %s", kind, n)
		}
		all[kind+n] = limit
		if kind == "role" {
			longest = max(longest, len(n))
		}
		if len(n) > limit || !name.MatchString(n) {
			t.Errorf("%s %q is longer than %d, or of other characters", kind, n, limit)
		}
	}
	add("bus", b.Home.Bus, 256)
	add("dashboard", b.Home.Dashboard.Name, 255)
	add("topic "+b.Home.Region, b.Home.Topic.Name, 256)
	add("role", b.Home.Scheduler.Name, 64)
	for _, q := range b.Home.Queues {
		add("queue "+b.Home.Region, q.Name, 80)
	}
	for _, a := range b.Home.Alarms {
		add("alarm "+b.Home.Region, a.Name, 255)
	}
	for _, f := range b.Home.Functions {
		add("role", f.Role.Name, 64)
		add("function", f.FullName, 64)
		for _, p := range f.Role.Policies() {
			if p.Managed { // the others are parts of the role
				add("policy", p.Name, 128)
			}
		}
	}
	for _, f := range b.Forwarders {
		add("queue "+f.Region, f.Undelivered.Name, 80)
		add("topic "+f.Region, f.Topic.Name, 256)
		for _, r := range f.Rules {
			add("role", r.Role.Name, 64)
			add("rule "+f.Region, r.Name, 64)
		}
		for _, a := range f.Alarms {
			add("alarm "+f.Region, a.Name, 255)
		}
	}
	for _, k := range b.Keys {
		if alias, found := strings.CutPrefix(k.Alias, "alias/"); !found {
			t.Errorf("alias %s", k.Alias)
		} else {
			add("alias "+k.Region, alias, 250)
		}
		add("stack "+k.Region, s.StackName("key-"+k.Region), 128)
	}
	sources := b.Sources
	if b.StackSet != nil {
		add("StackSet", b.StackSet.Name, 128)
		sources = append(sources, b.StackSet.Source)
	}
	for _, source := range sources {
		add("role in "+source.Account, strings.ReplaceAll(source.Lifecycle.Name, anyRegion, "us-isof-south-1"), 64)
		if source.Account != anyAccount {
			add("stack in "+source.Account, s.StackName("source-"+source.Account+"-"+source.Region), 128)
		}
	}
	return longest
}

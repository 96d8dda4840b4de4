package blueprint

import (
	"regexp"
	"testing"

	"snapferry/internal/policy"
)

// plain are the names without a prefix.
var plain = namesWith("")

// TestNames: names are within AWS's limits, and none is given twice where it
// must be single.
func TestNames(t *testing.T) {
	worlds(t, func(t *testing.T, s Settings, _ []policy.Policy, b Blueprint) {
		name := regexp.MustCompile(`^` + s.NamePrefix + `snapferry[A-Za-z0-9._-]*$`)
		all := map[string]int{} // to AWS's limit, by kind and name
		add := func(kind, n string, limit int) {
			if _, twice := all[kind+n]; twice {
				t.Errorf("two of %s %s", kind, n)
			}
			all[kind+n] = limit
			if len(n) > limit || !name.MatchString(n) {
				t.Errorf("%s %q is longer than %d, or of other characters", kind, n, limit)
			}
		}
		add("bus", b.Home.Bus, 256)
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
	})
}

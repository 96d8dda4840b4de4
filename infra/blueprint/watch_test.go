package blueprint

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"snapferry/internal/plan"
	"snapferry/internal/policy"
)

// TestAlarms: each says what hurts and where to read on, and CloudWatch takes
// it.
func TestAlarms(t *testing.T) {
	anchor := regexp.MustCompile(`^[a-z-]+$`)
	worlds(t, func(t *testing.T, s Settings, policies []policy.Policy, b Blueprint) {
		alarms := slices.Clone(b.Home.Alarms)
		for _, f := range b.Forwarders {
			if len(f.Alarms) != 2 {
				t.Errorf("%d alarms on the forwarder of %s", len(f.Alarms), f.Region)
			}
			alarms = append(alarms, f.Alarms...)
		}
		for _, a := range alarms {
			if !anchor.MatchString(a.Runbook) || !strings.HasSuffix(a.Description, " See docs/runbook.md#"+a.Runbook+".") {
				t.Errorf("%s: runbook %q, description %q", a.Name, a.Runbook, a.Description)
			}
			if len(a.Metrics) == 0 || len(a.Metrics) > maxMetrics || (len(a.Metrics) > 1) != (a.Expression != "") {
				t.Errorf("%s: %d metrics with the expression %q", a.Name, len(a.Metrics), a.Expression)
			}
			if a.Periods < 1 || a.Periods > a.Of || a.Missing == "" || a.Comparison == "" {
				t.Errorf("%s: %d of %d periods, missing data %q", a.Name, a.Periods, a.Of, a.Missing)
			}
			for _, m := range a.Metrics {
				// CloudWatch's: whole minutes, and a day or, from an hour on, a week.
				watched := m.Period * time.Duration(a.Of)
				longest := 24 * time.Hour
				if m.Period >= time.Hour {
					longest *= 7
				}
				if m.Period%time.Minute != 0 || m.Period > 24*time.Hour || watched > longest || m.Region != "" {
					t.Errorf("%s: %d periods of %v in %q", a.Name, a.Of, m.Period, m.Region)
				}
			}
		}
	})
}

// TestAlarmsOnWhatHurts: all queues, all functions and every lane are watched.
func TestAlarmsOnWhatHurts(t *testing.T) {
	worlds(t, func(t *testing.T, s Settings, policies []policy.Policy, b Blueprint) {
		watched := map[string]Alarm{}
		for _, a := range b.Home.Alarms {
			for _, m := range a.Metrics {
				watched[m.Name+" "+m.Dimensions["QueueName"]+m.Dimensions["FunctionName"]+m.Dimensions["RuleName"]] = a
			}
		}
		var want []string
		for _, q := range b.Home.Queues {
			metric := "ApproximateAgeOfOldestMessage "
			if q.Name == plain.eventsDeadQueue || q.Name == plain.ordersDeadQueue || q.Name == plain.undeliveredQueue {
				metric = "ApproximateNumberOfMessagesVisible "
			}
			want = append(want, metric+q.Name)
		}
		for _, f := range b.Home.Functions {
			want = append(want, "Errors "+f.FullName)
			if f.Schedule != "" {
				want = append(want, "Invocations "+f.FullName)
			}
		}
		for _, r := range b.Home.Rules {
			want = append(want, "FailedInvocations "+r.Name, "InvocationsFailedToBeSentToDlq "+r.Name)
		}
		want = append(want, "CopiesFailed ", "ExpiryRefused ", "OrdersMissing ")
		if s.QuietAfter > 0 {
			want = append(want, "CopiesCompleted ")
			if quiet := watched["CopiesCompleted "]; quiet.Missing != breaching || quiet.Metrics[0].Period*time.Duration(quiet.Of) != s.QuietAfter || quiet.Periods != quiet.Of {
				t.Errorf("quiet after %s: %+v", s.QuietAfter, quiet)
			}
		}
		slices.Sort(want)
		if got := names(watched); !slices.Equal(got, want) {
			t.Errorf("alarms on %q, want %q", got, want)
		}
		silent := watched["Invocations snapferry-reconcile"]
		if silent.Missing != breaching || silent.Comparison != below || silent.Metrics[0].Period*time.Duration(silent.Of) != 3*s.Schedules.Reconcile {
			t.Errorf("reconcile is silent: %+v", silent)
		}
		lane := watched["ApproximateAgeOfOldestMessage "+plain.ordersQueue(policies[0].Rules[0].Region, 0)]
		if lane.Threshold != s.OrderAge.Seconds() {
			t.Errorf("orders are old after %v s, want %v", lane.Threshold, s.OrderAge)
		}
	})
}

// TestAlarmsOnRules: whatever a rule can't deliver raises an alarm in the rule's own
// Region, under the dimensions that EventBridge gives to rules of its bus.
func TestAlarmsOnRules(t *testing.T) {
	worlds(t, func(t *testing.T, _ Settings, _ []policy.Policy, b Blueprint) {
		check := func(rules []Rule, bus string, alarms []Alarm) {
			for _, r := range rules {
				want := map[string]string{"RuleName": r.Name}
				if bus != "" {
					want["EventBusName"] = bus
				}
				for _, name := range []string{"FailedInvocations", "InvocationsFailedToBeSentToDlq"} {
					if !slices.ContainsFunc(alarms, func(a Alarm) bool {
						return a.Threshold == 1 && a.Comparison == atLeast && a.Missing == notBreaching && slices.ContainsFunc(a.Metrics, func(m Metric) bool {
							return m.Namespace == "AWS/Events" && m.Name == name && m.Statistic == "Sum" && maps.Equal(m.Dimensions, want)
						})
					}) {
						t.Errorf("no alarm on %s of rule %s on bus %q", name, r.Name, bus)
					}
				}
			}
		}
		check(b.Home.Rules, b.Home.Bus, b.Home.Alarms)
		for _, f := range b.Forwarders {
			check(f.Rules, "", f.Alarms)
		}
	})
}

// TestDashboard: the causes are those that expire has for keeping.
func TestDashboard(t *testing.T) {
	var want []string
	for _, cause := range []plan.Cause{plan.Unreadable, plan.Held, plan.NotExpired, plan.NeverEnds, plan.StillCopied, plan.OddState, plan.LastCopies, plan.NoTime, plan.Refused} {
		want = append(want, string(cause))
	}
	if got := set(causes); !slices.Equal(got, set(want)) {
		t.Errorf("causes %q, want %q", got, set(want))
	}
	b := guide(t, nil)
	var titles, elsewhere []string
	for _, row := range b.Home.Dashboard.Rows {
		if len(row) == 0 || len(row) > 3 {
			t.Errorf("a row of %d graphs", len(row))
		}
		for _, g := range row {
			titles = append(titles, fmt.Sprintf("%s: %d", g.Title, len(g.Metrics)))
			for _, m := range g.Metrics {
				if m.Region != "" {
					elsewhere = append(elsewhere, m.Region+" "+m.Dimensions["QueueName"])
				}
				if m.Label == "" || m.Period == 0 || m.Statistic == "" {
					t.Errorf("%s: %+v", g.Title, m)
				}
			}
		}
	}
	wanted := []string{"Slots in use: 2", "Orders made by reconcile: 1",
		"Copies: 4", "From share to completed copy: 2", "From share to start: 2",
		"Orders waiting for eu-west-2: 8", "Oldest order for eu-west-2: 8",
		"Orders waiting for sa-east-1: 8", "Oldest order for sa-east-1: 8",
		"Copies expired: 2", "Copies kept, by cause: 9", "Expiry refused: 1",
		"Errors: 3", "Durations, the longest: 3", "Invocations: 3", "Dead letters: 6"}
	if !slices.Equal(titles, wanted) {
		t.Errorf("graphs %q, want %q", titles, wanted)
	}
	forwarders := []string{"eu-west-2 snapferry-forwarder-undelivered", "sa-east-1 snapferry-forwarder-undelivered", "us-east-1 snapferry-forwarder-undelivered"}
	if !slices.Equal(elsewhere, forwarders) {
		t.Errorf("queues of other stacks %q, want %q", elsewhere, forwarders)
	}
}

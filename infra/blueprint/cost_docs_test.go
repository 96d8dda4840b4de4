package blueprint

import (
	"fmt"
	"strings"
	"testing"
)

// List prices of us-east-1 in 2026, in dollars.
const (
	perKey          = 1.0 // a month, and as much again after each of the first two rotations, a year apart
	perAlarmMetric  = 0.10
	perDashboard    = 3.0
	perOwnMetric    = 0.30
	perStandardCall = 0.40 / 1e6
	perFIFOCall     = 0.50 / 1e6
	perInvocation   = 0.20 / 1e6
	perGBSecond     = 0.0000133334
	perGBOfLogs     = 0.50
	hoursAMonth     = 730
	daysAMonth      = hoursAMonth / 24.0
	// pollers are how many Lambda keeps on a queue where MaximumConcurrency is
	// set, each with a poll of 20 seconds.
	pollers = 5
)

// idle is a row of what a deployment costs in which nothing is shared.
type idle struct {
	what, many, price string
	month             float64
}

// idleCost is what a deployment costs a month in a year, the first or a later one,
// and the rows that do not depend on it.
func idleCost(b Blueprint) (keys int, rows []idle) {
	keys = len(b.Keys)
	watched, shown := 0, 0
	for _, a := range b.Home.Alarms {
		watched += len(a.Metrics)
	}
	for _, f := range b.Forwarders {
		for _, a := range f.Alarms {
			watched += len(a.Metrics)
		}
	}
	for _, row := range b.Home.Dashboard.Rows {
		for _, g := range row {
			shown += len(g.Metrics)
		}
	}
	targets := 0
	lanes := map[string]bool{}
	for _, q := range b.Home.Queues {
		if strings.Contains(q.Name, "-orders-") && q.Name != plain.ordersDeadQueue {
			lanes[q.Name] = true
		}
	}
	targets = len(lanes) / b.Settings.Lanes
	polls := pollers * hoursAMonth * 3600 / 20.0
	runs := hoursAMonth / b.Settings.Schedules.Reconcile.Hours()
	// reconcile and copy after it each look into every lane, and reconcile sends
	// wake-ups.
	looks := runs * float64(2*len(lanes)+8)
	expires := hoursAMonth / b.Settings.Schedules.Expire.Hours()
	invocations := 3*runs + expires
	const gbSeconds = 3 * memory / 1024.0 // of an invocation of some seconds
	return keys, []idle{
		{"metrics under alarms", fmt.Sprint(watched), "$0.10", perAlarmMetric * float64(watched)},
		{fmt.Sprintf("dashboard, of %d metrics", shown), "1", "$3", perDashboard},
		{"own metrics: `SlotsInUse` of each target Region", fmt.Sprint(targets), "$0.30", perOwnMetric * float64(targets)},
		{"SQS requests: Lambda keeps five polls of 20 seconds on the events queue", about(polls), "$0.40 a million", polls * perStandardCall},
		{"SQS requests: `reconcile` and `copy` look into the lanes every 15 minutes", about(looks), "$0.50 a million", looks * perFIFOCall},
		{"Lambda: `reconcile`, `copy` after it, and `expire`, some seconds each in 256 MB", about(invocations), "$0.20 a million, $0.0000133 a GB second",
			invocations * (perInvocation + gbSeconds*perGBSecond)},
		{"logs", "below 0.1 GB", "$0.50 a GB", 0.1 * perGBOfLogs},
	}
}

// about is a number to two digits, with commas.
func about(n float64) string {
	unit := 1
	for n/float64(unit) >= 100 {
		unit *= 10
	}
	return thousands(int(n/float64(unit)+0.5) * unit)
}

// keysCost is what keys with rotation cost a month in a year of theirs.
func keysCost(keys, year int) float64 { return perKey * float64(keys*min(year, 3)) }

// TestCostDoc: what docs/deploy.md counts is what is deployed for the guide's
// example.
func TestCostDoc(t *testing.T) {
	doc := string(contents(t, "../../docs/deploy.md"))
	has := func(format string, args ...any) {
		t.Helper()
		if row := fmt.Sprintf(format, args...); !strings.Contains(doc, row) {
			t.Errorf("docs/deploy.md does not have:\n%s", row)
		}
	}
	keys, rows := idleCost(guide(t, nil))
	if keys > 0 {
		has("| KMS keys, with rotation | %d | $1, $2 in the second year, $3 from the third on | $%.2f | $%.2f |\n", keys, keysCost(keys, 1), keysCost(keys, 3))
	}
	sum := 0.0
	for _, r := range rows {
		has("| %s | %s | %s | $%.2f | $%.2f |\n", r.what, r.many, r.price, r.month, r.month)
		sum += r.month
	}
	has("| **sum** | | | **$%.0f** | **$%.0f** |\n", sum+keysCost(keys, 1), sum+keysCost(keys, 3))

	// What one more of something costs.
	with := func(change func(*Settings)) (int, float64) {
		keys, rows := idleCost(guide(t, change))
		sum := 0.0
		for _, r := range rows {
			sum += r.month
		}
		return keys, sum
	}
	if own, more := with(func(s *Settings) { s.OwnKeys = []string{"eu-west-2"} }); own != keys+1 || more != sum {
		t.Errorf("a Region in ownKeys adds %d keys and $%.2f, want a key and nothing else", own-keys, more-sum)
	}
	_, lanes := with(func(s *Settings) { s.Lanes = 16 })
	has("8 more lanes add $%.2f", lanes-sum)

	// 10,000 snapshots a day to two Regions.
	const daily, targets = 10_000, 2
	const perThousand = 0.0100
	if figures := string(contents(t, "../../BENCHMARKS.md")); !strings.Contains(figures, fmt.Sprintf("| storm.dollars_per_1000_copies | %.4f |", perThousand)) {
		t.Errorf("BENCHMARKS.md has another cost of a thousand copies than %.4f", perThousand)
	}
	copies := daily * targets * daysAMonth
	const ownMetrics, kilobytes = 40, 2
	calls, metrics, logs := copies/1000*perThousand, perOwnMetric*ownMetrics, copies*kilobytes/1e6*perGBOfLogs
	has("| Lambda, SQS, EventBridge | %s copies | $%.4f a thousand, counted in [storms](../BENCHMARKS.md) | $%.2f |\n", about(copies), perThousand, calls)
	has("| own metrics | %d | $0.30 | $%.2f |\n", ownMetrics, metrics)
	has("| logs | %.1f GB, 2 KB a copy | $0.50 a GB | $%.2f |\n", copies*kilobytes/1e6, logs)
	has("| **on top of the idle cost** | | | **$%.0f** |\n", calls+metrics+logs)
}

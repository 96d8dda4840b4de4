package blueprint

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"snapferry/internal/policy"
)

// What EC2 lets an account do in a Region: so many calls at once, and so many
// more a second. https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
const (
	deletesAtOnce, deletesPerSecond = 100, 5
	copiesPerSecond                 = 5
	looksPerSecond                  = 20
	secondsADay                     = 24 * 60 * 60
)

// TestCarryDoc: what docs/deploy.md says of 10,000 snapshots a day, and shows of
// the guide's example, is what is computed.
func TestCarryDoc(t *testing.T) {
	doc := string(contents(t, "../../docs/deploy.md"))
	has := func(format string, args ...any) {
		t.Helper()
		if row := fmt.Sprintf(format, args...); !strings.Contains(doc, row) {
			t.Errorf("docs/deploy.md does not have:\n%s", row)
		}
	}
	small := guide(t, func(s *Settings) {
		s.Capacity = Capacity{SnapshotsPerDay: 200, CopyTime: 10 * time.Minute, SnapshotQuota: snapshotsPerRegion}
	})
	has("```\n%s```\n", small.CapacityReport())

	const daily, days, slots = 10_000, 7, 100
	load := func(slots int) Load {
		s, policies := expected(Capacity{SnapshotsPerDay: daily, CopyTime: 10 * time.Minute}, policy.Retention{Interval: days, Unit: policy.Days})
		s.CopySlots = slots
		b, problems := New(s, policies, "hash")
		if len(problems) > 0 {
			t.Fatal(lines(problems))
		}
		return b.Loads[0]
	}
	few, many := load(defaults().CopySlots), load(slots)
	has("| slots | %d carry %s copies a day | %s: %s more wait each day | %d slots carry %s, %s used; or copies that take %d minutes |",
		defaults().CopySlots, thousands(few.Carried), percent(few.Used), thousands(few.Copies-few.Carried),
		slots, thousands(many.Carried), percent(many.Used), defaults().CopySlots*24*60/daily)
	has("| copies kept | %s snapshots | %s, %s; full with %d days' retention |",
		thousands(snapshotsPerRegion), thousands(few.Kept), percent(float64(few.Kept)/snapshotsPerRegion), snapshotsPerRegion/daily+1)
	has("| orders queues | %d in the home stack | %d target Regions with %d lanes, %d with %d |",
		maxQueues, maxQueues/defaults().Lanes, defaults().Lanes, maxQueues/maxLanes, maxLanes)
	has("| %d a second |", int(math.Ceil(daily/600.0)))
	has("| `CopySnapshot` | %d a second, %s a day | %s |", copiesPerSecond, thousands(copiesPerSecond*secondsADay), percent(daily/float64(copiesPerSecond*secondsADay)))
	const callsPerCopy = 2.54
	has("| `DescribeSnapshots` | %d a second, %s a day | %s, %s: %.2f calls a copy", looksPerSecond, thousands(looksPerSecond*secondsADay),
		thousands(int(math.Round(daily*callsPerCopy))), percent(daily*callsPerCopy/(looksPerSecond*secondsADay)), callsPerCopy)
	if figures := string(contents(t, "../../BENCHMARKS.md")); !strings.Contains(figures, fmt.Sprintf("| storm.ec2_calls_per_copy | %.2f |", callsPerCopy)) {
		t.Errorf("BENCHMARKS.md has another number of calls a copy than %.2f", callsPerCopy)
	}
	inRun := deletesAtOnce + deletesPerSecond*int(longest.Seconds())
	runs := (daily + inRun - 1) / inRun
	has("| `DeleteSnapshot` | %d a second, %s in one run of `expire` | %d runs for what expires in one night: %d hours |",
		deletesPerSecond, thousands(inRun), runs, runs*int(defaults().Schedules.Expire.Hours()))
	catchUp := daily * int(defaults().CatchUp.Hours()) / 24
	has("| %d pages: %s sources of a week and as many copies |", (catchUp+few.Kept)/1000, thousands(catchUp))
}

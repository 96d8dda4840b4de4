package blueprint

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"snapferry/internal/policy"
)

// expected is settings that say what is expected, and policies with the rules of
// each: all of them to eu-west-2.
func expected(c Capacity, retentions ...policy.Retention) (Settings, []policy.Policy) {
	s, policies := organisation(len(retentions), 1, 0, 0)
	if c.SnapshotQuota == 0 {
		c.SnapshotQuota = snapshotsPerRegion
	}
	s.Capacity = c
	for i, r := range retentions {
		policies[i].Rules = []policy.Rule{{Region: "eu-west-2", Retention: r}}
	}
	return s, policies
}

const mean = 10 * time.Minute

// TestLoads: what a target Region is to carry, and what is warned of while there
// is time.
func TestLoads(t *testing.T) {
	days := func(n int) policy.Retention { return policy.Retention{Interval: n, Unit: policy.Days} }
	for _, test := range []struct {
		name       string
		expected   Capacity
		retentions []policy.Retention
		change     func(*Settings, []policy.Policy)
		want       Load
		warnings   []string // what each of them has, in order
	}{
		{
			name: "little", expected: Capacity{SnapshotsPerDay: 200, CopyTime: mean}, retentions: []policy.Retention{days(3)},
			want: Load{Copies: 200, Carried: 2880, Used: 200.0 / 2880, Drained: 100 * time.Minute, Kept: 600},
		},
		{
			name: "rules of two policies add up", expected: Capacity{SnapshotsPerDay: 200, CopyTime: mean}, retentions: []policy.Retention{days(3), days(30)},
			want: Load{Copies: 400, Carried: 2880, Used: 400.0 / 2880, Drained: 200 * time.Minute, Kept: 6600},
		},
		{
			name: "a disabled policy carries nothing", expected: Capacity{SnapshotsPerDay: 200, CopyTime: mean}, retentions: []policy.Retention{days(3), days(30)},
			change: func(_ *Settings, p []policy.Policy) { p[1].Enabled = false },
			want:   Load{Copies: 200, Carried: 2880, Used: 200.0 / 2880, Drained: 100 * time.Minute, Kept: 600},
		},
		{
			name: "the slots' day is just not full enough", expected: Capacity{SnapshotsPerDay: 2015, CopyTime: mean}, retentions: []policy.Retention{days(1)},
			want: Load{Copies: 2015, Carried: 2880, Used: 2015.0 / 2880, Drained: 2015 * mean / 20, Kept: 2015},
		},
		{
			name: "the slots' day is nearly full", expected: Capacity{SnapshotsPerDay: 2016, CopyTime: mean}, retentions: []policy.Retention{days(1)},
			want:     Load{Copies: 2016, Carried: 2880, Used: 0.7, Drained: 2016 * mean / 20, Kept: 2016},
			warnings: []string{"takes 70% of what 20 slots copy in a day to eu-west-2"},
		},
		{
			name: "more than the slots carry", expected: Capacity{SnapshotsPerDay: 10000, CopyTime: mean}, retentions: []policy.Retention{days(7)},
			want:     Load{Copies: 10000, Carried: 2880, Used: 10000.0 / 2880, Drained: 5000 * time.Minute, Kept: 70000},
			warnings: []string{"is TOO MUCH for eu-west-2: 10,000 copies a day are ordered, and 20 slots copy 2,880: orders pile up by 7,120 a day", "keeps 70,000 copies in eu-west-2, 70% of the 100,000"},
		},
		{
			name: "more slots", expected: Capacity{SnapshotsPerDay: 10000, CopyTime: mean}, retentions: []policy.Retention{days(1)},
			change: func(s *Settings, _ []policy.Policy) { s.CopySlots = 100 },
			want:   Load{Copies: 10000, Carried: 14400, Used: 10000.0 / 14400, Drained: 1000 * time.Minute, Kept: 10000},
		},
		{
			name: "a burst that is older than the alarm", expected: Capacity{SnapshotsPerDay: 1000, CopyTime: mean}, retentions: []policy.Retention{days(1)},
			change:   func(s *Settings, _ []policy.Policy) { s.OrderAge = 8 * time.Hour },
			want:     Load{Copies: 1000, Carried: 2880, Used: 1000.0 / 2880, Drained: 500 * time.Minute, Kept: 1000},
			warnings: []string{"takes 8h20m for a night's burst to eu-west-2, longer than orderAgeHours"},
		},
		{
			name: "more copies than the Region takes", expected: Capacity{SnapshotsPerDay: 300, CopyTime: mean},
			retentions: []policy.Retention{{Interval: 1, Unit: policy.Years}},
			want:       Load{Copies: 300, Carried: 2880, Used: 300.0 / 2880, Drained: 150 * time.Minute, Kept: 109800},
			warnings:   []string{"is TOO MUCH for eu-west-2: 109,800 copies are kept, and the Region takes 100,000"},
		},
		{
			name: "a higher quota", expected: Capacity{SnapshotsPerDay: 300, CopyTime: mean, SnapshotQuota: 200_000},
			retentions: []policy.Retention{{Interval: 1, Unit: policy.Years}},
			want:       Load{Copies: 300, Carried: 2880, Used: 300.0 / 2880, Drained: 150 * time.Minute, Kept: 109800},
		},
		{
			name: "copies that never expire", expected: Capacity{SnapshotsPerDay: 200, CopyTime: mean}, retentions: []policy.Retention{{}, days(5)},
			want:     Load{Copies: 400, Carried: 2880, Used: 400.0 / 2880, Drained: 200 * time.Minute, Kept: 1000, Growing: 200, Full: 495},
			warnings: []string{"fills eu-west-2 in 495 days: rules without a RetainRule keep 200 copies a day for ever"},
		},
		{
			name: "a minimum above the retention, of two snapshots a day", expected: Capacity{SnapshotsPerDay: 200, CopyTime: mean},
			retentions: []policy.Retention{{Interval: 1, Unit: policy.Days, MinimumCount: 7}},
			change:     func(s *Settings, _ []policy.Policy) { s.Snapshots.Every = 12 * time.Hour },
			want:       Load{Copies: 200, Carried: 2880, Used: 200.0 / 2880, Drained: 100 * time.Minute, Kept: 800},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, policies := expected(test.expected, test.retentions...)
			if test.change != nil {
				test.change(&s, policies)
			}
			b, problems := New(s, policies, "hash")
			if len(problems) > 0 {
				t.Fatal(lines(problems))
			}
			test.want.Region, test.want.Quota = "eu-west-2", s.Capacity.SnapshotQuota
			if diff := cmp.Diff([]Load{test.want}, b.Loads); diff != "" {
				t.Errorf("loads (-want +got):\n%s", diff)
			}
			if len(b.Warnings) != len(test.warnings) {
				t.Fatalf("warnings:\n%s\nwant %q", lines(b.Warnings), test.warnings)
			}
			for i, want := range test.warnings {
				if got := b.Warnings[i].String(); !strings.HasPrefix(got, "settings.json: $.capacity: "+want) {
					t.Errorf("warning %s\nwant %s", got, want)
				}
			}
		})
	}
}

// TestDaysKept: no month or year is taken for shorter than it can be on average.
func TestDaysKept(t *testing.T) {
	d := deployment{Settings: defaults()}
	for r, want := range map[policy.Retention]int{
		{Interval: 3, Unit: policy.Days}:                    3,
		{Interval: 2, Unit: policy.Weeks}:                   14,
		{Interval: 1, Unit: policy.Months}:                  31,
		{Interval: 12, Unit: policy.Months}:                 366,
		{Interval: 1, Unit: policy.Years}:                   366,
		{Interval: 4, Unit: policy.Years}:                   1461,
		{Interval: 3, Unit: policy.Days, MinimumCount: 2}:   3,
		{Interval: 3, Unit: policy.Days, MinimumCount: 100}: 100,
	} {
		if got := d.daysKept(r); got != want {
			t.Errorf("%+v: %d days, want %d", r, got, want)
		}
	}
}

// TestCapacityReport: the table that people see, and none where nothing is expected.
func TestCapacityReport(t *testing.T) {
	s, policies := expected(Capacity{SnapshotsPerDay: 1200, CopyTime: mean},
		policy.Retention{Interval: 1, Unit: policy.Months}, policy.Retention{Interval: 3, Unit: policy.Days})
	policies[1].Rules = append(policies[1].Rules, policy.Rule{Region: "ap-southeast-2"})
	b, problems := New(s, policies, "hash")
	if len(problems) > 0 {
		t.Fatal(lines(problems))
	}
	const want = `capacity, with 1,200 snapshots a day for each policy and 10m for a copy:
  to              copies a day  slots carry  used  all at once take  copies kept             of the quota
  ap-southeast-2  1,200         2,880        42%   10h00m            0 and 1,200 more a day  full after 83 days
  eu-west-2       2,400         2,880        84%   20h00m            40,800                  41%
`
	if diff := cmp.Diff(want, b.CapacityReport()); diff != "" {
		t.Errorf("the table (-want +got):\n%s", diff)
	}
	s.Capacity = Capacity{}
	if b, _ = New(s, policies, "hash"); len(b.Loads) > 0 || b.CapacityReport() != "" {
		t.Errorf("nothing is expected, and yet: %s", b.CapacityReport())
	}
}

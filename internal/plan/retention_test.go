package plan

import (
	"testing"
	"time"

	"snapferry/internal/policy"
)

func TestExpires(t *testing.T) {
	for name, test := range map[string]struct {
		at   string
		r    policy.Retention
		want string
	}{
		"3 days":                                  {"2026-09-25T15:24:09Z", policy.Retention{Interval: 3, Unit: policy.Days}, "2026-09-28T15:24:09Z"},
		"2 weeks":                                 {"2026-09-25T15:24:09Z", policy.Retention{Interval: 2, Unit: policy.Weeks}, "2026-10-09T15:24:09Z"},
		"1 month":                                 {"2026-09-25T15:24:09Z", policy.Retention{Interval: 1, Unit: policy.Months}, "2026-10-25T15:24:09Z"},
		"31 January and a month":                  {"2026-01-31T23:59:59Z", policy.Retention{Interval: 1, Unit: policy.Months}, "2026-02-28T23:59:59Z"},
		"31 January and a month in a leap year":   {"2028-01-31T00:00:00Z", policy.Retention{Interval: 1, Unit: policy.Months}, "2028-02-29T00:00:00Z"},
		"31 January and two months":               {"2026-01-31T00:00:00Z", policy.Retention{Interval: 2, Unit: policy.Months}, "2026-03-31T00:00:00Z"},
		"31 December and 2 months":                {"2026-12-31T12:00:00Z", policy.Retention{Interval: 2, Unit: policy.Months}, "2027-02-28T12:00:00Z"},
		"30 November and a month":                 {"2026-11-30T12:00:00Z", policy.Retention{Interval: 1, Unit: policy.Months}, "2026-12-30T12:00:00Z"},
		"29 February and a year":                  {"2028-02-29T12:00:00Z", policy.Retention{Interval: 1, Unit: policy.Years}, "2029-02-28T12:00:00Z"},
		"29 February and four years":              {"2028-02-29T12:00:00Z", policy.Retention{Interval: 4, Unit: policy.Years}, "2032-02-29T12:00:00Z"},
		"29 February and 72 years, past 2100":     {"2028-02-29T12:00:00Z", policy.Retention{Interval: 72, Unit: policy.Years}, "2100-02-28T12:00:00Z"},
		"1200 months":                             {"2026-09-25T15:24:09Z", policy.Retention{Interval: 1200, Unit: policy.Months}, "2126-09-25T15:24:09Z"},
		"in UTC, wherever the clock is":           {"2026-01-31T23:30:00-05:00", policy.Retention{Interval: 1, Unit: policy.Months}, "2026-03-01T04:30:00Z"},
		"a day across the end of European summer": {"2026-10-24T12:00:00+02:00", policy.Retention{Interval: 1, Unit: policy.Days}, "2026-10-25T10:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339, test.at)
			if err != nil {
				t.Fatal(err)
			}
			if got := Expires(at, test.r).Format(time.RFC3339); got != test.want {
				t.Errorf("Expires(%s, %+v) = %s, want %s", test.at, test.r, got, test.want)
			}
		})
	}
	if got := Expires(time.Now(), policy.Retention{}); !got.IsZero() {
		t.Errorf("without retention a copy expires %s, want never", got)
	}
}

// A longer retention never ends sooner, and none ends before it begins.
func TestExpiresGrows(t *testing.T) {
	begin := time.Date(2023, 12, 1, 1, 2, 3, 0, time.UTC)
	for day := range 800 {
		at := begin.AddDate(0, 0, day)
		for _, unit := range []policy.Unit{policy.Days, policy.Weeks, policy.Months, policy.Years} {
			last := at
			for interval := 1; interval <= 40; interval++ {
				got := Expires(at, policy.Retention{Interval: interval, Unit: unit})
				if !got.After(last) {
					t.Fatalf("%s + %d %s = %s, not after %s", at, interval, unit, got, last)
				}
				last = got
			}
		}
	}
}

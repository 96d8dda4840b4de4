package plan

import (
	"time"

	"snapferry/internal/policy"
)

// Expires is when a copy made at t expires under r; the zero time means never.
//
// Months and years follow the calendar, in UTC. Where the month has no such
// day it is the month's last: 31 January and one month is 28 or 29 February.
func Expires(t time.Time, r policy.Retention) time.Time {
	t = t.UTC()
	switch r.Unit {
	case policy.Days:
		return t.AddDate(0, 0, r.Interval)
	case policy.Weeks:
		return t.AddDate(0, 0, 7*r.Interval)
	case policy.Months:
		return addMonths(t, r.Interval)
	case policy.Years:
		return addMonths(t, 12*r.Interval)
	}
	return time.Time{}
}

func addMonths(t time.Time, n int) time.Time {
	year, month, day := t.Date()
	// The last day of the wanted month is day 0 of the one after it.
	last := time.Date(year, month+time.Month(n)+1, 0, 0, 0, 0, 0, time.UTC)
	hour, minute, second := t.Clock()
	return time.Date(last.Year(), last.Month(), min(day, last.Day()), hour, minute, second, t.Nanosecond(), time.UTC)
}

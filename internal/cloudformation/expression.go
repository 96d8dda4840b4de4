package cloudformation

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Expression is when a schedule is due: at a fixed rate, or at the minutes that
// a cron expression names, in UTC.
type Expression struct {
	text  string
	every time.Duration // 0: cron
	// minutes to years are what cron's fields admit; nil admits everything.
	minutes, hours, days, months, weekdays, years []int
}

// String is the expression as it was written.
func (e Expression) String() string { return e.text }

var (
	rateForm = regexp.MustCompile(`^rate\((\d+) (minute|hour|day)(s?)\)$`)
	cronForm = regexp.MustCompile(`^cron\((.*)\)$`)
)

// ParseExpression reads rate(15 minutes) and cron(0 3 * * ? *): minutes, hours,
// days of the month, months, days of the week, years. Of cron's words for single
// days, L, W and #, it knows none.
func ParseExpression(text string) (Expression, error) {
	e := Expression{text: text}
	if rate := rateForm.FindStringSubmatch(text); rate != nil {
		n, err := strconv.Atoi(rate[1])
		if err != nil || n < 1 || (n == 1) != (rate[3] == "") {
			return e, fmt.Errorf("%q is not like rate(1 hour) or rate(15 minutes)", text)
		}
		e.every = time.Duration(n) * map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[rate[2]]
		return e, nil
	}
	cron := cronForm.FindStringSubmatch(text)
	if cron == nil {
		return e, fmt.Errorf("%q is neither like rate(15 minutes) nor like cron(0 3 * * ? *)", text)
	}
	fields := strings.Fields(cron[1])
	if len(fields) != 6 {
		return e, fmt.Errorf("%q has %d fields, and cron has 6", text, len(fields))
	}
	for i, f := range []struct {
		to       *[]int
		min, max int
		names    string
	}{
		{&e.minutes, 0, 59, ""},
		{&e.hours, 0, 23, ""},
		{&e.days, 1, 31, ""},
		{&e.months, 1, 12, "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"},
		{&e.weekdays, 1, 7, "SUN MON TUE WED THU FRI SAT"},
		{&e.years, 1970, 2199, ""},
	} {
		var err error
		if *f.to, err = parseField(fields[i], f.min, f.max, strings.Fields(f.names)); err != nil {
			return e, fmt.Errorf("%q: %w", text, err)
		}
	}
	// Scheduler wants to be told which of the two kinds of days decides.
	if (fields[2] == "?") == (fields[4] == "?") {
		return e, fmt.Errorf("%q: one of the days of the month and of the week has to be ?, and not both", text)
	}
	return e, nil
}

// parseField reads *, ?, 5, 1-5, MON-FRI, */15, 5/10 and lists of these.
func parseField(text string, from, to int, names []string) ([]int, error) {
	if text == "*" || text == "?" {
		return nil, nil
	}
	number := func(word string) (int, error) {
		if at := slices.Index(names, strings.ToUpper(word)); at >= 0 {
			return from + at, nil
		}
		n, err := strconv.Atoi(word)
		if err != nil || n < from || n > to {
			return 0, fmt.Errorf("%q is not a number from %d to %d", word, from, to)
		}
		return n, nil
	}
	var all []int
	for part := range strings.SplitSeq(text, ",") {
		span, stepText, stepped := strings.Cut(part, "/")
		firstText, lastText, ranged := strings.Cut(span, "-")
		first, last, step := from, to, 1
		var err error
		if span != "*" {
			if first, err = number(firstText); err != nil {
				return nil, err
			}
			if last = first; stepped {
				last = to
			}
		}
		if ranged {
			if last, err = number(lastText); err != nil {
				return nil, err
			}
		}
		if stepped {
			if step, err = strconv.Atoi(stepText); err != nil || step < 1 {
				return nil, fmt.Errorf("%q is not a step of 1 or more", stepText)
			}
		}
		if first > last {
			return nil, fmt.Errorf("%q ends before it begins", span)
		}
		for n := first; n <= last; n += step {
			all = append(all, n)
		}
	}
	return all, nil
}

// First is when a schedule that was made then is due for the first time: at once if
// it has a rate, since it has no start date (EventBridge Scheduler user guide,
// "Rate-based schedules").
func (e Expression) First(made time.Time) time.Time {
	if e.every > 0 {
		return made
	}
	return e.Next(made)
}

// Next is when the schedule is due for the first time after last: one period
// later, or at the next minute that cron names; zero when it never is again.
func (e Expression) Next(last time.Time) time.Time {
	if e.every > 0 {
		return last.Add(e.every)
	}
	admits := func(of []int, n int) bool { return of == nil || slices.Contains(of, n) }
	last = last.UTC()
	end := last.AddDate(8, 0, 1) // a leap day may be 8 years away, across 2100
	for day := time.Date(last.Year(), last.Month(), last.Day(), 0, 0, 0, 0, time.UTC); day.Before(end); day = day.AddDate(0, 0, 1) {
		if !admits(e.years, day.Year()) || !admits(e.months, int(day.Month())) || !admits(e.days, day.Day()) || !admits(e.weekdays, int(day.Weekday())+1) {
			continue
		}
		for hour := range 24 {
			if !admits(e.hours, hour) {
				continue
			}
			for minute := range 60 {
				at := day.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
				if admits(e.minutes, minute) && at.After(last) {
					return at
				}
			}
		}
	}
	return time.Time{}
}

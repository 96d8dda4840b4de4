package cloudformation

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestExpressions(t *testing.T) {
	const last = "2026-11-23T12:07:30Z" // a Monday
	for text, want := range map[string][]string{
		"rate(1 minute)":               {"2026-11-23T12:08:30Z", "2026-11-23T12:09:30Z"},
		"rate(15 minutes)":             {"2026-11-23T12:22:30Z", "2026-11-23T12:37:30Z"},
		"rate(6 hours)":                {"2026-11-23T18:07:30Z", "2026-11-24T00:07:30Z"},
		"rate(2 days)":                 {"2026-11-25T12:07:30Z", "2026-11-27T12:07:30Z"},
		"cron(0 3 * * ? *)":            {"2026-11-24T03:00:00Z", "2026-11-25T03:00:00Z"},
		"cron(0/15 * * * ? *)":         {"2026-11-23T12:15:00Z", "2026-11-23T12:30:00Z"},
		"cron(*/30 8-9 ? * MON-FRI *)": {"2026-11-24T08:00:00Z", "2026-11-24T08:30:00Z"},
		"cron(30 12 ? * SUN *)":        {"2026-11-29T12:30:00Z", "2026-12-06T12:30:00Z"},
		"cron(0 0 1,15 jan,JUL ? *)":   {"2027-01-01T00:00:00Z", "2027-01-15T00:00:00Z"},
		"cron(0 0 29 2 ? *)":           {"2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"},
		"cron(7 12 23 11 ? 2026-2027)": {"2027-11-23T12:07:00Z", "never"},
		"cron(0 0 31 4 ? *)":           {"never"},
	} {
		e, err := ParseExpression(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		at, err := time.Parse(time.RFC3339, last)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for range want {
			if at = e.Next(at); at.IsZero() {
				got = append(got, "never")
				break
			}
			got = append(got, at.Format(time.RFC3339))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
		if e.String() != text {
			t.Errorf("got %q back, want %q", e, text)
		}
	}
}

// TestFirst: a rate begins when its schedule is made, and a cron expression waits for
// its time.
func TestFirst(t *testing.T) {
	made := time.Date(2026, 11, 23, 12, 7, 30, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"rate(6 hours)":     made,
		"cron(0 3 * * ? *)": time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC),
	} {
		e, err := ParseExpression(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.First(made); !got.Equal(want) {
			t.Errorf("%s: first due %s, want %s", text, got, want)
		}
	}
}

func TestExpressionsThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"rate(0 minutes)":         "is not like rate(1 hour)",
		"rate(2 hour)":            "is not like rate(1 hour)",
		"rate(5 weeks)":           "is neither like rate(15 minutes)",
		"every hour":              "is neither like rate(15 minutes)",
		"at(2026-11-23T12:00:00)": "is neither like rate(15 minutes)",
		"cron(0 3 * * *)":         "has 5 fields, and cron has 6",
		"cron(0 3 * * * *)":       "one of the days of the month and of the week has to be ?",
		"cron(0 3 ? * ? *)":       "one of the days of the month and of the week has to be ?",
		"cron(60 3 * * ? *)":      `"60" is not a number from 0 to 59`,
		"cron(0 3 L * ? *)":       `"L" is not a number from 1 to 31`,
		"cron(0 3 ? * 2#1 *)":     `"2#1" is not a number from 1 to 7`,
		"cron(0/0 3 * * ? *)":     `"0" is not a step of 1 or more`,
		"cron(5-1 3 * * ? *)":     `"5-1" ends before it begins`,
	} {
		if _, err := ParseExpression(text); err == nil || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: got %v, want %q in it", text, err, want)
		}
	}
}

package blueprint

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// nearly is the part of a limit from which on there is a warning: early enough to
// have a quota raised.
const nearly = 0.7

// warnOfLoad says what will not fit, while it can still be made to.
func (d deployment) warnOfLoad(warning func(path, value, format string, args ...any)) {
	const path = "$.capacity"
	for _, l := range d.loads() {
		const fix = "copy less often or to fewer Regions, or ask AWS Support for more concurrent copies there than 20 and raise copySlots"
		switch {
		case l.Used > 1:
			warning(path, "", "is TOO MUCH for %s: %s copies a day are ordered, and %d slots copy %s: orders pile up by %s a day, and SQS drops what has waited for 14 days: %s",
				l.Region, thousands(l.Copies), d.CopySlots, thousands(l.Carried), thousands(l.Copies-l.Carried), fix)
		case l.Used >= nearly:
			warning(path, "", "takes %s of what %d slots copy in a day to %s, which leaves little to catch up with after an outage: %s",
				percent(l.Used), d.CopySlots, l.Region, fix)
		case l.Drained > d.OrderAge:
			warning(path, "", "takes %s for a night's burst to %s, longer than orderAgeHours, so that the alarm on old orders fires every night: raise orderAgeHours, or %s",
				span(l.Drained), l.Region, fix)
		}
		const more = `ask Service Quotas for more "Snapshots per Region" there and write what you got into capacity.snapshotQuota, or keep copies for a shorter time`
		switch kept := float64(l.Kept) / float64(l.Quota); {
		case kept > 1:
			warning(path, "", "is TOO MUCH for %s: %s copies are kept, and the Region takes %s snapshots: when it is full EC2 refuses every further copy: %s",
				l.Region, thousands(l.Kept), thousands(l.Quota), more)
		case l.Growing > 0:
			warning(path, "", "fills %s in %s days: rules without a RetainRule keep %s copies a day for ever, and the Region takes %s snapshots, after which EC2 refuses every further copy: add a RetainRule, or well before %s",
				l.Region, thousands(l.Full), thousands(l.Growing), thousands(l.Quota), more)
		case kept >= nearly:
			warning(path, "", "keeps %s copies in %s, %s of the %s snapshots that the Region takes: %s",
				thousands(l.Kept), l.Region, percent(kept), thousands(l.Quota), more)
		}
	}
}

// CapacityReport is a table of what each target Region is to carry, for people;
// "" if settings do not say what is expected.
func (b Blueprint) CapacityReport() string {
	if len(b.Loads) == 0 {
		return ""
	}
	var text strings.Builder
	c := b.Settings.Capacity
	fmt.Fprintf(&text, "capacity, with %s snapshots a day for each policy and %s for a copy:\n", thousands(c.SnapshotsPerDay), span(c.CopyTime))
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  to\tcopies a day\tslots carry\tused\tall at once take\tcopies kept\tof the quota")
	for _, l := range b.Loads {
		kept, part := thousands(l.Kept), percent(float64(l.Kept)/float64(l.Quota))
		if l.Growing > 0 {
			kept += fmt.Sprintf(" and %s more a day", thousands(l.Growing))
			part = fmt.Sprintf("full after %s days", thousands(l.Full))
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.Region, thousands(l.Copies), thousands(l.Carried), percent(l.Used), span(l.Drained), kept, part)
	}
	// A Builder takes everything.
	_ = table.Flush()
	return text.String()
}

// thousands is a number with commas.
func thousands(n int) string {
	text := []byte(fmt.Sprint(n))
	for at := len(text) - 3; at > 0; at -= 3 {
		text = slices.Insert(text, at, ',')
	}
	return string(text)
}

// percent is a part of a whole, rounded up: what is a little above a limit must
// not look as if it fitted.
func percent(part float64) string {
	const tolerance = 1e-9
	n := int(part*100 + 1 - tolerance)
	return thousands(n) + "%"
}

// span is a duration as an operator reads it, in minutes, hours or days.
func span(d time.Duration) string {
	d = d.Round(time.Minute)
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%.1f days", d.Hours()/24)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dm", int(d.Minutes()))
}

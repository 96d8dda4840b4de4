package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"snapferry/internal/snapshot"
)

// expectation is one thing that should hold, as EC2 shows it.
type expectation struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Got  string `json:"got,omitempty"` // when it does not
}

// expect notes whether something holds: every problem says why not.
func (d *story) expect(what string, problems []string) {
	d.expected = append(d.expected, expectation{what, len(problems) == 0, strings.Join(problems, "; ")})
}

// expectCopies looks at the copies when all have come.
func (d *story) expectCopies() error {
	short, err := d.usable(shortRegion)
	if err != nil {
		return err
	}
	long, err := d.usable(longRegion)
	if err != nil {
		return err
	}
	if d.copies, err = d.rows(); err != nil {
		return err
	}
	for _, region := range []struct {
		name   string
		copies map[string][]shown
	}{{shortRegion, short}, {longRegion, long}} {
		d.expect("each snapshot that matches and can be copied has exactly one completed copy in "+region.name, d.oneEach(region.copies))
	}
	d.expect("so has the one that was shared while pending", twoOf("archive", short, long))
	d.expect("so has the one whose event was lost: reconcile found it", twoOf("unheard", short, long))
	d.expect("the target account's own key encrypts every copy in "+longRegion, each(long, func(_ string, c shown) string {
		return unless(c.Encrypted && c.Key == vaultKey, c, "under %q", c.Key)
	}))
	d.expect("copies in "+shortRegion+" are not encrypted, except that of an encrypted source, under a key of the target account's there",
		each(short, func(name string, c shown) string {
			if name == "secrets" {
				return unless(strings.HasPrefix(c.Key, "arn:aws:kms:"+shortRegion+":"+targetAccount+":"), c, "under %q", c.Key)
			}
			return unless(!c.Encrypted, c, "under %q", c.Key)
		}))
	d.expect("copies in "+shortRegion+" expire after 3 days", each(short, func(_ string, c shown) string {
		return expiresAt(c, c.Started.AddDate(0, 0, 3))
	}))
	d.expect("copies in "+longRegion+" expire after 1 month", each(long, func(_ string, c shown) string {
		return expiresBetween(c, c.Started.AddDate(0, 0, 27), c.Started.AddDate(0, 0, 32))
	}))
	d.expect("the snapshot under a key out of reach failed, and people were told the cause and the fix", d.toldOfLockedOut(short, long))
	d.expect("what does not match and what a stranger shares was not copied, and people were told why", d.toldOfSkips(short, long))
	return nil
}

// expectShortGone looks after three days.
func (d *story) expectShortGone() error {
	short, err := d.usable(shortRegion)
	if err != nil {
		return err
	}
	long, err := d.usable(longRegion)
	if err != nil {
		return err
	}
	d.expect("after 3 days only the copy on hold is left in "+shortRegion, d.onlyHeld(short))
	d.expect("people were told that it was kept, and why", d.toldOfHold())
	d.expect("after 3 days every copy in "+longRegion+" is still there", d.oneEach(long))
	return nil
}

// expectLongGone looks after a month; answer is that of the last reconcile.
func (d *story) expectLongGone(answer []byte) error {
	short, err := d.usable(shortRegion)
	if err != nil {
		return err
	}
	long, err := d.usable(longRegion)
	if err != nil {
		return err
	}
	d.expect("after 1 month no copy is left in "+longRegion, each(long, func(name string, c shown) string {
		return fmt.Sprintf("%s of %s is", c.ID, name)
	}))
	d.expect("the copy on hold is still there", d.onlyHeld(short))
	var summary struct{ Counts map[string]int }
	problems := []string{}
	if err := json.Unmarshal(answer, &summary); err != nil {
		problems = append(problems, "reconcile did not answer")
	}
	if n := summary.Counts["ordered"]; n > 0 {
		problems = append(problems, fmt.Sprintf("reconcile ordered %d copies", n))
	}
	d.expect("reconcile brings no expired copy back", problems)
	d.expect("every copy that was started was told as completed or failed", d.untold())
	d.expect("no source was touched", d.sourcesThere())
	problems, err = d.underRoles()
	d.expect("every call was made under a role of the synthesized templates, and only the key out of reach was refused", problems)
	return err
}

// underRoles wants IAM to have been asked about the calls of the functions, and
// to have refused none but those for the key that the target account may not use.
// What has expired can't be tagged any more either: in a story in which days pass
// in a moment that comes late.
func (d *story) underRoles() (problems []string, err error) {
	there := map[string]bool{}
	for _, region := range []string{shortRegion, longRegion} {
		copies, err := d.own(targetAccount, region)
		if err != nil {
			return nil, err
		}
		for _, c := range copies {
			there[c.ID] = true
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.allowed == 0 {
		problems = append(problems, "IAM was asked nothing")
	}
	reached := true
	for _, refusal := range d.refused {
		_, id, onSnapshot := strings.Cut(refusal, "::snapshot/")
		if onSnapshot && strings.Contains(refusal, " may not ec2:CreateTags on ") && !there[id] {
			continue
		}
		if strings.HasSuffix(refusal, " kms:CreateGrant on "+factoryKey) {
			reached = false
			continue
		}
		problems = append(problems, refusal)
	}
	if reached {
		problems = append(problems, "the key out of reach was not refused")
	}
	return problems, nil
}

// oneEach wants one copy of each source that is to be copied, and no other.
func (d *story) oneEach(copies map[string][]shown) []string {
	var problems []string
	for _, s := range d.sources {
		want := 0
		if s.copied {
			want = 1
		}
		if got := len(copies[s.name]); got != want {
			problems = append(problems, fmt.Sprintf("%s has %d, want %d", s.name, got, want))
		}
	}
	return problems
}

func twoOf(name string, short, long map[string][]shown) []string {
	if got := len(short[name]) + len(long[name]); got != 2 {
		return []string{fmt.Sprintf("it has %d copies, want 2", got)}
	}
	return nil
}

// each asks about every copy, and collects what is wrong.
func each(copies map[string][]shown, ask func(name string, c shown) string) []string {
	var problems []string
	for name, list := range copies {
		for _, c := range list {
			if problem := ask(name, c); problem != "" {
				problems = append(problems, problem)
			}
		}
	}
	slices.Sort(problems)
	return problems
}

func unless(ok bool, c shown, format string, args ...any) string {
	if ok {
		return ""
	}
	return c.ID + " is " + fmt.Sprintf(format, args...)
}

// expiresAt allows for the minutes between decision and copy.
func expiresAt(c shown, want time.Time) string {
	return expiresBetween(c, want.Add(-10*time.Minute), want.Add(10*time.Minute))
}

func expiresBetween(c shown, from, to time.Time) string {
	got, err := time.Parse(time.RFC3339, c.tag(snapshot.TagExpires))
	if err != nil || got.Before(from) || got.After(to) {
		return fmt.Sprintf("%s expires %q", c.ID, c.tag(snapshot.TagExpires))
	}
	return ""
}

// toldOfLockedOut wants no copy, and an outcome for each Region.
func (d *story) toldOfLockedOut(short, long map[string][]shown) []string {
	var problems []string
	if n := len(short["locked-out"]) + len(long["locked-out"]); n > 0 {
		problems = append(problems, fmt.Sprintf("it has %d copies", n))
	}
	for _, region := range []string{shortRegion, longRegion} {
		told := slices.ContainsFunc(d.happened.seen(), func(o outcome) bool {
			return o.Kind == "Failed" && o.Source.ID == d.named("locked-out").id && o.TargetRegion == region &&
				strings.Contains(o.Cause, "not accessible") && o.Fix != ""
		})
		if !told {
			problems = append(problems, "nobody was told about "+region)
		}
	}
	return problems
}

func (d *story) toldOfSkips(short, long map[string][]shown) []string {
	var problems []string
	for _, name := range []string{"scratch", "gift"} {
		if n := len(short[name]) + len(long[name]); n > 0 {
			problems = append(problems, fmt.Sprintf("%s has %d copies", name, n))
		}
		told := slices.ContainsFunc(d.happened.seen(), func(o outcome) bool {
			return o.Kind == "Skipped" && o.Source.ID == d.named(name).id && o.Reason != ""
		})
		if !told {
			problems = append(problems, "nobody was told about "+name)
		}
	}
	return problems
}

func (d *story) onlyHeld(short map[string][]shown) []string {
	problems := each(short, func(name string, c shown) string {
		return unless(c.ID == d.held, c, "left of %s", name)
	})
	if len(short["database"]) == 0 {
		problems = append(problems, "the copy on hold is gone")
	}
	return problems
}

func (d *story) toldOfHold() []string {
	told := slices.ContainsFunc(d.happened.seen(), func(o outcome) bool {
		return o.Kind == "Kept" && o.Copy.ID == d.held && o.Reason != ""
	})
	if !told {
		return []string{"no outcome about " + d.held}
	}
	return nil
}

func (d *story) sourcesThere() []string {
	var problems []string
	for _, s := range d.sources {
		if state, err := d.state(s); err != nil || state != "completed" {
			problems = append(problems, fmt.Sprintf("%s is %q (%v)", s.name, state, err))
		}
	}
	return problems
}

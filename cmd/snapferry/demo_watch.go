package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"snapferry/internal/snapshot"
)

// untilKept waits until people were told about the held copy.
func (d *story) untilKept() {
	d.until("the hold is told of", func() (bool, error) {
		return slices.ContainsFunc(d.happened.seen(), func(o outcome) bool { return o.Kind == "Kept" }), nil
	})
}

// untilWorkedOff waits until nothing is under way: no event waits, no copy is
// pending, and people were told the end of every copy. What time does when the
// clock jumps it then does to copies that have ended.
func (d *story) untilWorkedOff() {
	// A function that runs just now may begin something: look for a while.
	const looks = 5
	quiet := 0
	d.until("all is worked off", func() (bool, error) {
		still, err := d.still()
		if quiet++; !still {
			quiet = 0
		}
		return quiet == looks, err
	})
}

func (d *story) still() (bool, error) {
	if len(d.untold()) > 0 {
		return false, nil
	}
	waiting, err := d.eventsWaiting()
	if err != nil || waiting > 0 {
		return false, err
	}
	pending, err := d.pending()
	return pending == 0, err
}

// untold is the copies that were started and whose end nobody was told of.
func (d *story) untold() []string {
	ended := map[string]bool{}
	for _, o := range d.happened.seen() {
		switch o.Kind {
		case "Completed", "Failed", "Skipped":
			ended[o.Copy.ID] = true
		}
	}
	var untold []string
	for _, o := range d.happened.seen() {
		if o.Kind == "Started" && !ended[o.Copy.ID] {
			untold = append(untold, fmt.Sprintf("%s of %s in %s", o.Copy.ID, d.happened.called(o.Source.ID), o.TargetRegion))
		}
	}
	slices.Sort(untold)
	return slices.Compact(untold)
}

// eventsWaiting is how many events the copy function has not worked off.
func (d *story) eventsWaiting() (int, error) {
	var got struct{ Attributes map[string]string }
	names := []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"}
	err := d.world.Do(d.ctx, targetAccount, homeRegion, "sqs", "GetQueueAttributes",
		map[string]any{"QueueUrl": d.deployment.EventsQueueURL(), "AttributeNames": names}, &got)
	waiting := 0
	for _, name := range names {
		n, problem := strconv.Atoi(got.Attributes[name])
		if err == nil {
			err = problem
		}
		waiting += n
	}
	return waiting, err
}

// until waits for something to become true, and gives up when it takes too
// long: the expectations will say what is missing then.
func (d *story) until(what string, f func() (bool, error)) {
	deadline := time.Now().Add(patience)
	for {
		done, err := f()
		switch {
		case done, d.ctx.Err() != nil:
			return
		case time.Now().After(deadline):
			d.happened.note("gave up waiting until %s (%v)", what, err)
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-d.ctx.Done():
		}
	}
}

func (d *story) named(name string) source {
	at := slices.IndexFunc(d.sources, func(s source) bool { return s.name == name })
	return d.sources[at]
}

// wanted is how many sources are to be copied.
func (d *story) wanted() int {
	n := 0
	for _, s := range d.sources {
		if s.copied {
			n++
		}
	}
	return n
}

// state is the state of a source, as its owner sees it.
func (d *story) state(s source) (string, error) {
	snapshots, err := d.own(s.account, s.region)
	for _, found := range snapshots {
		if found.ID == s.id {
			return found.State, err
		}
	}
	return "", err
}

// usable is the completed copies in a Region, by the name of their source.
func (d *story) usable(region string) (map[string][]shown, error) {
	copies, err := d.own(targetAccount, region)
	usable := map[string][]shown{}
	for _, c := range copies {
		if c.State == "completed" {
			name := d.happened.called(c.tag(snapshot.TagSource))
			usable[name] = append(usable[name], c)
		}
	}
	return usable, err
}

// pending is how many copies have not ended.
func (d *story) pending() (int, error) {
	n := 0
	for _, region := range []string{shortRegion, longRegion} {
		copies, err := d.own(targetAccount, region)
		if err != nil {
			return 0, err
		}
		for _, c := range copies {
			if c.State == "pending" {
				n++
			}
		}
	}
	return n, nil
}

// tally counts the copies in both Regions that have ended.
func (d *story) tally() (completed, failed int, err error) {
	for _, region := range []string{shortRegion, longRegion} {
		copies, problem := d.own(targetAccount, region)
		if problem != nil {
			return 0, 0, problem
		}
		for _, c := range copies {
			switch c.State {
			case "completed":
				completed++
			case "error":
				failed++
			}
		}
	}
	return completed, failed, nil
}

// counted is the functions' calls so far.
func (d *story) counted() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.calls)
}

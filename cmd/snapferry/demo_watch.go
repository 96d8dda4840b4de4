package main

import (
	"maps"
	"slices"
	"time"

	"snapferry/internal/snapshot"
)

// untilKept waits until people were told about the held copy.
func (d *story) untilKept() {
	d.until("the hold is told of", func() (bool, error) {
		return slices.ContainsFunc(d.happened.seen(), func(o outcome) bool { return o.Kind == "Kept" }), nil
	})
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

// tally counts the copies in both Regions.
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

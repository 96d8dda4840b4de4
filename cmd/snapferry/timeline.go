package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"snapferry/internal/sim"
)

// timeline writes what happens in a world, as it happens, one line each: what
// people do, the events that Amazon sends, and the outcomes that snapferry
// publishes. Its methods may be called at once.
type timeline struct {
	clock  sim.Clock
	asJSON bool
	brief  bool // of Amazon's events only the shares

	mu       sync.Mutex
	w        io.Writer
	names    map[string]string // of snapshots, by id
	outcomes []outcome
	fixes    map[string]bool // that were shown
}

// legend says in one line what the lines have.
func (t *timeline) legend() {
	if t.asJSON {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintln(t.w, "Simulated time, who speaks (note: people; event: EC2; outcome: snapferry; function: its runs on schedule), Region, what — why")
}

// name gives a snapshot a name that is shown instead of its id.
func (t *timeline) name(id, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.names == nil {
		t.names = map[string]string{}
	}
	t.names[id] = name
}

// called is the name of a snapshot, or else its id; reference may have a Region
// or more before a slash.
func (t *timeline) called(reference string) string {
	id := reference[strings.LastIndexByte(reference, '/')+1:]
	t.mu.Lock()
	defer t.mu.Unlock()
	return cmp.Or(t.names[id], id)
}

// entry is one line of a timeline.
type entry struct {
	Time   time.Time `json:"time"`
	Kind   string    `json:"kind"` // "outcome", "event", "function", "call" or "note"
	What   string    `json:"what"`
	Where  string    `json:"where,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

// outcome is an event of snapferry's own.
type outcome struct {
	Kind         string // "Started", "Completed", …
	Order        string `json:"order"`
	Source       ref    `json:"source"`
	Copy         ref    `json:"copy"`
	TargetRegion string `json:"targetRegion"`
	Reason       string `json:"reason"`
	Cause        string `json:"cause"`
	Fix          string `json:"fix"`
	Completed    string `json:"completed"`
}

// ofFailedCopy says whether o tells that a copy was deleted which had failed.
func (o outcome) ofFailedCopy() bool { return o.Kind == "Expired" && o.Completed == "" }

type ref struct {
	Region string `json:"region"`
	ID     string `json:"id"`
}

func (t *timeline) write(e entry) {
	e.Time = t.clock.Now().Truncate(time.Second)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.asJSON {
		data, err := json.Marshal(e)
		if err != nil {
			panic(err) // strings and times always marshal
		}
		fmt.Fprintf(t.w, "%s\n", data)
		return
	}
	reason := e.Reason
	if reason != "" {
		reason = " — " + reason
	}
	fmt.Fprintf(t.w, "%s  %-8s %-12s  %s%s\n", e.Time.Format(time.DateTime), e.Kind, e.Where, e.What, reason)
}

// note writes what the program itself has to say.
func (t *timeline) note(format string, args ...any) {
	t.write(entry{Kind: "note", What: fmt.Sprintf(format, args...)})
}

// outcomePrefix starts the detail type of every outcome.
const outcomePrefix = "Snapshot Copy "

// event takes an event on a bus; it fits World.OnEvent.
func (t *timeline) event(account, region, bus string, data []byte) {
	var e struct {
		Source     string          `json:"source"`
		DetailType string          `json:"detail-type"`
		Detail     json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(data, &e) != nil {
		return
	}
	switch {
	case e.Source == "snapferry":
		o := outcome{Kind: strings.TrimPrefix(e.DetailType, outcomePrefix)}
		if json.Unmarshal(e.Detail, &o) == nil {
			t.outcome(o)
		}
	case e.Source == "aws.ec2" && bus == "default":
		t.notification(account, region, e.Detail)
	}
}

func (t *timeline) outcome(o outcome) {
	t.mu.Lock()
	t.outcomes = append(t.outcomes, o)
	t.mu.Unlock()
	what := strings.ToLower(o.Kind)
	if o.ofFailedCopy() {
		what += " failed copy of"
	}
	if o.Source.ID != "" {
		what += " " + t.called(o.Source.ID)
	}
	if o.Copy.ID != "" {
		what += " as " + o.Copy.ID
	}
	reasons := slices.DeleteFunc([]string{o.Reason, o.Cause, t.fix(o.Fix)}, func(s string) bool { return s == "" })
	t.write(entry{Kind: "outcome", What: what, Where: o.TargetRegion, Reason: strings.Join(reasons, "; ")})
}

// fix is a fix in full when it is first shown to people, and its beginning when
// it is shown again.
func (t *timeline) fix(text string) string {
	const short = 40
	t.mu.Lock()
	defer t.mu.Unlock()
	again := t.fixes[text]
	if t.fixes == nil {
		t.fixes = map[string]bool{}
	}
	t.fixes[text] = true
	if !again || t.asJSON || len(text) <= short {
		return text
	}
	if blank := strings.LastIndexByte(text[:short], ' '); blank > 0 {
		return text[:blank] + " …"
	}
	return text
}

// seen is the outcomes so far.
func (t *timeline) seen() []outcome {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.outcomes)
}

// notification writes an "EBS Snapshot Notification".
func (t *timeline) notification(account, region string, data []byte) {
	var d struct {
		Event, Result, Cause, Source string
		Snapshot                     string `json:"snapshot_id"`
	}
	if json.Unmarshal(data, &d) != nil {
		return
	}
	if t.brief && d.Event != "shareSnapshot" {
		return
	}
	id := t.called(d.Snapshot)
	what := fmt.Sprintf("%s %s %s, told to %s", d.Event, id, d.Result, account)
	if d.Event == "shareSnapshot" {
		what = fmt.Sprintf("%s shares %s with %s", d.Source, id, account)
	}
	t.write(entry{Kind: "event", What: what, Where: region, Reason: d.Cause})
}

// invoked takes the end of a function's invocation; it fits
// local.Settings.Invoked. Runs that had nothing to do, and batches that went
// well, are told by what follows from them.
func (t *timeline) invoked(function string, answer []byte, err error) {
	if err != nil {
		t.write(entry{Kind: "function", What: function + " failed", Reason: err.Error()})
		return
	}
	var summary struct {
		Counts map[string]int
		Steps  []step
	}
	if json.Unmarshal(answer, &summary) != nil || len(summary.Counts) == 0 {
		return
	}
	var parts []string
	for _, action := range slices.Sorted(maps.Keys(summary.Counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", action, summary.Counts[action]))
	}
	t.write(entry{Kind: "function", What: function + " ran: " + strings.Join(parts, ", "), Reason: t.waiting(summary.Steps)})
}

// step is what a function did, or did not do, and says in its answer.
type step struct {
	Action string
	Reason string
	Source ref
	Region string
}

// waiting says what waits, and for what.
func (t *timeline) waiting(steps []step) string {
	const most = 3
	var waits []string
	for _, s := range steps {
		switch {
		case s.Action != "waiting":
		case s.Source.ID != "":
			waits = append(waits, fmt.Sprintf("%s to %s waits: %s", t.called(s.Source.ID), s.Region, s.Reason))
		default:
			waits = append(waits, strings.TrimSpace(s.Region+" waits: "+s.Reason))
		}
	}
	if more := len(waits) - most; more > 0 {
		waits = append(waits[:most], fmt.Sprintf("%d more wait", more))
	}
	return strings.Join(waits, "; ")
}

// call takes an API call that changes snapshots, or fails; it fits
// sim.Options.Log.
func (t *timeline) call(c sim.Call, a sim.Answer) {
	changes := []string{"CreateSnapshot", "CopySnapshot", "DeleteSnapshot", "ModifySnapshotAttribute", "LockSnapshot", "UnlockSnapshot"}
	// Being throttled is Amazon's way to say "not so fast", and dry runs fail
	// when they succeed: neither is worth a line.
	quiet := a.Code == "RequestLimitExceeded" || a.Code == "DryRunOperation"
	if quiet || a.Code == "" && (c.Service != "ec2" || !slices.Contains(changes, c.Action)) {
		return
	}
	t.write(entry{Kind: "call", What: fmt.Sprintf("%s calls %s:%s", c.Account, c.Service, c.Action), Where: c.Region, Reason: a.Code})
}

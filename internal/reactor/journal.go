package reactor

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"snapferry/internal/plan"
	"snapferry/internal/snapshot"
)

// Step is one thing that a verb did, or did not do, with the reason.
type Step struct {
	Action string        `json:"action"`
	Reason string        `json:"reason"`
	Order  string        `json:"order,omitempty"`
	Policy string        `json:"policy,omitempty"`
	Source *snapshot.Ref `json:"source,omitempty"`
	Copy   *snapshot.Ref `json:"copy,omitempty"`
	Region string        `json:"region,omitempty"`
	Error  string        `json:"error,omitempty"`
	Fix    string        `json:"fix,omitempty"`
	// Test and Kind are those of a test event.
	Test string `json:"test,omitempty"`
	Kind string `json:"kind,omitempty"`
}

// The actions of steps.
const (
	actOrdered   = "ordered"
	actSkipped   = "skipped"
	actStarted   = "started"
	actWaiting   = "waiting"
	actCompleted = "completed"
	actFailed    = "failed"
	actIgnored   = "ignored"
	actDeleted   = "deleted"
	actKept      = "kept"
	actWoken     = "woken"
	actArrived   = "arrived"
)

// Summary is what a function answers: every step counted, and as many of them
// in full as fit.
type Summary struct {
	DryRun bool `json:"dryRun"`
	// Incomplete names the Region at which time ran out; the next run goes on
	// there.
	Incomplete string `json:"incomplete,omitempty"`
	// Seen counts what was looked at: sources, copies.
	Seen    map[string]int `json:"seen,omitempty"`
	Counts  map[string]int `json:"counts"`
	Steps   []Step         `json:"steps"`
	Omitted int            `json:"omitted"`
}

// maxSteps bounds a summary: Lambda's answers may have 6 MB, people read less.
const maxSteps = 200

// Journal collects the steps of one invocation and logs each. Its methods may
// be called at once.
type Journal struct {
	log *slog.Logger

	mu      sync.Mutex
	summary Summary
	values  map[metricKey][]float64
}

// NewJournal makes the journal of one invocation.
func NewJournal(log *slog.Logger, dryRun bool) *Journal {
	return &Journal{log: log, summary: Summary{DryRun: dryRun, Seen: map[string]int{}, Counts: map[string]int{}, Steps: []Step{}}}
}

// DryRun says whether the invocation is only to decide and report.
func (j *Journal) DryRun() bool { return j.summary.DryRun }

// Summary is what was added so far.
func (j *Journal) Summary() Summary {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.summary
	s.Seen, s.Counts = maps.Clone(s.Seen), maps.Clone(s.Counts)
	return s
}

// incomplete notes where time ran out.
func (j *Journal) incomplete(ctx context.Context, region string) {
	j.mu.Lock()
	j.summary.Incomplete = region
	j.mu.Unlock()
	j.log.WarnContext(ctx, "out of time", "region", region)
}

// saw counts what was looked at.
func (j *Journal) saw(what string, n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.summary.Seen[what] += n
}

func (j *Journal) add(ctx context.Context, s Step) {
	j.mu.Lock()
	j.summary.Counts[s.Action]++
	if len(j.summary.Steps) < maxSteps {
		j.summary.Steps = append(j.summary.Steps, s)
	} else {
		j.summary.Omitted++
	}
	j.mu.Unlock()

	level := slog.LevelInfo
	if s.Error != "" {
		level = slog.LevelError
	}
	attributes := []slog.Attr{slog.String("reason", s.Reason)}
	attribute := func(key, value string) {
		if value != "" {
			attributes = append(attributes, slog.String(key, value))
		}
	}
	attribute("order", s.Order)
	attribute("policy", s.Policy)
	if s.Source != nil {
		attribute("source", s.Source.String())
	}
	if s.Copy != nil {
		attribute("copy", s.Copy.String())
	}
	attribute("region", s.Region)
	attribute("error", s.Error)
	attribute("fix", s.Fix)
	attribute("test", s.Test)
	attribute("kind", s.Kind)
	if j.DryRun() {
		attributes = append(attributes, slog.Bool("dryRun", true))
	}
	if s.Action != actArrived {
		j.log.LogAttrs(ctx, level, s.Action, attributes...)
		return
	}
	// snapferry test-event waits for this line whatever LOG_LEVEL is: the level is the
	// logger's affair, and its handler takes all.
	record := slog.NewRecord(time.Now(), level, s.Action, 0)
	record.AddAttrs(attributes...)
	_ = j.log.Handler().Handle(ctx, record) // as the logger itself does
}

// fail adds a step for something that went wrong and is not an order's own
// failure.
func (j *Journal) fail(ctx context.Context, region string, err error) {
	j.add(ctx, Step{Action: actFailed, Reason: "tried again later", Region: region, Error: err.Error(), Fix: Fix(err.Error())})
}

func stepOf(action string, o plan.Order, reason string) Step {
	s := Step{Action: action, Reason: reason, Policy: o.Policy, Source: ptr(o.Source), Region: o.Target}
	if o.Policy != "" {
		s.Order = o.Key()
	}
	return s
}

func stepOfCopy(action string, c snapshot.Snapshot, m snapshot.Mark, reason string) Step {
	s := Step{Action: action, Reason: reason, Copy: ptr(c.Ref), Region: c.Region}
	if m.Policy != "" {
		s.Order, s.Policy, s.Source = m.Order(), m.Policy, ptr(m.Source)
	}
	return s
}

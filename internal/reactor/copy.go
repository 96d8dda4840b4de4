package reactor

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"snapferry/internal/event"
	"snapferry/internal/plan"
	"snapferry/internal/policy"
	"snapferry/internal/snapshot"
)

// Copies is EC2 as copying needs it.
type Copies interface {
	// Find returns those of the snapshots in the Region that this account may
	// see; the others are left out. ids may be of any number.
	Find(ctx context.Context, region string, ids []string) ([]snapshot.Snapshot, error)
	// Kin returns this account's snapshots in the Region whose lineage tag
	// matches one of patterns, in which * stands for anything, whatever their
	// state.
	Kin(ctx context.Context, region string, patterns []string) ([]snapshot.Snapshot, error)
	// Pending counts the marked copies in the Region that are pending.
	Pending(ctx context.Context, region string) (int, error)
	// Copy starts a copy, with its tags, and returns its id. It must not try
	// again by itself after a failure that may have made a copy. A nil error
	// says that EC2 took the request, not that the copy will succeed.
	Copy(ctx context.Context, r plan.Request) (string, error)
	// Settled tags copies whose end has been told, any number of them; ids
	// that are gone are passed over.
	Settled(ctx context.Context, region string, ids []string) error
}

// Copier is the verb of functions/copy: events in, copies out.
type Copier struct {
	Policies []policy.Policy
	// Slots is how many copies to have pending in a target Region.
	Slots    int
	Copies   Copies
	Orders   Orders
	Outcomes Outcomes
	Now      Clock

	// told are copies whose end has been told and that have no tag for it yet.
	// Forgetting them only tells twice.
	told settledCopies
	// full are Regions that had no free slot while orders waited.
	full fullRegions
	// untold are outcomes that the bus did not take.
	untold untoldOutcomes
	// begun are orders to be taken out of their queue.
	begun begunOrders
}

// Record is one event as it was delivered.
type Record struct {
	ID   string
	Body []byte
	// Receives counts the deliveries of this record, this one included. 0
	// means that it will not be delivered again whatever is answered.
	Receives int
}

// Failure is a record that must be delivered again, with the reason.
type Failure struct {
	ID  string
	Err error
}

// lookAgain is how often a record whose snapshot is not visible is delivered
// before that is believed: EC2's listings lag behind its events.
const lookAgain = 3

// again says whether the record can be put off until EC2 shows more.
func (r Record) again() bool { return r.Receives > 0 && r.Receives < lookAgain }

// work is what becomes of a batch on its way. The maps are filled before the
// drains begin, which run at once; only failed is written to by all of them.
type work struct {
	shares  map[string][]sharing // by source Region
	results map[string][]result  // by target Region
	wakers  map[string][]string  // Region to look into: the records that asked for it
	woken   map[string]bool      // Regions for which a wake-up came, not only new orders
	time    budget

	mu     sync.Mutex
	failed map[string]error // by record
}

type sharing struct {
	record Record
	share  event.Share
}

type result struct {
	record Record
	result event.CopyResult
	late   bool // found by reconcile: no slot has become free just now
}

func (w *work) fail(id string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed[id] == nil {
		w.failed[id] = err
	}
}

func (w *work) wake(region, record string) {
	w.wakers[region] = append(w.wakers[region], record)
}

// Handle takes a batch of events, does what they ask for, and then drains every
// Region that they touch. It returns the records that must be delivered again;
// none of them holds the others back.
func (c *Copier) Handle(ctx context.Context, j *Journal, records []Record) []Failure {
	w := &work{
		shares:  map[string][]sharing{},
		results: map[string][]result{},
		wakers:  map[string][]string{},
		woken:   map[string]bool{},
		failed:  map[string]error{},
		time:    budgetOf(ctx),
	}
	for _, record := range records {
		c.sort(ctx, j, w, record)
	}
	for _, region := range slices.Sorted(mapKeys(w.shares)) {
		c.order(ctx, j, w, region, w.shares[region])
	}
	c.drainAll(ctx, j, w)
	c.finishBegun(ctx)

	var failures []Failure
	for _, record := range records {
		if err := w.failed[record.ID]; err != nil {
			failures = append(failures, Failure{ID: record.ID, Err: err})
		}
	}
	return failures
}

// sort reads a record and puts it where it belongs.
func (c *Copier) sort(ctx context.Context, j *Journal, w *work, record Record) {
	decoded, err := event.Decode(record.Body)
	if err != nil {
		c.unreadable(ctx, j, w, record, err)
		return
	}
	switch e := decoded.(type) {
	case event.Share:
		region := e.Snapshot.Region
		w.shares[region] = append(w.shares[region], sharing{record, e})
	case event.CopyResult:
		region := e.Copy.Region
		if !c.named(region) {
			// A forwarder that nobody has removed sends other tools' results; the
			// role may not look there any more.
			j.add(ctx, Step{Action: actIgnored, Reason: "no policy names the Region", Copy: &e.Copy, Region: region})
			return
		}
		w.results[region] = append(w.results[region], result{record: record, result: e})
	case event.Unsettled:
		for _, id := range e.Copies {
			ended := event.CopyResult{Copy: snapshot.Ref{Region: e.Region, ID: id}}
			w.results[e.Region] = append(w.results[e.Region], result{record, ended, true})
		}
	case event.WakeUp:
		w.wake(e.Region, record.ID)
		w.woken[e.Region] = true
		j.add(ctx, Step{Action: actWoken, Reason: "asked to look for waiting orders", Region: e.Region})
	case event.Test:
		j.add(ctx, Step{Action: actArrived, Reason: "a test event: nothing to do", Region: e.Region, Test: e.ID, Kind: e.Kind})
	case event.Ignored:
		j.add(ctx, Step{Action: actIgnored, Reason: e.Reason})
	}
}

// unreadable fails a record that can't be read, so that it ends in the
// dead-letter queue, and tells people why, once.
func (c *Copier) unreadable(ctx context.Context, j *Journal, w *work, record Record, cause error) {
	const fix = "look at the message in the dead-letter queue; if it is an event of Amazon's, it has a new form: tell snapferry's makers"
	w.fail(record.ID, cause)
	j.add(ctx, Step{Action: actFailed, Reason: fmt.Sprintf("message %s is left for the dead-letter queue", record.ID), Error: cause.Error(), Fix: fix})
	if record.Receives > 1 {
		return
	}
	outcome := Outcome{Type: Failed, Reason: "an event can't be read", Cause: cause.Error(), Fix: fix}
	if err := c.Outcomes.Publish(ctx, []Outcome{outcome}); err != nil {
		j.fail(ctx, "", err)
		return
	}
	j.count([]Outcome{outcome})
}

// drainAll drains every Region that was touched, all at once. A drain that
// could not look, or not tell, fails the records that asked for it, so that it
// is tried again and, if that does not help, ends where people see it. A result
// that was settled is not told again for that: the next wake-up drains.
func (c *Copier) drainAll(ctx context.Context, j *Journal, w *work) {
	touched := map[string]bool{}
	for region := range w.wakers {
		touched[region] = true
	}
	for region := range w.results {
		touched[region] = true
	}
	regions := slices.Sorted(mapKeys(touched))
	errs := make([]error, len(regions))
	var drains sync.WaitGroup
	for i, region := range regions {
		drains.Go(func() { errs[i] = c.drain(ctx, j, w, region) })
	}
	drains.Wait()
	for i, region := range regions {
		if errs[i] == nil {
			continue
		}
		j.fail(ctx, region, errs[i])
		for _, record := range w.wakers[region] {
			w.fail(record, errs[i])
		}
	}
}

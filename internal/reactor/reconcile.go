package reactor

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"snapferry/internal/event"
	"snapferry/internal/plan"
	"snapferry/internal/policy"
	"snapferry/internal/snapshot"
)

// Catching is EC2 as catching up needs it.
type Catching interface {
	// Shared lists a page of the completed snapshots in the Region that belong
	// to one of owners and that this account may copy: the first page if page
	// is empty, else the one that an earlier answer named. It returns the name
	// of the next one, empty if there is none.
	Shared(ctx context.Context, region string, owners []string, page string) (shared []snapshot.Snapshot, next string, err error)
	// Marked lists this account's snapshots in the Region that have an order
	// tag. After an error nothing more comes. Several Regions may be listed at
	// once.
	Marked(ctx context.Context, region string) iter.Seq2[snapshot.Snapshot, error]
}

// Wakers is where wake-ups go: the queue that feeds functions/copy.
type Wakers interface {
	// Wake puts an event there, as EventBridge would. It may be called at once.
	Wake(ctx context.Context, event []byte) error
}

// Reconciler is the verb of functions/reconcile. It is not safe for use by two
// at once.
type Reconciler struct {
	Policies []policy.Policy
	// Sources are the Regions in which snapshots are shared.
	Sources []string
	CatchUp time.Duration
	Copies  Catching
	Orders  Orders
	Wakers  Wakers
	Now     Clock

	// from is where the next run begins to look at sources, because the last
	// one ran out of time there. A fresh process begins at the beginning.
	from place
	// looked is when each target Region was looked into, and what that took. A
	// fresh process looks at once.
	looked map[string]look
	// insisted is when orders of a Region were sent although they might have
	// been waiting.
	insisted map[string]time.Time
}

// look is a finished look at everything, into one target Region.
type look struct {
	at   time.Time
	seen int // copies there, and sources
}

// A look costs a page for every thousand copies and sources, so large ones are
// rarer than runs. And where many orders wait, what is missing would only join
// the end of their queue.
const (
	restPerThousand = 3 * time.Minute
	restLookMost    = 6 * time.Hour
	longQueue       = 40 // orders: an hour's work or more
	restLongQueue   = 12 * time.Hour
)

// restsUntil is when to look into a Region again, where so many orders wait.
func (l look) restsUntil(waiting int, most time.Duration) time.Time {
	if waiting >= longQueue {
		return l.at.Add(min(restLongQueue, most))
	}
	return l.at.Add(min(time.Duration(l.seen/1000)*restPerThousand, restLookMost, most))
}

// place is a page of shared snapshots.
type place struct {
	region string
	page   string
}

// run is one run of Reconcile.
type run struct {
	*Reconciler
	journal  *Journal
	left     budget
	targets  []string
	made     map[string]*plan.Made // of the Regions that were looked into
	backlog  map[string]int
	queued   map[string][]plan.Gap
	seen     int  // sources
	whole    bool // begins at the beginning
	mu       sync.Mutex
	problems []error
}

// looksAtOnce is how many Regions are looked into at a time: looking is waiting
// for EC2, and each look has a page in memory.
const looksAtOnce = 4

// maxQueued is how many gaps are collected, to order the oldest first, before
// they are sent: it bounds the memory.
const maxQueued = 20_000

// Reconcile orders what should have been copied and was not, has results told
// whose events were lost, and wakes the drains of every target Region, because
// an earlier wake-up may be lost. What can't be looked at is left to the next
// run and named in the error.
func (r *Reconciler) Reconcile(ctx context.Context, j *Journal) error {
	owners, targets := r.scope()
	if j.DryRun() {
		// A dry run begins at the beginning and leaves nothing behind.
		only := *r
		only.from = place{}
		r = &only
	}
	run := &run{
		Reconciler: r,
		journal:    j,
		left:       budgetOf(ctx),
		targets:    targets,
		made:       map[string]*plan.Made{},
		backlog:    map[string]int{},
		queued:     map[string][]plan.Gap{},
		whole:      r.from == (place{}),
	}
	run.lookAll(ctx)
	if len(owners) > 0 && len(run.made) > 0 {
		run.sources(ctx, owners)
	}
	run.send(ctx)
	run.remember()
	if !j.DryRun() {
		for _, region := range targets {
			run.tell(ctx, region, event.WakeUp{Region: region}.Bytes())
		}
	}
	return errors.Join(run.problems...)
}

func (r *run) problem(ctx context.Context, region string, err error) {
	r.journal.fail(ctx, region, err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.problems = append(r.problems, err)
}

// scope is whose snapshots to look for, which is said by enabled policies only,
// and where copies and orders may be: what a policy had begun before it was
// disabled is brought to its end.
func (r *Reconciler) scope() (owners, targets []string) {
	for _, p := range r.Policies {
		if p.Enabled {
			owners = append(owners, p.Owners...)
		}
		for _, rule := range p.Rules {
			targets = append(targets, rule.Region)
		}
	}
	slices.Sort(owners)
	slices.Sort(targets)
	return slices.Compact(owners), slices.Compact(targets)
}

// lookAll looks into the target Regions, several at once.
func (r *run) lookAll(ctx context.Context) {
	var looks sync.WaitGroup
	turn := make(chan struct{}, looksAtOnce)
	for _, region := range r.targets {
		turn <- struct{}{}
		looks.Go(func() {
			defer func() { <-turn }()
			made, backlog := r.look(ctx, region)
			if made == nil {
				return
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			r.made[region], r.backlog[region] = made, backlog
		})
	}
	looks.Wait()
}

// look finds out what copies and orders a target Region has; made is nil if it is
// not to be looked into, or not both could be found out: then nothing may be
// ordered there. The queue is looked at first: an order that is finished in
// between is then counted twice, and not forgotten.
func (r *run) look(ctx context.Context, region string) (made *plan.Made, backlog int) {
	backlog, ok := r.count(ctx, region, longQueue)
	if !ok {
		return nil, 0
	}
	if until := r.looked[region].restsUntil(backlog, r.CatchUp/4); r.Now().Before(until) && !r.journal.DryRun() && r.from == (place{}) {
		r.journal.add(ctx, Step{Action: actWaiting, Region: region,
			Reason: fmt.Sprintf("at least %d orders wait; what is missing is looked for again from %s", backlog, until.Format(time.RFC3339))})
		return nil, 0
	}
	if backlog >= longQueue { // perhaps not all were counted
		if backlog, ok = r.count(ctx, region, 0); !ok {
			return nil, 0
		}
	}
	made = &plan.Made{}
	untold := event.Unsettled{Region: region}
	for c, err := range r.Copies.Marked(ctx, region) {
		if err == nil && r.left.spent(ctx) {
			err = errors.New("out of time")
		}
		if err != nil {
			r.problem(ctx, region, fmt.Errorf("list copies in %s: %w", region, err))
			return nil, 0
		}
		r.journal.saw("copies", 1)
		made.Add(c)
		if plan.Untold(c, r.Now()) {
			untold.Copies = append(untold.Copies, c.ID)
		}
		if len(untold.Copies) == perUnsettled {
			r.settle(ctx, untold)
			untold.Copies = nil
		}
	}
	r.settle(ctx, untold)
	return made, backlog
}

// count counts the orders of a Region.
func (r *run) count(ctx context.Context, region string, enough int) (waiting int, ok bool) {
	waiting, err := r.Orders.Backlog(ctx, region, enough)
	if err != nil {
		r.problem(ctx, region, fmt.Errorf("count waiting orders for %s: %w", region, err))
	}
	return waiting, err == nil
}

// remember notes the Regions that were looked into, if everything could be seen.
func (r *run) remember() {
	if len(r.problems) > 0 || !r.whole || r.from != (place{}) || r.journal.DryRun() {
		return
	}
	if r.looked == nil {
		r.looked = map[string]look{}
	}
	for region, made := range r.made {
		r.looked[region] = look{at: r.Now(), seen: made.Len() + r.seen}
	}
}

// perUnsettled is how many copies one event names: few enough for one look.
const perUnsettled = 100

// settle has copies told whose result was lost.
func (r *run) settle(ctx context.Context, untold event.Unsettled) {
	for _, id := range untold.Copies {
		r.journal.add(ctx, Step{Action: actWoken, Reason: "the copy has ended and nobody was told", Region: untold.Region,
			Copy: &snapshot.Ref{Region: untold.Region, ID: id}})
	}
	if len(untold.Copies) > 0 && !r.journal.DryRun() {
		r.tell(ctx, untold.Region, untold.Bytes())
	}
}

func (r *run) tell(ctx context.Context, region string, event []byte) {
	if err := r.Wakers.Wake(ctx, event); err != nil {
		r.problem(ctx, region, fmt.Errorf("wake the drain of %s: %w", region, err))
	}
}

// sources goes through everything that is shared, page by page, beginning where
// the last run stopped.
func (r *run) sources(ctx context.Context, owners []string) {
	regions := slices.Clone(r.Sources)
	at := slices.Index(regions, r.from.region)
	page := ""
	if at > 0 || at == 0 && r.from.page != "" {
		regions = append(regions[at:], regions[:at]...)
		page = r.from.page
		r.journal.add(ctx, Step{Action: actWoken, Reason: "goes on where the last run stopped", Region: r.from.region})
	}
	r.from = place{}
	for _, region := range regions {
		for first := true; first || page != ""; first = false {
			if r.left.spent(ctx) {
				r.from = place{region, page}
				r.journal.incomplete(ctx, region)
				return
			}
			shared, next, err := r.Copies.Shared(ctx, region, owners, page)
			if err != nil {
				r.problem(ctx, region, fmt.Errorf("list shared snapshots in %s: %w", region, err))
				if !first {
					// A first page that fails may be a name that EC2 has
					// forgotten: then the next run begins at the beginning.
					r.from = place{region, page}
				}
				page = ""
				break
			}
			r.gaps(ctx, shared)
			page = next
		}
	}
}

// gaps collects what a page of sources lacks.
func (r *run) gaps(ctx context.Context, shared []snapshot.Snapshot) {
	now := r.Now()
	r.journal.saw("sources", len(shared))
	r.seen += len(shared)
	collected := 0
	for _, source := range shared {
		for _, gap := range plan.Missing(source, r.Policies, r.made, r.CatchUp, now) {
			target := gap.Order.Target
			switch {
			case r.made[target] == nil:
			case gap.Wait:
				r.journal.add(ctx, stepOf(actWaiting, gap.Order, gap.Reason))
			default:
				r.queued[target] = append(r.queued[target], gap)
			}
		}
	}
	for _, gaps := range r.queued {
		collected += len(gaps)
	}
	if collected >= maxQueued {
		r.send(ctx)
	}
}

// send orders the gaps that were collected, the oldest sources first. Where there
// are more gaps than orders waiting some were lost, and since nobody knows which,
// all are ordered; the doubles end when their turn comes. Where there are not,
// the orders may be those that are missing, or doubles and refused ones that
// hide a lost one: then only those are ordered whose time runs out, or that are
// old although few orders wait, and those not in every run.
func (r *run) send(ctx context.Context) {
	for _, region := range r.targets {
		gaps := r.queued[region]
		delete(r.queued, region)
		if len(gaps) == 0 {
			continue
		}
		if waiting := r.backlog[region]; len(gaps) <= waiting {
			r.backlog[region] -= len(gaps)
			late := r.late(region, gaps, waiting)
			r.journal.add(ctx, Step{Action: actWaiting, Region: region,
				Reason: fmt.Sprintf("%d copies are missing, and %d orders wait in the queue; %d are ordered again, so long have they been missing", len(gaps), waiting, len(late))})
			gaps = late
		}
		r.order(ctx, region, gaps)
	}
}

// Shares of the time in which a missing copy can be noticed.
const (
	lastChance = 0.75    // ordered whatever waits
	longEnough = 0.25    // ordered where few orders wait
	insistGap  = 1.0 / 8 // between two times of ordering what may be waiting
)

// late picks the gaps that are ordered although they may be waiting.
func (r *run) late(region string, gaps []plan.Gap, waiting int) []plan.Gap {
	now := r.Now()
	if last, known := r.insisted[region]; known && now.Sub(last) < time.Duration(float64(r.CatchUp)*insistGap) {
		return nil
	}
	var late []plan.Gap
	for _, gap := range gaps {
		if gap.Open >= lastChance || waiting < longQueue && gap.Open >= longEnough {
			late = append(late, gap)
		}
	}
	if len(late) > 0 && !r.journal.DryRun() {
		if r.insisted == nil {
			r.insisted = map[string]time.Time{}
		}
		r.insisted[region] = now
	}
	return late
}

// order sends the orders of gaps, the oldest sources first.
func (r *run) order(ctx context.Context, region string, gaps []plan.Gap) {
	if len(gaps) == 0 {
		return
	}
	slices.SortStableFunc(gaps, func(a, b plan.Gap) int { return a.Order.Facts.Started.Compare(b.Order.Facts.Started) })
	orders := make([]plan.Order, len(gaps))
	for i, gap := range gaps {
		orders[i] = gap.Order
	}
	errs := make([]error, len(gaps))
	if !r.journal.DryRun() {
		errs = r.Orders.Send(ctx, region, orders)
	}
	for i, err := range errs {
		if err != nil {
			r.problem(ctx, region, fmt.Errorf("order %s: %w", orders[i], err))
			continue
		}
		r.journal.add(ctx, stepOf(actOrdered, orders[i], gaps[i].Reason))
		r.journal.measure(metricMissing, region, 1)
	}
}

package reactor

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"snapferry/internal/event"
	"snapferry/internal/plan"
	"snapferry/internal/policy"
	"snapferry/internal/snapshot"
)

// Catching is EC2 as catching up needs it.
type Catching interface {
	// Shared lists the completed snapshots in the Region that belong to one of
	// owners and that this account may copy. After an error nothing more comes.
	Shared(ctx context.Context, region string, owners []string) iter.Seq2[snapshot.Snapshot, error]
	// Marked lists this account's snapshots in the Region that have an order
	// tag. After an error nothing more comes.
	Marked(ctx context.Context, region string) iter.Seq2[snapshot.Snapshot, error]
}

// Wakers is where wake-ups go: the queue that feeds functions/copy.
type Wakers interface {
	// Wake puts an event there, as EventBridge would.
	Wake(ctx context.Context, event []byte) error
}

// Reconciler is the verb of functions/reconcile.
type Reconciler struct {
	Policies []policy.Policy
	// Sources are the Regions in which snapshots are shared.
	Sources []string
	CatchUp time.Duration
	Copies  Catching
	Orders  Orders
	Wakers  Wakers
	Now     Clock
}

// Reconcile orders what should have been copied and was not, and wakes the
// drains of every target Region, because an earlier wake-up may be lost. What
// can't be looked at is left to the next run and named in the error.
func (r *Reconciler) Reconcile(ctx context.Context, j *Journal) error {
	owners, targets := r.scope()
	var problems []error
	problem := func(region string, err error) {
		j.fail(ctx, region, err)
		problems = append(problems, err)
	}
	made := map[string]plan.Made{}
	for _, region := range targets {
		counted, err := r.made(ctx, j, region)
		if err != nil {
			// Without knowing what is there, nothing may be ordered there.
			problem(region, fmt.Errorf("list copies in %s: %w", region, err))
			continue
		}
		made[region] = counted
	}
	queued := map[string][]plan.Gap{}
	for _, region := range r.Sources {
		if len(owners) == 0 || len(made) == 0 {
			break
		}
		for source, err := range r.Copies.Shared(ctx, region, owners) {
			if err != nil {
				problem(region, fmt.Errorf("list shared snapshots in %s: %w", region, err))
				break
			}
			j.saw("sources", 1)
			for _, gap := range plan.Missing(source, r.Policies, made, r.CatchUp, r.Now()) {
				target := gap.Order.Target
				switch {
				case made[target] == nil:
				case gap.Wait:
					j.add(ctx, stepOf(actWaiting, gap.Order, gap.Reason))
				default:
					queued[target] = append(queued[target], gap)
				}
			}
		}
	}
	for _, region := range targets {
		for _, err := range r.send(ctx, j, region, queued[region]) {
			problem(region, err)
		}
		if j.DryRun() {
			continue
		}
		if err := r.Wakers.Wake(ctx, event.WakeUp{Region: region}.Bytes()); err != nil {
			problem(region, fmt.Errorf("wake the drain of %s: %w", region, err))
		}
	}
	return errors.Join(problems...)
}

// scope is whose snapshots to look for and where copies may be: of the enabled
// policies only.
func (r *Reconciler) scope() (owners, targets []string) {
	for _, p := range r.Policies {
		if !p.Enabled {
			continue
		}
		owners = append(owners, p.Owners...)
		for _, rule := range p.Rules {
			targets = append(targets, rule.Region)
		}
	}
	slices.Sort(owners)
	slices.Sort(targets)
	return slices.Compact(owners), slices.Compact(targets)
}

func (r *Reconciler) made(ctx context.Context, j *Journal, region string) (plan.Made, error) {
	made := plan.Made{}
	for c, err := range r.Copies.Marked(ctx, region) {
		if err != nil {
			return nil, err
		}
		j.saw("copies", 1)
		made.Add(c)
	}
	return made, nil
}

// send orders the gaps of one target Region, the oldest sources first.
func (r *Reconciler) send(ctx context.Context, j *Journal, region string, gaps []plan.Gap) []error {
	slices.SortStableFunc(gaps, func(a, b plan.Gap) int { return a.Started.Compare(b.Started) })
	orders := make([]plan.Order, len(gaps))
	for i, gap := range gaps {
		orders[i] = gap.Order
	}
	errs := make([]error, len(gaps))
	if !j.DryRun() && len(orders) > 0 {
		errs = r.Orders.Send(ctx, region, orders)
	}
	var problems []error
	for i, err := range errs {
		if err != nil {
			problems = append(problems, fmt.Errorf("order %s: %w", orders[i], err))
			continue
		}
		j.add(ctx, stepOf(actOrdered, orders[i], gaps[i].Reason))
	}
	return problems
}

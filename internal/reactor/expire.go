package reactor

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"

	"snapferry/internal/plan"
	"snapferry/internal/policy"
	"snapferry/internal/snapshot"
)

// Expiring is EC2 as expiry needs it. Its methods may be called at once, for
// different Regions.
type Expiring interface {
	// Regions lists the Regions that are enabled for the account.
	Regions(ctx context.Context) ([]string, error)
	// Marked lists this account's snapshots in the Region that have an order
	// tag. After an error nothing more comes.
	Marked(ctx context.Context, region string) iter.Seq2[snapshot.Snapshot, error]
	// Find returns those of the snapshots in the Region that this account may
	// see; the others are left out.
	Find(ctx context.Context, region string, ids []string) ([]snapshot.Snapshot, error)
	// Stuck says, by id, why some of this account's snapshots in the Region, of
	// which ids may be of any number, can't be deleted: they are locked, or in use by an image.
	Stuck(ctx context.Context, region string, ids []string) (map[string]string, error)
	// Delete deletes a snapshot of this account's. ErrDenied says that EC2
	// refuses; after an error of no class it may be deleted or not.
	Delete(ctx context.Context, s snapshot.Ref) error
}

// Expirer is the verb of functions/expire.
type Expirer struct {
	Policies []policy.Policy
	// Regions are looked into besides those that policies name.
	Regions  []string
	Copies   Expiring
	Outcomes Outcomes
	Now      Clock
}

// regionsAtOnce is how many Regions are looked into at a time. Listing is slow,
// and EC2 counts calls by Region; but each keeps its copies in memory until it is
// done.
const regionsAtOnce = 3

// Expire deletes what has expired in every Region that may hold copies. One
// Region's trouble does not hold back the others; the error names those that
// could not be looked into, or that nothing could be told about.
func (e *Expirer) Expire(ctx context.Context, j *Journal) error {
	left := budgetOf(ctx)
	must, may := e.regions(ctx, j)
	problems := make([]error, len(must))
	var running sync.WaitGroup
	room := make(chan struct{}, regionsAtOnce)
	for i, region := range slices.Concat(must, may) {
		room <- struct{}{}
		running.Go(func() {
			defer func() { <-room }()
			err := e.expire(ctx, j, region, left)
			switch {
			case err == nil:
			case i < len(must):
				j.fail(ctx, region, err)
				j.measure(metricRefused, region, 1)
				problems[i] = err
			default:
				j.add(ctx, Step{Action: actIgnored, Region: region,
					Reason: fmt.Sprintf("no policy names this Region, and looking for copies of removed policies there did not work: %v", err)})
			}
		})
	}
	running.Wait()
	return errors.Join(problems...)
}

// regions are those that must be looked into, because a policy or the setting
// names them, and all others, where policies may have had copies made before
// they were changed or removed.
func (e *Expirer) regions(ctx context.Context, j *Journal) (must, may []string) {
	named := map[string]bool{}
	for _, region := range e.Regions {
		named[region] = true
	}
	for _, p := range e.Policies {
		for _, rule := range p.Rules {
			named[rule.Region] = true
		}
	}
	all, err := e.Copies.Regions(ctx)
	if err != nil {
		j.measure(metricRefused, "", 1)
		j.add(ctx, Step{Action: actIgnored,
			Reason: fmt.Sprintf("only the Regions that policies and EXPIRE_REGIONS name are looked into, because listing the others did not work: %v", err)})
	}
	for _, region := range all {
		if !named[region] {
			may = append(may, region)
		}
	}
	slices.Sort(may)
	must = slices.Sorted(mapKeys(named))
	if len(must) > 0 {
		// Where time runs out, it is not always the same Regions that wait.
		first := rand.IntN(len(must))
		must = append(must[first:], must[:first]...)
	}
	return must, may
}

func (e *Expirer) expire(ctx context.Context, j *Journal, region string, left budget) error {
	var copies plan.Copies
	for c, err := range e.Copies.Marked(ctx, region) {
		if err != nil {
			// Half a list could hide an elder twin or the last of a lineage:
			// nothing is decided on it.
			return fmt.Errorf("list copies in %s: %w", region, err)
		}
		copies.Add(c)
	}
	j.saw("copies", copies.Len())
	now := e.Now()
	expiry := plan.Expire(&copies, e.Policies, now)
	var problems []error
	var kept []Outcome
	mute := j.DryRun()
	publish := func() {
		if !mute && len(kept) > 0 {
			if err := e.Outcomes.Publish(ctx, kept); err != nil {
				problems = append(problems, fmt.Errorf("publish outcomes of %s: %w", region, err))
				mute = true // the next run tells of all that stay
			}
		}
		kept = kept[:0]
	}
	keep := func(v plan.Verdict) {
		j.add(ctx, stepOfCopy(actKept, v.Copy, v.Mark, v.Reason))
		j.measured(metricKey{metricKept, region, string(v.Cause)}, 1)
		if v.Cause == plan.Refused {
			j.measure(metricRefused, region, 1)
		}
		if !v.Surprising(now) {
			return
		}
		if kept = append(kept, ofVerdict(Kept, v)); len(kept) == perConfirm {
			publish()
		}
	}
	// Those that go come first: time may run out.
	for doomed := range batches(expiry.Deleted(), perConfirm) {
		spared, err := e.delete(ctx, j, region, doomed, left)
		for _, v := range spared {
			keep(v)
		}
		if err != nil {
			problems = append(problems, err)
			break // the next run goes on
		}
	}
	for v := range expiry.Kept() {
		keep(v)
	}
	publish()
	return errors.Join(problems...)
}

// batches are the verdicts, n at a time.
func batches(verdicts iter.Seq[plan.Verdict], n int) iter.Seq[[]plan.Verdict] {
	return func(yield func([]plan.Verdict) bool) {
		var batch []plan.Verdict
		for v := range verdicts {
			if batch = append(batch, v); len(batch) == n {
				if !yield(batch) {
					return
				}
				batch = nil
			}
		}
		if len(batch) > 0 {
			yield(batch)
		}
	}
}

// perConfirm is how many copies are looked at again, told of and deleted at a
// time.
const perConfirm = 100

// delete looks at copies again, tells of those that expire, and deletes them, in
// this order: once a copy is deleted, nothing is left that could remind a later
// run to tell. It returns the verdicts on those that stay. After an error those
// that it does not speak of are left to the next run.
func (e *Expirer) delete(ctx context.Context, j *Journal, region string, doomed []plan.Verdict, left budget) (spared []plan.Verdict, err error) {
	late := func(v plan.Verdict) plan.Verdict {
		v.Delete, v.Cause, v.Reason = false, plan.NoTime, v.Reason+"; out of time, the next run deletes it"
		return v
	}
	if !j.DryRun() && left.spent(ctx) {
		for _, v := range doomed {
			spared = append(spared, late(v))
		}
		return spared, nil
	}
	doomed, spared, sure, err := e.confirm(ctx, j, region, doomed)
	if err != nil {
		return nil, err
	}
	tell := func(verdicts ...plan.Verdict) error {
		outcomes := make([]Outcome, len(verdicts))
		for i, v := range verdicts {
			outcomes[i] = ofVerdict(Expired, v)
		}
		if j.DryRun() || len(outcomes) == 0 {
			return nil
		}
		if err := e.Outcomes.Publish(ctx, outcomes); err != nil {
			return fmt.Errorf("publish what expires in %s: %w", region, err)
		}
		return nil
	}
	if sure {
		if err := tell(doomed...); err != nil {
			return spared, err
		}
	}
	for _, v := range doomed {
		var err error
		if !j.DryRun() {
			if left.spent(ctx) {
				spared = append(spared, late(v))
				continue
			}
			err = e.Copies.Delete(ctx, v.Copy.Ref)
		}
		if err == nil || errors.Is(err, ErrGone) {
			j.add(ctx, stepOfCopy(actDeleted, v.Copy, v.Mark, v.Reason))
			j.measure(metricExpired, region, 1)
			if !sure {
				if err := tell(v); err != nil {
					return spared, err
				}
			}
			continue
		}
		v.Delete, v.Cause = false, plan.NoTime
		if errors.Is(err, ErrDenied) {
			v.Cause = plan.Refused
		}
		v.Reason = fmt.Sprintf("%s, but EC2 did not delete it: %v; tried again in the next run", v.Reason, err)
		spared = append(spared, v)
	}
	return spared, nil
}

// confirm decides again on a fresh look: people may have put a hold on a copy
// since the listing began, and EC2 does not delete what is locked or in use. sure
// says that EC2 could be asked for that.
func (e *Expirer) confirm(ctx context.Context, j *Journal, region string, verdicts []plan.Verdict) (doomed, spared []plan.Verdict, sure bool, err error) {
	var ids []string
	for _, v := range verdicts {
		ids = append(ids, v.Copy.ID)
		if v.Elder.ID != "" {
			ids = append(ids, v.Elder.ID)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	shown, err := e.Copies.Find(ctx, region, ids)
	if err != nil {
		return nil, nil, false, fmt.Errorf("look again at copies in %s: %w", region, err)
	}
	fresh := map[string]snapshot.Snapshot{}
	ids = ids[:0]
	for _, s := range shown {
		fresh[s.ID] = s
		ids = append(ids, s.ID)
	}
	stuck, err := e.Copies.Stuck(ctx, region, ids)
	if err != nil {
		// EC2 has the last word anyway, and refuses to delete such copies. Only
		// it can't be told beforehand then which of them go.
		j.add(ctx, Step{Action: actIgnored, Region: region, Reason: fmt.Sprintf("locks and images are not looked at before deleting: %v", err)})
	}
	sure = err == nil
	for _, v := range verdicts {
		if s, visible := fresh[v.Copy.ID]; visible {
			var elder *snapshot.Snapshot
			if s, visible := fresh[v.Elder.ID]; visible {
				elder = &s
			}
			v = plan.Confirm(v, s, elder, e.Now())
		} else {
			v.Delete, v.Cause, v.Reason = false, plan.NoTime, v.Reason+"; EC2 does not show it just now, the next run looks again"
		}
		if why := stuck[v.Copy.ID]; v.Delete && why != "" {
			v.Delete, v.Cause, v.Reason = false, plan.Refused, v.Reason+", but "+why
		}
		if v.Delete {
			doomed = append(doomed, v)
		} else {
			spared = append(spared, v)
		}
	}
	return doomed, spared, sure, nil
}

func ofVerdict(kind OutcomeType, v plan.Verdict) Outcome {
	outcome := ofCopy(kind, v.Copy, v.Mark)
	outcome.Reason = v.Reason
	return outcome
}

package reactor

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"snapferry/internal/plan"
	"snapferry/internal/policy"
	"snapferry/internal/snapshot"
)

// Expiring is EC2 as expiry needs it.
type Expiring interface {
	// Regions lists the Regions that are enabled for the account.
	Regions(ctx context.Context) ([]string, error)
	// Marked lists this account's snapshots in the Region that have an order
	// tag. After an error nothing more comes.
	Marked(ctx context.Context, region string) iter.Seq2[snapshot.Snapshot, error]
	// Delete deletes a snapshot of this account's.
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

// Expire deletes what has expired in every Region that may hold copies. One
// Region's trouble does not hold back the others; the error names those that
// could not be looked into, or that nothing could be told about.
func (e *Expirer) Expire(ctx context.Context, j *Journal) error {
	left := budgetOf(ctx)
	must, may := e.regions(ctx, j)
	var problems []error
	for _, region := range must {
		if err := e.expire(ctx, j, region, left); err != nil {
			j.fail(ctx, region, err)
			problems = append(problems, err)
		}
	}
	for _, region := range may {
		if err := e.expire(ctx, j, region, left); err != nil {
			j.add(ctx, Step{Action: actIgnored, Region: region,
				Reason: fmt.Sprintf("no policy names this Region, and looking for copies of removed policies there did not work: %v", err)})
		}
	}
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
		j.add(ctx, Step{Action: actIgnored,
			Reason: fmt.Sprintf("only the Regions that policies and EXPIRE_REGIONS name are looked into, because listing the others did not work: %v", err)})
	}
	for _, region := range all {
		if !named[region] {
			may = append(may, region)
		}
	}
	slices.Sort(may)
	return slices.Sorted(mapKeys(named)), may
}

func (e *Expirer) expire(ctx context.Context, j *Journal, region string, left budget) error {
	var copies []snapshot.Snapshot
	for c, err := range e.Copies.Marked(ctx, region) {
		if err != nil {
			// Half a list could hide an elder twin or the last of a lineage:
			// nothing is decided on it.
			return fmt.Errorf("list copies in %s: %w", region, err)
		}
		copies = append(copies, c)
	}
	j.saw("copies", len(copies))
	now := e.Now()
	var outcomes []Outcome
	for _, v := range plan.Expire(copies, e.Policies, now) {
		surprising := v.Surprising(now)
		if v.Delete && !j.DryRun() {
			if left.spent(ctx) {
				v.Delete, v.Reason, surprising = false, v.Reason+"; out of time, the next run deletes it", false
			} else if err := e.Copies.Delete(ctx, v.Copy.Ref); err != nil && !errors.Is(err, ErrGone) {
				v.Delete, v.Reason, surprising = false, fmt.Sprintf("%s, but EC2 would not delete it: %v; tried again in the next run", v.Reason, err), true
			}
		}
		action, kind := actKept, Kept
		if v.Delete {
			action, kind = actDeleted, Expired
		}
		j.add(ctx, stepOfCopy(action, v.Copy, v.Mark, v.Reason))
		if v.Delete || surprising {
			outcome := ofCopy(kind, v.Copy, v.Mark)
			outcome.Reason = v.Reason
			outcomes = append(outcomes, outcome)
		}
	}
	if j.DryRun() || len(outcomes) == 0 {
		return nil
	}
	if err := e.Outcomes.Publish(ctx, outcomes); err != nil {
		return fmt.Errorf("publish outcomes of %s: %w", region, err)
	}
	return nil
}

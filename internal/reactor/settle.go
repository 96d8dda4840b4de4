package reactor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"snapferry/internal/policy"
	"snapferry/internal/snapshot"
)

// settle turns the results of copies in one Region into outcomes. What became
// of a copy is what EC2 shows; copies that are not ours are none of our
// business, except that they free a slot. shown are snapshots that a look into
// the Region has brought already.
func (c *Copier) settle(ctx context.Context, j *Journal, w *work, region string, results []result, shown []snapshot.Snapshot) {
	found, err := c.ended(ctx, region, results, shown)
	if err != nil {
		err = fmt.Errorf("look up copies in %s: %w", region, err)
		j.fail(ctx, region, err)
		for _, r := range results {
			w.fail(r.record.ID, err)
		}
		return
	}
	var outcomes []Outcome
	var told []string
	var ids []string
	for _, r := range results {
		ref := r.result.Copy
		copied, visible := found[ref.ID]
		if !visible || copied.State == snapshot.Pending {
			reason := "EC2 does not show the copy: it was deleted, or EC2's listing lags behind"
			if visible {
				reason = "EC2 still shows the copy as pending"
			}
			if r.record.again() {
				w.fail(r.record.ID, fmt.Errorf("%s: %s", ref, reason))
				j.add(ctx, Step{Action: actWaiting, Reason: reason + "; looking again", Copy: &ref, Region: region})
				continue
			}
			j.add(ctx, Step{Action: actIgnored, Reason: reason, Copy: &ref, Region: region})
			continue
		}
		outcome, tell, err := c.judge(ctx, j, copied)
		if err != nil {
			j.fail(ctx, region, err)
			w.fail(r.record.ID, err)
			continue
		}
		if tell {
			outcomes, told, ids = append(outcomes, outcome), append(told, r.record.ID), append(ids, ref.ID)
		}
	}
	if err := c.publish(ctx, j, outcomes); err != nil {
		for _, record := range told {
			w.fail(record, err)
		}
		return
	}
	c.remember(ctx, j, region, ids)
}

// ended is the copies of results by id: from what was shown, and by a look for
// the others, which are not ours, or came without naming their source.
func (c *Copier) ended(ctx context.Context, region string, results []result, shown []snapshot.Snapshot) (map[string]snapshot.Snapshot, error) {
	found := map[string]snapshot.Snapshot{}
	for _, s := range shown {
		found[s.ID] = s
	}
	var others []string
	for _, r := range results {
		if _, known := found[r.result.Copy.ID]; !known {
			others = append(others, r.result.Copy.ID)
		}
	}
	if len(others) == 0 {
		return found, nil
	}
	looked, err := c.find(ctx, region, slices.Values(others))
	maps.Copy(found, looked)
	return found, err
}

// settledCopies are copies whose end has been told, by Region.
type settledCopies struct {
	mu    sync.Mutex
	ids   map[string][]string
	since map[string]time.Time // of the first of ids
}

// Settled copies are tagged with one call for so many, or after so long: well
// before reconcile would take their results for lost.
const (
	perFlush   = 20
	flushAfter = 25 * time.Minute
)

// remember notes copies whose end has been told. Their tags say so from the next
// flush on; until then it may be told again.
func (c *Copier) remember(ctx context.Context, j *Journal, region string, ids []string) {
	c.told.mu.Lock()
	if c.told.ids == nil {
		c.told.ids, c.told.since = map[string][]string{}, map[string]time.Time{}
	}
	if len(c.told.ids[region]) == 0 {
		c.told.since[region] = c.Now()
	}
	c.told.ids[region] = append(c.told.ids[region], ids...)
	c.told.mu.Unlock()
	c.flush(ctx, j, region, false)
}

// flush tags the copies in a Region whose end has been told, so that reconcile
// does not take their results for lost. It waits until there are many, or the
// first has waited for long, unless it is to be now.
func (c *Copier) flush(ctx context.Context, j *Journal, region string, now bool) {
	c.told.mu.Lock()
	ids := c.told.ids[region]
	if len(ids) == 0 || !now && len(ids) < perFlush && c.Now().Sub(c.told.since[region]) < flushAfter {
		c.told.mu.Unlock()
		return
	}
	delete(c.told.ids, region)
	c.told.mu.Unlock()
	err := c.Copies.Settled(ctx, region, ids)
	if err != nil && len(ids) > 1 {
		for _, id := range ids {
			_ = c.Copies.Settled(ctx, region, []string{id})
		}
	}
	if err != nil && !errors.Is(err, ErrGone) {
		j.fail(ctx, region, fmt.Errorf("tag copies whose end was told: %w", err))
	}
}

// judge says what became of a copy that has ended.
func (c *Copier) judge(ctx context.Context, j *Journal, copied snapshot.Snapshot) (outcome Outcome, tell bool, err error) {
	mark, err := snapshot.ParseMark(copied.Tags)
	switch {
	case errors.Is(err, snapshot.ErrNoMark):
		j.add(ctx, Step{Action: actIgnored, Reason: "the copy is not one of snapferry's", Copy: ptr(copied.Ref), Region: copied.Region})
		return Outcome{}, false, nil
	case err != nil:
		j.add(ctx, Step{Action: actIgnored, Reason: err.Error(), Copy: ptr(copied.Ref), Region: copied.Region,
			Error: err.Error(), Fix: "mend the copy's tags: until then it is never deleted"})
		return Outcome{}, false, nil
	}
	if snapshot.Settled(copied.Tags) {
		j.add(ctx, stepOfCopy(actIgnored, copied, mark, "its end was told before"))
		return Outcome{}, false, nil
	}
	switch copied.State {
	case snapshot.Completed:
		outcome = ofCopy(Completed, copied, mark)
		outcome.Reason = c.kept(copied, mark)
		if shared := snapshot.Shared(copied.Tags); !shared.IsZero() && !copied.Completed.IsZero() {
			outcome.Shared, outcome.LagSeconds = when(shared), copied.Completed.Sub(shared).Seconds()
		}
		j.add(ctx, stepOfCopy(actCompleted, copied, mark, outcome.Reason))
		return outcome, true, nil
	case snapshot.Failed:
		gone, err := c.gone(ctx, copied, mark)
		if err != nil {
			return Outcome{}, false, err
		}
		if gone {
			const reason = "the source was deleted, or was shared no more, before it was copied"
			j.add(ctx, stepOfCopy(actSkipped, copied, mark, reason))
			outcome = ofCopy(Skipped, copied, mark)
			outcome.Reason = reason
			return outcome, true, nil
		}
		outcome = ofCopy(Failed, copied, mark)
		outcome.Reason = "the copy failed after EC2 had accepted it"
		outcome.Cause, outcome.Fix = copied.StateMessage, Fix(copied.StateMessage)
		step := stepOfCopy(actFailed, copied, mark, outcome.Reason)
		step.Error, step.Fix = outcome.Cause, outcome.Fix
		j.add(ctx, step)
		return outcome, true, nil
	}
	j.add(ctx, stepOfCopy(actIgnored, copied, mark, fmt.Sprintf("the copy is in state %q", copied.State)))
	return Outcome{}, false, nil
}

// sourceNotFound is what EC2 says of a copy whose source does not exist, or is
// not shared, or not yet in every corner of EC2.
const sourceNotFound = "Source snapshot is not found"

// gone says whether a copy failed because its source is not there any more.
func (c *Copier) gone(ctx context.Context, copied snapshot.Snapshot, m snapshot.Mark) (bool, error) {
	if copied.StateMessage != sourceNotFound {
		return false, nil
	}
	sources, err := c.Copies.Find(ctx, m.Source.Region, []string{m.Source.ID})
	if err != nil {
		return false, fmt.Errorf("look up source %s: %w", m.Source, err)
	}
	return len(sources) == 0, nil
}

// kept says how a completed copy is kept, in words, and where its encryption is
// not what its rule says today.
func (c *Copier) kept(copied snapshot.Snapshot, m snapshot.Mark) string {
	reason := "kept for ever"
	if !m.Expires.IsZero() {
		reason = "kept until " + m.Expires.Format(time.RFC3339)
	}
	if copied.Encrypted {
		reason += ", encrypted under " + copied.KeyARN
	} else {
		reason += ", not encrypted"
	}
	rule, found := c.rule(m.Policy, copied.Region)
	switch {
	case !found:
	case copied.Encrypted && !rule.Encrypted:
		reason += ", although the rule does not ask for it: the source is encrypted, or " + copied.Region + " encrypts by default"
	case rule.Encrypted && !copied.Encrypted:
		reason += ", although the rule asks for it: was the rule changed meanwhile?"
	case rule.KeyARN != "" && rule.KeyARN != copied.KeyARN:
		reason += ", not under the rule's key " + rule.KeyARN + ": was the rule changed meanwhile?"
	}
	return reason
}

func (c *Copier) rule(name, region string) (policy.Rule, bool) {
	for _, p := range c.Policies {
		if p.Name == name {
			return p.Rule(region)
		}
	}
	return policy.Rule{}, false
}

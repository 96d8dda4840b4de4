package reactor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"snapferry/internal/policy"
	"snapferry/internal/snapshot"
)

// settle turns the results of copies in one Region into outcomes. What became
// of a copy is what EC2 shows; copies that are not ours are none of our
// business, except that they free a slot.
func (c *Copier) settle(ctx context.Context, j *Journal, w *work, region string, results []result) {
	found, err := c.find(ctx, region, func(yield func(string) bool) {
		for _, r := range results {
			if !yield(r.result.Copy.ID) {
				return
			}
		}
	})
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
		outcome, ours := c.judge(ctx, j, copied)
		if ours {
			outcomes, told = append(outcomes, outcome), append(told, r.record.ID)
		}
	}
	if err := c.publish(ctx, j, outcomes); err != nil {
		for _, record := range told {
			w.fail(record, err)
		}
	}
}

// judge says what became of a copy that has ended.
func (c *Copier) judge(ctx context.Context, j *Journal, copied snapshot.Snapshot) (Outcome, bool) {
	mark, err := snapshot.ParseMark(copied.Tags)
	switch {
	case errors.Is(err, snapshot.ErrNoMark):
		j.add(ctx, Step{Action: actIgnored, Reason: "the copy is not one of snapferry's", Copy: ptr(copied.Ref), Region: copied.Region})
		return Outcome{}, false
	case err != nil:
		j.add(ctx, Step{Action: actIgnored, Reason: err.Error(), Copy: ptr(copied.Ref), Region: copied.Region,
			Error: err.Error(), Fix: "mend the copy's tags: until then it is never deleted"})
		return Outcome{}, false
	}
	switch copied.State {
	case snapshot.Completed:
		outcome := ofCopy(Completed, copied, mark)
		outcome.Reason = c.kept(copied, mark)
		j.add(ctx, stepOfCopy(actCompleted, copied, mark, outcome.Reason))
		return outcome, true
	case snapshot.Failed:
		outcome := ofCopy(Failed, copied, mark)
		outcome.Reason = "the copy failed after EC2 had accepted it"
		outcome.Cause, outcome.Fix = copied.StateMessage, Fix(copied.StateMessage)
		step := stepOfCopy(actFailed, copied, mark, outcome.Reason)
		step.Error, step.Fix = outcome.Cause, outcome.Fix
		j.add(ctx, step)
		return outcome, true
	}
	j.add(ctx, stepOfCopy(actIgnored, copied, mark, fmt.Sprintf("the copy is in state %q", copied.State)))
	return Outcome{}, false
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

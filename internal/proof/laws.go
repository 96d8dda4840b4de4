package proof

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"snapferry/internal/reactor"
	"snapferry/internal/snapshot"
)

// shown is a snapshot as EC2 shows it to the target account.
type shown struct {
	ID         string    `xml:"snapshotId"`
	Status     string    `xml:"status"`
	Message    string    `xml:"statusMessage"`
	Encrypted  bool      `xml:"encrypted"`
	Started    time.Time `xml:"startTime"`
	Completion string    `xml:"completionTime"`
	Tags       []struct {
		Key   string `xml:"key"`
		Value string `xml:"value"`
	} `xml:"tagSet>item"`
}

func (s shown) tags() map[string]string {
	tags := map[string]string{}
	for _, t := range s.Tags {
		tags[t.Key] = t.Value
	}
	return tags
}

// list is the target account's own snapshots in a Region.
func (d *Deployment) list(ctx context.Context, region string) ([]shown, error) {
	var all []shown
	token := ""
	for {
		var page struct {
			Snapshots []shown `xml:"snapshotSet>item"`
			Next      string  `xml:"nextToken"`
		}
		query := form("Owner.1", "self", "MaxResults", "1000")
		if token != "" {
			query.Set("NextToken", token)
		}
		if err := d.Do(ctx, region, "ec2", "DescribeSnapshots", query, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Snapshots...)
		if token = page.Next; token == "" {
			return all, nil
		}
	}
}

// waiting counts the messages in a queue, in flight or not.
func (d *Deployment) waiting(ctx context.Context, region, queue string) (int, error) {
	var got struct{ Attributes map[string]string }
	err := d.Do(ctx, region, "sqs", "GetQueueAttributes", map[string]any{"QueueUrl": queueURL(queue), "AttributeNames": []string{"All"}}, &got)
	total := 0
	for _, name := range []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"} {
		n, _ := strconv.Atoi(got.Attributes[name])
		total += n
	}
	return total, err
}

// check holds the world, as EC2 shows it and as the bus told of it, against the
// laws, and names what breaks them. lost counts the copies that are missing.
func (r *run) check(ctx context.Context) (violations []string, lost int, err error) {
	broken := func(format string, args ...any) { violations = append(violations, fmt.Sprintf(format, args...)) }
	for _, target := range stormTargets {
		copies, err := r.deployment.list(ctx, target)
		if err != nil {
			return nil, 0, err
		}
		healthy := map[string]int{}
		for _, c := range copies {
			if !r.checkCopy(target, c, broken) {
				continue
			}
			mark, _ := snapshot.ParseMark(c.tags())
			healthy[mark.Source.ID]++
		}
		r.checkPending(target, copies, broken)
		for i := range r.sources {
			src := &r.sources[i]
			j := job{src.ID, target}
			switch n := healthy[src.ID]; {
			case n > 1:
				broken("%s has %d healthy copies in %s", src.ID, n, target)
			case n == 1 && !src.wanted:
				broken("%s, which nobody wants, was copied to %s", src.ID, target)
			case n == 0 && src.wanted && !r.gone[src.ID]:
				lost++
				broken("%s of %s has no copy in %s; told: %v", src.ID, src.owner, target, types(r.told[j]))
			case n == 0 && r.gone[src.ID] && src.wanted && !r.explained(j):
				broken("%s is gone, has no copy in %s, and nobody was told why: %v", src.ID, target, types(r.told[j]))
			case n == 1 && !slices.ContainsFunc(r.told[j], func(o Outcome) bool { return o.Type == "Completed" }):
				broken("%s was copied to %s and nobody was told: %v", src.ID, target, types(r.told[j]))
			}
			if len(r.ends[j]) > 1 {
				broken("%s was copied %d times to %s, at %v", src.ID, len(r.ends[j]), target, r.ends[j])
			}
			if !src.wanted && len(r.told[j]) > 0 {
				broken("%s, which nobody wants, has outcomes in %s: %v", src.ID, target, types(r.told[j]))
			}
		}
	}
	for j, outcomes := range r.told {
		for _, o := range outcomes {
			if o.Type == "Expired" && !r.mayExpire(o) {
				broken("%s in %s was deleted: %s", o.Detail.Order, j.target, o.Detail.Reason)
			}
		}
	}
	letters, err := r.deployment.waiting(ctx, Home, ordersDLQ)
	if err != nil {
		return nil, 0, err
	}
	if letters > 0 {
		broken("%d orders are in the dead-letter queue", letters)
	}
	return violations, lost, nil
}

// checkCopy checks what a copy must carry, and says whether it is healthy.
func (r *run) checkCopy(target string, c shown, broken func(string, ...any)) bool {
	mark, err := snapshot.ParseMark(c.tags())
	if err != nil {
		broken("copy %s in %s: %v", c.ID, target, err)
		return false
	}
	src := r.byID[mark.Source.ID]
	switch {
	case src == nil || mark.Source != src.Ref || mark.SourceAccount != src.owner || mark.SourceVolume != src.volume || !mark.SourceTime.Equal(src.started.Truncate(time.Second)):
		broken("copy %s in %s: its mark %+v does not fit its source %+v", c.ID, target, mark, src)
	case c.Encrypted:
		broken("copy %s in %s is encrypted", c.ID, target)
	}
	if c.Status == "error" {
		return false
	}
	days := 30 * (1 + slices.Index(stormTargets, target))
	if late := mark.Expires.Sub(c.Started.AddDate(0, 0, days)).Abs(); late > time.Minute {
		broken("copy %s in %s, started %s, expires %s: not after %d days", c.ID, target, c.Started, mark.Expires, days)
	}
	if c.Status == "completed" && !snapshot.Settled(c.tags()) {
		broken("copy %s in %s of %s is not tagged as settled", c.ID, target, mark.Source.ID)
	}
	return c.Status == "completed" || c.Status == "pending"
}

// checkPending checks that never more copies were pending than the quota allows,
// and never two of one lineage.
func (r *run) checkPending(target string, copies []shown, broken func(string, ...any)) {
	type change struct {
		at   time.Time
		by   int
		line string
	}
	var changes []change
	for _, c := range copies {
		end, err := time.Parse(time.RFC3339, c.Completion)
		if err != nil {
			continue // it failed, within seconds
		}
		line := c.tags()[snapshot.TagSourceVolume]
		changes = append(changes, change{c.Started, 1, line}, change{end, -1, line})
	}
	slices.SortStableFunc(changes, func(a, b change) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return a.by - b.by
	})
	pending, lines := 0, map[string]int{}
	for _, c := range changes {
		pending += c.by
		lines[c.line] += c.by
		if pending > slots {
			broken("%d copies were pending in %s at %s", pending, target, c.at)
			return
		}
		if lines[c.line] > 1 {
			broken("two copies of %s were pending in %s at %s", c.line, target, c.at)
		}
	}
}

// explained says whether people can know why a source that went has no copy. One
// that went before anybody had heard of it needs no word.
func (r *run) explained(j job) bool {
	if r.shareLost[j.source] && len(r.told[j]) == 0 {
		return true
	}
	why := func(o Outcome) bool { return o.Type == "Skipped" || o.Type == "Failed" }
	return slices.ContainsFunc(r.told[j], why) || slices.ContainsFunc(r.toldOf[j.source], why)
}

// mayExpire says whether a deletion was due: no copy of a storm is so old, so
// only what failed may go.
func (r *run) mayExpire(o Outcome) bool { return o.Detail.Completed == nil }

func types(outcomes []Outcome) []string {
	var all []string
	for _, o := range outcomes {
		text := o.Type
		if o.Type == "Skipped" || o.Type == "Failed" {
			text += ": " + o.Detail.Reason + " " + o.Detail.Cause
		}
		all = append(all, text)
	}
	return all
}

// trimmed is what the laws need of an outcome, so that many can be kept.
func trimmed(o reactor.Outcome) reactor.Outcome {
	t := reactor.Outcome{Reason: o.Reason, Cause: o.Cause, Order: o.Order, TargetRegion: o.TargetRegion, Completed: o.Completed}
	if o.Type == "" && o.Cause == "" && o.Completed != nil {
		t.Reason = ""
	}
	return t
}

// summary is the laws that are broken, the first few in full.
func summary(violations []string) []string {
	const most = 8
	if len(violations) <= most {
		return violations
	}
	return append(slices.Clone(violations[:most]), fmt.Sprintf("and %d more", len(violations)-most))
}

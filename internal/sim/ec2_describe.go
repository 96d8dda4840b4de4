package sim

import (
	"cmp"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
)

// snapshotFilters are the filters of DescribeSnapshots besides those on tags.
var snapshotFilters = map[string]func(s *ebsSnapshot, now time.Time) string{
	"description": func(s *ebsSnapshot, _ time.Time) string { return s.description },
	"encrypted":   func(s *ebsSnapshot, _ time.Time) string { return strconv.FormatBool(s.shown.encrypted) },
	// owner-alias is "amazon" for Amazon's own snapshots, of which there are none.
	"owner-alias":   func(*ebsSnapshot, time.Time) string { return "" },
	"owner-id":      func(s *ebsSnapshot, _ time.Time) string { return s.owner },
	"progress":      func(s *ebsSnapshot, now time.Time) string { return s.progress(now) },
	"snapshot-id":   func(s *ebsSnapshot, _ time.Time) string { return s.id },
	"start-time":    func(s *ebsSnapshot, _ time.Time) string { return ec2Time(s.start) },
	"status":        func(s *ebsSnapshot, _ time.Time) string { return s.shown.state },
	"storage-tier":  func(s *ebsSnapshot, _ time.Time) string { return s.shown.tier() },
	"transfer-type": func(s *ebsSnapshot, _ time.Time) string { return s.transferType() },
	"volume-id":     func(s *ebsSnapshot, _ time.Time) string { return s.volume },
	"volume-size":   func(s *ebsSnapshot, _ time.Time) string { return strconv.Itoa(s.shown.gib) },
}

// snapshotQuery is a DescribeSnapshots, understood.
type snapshotQuery struct {
	viewer      string
	ids         []string
	owners      map[string]bool
	restorable  map[string]bool // accounts
	all         bool            // restorable by all
	filters     []filter
	limitsOwner bool
	limitsUsers bool
	page        page
}

func (e *ec2) describeSnapshots(c *ec2Call) (any, *apiError) {
	q, problem := c.snapshotQuery()
	if problem != nil {
		return nil, problem
	}
	if problem := c.permitted(); problem != nil {
		return nil, problem
	}
	for _, id := range q.ids {
		if s := c.in.snapshots[id]; s == nil || !s.showsTo(c.account) {
			return nil, noSnapshot(id)
		}
	}
	reply := struct {
		Snapshots snapshotList `xml:"snapshotSet"`
		NextToken string       `xml:"nextToken,omitempty"`
	}{}
	last := 0
	for s := range q.candidates(c.in) {
		if !q.wants(s, c.now) {
			continue
		}
		if q.page.size > 0 && reply.Snapshots.count == q.page.size {
			reply.NextToken = nextToken(last, "")
			break
		}
		reply.Snapshots.add(s.item(c.now, q.viewer))
		last = s.seq
	}
	return reply, nil
}

func (c *ec2Call) snapshotQuery() (*snapshotQuery, *apiError) {
	q := &snapshotQuery{viewer: c.account, ids: c.list("SnapshotId")}
	for _, id := range q.ids {
		if problem := checkSnapshotID(id); problem != nil {
			return nil, problem
		}
	}
	var problem *apiError
	if q.page, problem = c.page(); problem != nil {
		return nil, problem
	}
	if len(q.ids) > 0 && (q.page.size > 0 || q.page.after > 0) {
		return nil, badRequest("InvalidParameterCombination", "The parameter snapshotSet cannot be used with the parameter maxResults")
	}
	owners, problem := c.accounts("Owner", "amazon")
	if problem != nil {
		return nil, problem
	}
	users, problem := c.accounts("RestorableBy", "all")
	if problem != nil {
		return nil, problem
	}
	q.owners, q.limitsOwner = owners, len(owners) > 0
	q.restorable, q.limitsUsers, q.all = users, len(users) > 0, users["all"]
	q.filters, problem = c.filters(func(name string) bool {
		return snapshotFilters[name] != nil || isTagFilter(name)
	})
	return q, problem
}

// accounts reads a list of account ids, in which "self" is the caller and word
// means something of its own.
func (c *ec2Call) accounts(name, word string) (map[string]bool, *apiError) {
	accounts := map[string]bool{}
	for _, account := range c.list(name) {
		switch {
		case account == "self":
			accounts[c.account] = true
		case account == word || accountID.MatchString(account):
			accounts[account] = true
		default:
			return nil, badRequest("InvalidUserID.Malformed", "Invalid user id: \"%s\"", account)
		}
	}
	return accounts, nil
}

// wants says whether the listing shows the snapshot.
func (q *snapshotQuery) wants(s *ebsSnapshot, now time.Time) bool {
	if !s.showsTo(q.viewer) || q.limitsOwner && !q.owners[s.owner] || q.limitsUsers && !q.restores(s) {
		return false
	}
	for i := range q.filters {
		f := &q.filters[i]
		pass, isTag := f.matchesTags(s.shownTags(q.viewer))
		if !isTag {
			pass = f.matches(snapshotFilters[f.name](s, now))
		}
		if !pass {
			return false
		}
	}
	return true
}

// restores says whether one of the accounts that RestorableBy names can use
// the snapshot: the viewer its own and what is shared with it, another account
// what the viewer shares with it. A source's owner is not such an account.
func (q *snapshotQuery) restores(s *ebsSnapshot) bool {
	if q.all && !s.shown.public.IsZero() {
		return true
	}
	for account := range q.restorable {
		_, shared := s.shown.shares[account]
		switch {
		case account == q.viewer && (shared || s.owner == q.viewer):
			return true
		case shared && s.owner == q.viewer:
			return true
		}
	}
	return false
}

// candidates lists, in order and from the page's beginning, a few more than
// the snapshots that the query wants: the shortest index that has them all.
func (q *snapshotQuery) candidates(in *ec2Region) iter.Seq[*ebsSnapshot] {
	if len(q.ids) > 0 {
		return q.named(in, q.ids)
	}
	rolls := []*roll[*ebsSnapshot]{in.byOwner[q.viewer], in.sharedWith[q.viewer], in.public}
	if q.limitsOwner {
		rolls = shorter(rolls, rollsOf(in.byOwner, q.owners))
	}
	if q.limitsUsers && !q.restorable[q.viewer] {
		// Others restore what the viewer owns, and all what is public.
		restorable := rollsOf(in.sharedWith, q.restorable)
		if q.all {
			restorable = append(restorable, in.public)
		}
		rolls = shorter(rolls, restorable)
	}
	var sheets []*roll[*tagSheet]
	tagged := false
	for i := range q.filters {
		f := &q.filters[i]
		if len(f.globs) > 0 && !strings.HasPrefix(f.name, "tag:") {
			continue
		}
		switch key, isTag := strings.CutPrefix(f.name, "tag:"); {
		case f.name == "snapshot-id":
			return q.named(in, f.values)
		case f.name == "status" && len(f.exact) == 1 && f.exact["pending"]:
			rolls = shorter(rolls, []*roll[*ebsSnapshot]{in.pending})
		case f.name == "owner-id":
			rolls = shorter(rolls, rollsOf(in.byOwner, f.exact))
		case isTag || f.name == "tag-key":
			var found []*roll[*tagSheet]
			if isTag {
				like, ok := in.rollsLike(q.viewer, key, f)
				if !ok {
					continue
				}
				found = like
			} else {
				for value := range f.exact {
					found = append(found, in.byTagKey[tagIndex{q.viewer, value, ""}])
				}
			}
			if !tagged || total(found) < total(sheets) {
				sheets, tagged = found, true
			}
		}
	}
	if !tagged || total(rolls) <= total(sheets) {
		return merged(q.page.after, rolls)
	}
	return func(yield func(*ebsSnapshot) bool) {
		for sheet := range merged(q.page.after, sheets) {
			if s := in.snapshots[sheet.of.id]; s != nil && !yield(s) {
				return
			}
		}
	}
}

// named lists the snapshots with these ids, in order.
func (q *snapshotQuery) named(in *ec2Region, ids []string) iter.Seq[*ebsSnapshot] {
	var found []*ebsSnapshot
	for _, id := range ids {
		if s := in.snapshots[id]; s != nil && s.seq > q.page.after {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b *ebsSnapshot) int { return cmp.Compare(a.seq, b.seq) })
	return slices.Values(slices.Compact(found))
}

func rollsOf[T sequenced](rolls map[string]*roll[T], keys map[string]bool) []*roll[T] {
	var found []*roll[T]
	for key := range keys {
		if r := rolls[key]; r != nil {
			found = append(found, r)
		}
	}
	return found
}

func total[T sequenced](rolls []*roll[T]) int {
	n := 0
	for _, r := range rolls {
		n += r.len()
	}
	return n
}

func shorter[T sequenced](a, b []*roll[T]) []*roll[T] {
	if total(b) < total(a) {
		return b
	}
	return a
}

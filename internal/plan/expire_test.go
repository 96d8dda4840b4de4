package plan

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"snapferry/internal/policy"
	"snapferry/internal/snapshot"
)

// copied is a completed copy, begun days ago, that expires in so many days.
func copied(id string, begun, expires int, change ...func(*snapshot.Snapshot)) snapshot.Snapshot {
	mark := snapshot.Mark{
		Policy:        "nightly",
		Source:        snapshot.Ref{Region: "us-east-1", ID: "snap-0" + strings.Repeat(id, 16)},
		SourceAccount: owner,
		SourceVolume:  "vol-0123456789abcdef0",
		SourceTime:    now.AddDate(0, 0, -begun),
		Expires:       now.AddDate(0, 0, expires),
	}
	s := snapshot.Snapshot{
		Ref:     snapshot.Ref{Region: saoPaulo, ID: "snap-" + id},
		State:   snapshot.Completed,
		Started: now.AddDate(0, 0, -begun),
		Tags:    mark.Tags(),
	}
	for _, f := range change {
		f(&s)
	}
	return s
}

func tag(key, value string) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) { s.Tags[key] = value }
}

func untag(key string) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) { delete(s.Tags, key) }
}

func state(to snapshot.State) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) { s.State = to }
}

// as gives the copy the order of another one, so that they are twins.
func as(other snapshot.Snapshot) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) {
		for _, key := range []string{snapshot.TagOrder, snapshot.TagSource} {
			s.Tags[key] = other.Tags[key]
		}
	}
}

// expire is Expire over a list: both halves of the verdicts in the order in which
// it first names the copies.
func expire(list []snapshot.Snapshot, policies []policy.Policy) []Verdict {
	var copies Copies
	place := map[snapshot.Ref]int{}
	for i, c := range list {
		copies.Add(c)
		if _, again := place[c.Ref]; !again {
			place[c.Ref] = i
		}
	}
	expiry := Expire(&copies, policies, now)
	verdicts := slices.AppendSeq(slices.Collect(expiry.Deleted()), expiry.Kept())
	slices.SortFunc(verdicts, func(a, b Verdict) int { return cmp.Compare(place[a.Copy.Ref], place[b.Copy.Ref]) })
	return verdicts
}

func TestExpire(t *testing.T) {
	one := copied("1", 2, 5)
	for name, test := range map[string]struct {
		copies     []snapshot.Snapshot
		policies   []policy.Policy
		want       []Cause // of each copy
		deleted    []int
		surprising []int
	}{
		"not expired":                              {copies: []snapshot.Snapshot{one}, want: []Cause{NotExpired}},
		"expired":                                  {copies: []snapshot.Snapshot{copied("1", 3, 0)}, want: []Cause{Expired}, deleted: []int{0}},
		"expires in a second":                      {copies: []snapshot.Snapshot{copied("1", 3, 0, tag(snapshot.TagExpires, now.Add(time.Second).Format(time.RFC3339)))}, want: []Cause{NotExpired}},
		"never expires":                            {copies: []snapshot.Snapshot{copied("1", 3, 0, tag(snapshot.TagExpires, "never"))}, want: []Cause{NeverEnds}},
		"not marked":                               {copies: []snapshot.Snapshot{copied("1", 3, -9, untag(snapshot.TagOrder))}, want: []Cause{NotMarked}},
		"held":                                     {copies: []snapshot.Snapshot{copied("1", 3, -9, tag(snapshot.TagHold, ""))}, want: []Cause{Held}, surprising: []int{0}},
		"held and not expired":                     {copies: []snapshot.Snapshot{copied("1", 3, 9, tag(snapshot.TagHold, "case 17"))}, want: []Cause{Held}},
		"an unreadable expiry":                     {copies: []snapshot.Snapshot{copied("1", 3, -9, tag(snapshot.TagExpires, "yesterday"))}, want: []Cause{Unreadable}, surprising: []int{0}},
		"a mark that contradicts itself":           {copies: []snapshot.Snapshot{copied("1", 3, -9, tag(snapshot.TagPolicy, "weekly"))}, want: []Cause{Unreadable}, surprising: []int{0}},
		"still pending":                            {copies: []snapshot.Snapshot{copied("1", 3, -9, state(snapshot.Pending))}, want: []Cause{StillCopied}},
		"in the Recycle Bin":                       {copies: []snapshot.Snapshot{copied("1", 3, -9, state("recoverable"))}, want: []Cause{OddState}, surprising: []int{0}},
		"failed lately":                            {copies: []snapshot.Snapshot{copied("1", 0, 9, state(snapshot.Failed))}, want: []Cause{FailedCopy}},
		"failed a day ago":                         {copies: []snapshot.Snapshot{copied("1", 1, 9, state(snapshot.Failed))}, want: []Cause{FailedCopy}, deleted: []int{0}},
		"failed and held":                          {copies: []snapshot.Snapshot{copied("1", 1, 9, state(snapshot.Failed), tag(snapshot.TagHold, "x"))}, want: []Cause{Held}},
		"the policy is gone":                       {copies: []snapshot.Snapshot{copied("1", 3, 0), copied("2", 3, 1)}, policies: []policy.Policy{}, want: []Cause{Expired, NotExpired}, deleted: []int{0}},
		"the policy is disabled":                   {copies: []snapshot.Snapshot{copied("1", 3, 0)}, policies: []policy.Policy{{Name: "nightly"}}, want: []Cause{Expired}, deleted: []int{0}},
		"twins: the elder stays":                   {copies: []snapshot.Snapshot{one, copied("2", 1, 5, as(one))}, want: []Cause{NotExpired, Twin}, deleted: []int{1}},
		"twins: whatever the order":                {copies: []snapshot.Snapshot{copied("2", 1, 5, as(one)), one}, want: []Cause{Twin, NotExpired}, deleted: []int{0}},
		"triplets":                                 {copies: []snapshot.Snapshot{copied("2", 1, 5, as(one)), one, copied("3", 1, 5, as(one))}, want: []Cause{Twin, NotExpired, Twin}, deleted: []int{0, 2}},
		"twins: the elder is pending":              {copies: []snapshot.Snapshot{copied("2", 3, 5, as(one), state(snapshot.Pending)), one}, want: []Cause{StillCopied, NotExpired}},
		"twins: the younger is pending":            {copies: []snapshot.Snapshot{one, copied("2", 1, 5, as(one), state(snapshot.Pending))}, want: []Cause{NotExpired, StillCopied}},
		"twins: the elder failed":                  {copies: []snapshot.Snapshot{copied("2", 3, 5, as(one), state(snapshot.Failed)), one}, want: []Cause{FailedCopy, NotExpired}, deleted: []int{0}},
		"twins: the younger is held":               {copies: []snapshot.Snapshot{one, copied("2", 1, 5, as(one), tag(snapshot.TagHold, ""))}, want: []Cause{NotExpired, Held}},
		"twins: the elder is held":                 {copies: []snapshot.Snapshot{copied("2", 3, 5, as(one), tag(snapshot.TagHold, "")), one}, want: []Cause{Held, Twin}, deleted: []int{1}},
		"twins: the younger outlives":              {copies: []snapshot.Snapshot{one, copied("2", 1, 7, as(one))}, want: []Cause{NotExpired, NotExpired}},
		"twins: the younger lasts a little longer": {copies: []snapshot.Snapshot{one, copied("2", 1, 6, as(one))}, want: []Cause{NotExpired, Twin}, deleted: []int{1}},
		"a minimum counts points in time, not twins": {
			copies:   []snapshot.Snapshot{copied("1", 2, -1), copied("2", 2, -1, as(copied("1", 2, -1))), copied("3", 3, -1), copied("4", 4, -1)},
			policies: []policy.Policy{{Name: "nightly", Rules: []policy.Rule{{Region: saoPaulo, Retention: policy.Retention{Interval: 3, Unit: policy.Days, MinimumCount: 2}}}}},
			want:     []Cause{LastCopies, Expired, LastCopies, Expired}, deleted: []int{1, 3}, surprising: []int{0, 2},
		},
		"twins: the younger never ends":    {copies: []snapshot.Snapshot{one, copied("2", 1, 6, as(one), tag(snapshot.TagExpires, "never"))}, want: []Cause{NotExpired, NeverEnds}},
		"twins: the elder has expired":     {copies: []snapshot.Snapshot{copied("2", 3, -1, as(one)), one}, want: []Cause{Expired, NotExpired}, deleted: []int{0}},
		"twins of another policy are none": {copies: []snapshot.Snapshot{one, copied("2", 1, 5, as(one), tag(snapshot.TagPolicy, "weekly"), tag(snapshot.TagOrder, "weekly/snap-0"+strings.Repeat("1", 16)))}, want: []Cause{NotExpired, NotExpired}},
		"a minimum of one": {
			copies:   []snapshot.Snapshot{copied("1", 5, -2), copied("2", 4, -1)},
			policies: []policy.Policy{{Name: "nightly", Rules: []policy.Rule{{Region: saoPaulo, Retention: policy.Retention{Interval: 3, Unit: policy.Days, MinimumCount: 1}}}}},
			want:     []Cause{Expired, LastCopies}, deleted: []int{0}, surprising: []int{1},
		},
		"a minimum that younger copies meet": {
			copies:   []snapshot.Snapshot{copied("1", 5, -2), copied("2", 4, -1), copied("3", 1, 2)},
			policies: []policy.Policy{{Name: "nightly", Rules: []policy.Rule{{Region: saoPaulo, Retention: policy.Retention{Interval: 3, Unit: policy.Days, MinimumCount: 1}}}}},
			want:     []Cause{Expired, Expired, NotExpired}, deleted: []int{0, 1},
		},
		"a minimum that pending copies do not meet": {
			copies:   []snapshot.Snapshot{copied("1", 5, -2), copied("2", 1, 2, state(snapshot.Pending))},
			policies: []policy.Policy{{Name: "nightly", Rules: []policy.Rule{{Region: saoPaulo, Retention: policy.Retention{Interval: 3, Unit: policy.Days, MinimumCount: 1}}}}},
			want:     []Cause{LastCopies, StillCopied}, surprising: []int{0},
		},
		"a minimum in another Region": {
			copies:   []snapshot.Snapshot{copied("1", 5, -2)},
			policies: []policy.Policy{{Name: "nightly", Rules: []policy.Rule{{Region: london, Retention: policy.Retention{Interval: 3, Unit: policy.Days, MinimumCount: 1}}}}},
			want:     []Cause{Expired}, deleted: []int{0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			policies := test.policies
			if policies == nil {
				policies = []policy.Policy{nightly(t)}
			}
			var causes []Cause
			var deleted, surprising []int
			for i, v := range expire(test.copies, policies) {
				causes = append(causes, v.Cause)
				if v.Delete {
					deleted = append(deleted, i)
				}
				if v.Surprising(now) {
					surprising = append(surprising, i)
				}
				if v.Reason == "" || strings.Contains(v.Reason, "\n") {
					t.Errorf("copy %d: reason %q, want one line", i, v.Reason)
				}
			}
			if diff := gocmp.Diff(test.want, causes); diff != "" {
				t.Errorf("causes: %s", diff)
			}
			if diff := gocmp.Diff(test.deleted, deleted); diff != "" {
				t.Errorf("deleted: %s", diff)
			}
			if diff := gocmp.Diff(test.surprising, surprising); diff != "" {
				t.Errorf("surprising: %s", diff)
			}
		})
	}
}

// The laws, over worlds of chance: keep + delete = all; nothing unmarked, held,
// pending or of an odd state goes; nothing unexpired goes but failures and
// twins, and of an order that has a completed copy one always stays until its
// day; the order of input is irrelevant; deciding again about what is left
// deletes nothing more.
func TestExpireLaws(t *testing.T) {
	policies := []policy.Policy{{Name: "nightly", Rules: []policy.Rule{{Region: saoPaulo, Retention: policy.Retention{Interval: 3, Unit: policy.Days, MinimumCount: 2}}}}}
	for seed := range uint64(400) {
		chance := rand.New(rand.NewPCG(seed, 1))
		copies := randomCopies(chance)
		verdicts := byID(expire(copies, policies))
		if len(verdicts) != len(copies) {
			t.Fatalf("seed %d: %d verdicts about %d copies", seed, len(verdicts), len(copies))
		}
		shuffled := append([]snapshot.Snapshot(nil), copies...)
		chance.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if diff := gocmp.Diff(verdicts, byID(expire(shuffled, policies))); diff != "" {
			t.Fatalf("seed %d: the order of input matters: %s", seed, diff)
		}
		var left []snapshot.Snapshot
		survivors := map[string]bool{}
		for _, c := range copies {
			if !verdicts[c.ID].Delete {
				left = append(left, c)
				if c.State == snapshot.Completed {
					survivors[c.Tags[snapshot.TagOrder]] = true
				}
			}
		}
		for _, c := range copies {
			v := verdicts[c.ID]
			if !v.Delete {
				continue
			}
			mark, err := snapshot.ParseMark(c.Tags)
			switch {
			case err != nil:
				t.Errorf("seed %d: deletes %s without a readable mark", seed, c.ID)
			case snapshot.Held(c.Tags):
				t.Errorf("seed %d: deletes %s, which is held", seed, c.ID)
			case c.State == snapshot.Failed, v.Cause == Expired && !now.Before(mark.Expires) && c.State == snapshot.Completed:
			case v.Cause == Twin && survivors[mark.Order()]:
			default:
				t.Errorf("seed %d: deletes %s in state %s, which expires %s: %s", seed, c.ID, c.State, mark.Expires, v.Reason)
			}
		}
		for id, v := range byID(expire(left, policies)) {
			if v.Delete {
				t.Errorf("seed %d: the second run deletes %s: %s", seed, id, v.Reason)
			}
		}
	}
}

// A copy that a listing shows twice is one copy: it is no twin of itself, and
// counts once.
func TestExpireListedTwice(t *testing.T) {
	one, two := copied("1", 2, 5), copied("2", 3, 0)
	once := byID(expire([]snapshot.Snapshot{one, two}, nil))
	twice := expire([]snapshot.Snapshot{one, two, two, one}, nil)
	if len(twice) != 2 {
		t.Errorf("%d verdicts about 2 copies", len(twice))
	}
	if diff := gocmp.Diff(once, byID(twice)); diff != "" {
		t.Error(diff)
	}
	held := copied("2", 3, 0, tag(snapshot.TagHold, "since the first page"))
	if v := byID(expire([]snapshot.Snapshot{two, held}, nil))[two.ID]; v.Delete {
		t.Errorf("the later listing shows a hold, and the copy is deleted: %s", v.Reason)
	}
}

// A fresh look can only save a copy.
func TestConfirm(t *testing.T) {
	one := copied("1", 2, 5)
	twin := copied("2", 1, 5, as(one))
	for name, test := range map[string]struct {
		copies []snapshot.Snapshot
		fresh  snapshot.Snapshot
		want   bool
		elder  *snapshot.Snapshot
	}{
		"expired, nothing changed":             {[]snapshot.Snapshot{copied("1", 3, 0)}, copied("1", 3, 0), true, nil},
		"expired, held since":                  {[]snapshot.Snapshot{copied("1", 3, 0)}, copied("1", 3, 0, tag(snapshot.TagHold, "")), false, nil},
		"expired, longer since":                {[]snapshot.Snapshot{copied("1", 3, 0)}, copied("1", 3, 9), false, nil},
		"expired, mark broken since":           {[]snapshot.Snapshot{copied("1", 3, 0)}, copied("1", 3, 0, tag(snapshot.TagExpires, "?")), false, nil},
		"expired, unmarked since":              {[]snapshot.Snapshot{copied("1", 3, 0)}, copied("1", 3, 0, untag(snapshot.TagOrder)), false, nil},
		"twin, nothing changed":                {[]snapshot.Snapshot{twin, one}, twin, true, nil},
		"twin, held since":                     {[]snapshot.Snapshot{twin, one}, copied("2", 1, 5, as(one), tag(snapshot.TagHold, "")), false, nil},
		"twin, another order since":            {[]snapshot.Snapshot{twin, one}, copied("2", 1, 5), false, nil},
		"kept, expired since":                  {[]snapshot.Snapshot{one}, copied("1", 3, 0), false, nil},
		"twin, prolonged since":                {[]snapshot.Snapshot{twin, one}, copied("2", 1, 5, as(one), tag(snapshot.TagExpires, "never")), false, nil},
		"twin, its elder failed since":         {[]snapshot.Snapshot{twin, one}, twin, false, ptr(copied("1", 2, 5, state(snapshot.Failed)))},
		"twin, its elder expires sooner since": {[]snapshot.Snapshot{twin, one}, twin, false, ptr(copied("1", 2, 1))},
		"twin, its elder is another's since":   {[]snapshot.Snapshot{twin, one}, twin, false, ptr(copied("3", 2, 5))},
	} {
		t.Run(name, func(t *testing.T) {
			v := expire(test.copies, nil)[0]
			elder := &one
			if test.elder != nil {
				elder = test.elder
			}
			if got := Confirm(v, test.fresh, elder, now); got.Delete != test.want {
				t.Errorf("delete %v (%s), want %v", got.Delete, got.Reason, test.want)
			}
		})
	}
}

func TestConfirmWithoutElder(t *testing.T) {
	one := copied("1", 2, 5)
	twin := copied("2", 1, 5, as(one))
	v := expire([]snapshot.Snapshot{twin, one}, nil)[0]
	if got := Confirm(v, twin, nil, now); !v.Delete || got.Delete || got.Reason == "" {
		t.Errorf("the elder is gone, and the twin goes too: %+v", got)
	}
}

func ptr[T any](v T) *T { return &v }

func byID(verdicts []Verdict) map[string]Verdict {
	all := map[string]Verdict{}
	for _, v := range verdicts {
		all[v.Copy.ID] = v
	}
	return all
}

func randomCopies(chance *rand.Rand) []snapshot.Snapshot {
	states := []snapshot.State{snapshot.Completed, snapshot.Completed, snapshot.Completed, snapshot.Pending, snapshot.Failed, "recoverable"}
	var copies []snapshot.Snapshot
	for i := range chance.IntN(30) {
		c := copied(fmt.Sprint(chance.IntN(6)), chance.IntN(6), chance.IntN(8)-4, state(states[chance.IntN(len(states))]))
		c.ID = fmt.Sprintf("snap-%08d", i)
		switch chance.IntN(12) {
		case 0:
			tag(snapshot.TagHold, "x")(&c)
		case 1:
			tag(snapshot.TagExpires, "?")(&c)
		case 2:
			untag(snapshot.TagOrder)(&c)
		case 3:
			tag(snapshot.TagExpires, "never")(&c)
		}
		copies = append(copies, c)
	}
	return copies
}

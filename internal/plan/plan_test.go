package plan

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"snapferry/internal/policy"
	"snapferry/internal/snapshot"
)

const (
	owner    = "111111111111"
	stranger = "999999999999"
	london   = "eu-west-2"
	saoPaulo = "sa-east-1"
	key      = "arn:aws:kms:eu-west-2:222222222222:key/8af79514-350d-4c52-bac8-8985e84171c7"
)

var now = time.Date(2026, 9, 25, 15, 0, 0, 0, time.UTC)

func filter(t *testing.T, source string) policy.Filter {
	t.Helper()
	f, err := policy.ParseFilter(source)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// nightly is a policy with two rules: one without encryption, one under a key.
func nightly(t *testing.T) policy.Policy {
	return policy.Policy{
		Name: "nightly", Enabled: true, Owners: []string{owner}, Filter: filter(t, ".*production.*"),
		Rules: []policy.Rule{
			{Region: saoPaulo, Retention: policy.Retention{Interval: 3, Unit: policy.Days}},
			{Region: london, Encrypted: true, KeyARN: key, Retention: policy.Retention{Interval: 1, Unit: policy.Months},
				Tags: map[string]string{"team": "platform"}, CompletionMinutes: 60},
		},
	}
}

func source() snapshot.Snapshot {
	return snapshot.Snapshot{
		Ref:         snapshot.Ref{Region: "us-east-1", ID: "snap-0123456789abcdef0"},
		Owner:       owner,
		Volume:      "vol-0123456789abcdef0",
		Description: "nightly production backup",
		State:       snapshot.Completed,
		Started:     now.Add(-time.Hour),
		Tier:        "standard",
	}
}

func TestOrders(t *testing.T) {
	order := func(policyName, target string) Order {
		return Order{Policy: policyName, Source: source().Ref, Target: target}
	}
	type wish struct {
		Order Order
		Skip  string // a part of the reason
	}
	for name, test := range map[string]struct {
		change   func(*snapshot.Snapshot)
		policies func(policy.Policy) []policy.Policy
		want     []wish
	}{
		"a match is an order per rule": {
			want: []wish{{order("nightly", saoPaulo), ""}, {order("nightly", london), ""}},
		},
		"two policies order separately": {
			policies: func(p policy.Policy) []policy.Policy {
				q := p
				q.Name, q.Rules = "second", p.Rules[:1]
				return []policy.Policy{p, q}
			},
			want: []wish{{order("nightly", saoPaulo), ""}, {order("nightly", london), ""}, {order("second", saoPaulo), ""}},
		},
		"a stranger is skipped once": {
			change:   func(s *snapshot.Snapshot) { s.Owner = stranger },
			policies: func(p policy.Policy) []policy.Policy { return []policy.Policy{p, p} },
			want:     []wish{{Order{Source: source().Ref}, "no policy lists account 999999999999"}},
		},
		"another description is skipped": {
			change: func(s *snapshot.Snapshot) { s.Description = "test" },
			want:   []wish{{order("nightly", ""), "description"}},
		},
		"a disabled policy is skipped": {
			policies: func(p policy.Policy) []policy.Policy { p.Enabled = false; return []policy.Policy{p} },
			want:     []wish{{order("nightly", ""), "disabled"}},
		},
		"a disabled policy says nothing to a stranger": {
			change:   func(s *snapshot.Snapshot) { s.Owner = stranger },
			policies: func(p policy.Policy) []policy.Policy { p.Enabled = false; return []policy.Policy{p} },
			want:     []wish{{Order{Source: source().Ref}, "no policy lists"}},
		},
		"a pending source is ordered and waits in the queue": {
			change: func(s *snapshot.Snapshot) { s.State = snapshot.Pending },
			want:   []wish{{order("nightly", saoPaulo), ""}, {order("nightly", london), ""}},
		},
		"an archived source is skipped": {
			change: func(s *snapshot.Snapshot) { s.Tier = snapshot.Archive },
			want:   []wish{{order("nightly", ""), "archived"}},
		},
		"a failed source is skipped": {
			change: func(s *snapshot.Snapshot) { s.State, s.StateMessage = snapshot.Failed, "disk on fire" },
			want:   []wish{{order("nightly", ""), "disk on fire"}},
		},
		"a copy of our own is skipped": {
			change: func(s *snapshot.Snapshot) { s.Tags = map[string]string{snapshot.TagOrder: "x/y"} },
			want:   []wish{{Order{Source: source().Ref}, "snapferry"}},
		},
		"no policies at all": {
			policies: func(policy.Policy) []policy.Policy { return nil },
			want:     []wish{{Order{Source: source().Ref}, "no policy lists"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, policies := source(), []policy.Policy{nightly(t)}
			if test.change != nil {
				test.change(&s)
			}
			if test.policies != nil {
				policies = test.policies(policies[0])
			}
			var got []wish
			for _, w := range Orders(s, policies) {
				if w.Reason == "" {
					t.Errorf("%s has no reason", w.Order)
				}
				if w.Order.Facts != FactsOf(s) {
					t.Errorf("%s carries %+v, not what EC2 shows", w.Order, w.Order.Facts)
				}
				w.Order.Facts = Facts{}
				g := wish{Order: w.Order}
				if w.Skip {
					g.Skip = w.Reason
				}
				got = append(got, g)
			}
			similar := cmp.Comparer(func(a, b wish) bool {
				return a.Order == b.Order && (a.Skip == "") == (b.Skip == "") &&
					(strings.Contains(a.Skip, b.Skip) || strings.Contains(b.Skip, a.Skip))
			})
			if diff := cmp.Diff(test.want, got, similar); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestStart(t *testing.T) {
	order := Order{Policy: "nightly", Source: source().Ref, Target: london, Facts: FactsOf(source())}
	made := func(state snapshot.State) []snapshot.Snapshot {
		return []snapshot.Snapshot{{Ref: snapshot.Ref{Region: london, ID: "snap-0bbbbbbbbbbbbbbbb"}, State: state, Started: now.Add(-time.Hour),
			Tags: map[string]string{snapshot.TagOrder: order.Key()}}}
	}
	kin := func(state snapshot.State) []snapshot.Snapshot {
		s := made(state)
		s[0].Tags[snapshot.TagOrder] = "nightly/snap-0ccccccccccccccccc"
		return s
	}
	for name, test := range map[string]struct {
		order  func(*Order)
		change func(*snapshot.Snapshot)
		policy func(*policy.Policy)
		gone   bool
		made   []snapshot.Snapshot
		want   Action
		reason string
	}{
		"a completed source is copied":                  {want: Copy},
		"a pending source waits":                        {change: func(s *snapshot.Snapshot) { s.State = snapshot.Pending }, want: Wait, reason: "pending"},
		"a pending copy is enough":                      {made: made(snapshot.Pending), want: Done, reason: "already copied"},
		"a completed copy is enough":                    {made: made(snapshot.Completed), want: Done, reason: "already copied"},
		"a failed copy is none":                         {made: made(snapshot.Failed), want: Copy},
		"a pending copy of the same volume comes first": {made: kin(snapshot.Pending), want: Wait, reason: "same volume"},
		"a completed copy of the same volume does not":  {made: kin(snapshot.Completed), want: Copy},
		"a copy outlives its source":                    {made: made(snapshot.Completed), gone: true, want: Done},
		"a source that is not visible":                  {gone: true, want: Miss, reason: "does not show"},
		"a source that is gone":                         {order: func(o *Order) { o.Missed = 2 }, gone: true, want: Drop, reason: "gone"},
		"a policy that is gone":                         {order: func(o *Order) { o.Policy = "old" }, want: Drop, reason: "no policy"},
		"a rule that is gone":                           {order: func(o *Order) { o.Target = "eu-west-1" }, want: Drop, reason: "no rule"},
		"a policy that was disabled":                    {policy: func(p *policy.Policy) { p.Enabled = false }, want: Drop, reason: "disabled"},
		"an owner that was taken off the list":          {policy: func(p *policy.Policy) { p.Owners = []string{stranger} }, want: Drop, reason: "owner"},
		"a source that is not what the event said":      {change: func(s *snapshot.Snapshot) { s.Owner = stranger }, want: Drop, reason: "owner"},
		"a source that was archived":                    {change: func(s *snapshot.Snapshot) { s.Tier = snapshot.Archive }, want: Drop, reason: "archived"},
		"a source that failed":                          {change: func(s *snapshot.Snapshot) { s.State = snapshot.Failed }, want: Drop, reason: "failed"},
		"a source in the Recycle Bin":                   {change: func(s *snapshot.Snapshot) { s.State = "recoverable" }, want: Drop, reason: "recoverable"},
	} {
		t.Run(name, func(t *testing.T) {
			o, s, p := order, source(), nightly(t)
			if test.order != nil {
				test.order(&o)
			}
			if test.change != nil {
				test.change(&s)
			}
			if test.policy != nil {
				test.policy(&p)
			}
			see := &s
			if test.gone {
				see = nil
			}
			got := Start(o, see, test.made, []policy.Policy{p}, now)
			if got.Action != test.want || got.Reason == "" || !strings.Contains(got.Reason, test.reason) {
				t.Errorf("Start = %s (%s), want %s (%s)", got.Action, got.Reason, test.want, test.reason)
			}
			if (got.Action == Wait || got.Action == Miss) != (got.Rest > 0) {
				t.Errorf("%s rests for %s", got.Action, got.Rest)
			}
			if asked := got.Request.Source.ID != ""; asked != (test.want == Copy) {
				t.Errorf("a request was made: %v, for %s", asked, test.want)
			}
		})
	}
}

func TestRequest(t *testing.T) {
	p, s := nightly(t), source()
	got := Start(Order{Policy: "nightly", Source: s.Ref, Target: london, Facts: FactsOf(s)}, &s, nil, []policy.Policy{p}, now).Request
	want := Request{
		Source:            s.Ref,
		Target:            london,
		Description:       "Copied by snapferry, policy nightly, from snap-0123456789abcdef0 in us-east-1, account 111111111111: nightly production backup",
		Encrypted:         true,
		KeyARN:            key,
		CompletionMinutes: 60,
		Tags: map[string]string{
			"team":                    "platform",
			snapshot.TagOrder:         "nightly/snap-0123456789abcdef0",
			snapshot.TagPolicy:        "nightly",
			snapshot.TagSource:        "us-east-1/snap-0123456789abcdef0",
			snapshot.TagSourceAccount: owner,
			snapshot.TagSourceVolume:  s.Volume,
			snapshot.TagSourceTime:    "2026-09-25T14:00:00Z",
			snapshot.TagExpires:       "2026-10-25T15:00:00Z",
			snapshot.TagLineage:       "nightly/vol-0123456789abcdef0/snap-0123456789abcdef0",
		},
		Mark: snapshot.Mark{
			Policy: "nightly", Source: s.Ref, SourceAccount: owner, SourceVolume: s.Volume,
			SourceTime: s.Started, Expires: time.Date(2026, 10, 25, 15, 0, 0, 0, time.UTC),
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, shared := p.Rules[1].Tags[snapshot.TagOrder]; shared {
		t.Error("the policy's own tags were changed")
	}
}

// DLM's table of encryption, and what the step says about it.
func TestEncryption(t *testing.T) {
	for name, test := range map[string]struct {
		rule       policy.Rule
		source     bool
		encrypted  bool
		key        string
		defaultKey bool
		says       string
	}{
		"a key":                               {policy.Rule{Encrypted: true, KeyARN: key}, false, true, key, false, key},
		"a key, encrypted source":             {policy.Rule{Encrypted: true, KeyARN: key}, true, true, key, false, key},
		"no key":                              {policy.Rule{Encrypted: true}, false, true, "", false, "default key"},
		"no key, encrypted source":            {policy.Rule{Encrypted: true}, true, true, "", true, "default key"},
		"not encrypted":                       {policy.Rule{}, false, false, "", false, "not encrypted"},
		"not encrypted, but the source is so": {policy.Rule{}, true, false, "", false, "although the rule does not ask for it"},
	} {
		t.Run(name, func(t *testing.T) {
			p, s := nightly(t), source()
			test.rule.Region = london
			p.Rules, s.Encrypted = []policy.Rule{test.rule}, test.source
			got := Start(Order{Policy: "nightly", Source: s.Ref, Target: london, Facts: FactsOf(s)}, &s, nil, []policy.Policy{p}, now)
			r := got.Request
			if r.Encrypted != test.encrypted || r.KeyARN != test.key || r.DefaultKey != test.defaultKey {
				t.Errorf("encrypted %v, key %q, default key %v; want %v, %q, %v", r.Encrypted, r.KeyARN, r.DefaultKey, test.encrypted, test.key, test.defaultKey)
			}
			if !strings.Contains(got.Reason, test.says) {
				t.Errorf("reason %q does not say %q", got.Reason, test.says)
			}
		})
	}
}

func TestDescribeFits(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "short": "x", "long": strings.Repeat("x", 255),
		"wide": strings.Repeat("ü", 255), "wider": strings.Repeat("備", 255), "off by one": "x" + strings.Repeat("備", 254),
	} {
		s := source()
		s.Description = text
		got := describe(strings.Repeat("p", 64), s)
		if len(got) > 255 || !utf8.ValidString(got) {
			t.Errorf("%s: %d bytes, valid %v: %q", name, len(got), utf8.ValidString(got), got)
		}
		if !strings.Contains(got, s.ID) || !strings.Contains(got, s.Region) || !strings.Contains(got, s.Owner) {
			t.Errorf("%s: %q does not say where the copy came from", name, got)
		}
	}
}

func TestMissing(t *testing.T) {
	const catchUp = 168 * time.Hour
	order := func(target string) Order {
		return Order{Policy: "nightly", Source: source().Ref, Target: target, Facts: FactsOf(source())}
	}
	copyOf := func(state snapshot.State, started time.Time) snapshot.Snapshot {
		return snapshot.Snapshot{State: state, Started: started, Tags: map[string]string{snapshot.TagOrder: order("").Key()}}
	}
	for name, test := range map[string]struct {
		change func(*snapshot.Snapshot)
		policy func(*policy.Policy)
		made   map[string][]snapshot.Snapshot
		want   map[string]string // target to "order" or "wait"
	}{
		"no copies at all":             {want: map[string]string{saoPaulo: "order", london: "order"}},
		"one is pending":               {made: map[string][]snapshot.Snapshot{london: {copyOf(snapshot.Pending, now)}}, want: map[string]string{saoPaulo: "order"}},
		"one is completed":             {made: map[string][]snapshot.Snapshot{saoPaulo: {copyOf(snapshot.Completed, now)}}, want: map[string]string{london: "order"}},
		"one failed just now":          {made: map[string][]snapshot.Snapshot{london: {copyOf(snapshot.Failed, now.Add(-14*time.Minute))}}, want: map[string]string{saoPaulo: "order", london: "wait"}},
		"one failed a while ago":       {made: map[string][]snapshot.Snapshot{london: {copyOf(snapshot.Failed, now.Add(-15*time.Minute))}}, want: map[string]string{saoPaulo: "order", london: "order"}},
		"failing twice waits longer":   {made: map[string][]snapshot.Snapshot{london: {copyOf(snapshot.Failed, now.Add(-20*time.Minute)), copyOf(snapshot.Failed, now.Add(-time.Hour))}}, want: map[string]string{saoPaulo: "order", london: "wait"}},
		"a healthy copy beside failed": {made: map[string][]snapshot.Snapshot{london: {copyOf(snapshot.Failed, now), copyOf(snapshot.Completed, now)}}, want: map[string]string{saoPaulo: "order"}},
		"older than the retention":     {change: func(s *snapshot.Snapshot) { s.Started = now.AddDate(0, 0, -3) }, want: map[string]string{london: "order"}},
		"a second younger than that":   {change: func(s *snapshot.Snapshot) { s.Started = now.AddDate(0, 0, -3).Add(time.Second) }, want: map[string]string{saoPaulo: "order", london: "order"}},
		"older than the catch-up":      {change: func(s *snapshot.Snapshot) { s.Started = now.Add(-catchUp) }, want: map[string]string{}},
		"kept for ever, but older":     {change: func(s *snapshot.Snapshot) { s.Started = now.Add(-catchUp) }, policy: func(p *policy.Policy) { p.Rules[0].Retention = policy.Retention{} }, want: map[string]string{}},
		"kept for ever":                {policy: func(p *policy.Policy) { p.Rules[0].Retention = policy.Retention{} }, want: map[string]string{saoPaulo: "order", london: "order"}},
		"older, but a copy failed":     {change: func(s *snapshot.Snapshot) { s.Started = now.Add(-catchUp) }, made: map[string][]snapshot.Snapshot{london: {copyOf(snapshot.Failed, now.Add(-time.Hour))}}, want: map[string]string{london: "order"}},
		"older, and a copy failed so long ago that another may have come and expired": {
			change: func(s *snapshot.Snapshot) { s.Started = now.Add(-catchUp) },
			made: map[string][]snapshot.Snapshot{
				saoPaulo: {copyOf(snapshot.Failed, now.AddDate(0, 0, -3))}, // kept for 3 days there
				london:   {copyOf(snapshot.Failed, now.AddDate(0, 0, -3))},
			},
			want: map[string]string{london: "order"},
		},
		"no start time":              {change: func(s *snapshot.Snapshot) { s.Started = time.Time{} }, want: map[string]string{}},
		"a disabled policy":          {policy: func(p *policy.Policy) { p.Enabled = false }, want: map[string]string{}},
		"a description that differs": {change: func(s *snapshot.Snapshot) { s.Description = "" }, want: map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			s, p := source(), nightly(t)
			if test.change != nil {
				test.change(&s)
			}
			if test.policy != nil {
				test.policy(&p)
			}
			made := map[string]*Made{saoPaulo: {}, london: {}}
			for region, copies := range test.made {
				for _, c := range copies {
					made[region].Add(c)
				}
			}
			got := map[string]string{}
			for _, gap := range Missing(s, []policy.Policy{p}, made, catchUp, now) {
				if gap.Reason == "" || gap.Order.Key() != order(gap.Order.Target).Key() || gap.Order.Facts != FactsOf(s) {
					t.Errorf("gap %+v", gap)
				}
				got[gap.Order.Target] = map[bool]string{true: "wait", false: "order"}[gap.Wait]
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBackOffGrowsToALimit(t *testing.T) {
	last := time.Duration(0)
	for failures := 1; failures < 100; failures++ {
		got := backOff(failures)
		if got < last || got < firstRetry || got > lastRetry {
			t.Fatalf("after %d failures %s, after one less %s", failures, got, last)
		}
		last = got
	}
	if last != lastRetry {
		t.Errorf("the longest wait is %s, want %s", last, lastRetry)
	}
}

func TestCheck(t *testing.T) {
	order := Order{Policy: "nightly", Source: source().Ref, Target: london, Facts: FactsOf(source())}
	if err := order.Check(); err != nil {
		t.Errorf("a whole order: %v", err)
	}
	for want, change := range map[string]func(*Order){
		"no policy":       func(o *Order) { o.Policy = "" },
		"not a snapshot":  func(o *Order) { o.Source.ID = "vol-1" },
		"in a Region":     func(o *Order) { o.Source.Region = "" },
		"not a Region":    func(o *Order) { o.Target = "everywhere" },
		"owner, state or": func(o *Order) { o.Facts.Owner = "" },
		"or started":      func(o *Order) { o.Facts.Started = time.Time{} },
		"lacks facts":     func(o *Order) { o.Facts.State = "" },
	} {
		broken := order
		change(&broken)
		if err := broken.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error with %q", err, want)
		}
	}
}

func TestUntold(t *testing.T) {
	long, lately := now.Add(-untoldAfter), now.Add(-untoldAfter+time.Second)
	for name, test := range map[string]struct {
		copy snapshot.Snapshot
		want bool
	}{
		"completed long ago":   {snapshot.Snapshot{State: snapshot.Completed, Completed: long}, true},
		"completed lately":     {snapshot.Snapshot{State: snapshot.Completed, Completed: lately}, false},
		"failed long ago":      {snapshot.Snapshot{State: snapshot.Failed, Started: long}, true},
		"failed lately":        {snapshot.Snapshot{State: snapshot.Failed, Started: lately}, false},
		"pending for long":     {snapshot.Snapshot{State: snapshot.Pending, Started: long}, false},
		"told":                 {snapshot.Snapshot{State: snapshot.Completed, Completed: long, Tags: map[string]string{snapshot.TagSettled: ""}}, false},
		"completed, no time":   {snapshot.Snapshot{State: snapshot.Completed}, false},
		"in another odd state": {snapshot.Snapshot{State: "recoverable", Completed: long}, false},
	} {
		if got := Untold(test.copy, now); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

package proof

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"snapferry/internal/policy"
	"snapferry/internal/sim"
	"snapferry/internal/snapshot"
)

// Storm is a night on which an organisation's accounts share their snapshots
// within minutes. Everything about it follows from its fields.
type Storm struct {
	Seed     uint64
	Sources  int
	Accounts int           // default 40
	Within   time.Duration // of the shares; default 10 minutes
	// Copies take from Shortest to Longest, as many of each order of magnitude;
	// default 5 minutes and 2 hours.
	Shortest, Longest time.Duration
	// Flood is the part of the sources that the first account shares, in the
	// first minute; 0 spreads them unequally over all accounts.
	Flood float64
	// Chaos is what goes wrong; nil: nothing.
	Chaos *Chaos
	// Sample, when set, is called now and then in the middle of a function, and
	// at every page that reconcile lists.
	Sample func(function string)
}

// stormTargets are the three Regions that every source is copied to.
var stormTargets = []string{"eu-central-1", "eu-west-2", "sa-east-1"}

var stormSources = []string{Home, "eu-west-1"}

const outsider = "999999999999"

// source is a snapshot that is shared in a storm.
type source struct {
	snapshot.Ref
	owner, volume string
	gib           int
	started       time.Time
	shareAt       time.Duration // after the storm's beginning
	wanted        bool          // a policy wants it
	goes          time.Duration // when it is deleted or unshared; 0: never
	unshared      bool          // it is unshared, not deleted
}

func (s Storm) withDefaults() Storm {
	def := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	def(&s.Within, 10*time.Minute)
	def(&s.Shortest, 5*time.Minute)
	def(&s.Longest, 2*time.Hour)
	if s.Accounts == 0 {
		s.Accounts = 40
	}
	return s
}

func account(i int) string { return fmt.Sprintf("1%011d", i+1) }

// policy is the storm's one policy: all accounts, three Regions.
func (s Storm) policy() (policy.Policy, error) {
	document, err := s.document()
	if err != nil {
		return policy.Policy{}, err
	}
	p, problems := policy.Parse("storm.json", document)
	if len(problems) > 0 {
		return policy.Policy{}, errors.New(problems[0].String())
	}
	return p, nil
}

func (s Storm) document() ([]byte, error) {
	owners := make([]string, s.Accounts)
	for i := range owners {
		owners[i] = account(i)
	}
	type rule map[string]any
	var rules []rule
	for i, region := range stormTargets {
		rules = append(rules, rule{"Target": region, "EncryptionConfiguration": map[string]any{"Encrypted": false},
			"RetainRule": map[string]any{"Interval": 30 * (i + 1), "IntervalUnit": "DAYS"}})
	}
	return json.Marshal(map[string]any{
		"PolicyType": "EVENT_BASED_POLICY",
		"EventSource": map[string]any{"Type": "MANAGED_CWE", "Parameters": map[string]any{
			"EventType": "shareSnapshot", "SnapshotOwner": owners, "DescriptionRegex": "nightly.*"}},
		"Actions": []any{map[string]any{"Name": "storm", "CrossRegionCopy": rules}},
	})
}

const mostGiB = 16384

// copyTime is how long a copy of so many GiB takes.
func (s Storm) copyTime(gib int) time.Duration {
	exponent := math.Log(float64(gib)) / math.Log(mostGiB)
	return time.Duration(float64(s.Shortest) * math.Pow(float64(s.Longest)/float64(s.Shortest), exponent)).Truncate(time.Second)
}

// sources makes up what is shared, in the order of the shares.
func (s Storm) sources(began time.Time) []source {
	chance := rand.New(rand.NewPCG(s.Seed, 0x73746f726d))
	weights := make([]float64, s.Accounts)
	total := 0.0
	for i := range weights {
		weights[i] = 1 / float64(i+2)
		total += weights[i]
	}
	owner := func() int {
		if s.Flood > 0 {
			if chance.Float64() < s.Flood {
				return 0
			}
			return 1 + chance.IntN(s.Accounts-1)
		}
		at := chance.Float64() * total
		for i, w := range weights {
			if at -= w; at < 0 {
				return i
			}
		}
		return 0
	}
	all := make([]source, 0, s.Sources)
	for n := range s.Sources {
		who := owner()
		src := source{
			Ref:     snapshot.Ref{Region: stormSources[chance.IntN(len(stormSources))], ID: fmt.Sprintf("snap-0%08x%08x", s.Seed&0xffffffff, n+1)},
			owner:   account(who),
			volume:  fmt.Sprintf("vol-0%016x", n+1),
			gib:     int(math.Round(math.Pow(mostGiB, chance.Float64()))),
			started: began.Add(-time.Duration(chance.IntN(12*3600)+60) * time.Second),
			shareAt: time.Duration(chance.Int64N(int64(s.Within))),
			wanted:  true,
		}
		if s.Flood > 0 && who == 0 {
			src.shareAt = time.Duration(chance.Int64N(int64(time.Minute)))
		}
		// A few lineages: the same volume once more.
		if n > 0 && chance.IntN(20) == 0 {
			if twin := all[chance.IntN(n)]; twin.owner != outsider {
				src.owner, src.volume, src.Region = twin.owner, twin.volume, twin.Region
			}
		}
		// A few that nobody wants.
		if chance.IntN(100) == 0 {
			src.wanted = false
			if chance.IntN(2) == 0 {
				src.owner = outsider
			}
		}
		if s.Chaos != nil && chance.Float64() < s.Chaos.Gone {
			src.goes = time.Duration(float64(s.bound(s.Sources)) * chance.Float64())
			src.unshared = chance.IntN(2) == 0
		}
		all = append(all, src)
	}
	slices.SortFunc(all, func(a, b source) int { return int(a.shareAt - b.shareAt) })
	return all
}

// bound is about how long a storm of n sources takes.
func (s Storm) bound(n int) time.Duration {
	mean := float64(s.Longest-s.Shortest) / math.Log(float64(s.Longest)/float64(s.Shortest))
	return time.Duration(mean * float64(n) / slots)
}

const slots = 20

// run is one storm on its way.
type run struct {
	Storm
	deployment *Deployment
	sources    []source
	byID       map[string]*source
	began      time.Time

	mu          sync.Mutex
	outstanding map[job]bool // copies that are still to come
	ends        map[job][]time.Time
	shareLost   map[string]bool
	gone        map[string]bool
	calls       map[sim.Call]int // of the functions, which are named as the user agent
	refused     int
	told        map[job][]Outcome
	toldOf      map[string][]Outcome // of sources, without a target
	calm        bool                 // the chaos is over
}

// job is one source's copy in one Region.
type job struct{ source, target string }

// Result is what became of a storm.
type Result struct {
	Copies          int // that completed
	Makespan, Bound time.Duration
	Calls           map[string]int // of the functions, by "function service Action"
	EC2Calls        int
	Refused         int // CopySnapshot for want of a slot
	Invocations     map[string]int
	Killed          map[string]int
	Lost, Doubled   int
	Violations      []string // of the laws
	// Unfairness is the worst account's wait for its last copy, over the wait
	// it would have had if all accounts with copies to make had equal shares of
	// the slots. The flooding account does not count.
	Unfairness float64
	Problems   []error
}

// Ratio is the time to the last copy over the best possible.
func (r Result) Ratio() float64 { return float64(r.Makespan) / float64(r.Bound) }

// CallsPerCopy are the EC2 calls of all functions for one copy.
func (r Result) CallsPerCopy() float64 { return float64(r.EC2Calls) / float64(max(r.Copies, 1)) }

// Run lets the storm pass over a deployment, in a bubble, until every copy has
// been made and everything that went wrong has been mended.
func (s Storm) Run(ctx context.Context) (Result, error) {
	r, err := s.withDefaults().pass(ctx)
	if err != nil {
		return Result{}, err
	}
	return r.result(ctx)
}

func (s Storm) pass(ctx context.Context) (*run, error) {
	p, err := s.policy()
	if err != nil {
		return nil, err
	}
	r := &run{
		Storm:       s,
		byID:        map[string]*source{},
		outstanding: map[job]bool{},
		ends:        map[job][]time.Time{},
		shareLost:   map[string]bool{},
		gone:        map[string]bool{},
		calls:       map[sim.Call]int{},
		told:        map[job][]Outcome{},
		toldOf:      map[string][]Outcome{},
	}
	settings := Settings{
		Simulation:     sim.Options{Seed: s.Seed, CopyTime: s.copyTime, Notify: r.notify, Log: r.log},
		Policies:       []policy.Policy{p},
		Sources:        stormSources,
		ReconcileEvery: 15 * time.Minute,
		ExpireEvery:    6 * time.Hour,
		Listen:         r.listen,
	}
	if s.Chaos != nil {
		s.Chaos.prepare(r, &settings)
	}
	if r.deployment, err = Deploy(ctx, settings); err != nil {
		return nil, err
	}
	if err := r.prepare(); err != nil {
		return nil, err
	}
	// The schedules do not begin with the storm.
	r.deployment.Start(ctx)
	time.Sleep(17 * time.Minute)
	if err := r.blow(ctx); err != nil {
		return nil, err
	}
	// A lost result, or a failed copy, is found within the hour.
	time.Sleep(90 * time.Minute)
	r.deployment.Stop()
	return r, nil
}

// prepare makes the snapshots, not shared yet.
func (r *run) prepare() error {
	r.began = time.Now().Add(17 * time.Minute)
	r.sources = r.Storm.sources(r.began)
	for i := range r.sources {
		src := &r.sources[i]
		r.byID[src.ID] = src
		description := "nightly backup"
		if !src.wanted && src.owner != outsider {
			description = "scratch"
		}
		err := r.deployment.World.AddSnapshot(sim.Seed{Region: src.Region, ID: src.ID, Owner: src.owner, Description: description,
			GiB: src.gib, Volume: src.volume, Started: src.started})
		if err != nil {
			return err
		}
		if src.wanted {
			for _, target := range stormTargets {
				r.outstanding[job{src.ID, target}] = true
			}
		}
	}
	return nil
}

// blow shares everything and waits for the last copy. What goes goes meanwhile.
func (r *run) blow(ctx context.Context) error {
	type act struct {
		at  time.Duration
		src *source
		do  func(context.Context, *source) error
	}
	var acts []act
	for i := range r.sources {
		src := &r.sources[i]
		acts = append(acts, act{src.shareAt, src, r.share})
		if src.goes > 0 {
			acts = append(acts, act{max(src.goes, src.shareAt+time.Second), src, r.go_})
		}
	}
	slices.SortStableFunc(acts, func(a, b act) int { return int(a.at - b.at) })
	for _, a := range acts {
		if wait := time.Until(r.began.Add(a.at)); wait > 0 {
			time.Sleep(wait)
		}
		if err := a.do(ctx, a.src); err != nil {
			return err
		}
	}
	// What is not copied within a day of the copy before it is lost.
	for before, since := -1, time.Now(); time.Since(since) < r.Longest+24*time.Hour; time.Sleep(time.Minute) {
		r.mu.Lock()
		left := len(r.outstanding)
		r.mu.Unlock()
		if left == 0 {
			break
		}
		if left != before {
			before, since = left, time.Now()
		}
	}
	r.mu.Lock()
	r.calm = true
	r.mu.Unlock()
	return nil
}

func (r *run) share(ctx context.Context, src *source) error {
	return r.byOwner(ctx, src, "ModifySnapshotAttribute", "SnapshotId", src.ID, "Attribute", "createVolumePermission", "OperationType", "add", "UserId.1", Account)
}

// go_ takes the source away.
func (r *run) go_(ctx context.Context, src *source) error {
	r.mu.Lock()
	r.gone[src.ID] = true
	for _, target := range stormTargets {
		delete(r.outstanding, job{src.ID, target})
	}
	r.mu.Unlock()
	if src.unshared {
		return r.byOwner(ctx, src, "ModifySnapshotAttribute", "SnapshotId", src.ID, "Attribute", "createVolumePermission", "OperationType", "remove", "UserId.1", Account)
	}
	return r.byOwner(ctx, src, "DeleteSnapshot", "SnapshotId", src.ID)
}

// byOwner makes a call as the source's owner, who minds EC2's pace.
func (r *run) byOwner(ctx context.Context, src *source, action string, pairs ...string) error {
	for {
		err := r.deployment.World.Do(ctx, src.owner, src.Region, "ec2", action, form(pairs...), nil)
		if busy, ok := errors.AsType[*sim.Error](err); ok && busy.Code == "RequestLimitExceeded" {
			time.Sleep(time.Second)
			continue
		}
		return err
	}
}

// notify sees every event of EBS before it may be lost.
func (r *run) notify(data []byte) int {
	var e struct {
		Region string    `json:"region"`
		Detail ebsDetail `json:"detail"`
	}
	if err := json.Unmarshal(data, &e); err != nil {
		return 1
	}
	times := 1
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Chaos != nil && !r.calm {
		times = r.Chaos.deliveries(data)
	}
	switch {
	case e.Detail.Event == "shareSnapshot" && times == 0:
		r.shareLost[idOf(e.Detail.Snapshot)] = true
	case e.Detail.Event == "copySnapshot" && e.Detail.Result == "succeeded":
		j := job{idOf(e.Detail.Source), e.Region}
		delete(r.outstanding, j)
		r.ends[j] = append(r.ends[j], time.Now())
	}
	return times
}

type ebsDetail struct {
	Event    string `json:"event"`
	Result   string `json:"result"`
	Snapshot string `json:"snapshot_id"`
	Source   string `json:"source"`
}

// idOf is the id at the end of an ARN.
func idOf(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

func (r *run) log(c sim.Call, a sim.Answer) {
	if !strings.HasPrefix(c.UserAgent, agentPrefix) {
		return
	}
	r.mu.Lock()
	function, _, _ := strings.Cut(strings.TrimPrefix(c.UserAgent, agentPrefix), "/")
	c.UserAgent, c.Account, c.Region = function, "", ""
	r.calls[c]++
	if c.Action == "CopySnapshot" && a.Code == "ResourceLimitExceeded" {
		r.refused++
	}
	n := r.calls[c]
	r.mu.Unlock()
	if r.Sample != nil && (function == reconciling && c.Action == "DescribeSnapshots" || n%64 == 0) {
		r.Sample(function)
	}
}

func (r *run) listen(o Outcome) {
	if o.Detail.Source == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	id := o.Detail.Source.ID
	o.Detail = trimmed(o.Detail)
	if o.Detail.TargetRegion == "" {
		r.toldOf[id] = append(r.toldOf[id], o)
		return
	}
	j := job{id, o.Detail.TargetRegion}
	r.told[j] = append(r.told[j], o)
}

// result adds up what happened.
func (r *run) result(ctx context.Context) (Result, error) {
	out := Result{Calls: map[string]int{}, Refused: r.refused, Problems: r.deployment.Problems()}
	out.Invocations, out.Killed = r.deployment.Invoked()
	for c, n := range r.calls {
		out.Calls[c.UserAgent+" "+c.Service+" "+c.Action] += n
		if c.Service == "ec2" {
			out.EC2Calls += n
		}
	}
	work, longest, lines := map[string]time.Duration{}, time.Duration(0), map[job]time.Duration{}
	for j, ends := range r.ends {
		out.Copies += len(ends)
		src := r.byID[j.source]
		took := r.copyTime(src.gib) * time.Duration(len(ends))
		work[j.target] += took
		line := job{src.volume, j.target}
		lines[line] += took
		longest = max(longest, lines[line])
		for _, end := range ends {
			out.Makespan = max(out.Makespan, end.Sub(r.began))
		}
		if len(ends) > 1 {
			out.Doubled++
		}
	}
	for total := range maps.Values(work) {
		out.Bound = max(out.Bound, total/slots)
	}
	out.Bound = max(out.Bound, longest)
	out.Unfairness = r.unfairness()
	violations, lost, err := r.check(ctx)
	out.Violations, out.Lost = violations, lost
	return out, err
}

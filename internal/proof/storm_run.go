package proof

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"snapferry/internal/policy"
	"snapferry/internal/sim"
)

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
	denied      []string
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
	// Denied is what IAM refused the templates' roles. The copy of a source that
	// is gone does not count: nobody can tell IAM any more whose it was.
	Denied        []string
	Invocations   map[string]int
	Killed        map[string]int
	Lost, Doubled int
	Violations    []string // of the laws
	// Unfairness is the worst account's wait for its last copy, over the wait
	// that it would have had if all accounts had taken turns. A flooding
	// account does not count, nor those that share its lane: of them is Flooded.
	Unfairness, Flooded float64
	Problems            []error
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
		Simulation:     sim.Options{Seed: s.Seed, Readings: s.Readings, CopyTime: s.copyTime, Notify: r.notify, Log: r.log},
		Policies:       []policy.Policy{p},
		Sources:        stormSources,
		Lanes:          s.Lanes,
		ReconcileEvery: 15 * time.Minute,
		ExpireEvery:    6 * time.Hour,
		Listen:         r.listen,
	}
	if s.Templates != nil {
		settings.Policies, settings.Sources, settings.Lanes, settings.ReconcileEvery, settings.ExpireEvery = nil, nil, 0, 0, 0
		settings.Templates, settings.Simulation.OnAuthorize = s.Templates, r.authorized
		if settings.PolicyFiles, err = s.PolicyFiles(); err != nil {
			return nil, err
		}
	}
	if s.Chaos != nil {
		s.Chaos.prepare(r, &settings)
	}
	if r.deployment, err = Deploy(ctx, settings); err != nil {
		return nil, err
	}
	if err := r.deployment.World.ControlAccount(Account, s.Controls...); err != nil {
		return nil, err
	}
	r.Lanes = r.deployment.settings.Lanes
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
	// Where there are many, reconcile looks more rarely.
	time.Sleep(90*time.Minute + time.Duration(s.Sources/1000)*6*time.Minute)
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

// authorized hears of IAM's decisions.
func (r *run) authorized(a sim.Authorization) {
	if a.Allowed || a.Advisory || a.Role == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if a.Action == "ec2:CopySnapshot" && r.gone[idOf(a.Resource)] {
		return
	}
	r.denied = append(r.denied, a.Principal+" may not "+a.Action+" on "+a.Resource)
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
	out := Result{Calls: map[string]int{}, Refused: r.refused, Denied: r.denied, Problems: r.deployment.Problems()}
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
	out.Unfairness, out.Flooded = r.unfairness()
	violations, lost, err := r.check(ctx)
	out.Violations, out.Lost = violations, lost
	return out, err
}

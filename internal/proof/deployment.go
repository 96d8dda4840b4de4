// Package proof runs whole deployments on the simulated AWS, inside the time of
// a testing/synctest bubble, and proves the promise with them: every snapshot
// that should be copied is copied, once, as fast as EC2 allows, whatever goes
// wrong. It owns the storms, the chaos, the laws that are checked after each run
// and the figures of `make bench`. Nothing of it is deployed.
package proof

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"snapferry/internal/cloud"
	"snapferry/internal/cloudformation"
	"snapferry/internal/policy"
	"snapferry/internal/reactor"
	"snapferry/internal/sim"
)

// The deployment's place in the world.
const (
	Account = "222222222222"
	Home    = "us-east-1"
)

// Settings say what is deployed, and what goes wrong. The zero value of a field
// with a default means the default.
type Settings struct {
	// Simulation is how the simulated AWS behaves. Its Fault is asked only about
	// calls that no function makes; about theirs, Intervene is.
	Simulation sim.Options
	Policies   []policy.Policy
	// Templates, when set, are synthesized CloudFormation templates, and what is
	// deployed is what they say: functions run with their environment and time-out
	// and may do what their roles may. PolicyFiles are then the policies, by the
	// names of their files; POLICY_HASH in the templates guards that they were made
	// for these. Policies and all that the templates say, Sources to ExpireEvery,
	// must not be set.
	Templates   *cloudformation.Assembly
	PolicyFiles map[string][]byte
	// Sources are the Regions in which snapshots are shared. Where copies go
	// is said by the policies.
	Sources []string // default: Home
	Slots   int      // default 20
	Lanes   int      // of each target Region; default the functions' own
	CatchUp time.Duration
	// Copiers is how many batches of events are worked on at once; default 4.
	Copiers int
	// ReconcileEvery and ExpireEvery are the schedules that Start begins; 0
	// means never.
	ReconcileEvery, ExpireEvery time.Duration
	// Intervene, when set, is asked before every remote call of a function. It
	// may be called at once from several goroutines.
	Intervene func(Remote) Intervention
	// Delay, when set, says how long each event is held back on its way to
	// functions/copy, where it then comes alone.
	Delay func() time.Duration
	// Attempts is how often the SDK tries a call; default the SDK's own 3. With
	// 1 every fault reaches snapferry.
	Attempts int
	// Transport, when set, carries the functions' calls in the place of the
	// world's own.
	Transport http.RoundTripper
	// Listen hears of every outcome, in their order.
	Listen func(Outcome)
}

// Remote is a remote call that a function is about to make.
type Remote struct {
	sim.Call
	Function   string // copy, reconcile, expire
	Invocation int    // counts the invocations of all functions, from 1
	Number     int    // counts the calls of this invocation, from 1
}

// Intervention is what happens to a remote call. The zero value: nothing.
type Intervention struct {
	// Fault is what goes wrong with the call.
	Fault sim.Fault
	// Kill ends the process that makes the call, at once: before the call has
	// an effect, or after it if Fault.Done is set. No later call of the
	// invocation reaches AWS, and nobody hears what it would have answered.
	Kill bool
}

// ErrKilled is what an invocation answers that was killed, or that ran out of
// its time.
var ErrKilled = errors.New("the function was killed")

// Deployment is one deployment of snapferry: bus, rules, queues and the three
// functions, each in processes of its own. Make it, and use it, in a
// testing/synctest bubble. Its methods may be called at once, but only one
// reconcile and one expire run at a time.
type Deployment struct {
	World   *sim.World
	Targets []string // Regions where copies go, sorted
	// Roles are those of the templates, in the order of their making.
	Roles []*cloudformation.Role

	settings Settings
	deployed map[string]*cloudformation.Function // by templates; nil without
	running  sync.WaitGroup
	stop     context.CancelFunc

	mu          sync.Mutex
	invocations map[string]*invocation // those that run, by the user agent of their calls
	invoked     map[string]int         // how many, by function
	killed      map[string]int
	count       int // of all invocations
	problems    []error
	idle        []*process // of copy
	reconciler  *process
	expirer     *process
}

// Deploy makes the world and deploys into it. Nothing runs before Start, unless
// it is asked for.
func Deploy(ctx context.Context, s Settings) (*Deployment, error) {
	if s.Templates != nil {
		if err := s.templated(); err != nil {
			return nil, fmt.Errorf("deploy: %w", err)
		}
	}
	if s.Sources == nil {
		s.Sources = []string{Home}
	}
	if s.Slots == 0 {
		s.Slots = 20
	}
	if s.Lanes == 0 {
		s.Lanes = cloud.DefaultLanes
	}
	if s.CatchUp == 0 {
		s.CatchUp = 7 * 24 * time.Hour
	}
	if s.Copiers == 0 {
		s.Copiers = 4
	}
	d := &Deployment{
		Targets:     targets(s.Policies),
		settings:    s,
		invocations: map[string]*invocation{},
		invoked:     map[string]int{},
		killed:      map[string]int{},
	}
	options := s.Simulation
	others := options.Fault
	options.Fault = func(c sim.Call) sim.Fault {
		if i := d.calling(c.UserAgent); i != nil {
			return i.intervene(c)
		}
		if others != nil {
			return others(c)
		}
		return sim.Fault{}
	}
	d.World = sim.New(options)
	if s.Listen != nil {
		d.World.OnEvent(d.hear)
	}
	create := d.createResources
	if s.Templates != nil {
		create = d.deployTemplates
	}
	if err := create(ctx); err != nil {
		return nil, fmt.Errorf("deploy: %w", err)
	}
	return d, nil
}

// Start begins the event source mapping and the schedules; Stop ends them.
func (d *Deployment) Start(ctx context.Context) {
	ctx, d.stop = context.WithCancel(ctx)
	d.running.Go(func() { d.poll(ctx) })
	if d.deployed != nil {
		d.schedule(ctx, reconciling, func(ctx context.Context) error {
			_, err := d.Reconcile(ctx)
			return err
		})
		d.schedule(ctx, expiring, func(ctx context.Context) error {
			_, err := d.Expire(ctx)
			return err
		})
	}
	every := func(period time.Duration, f func(context.Context) (reactor.Summary, error)) {
		if period == 0 {
			return
		}
		d.running.Go(func() {
			// As Scheduler does, at once and then at the rate.
			for wait := time.Duration(0); sleep(ctx, wait); wait = period {
				if _, err := f(ctx); err != nil {
					d.problem(err)
				}
			}
		})
	}
	every(d.settings.ReconcileEvery, d.Reconcile)
	every(d.settings.ExpireEvery, d.Expire)
}

// Stop ends what Start began, once the invocations that run are over.
func (d *Deployment) Stop() {
	d.stop()
	d.running.Wait()
}

// Invoked counts the invocations so far, by function, and those that were killed.
func (d *Deployment) Invoked() (all, killed map[string]int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.invoked), maps.Clone(d.killed)
}

// Problems are the errors that scheduled invocations answered with, and those of
// the event source mapping itself.
func (d *Deployment) Problems() []error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.problems)
}

func (d *Deployment) problem(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.problems = append(d.problems, err)
}

// Do makes a call as the target account, of which Intervene is not asked.
func (d *Deployment) Do(ctx context.Context, region, service, action string, in, out any) error {
	return d.World.Do(ctx, Account, region, service, action, in, out)
}

func targets(policies []policy.Policy) []string {
	var regions []string
	for _, p := range policies {
		for _, rule := range p.Rules {
			regions = append(regions, rule.Region)
		}
	}
	slices.Sort(regions)
	return slices.Compact(regions)
}

// sleep waits for d and says whether ctx still lives.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

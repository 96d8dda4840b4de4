package proof

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"snapferry/internal/cloud"
	"snapferry/internal/policy"
	"snapferry/internal/reactor"
	"snapferry/internal/sim"
)

// The functions.
const (
	copying     = "copy"
	reconciling = "reconcile"
	expiring    = "expire"
)

// How long Lambda lets the functions run.
const (
	copyTimeout  = time.Minute
	otherTimeout = 15 * time.Minute
)

// process is one execution environment of a function: what it remembers between
// invocations, it alone remembers. It does one invocation at a time.
type process struct {
	deployment *Deployment
	current    *invocation
	stream     string // of its log, once there is one

	copier     *reactor.Copier
	reconciler *reactor.Reconciler
	expirer    *reactor.Expirer
}

// newProcess starts a process, wired as the function's main wires it.
func (d *Deployment) newProcess(function string) (*process, error) {
	p, w := &process{deployment: d}, d.wired(function)
	config := aws.Config{
		Region:       w.region,
		BaseEndpoint: aws.String(endpoint),
		HTTPClient:   p,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: w.accessKey, SecretAccessKey: "simulated"}, nil
		}),
		RetryMaxAttempts: d.settings.Attempts,
	}
	c := cloud.New(config)
	outcomes, err := c.Outcomes(w.bus)
	if err != nil {
		return nil, err
	}
	s := d.settings
	if function == expiring {
		p.expirer = &reactor.Expirer{Policies: s.Policies, Regions: w.furtherRegions, Copies: c.EC2(), Outcomes: outcomes, Now: c.Now}
		return p, nil
	}
	orders, err := c.Orders(cloud.Queues{
		URL: w.orders, Letters: w.letters, Lanes: strconv.Itoa(s.Lanes), Accounts: policy.Accounts(s.Policies),
	})
	if err != nil {
		return nil, err
	}
	switch function {
	case copying:
		p.copier = &reactor.Copier{Policies: s.Policies, Slots: s.Slots, Copies: c.EC2(), Orders: orders, Outcomes: outcomes, Now: c.Now}
	case reconciling:
		wakers, err := c.Wakers(w.events)
		if err != nil {
			return nil, err
		}
		p.reconciler = &reactor.Reconciler{Policies: s.Policies, Sources: s.Sources, CatchUp: s.CatchUp,
			Copies: c.EC2(), Orders: orders, Wakers: wakers, Now: c.Now}
	}
	return p, nil
}

// Do implements aws.HTTPClient: every remote call of the process goes through it.
func (p *process) Do(r *http.Request) (*http.Response, error) {
	i := p.current
	if i.isDead() {
		return nil, ErrKilled
	}
	r.Header.Set("User-Agent", i.name)
	response, err := p.deployment.transport().RoundTrip(r)
	if i.isDead() {
		return nil, ErrKilled
	}
	return response, err
}

func (d *Deployment) transport() http.RoundTripper {
	if d.settings.Transport != nil {
		return d.settings.Transport
	}
	return d.World.Transport()
}

// invocation is one event on its way through a function.
type invocation struct {
	deployment *Deployment
	function   string
	number     int
	name       string // the user agent of its calls
	end        context.CancelFunc

	mu    sync.Mutex
	calls int
	dead  bool
}

// intervene decides about a call that is about to be made.
func (i *invocation) intervene(c sim.Call) sim.Fault {
	i.mu.Lock()
	i.calls++
	remote := Remote{Call: c, Function: i.function, Invocation: i.number, Number: i.calls}
	dead := i.dead
	i.mu.Unlock()
	if dead {
		return sim.Fault{Drop: true}
	}
	if i.deployment.settings.Intervene == nil {
		return sim.Fault{}
	}
	intervention := i.deployment.settings.Intervene(remote)
	if intervention.Kill {
		i.die()
		return sim.Fault{Drop: true, Done: intervention.Fault.Done}
	}
	return intervention.Fault
}

func (i *invocation) die() {
	i.mu.Lock()
	i.dead = true
	i.mu.Unlock()
	i.end()
}

func (i *invocation) isDead() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.dead
}

// calling is the invocation whose calls have this user agent, if one has.
func (d *Deployment) calling(userAgent string) *invocation {
	if !strings.HasPrefix(userAgent, agentPrefix) {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.invocations[userAgent]
}

const agentPrefix = "snapferry/"

// invoke runs f as one invocation in process p, within its time-out. The error is
// ErrKilled when whatever f answered was lost with the process.
func (d *Deployment) invoke(ctx context.Context, p *process, function string, f func(ctx context.Context)) error {
	ctx, cancel := context.WithTimeout(ctx, d.wired(function).timeout)
	defer cancel()
	i := &invocation{deployment: d, function: function, end: cancel}
	d.mu.Lock()
	d.invoked[function]++
	d.count++
	i.number = d.count
	i.name = fmt.Sprintf("%s%s/%d", agentPrefix, function, i.number)
	d.invocations[i.name] = i
	d.mu.Unlock()
	p.current = i

	f(ctx)
	d.report(p, i)

	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.invocations, i.name)
	if i.isDead() || ctx.Err() != nil {
		d.killed[function]++
		return ErrKilled
	}
	return nil
}

// Copy hands a batch of events to functions/copy, in a process that is idle or
// in a new one.
func (d *Deployment) Copy(ctx context.Context, records []reactor.Record) ([]reactor.Failure, reactor.Summary, error) {
	d.mu.Lock()
	var p *process
	if n := len(d.idle); n > 0 {
		p, d.idle = d.idle[n-1], d.idle[:n-1]
	}
	d.mu.Unlock()
	if p == nil {
		var err error
		if p, err = d.newProcess(copying); err != nil {
			return nil, reactor.Summary{}, err
		}
	}
	var failures []reactor.Failure
	journal := quiet(false)
	err := d.invoke(ctx, p, copying, func(ctx context.Context) { failures = p.copier.Handle(ctx, journal, records) })
	if err != nil {
		return nil, reactor.Summary{}, err // and p is gone
	}
	d.mu.Lock()
	d.idle = append(d.idle, p)
	d.mu.Unlock()
	return failures, journal.Summary(), nil
}

// Reconcile runs functions/reconcile once.
func (d *Deployment) Reconcile(ctx context.Context) (reactor.Summary, error) {
	return d.scheduled(ctx, &d.reconciler, reconciling, func(ctx context.Context, p *process, j *reactor.Journal) error {
		return p.reconciler.Reconcile(ctx, j)
	})
}

// Expire runs functions/expire once.
func (d *Deployment) Expire(ctx context.Context) (reactor.Summary, error) {
	return d.scheduled(ctx, &d.expirer, expiring, func(ctx context.Context, p *process, j *reactor.Journal) error {
		return p.expirer.Expire(ctx, j)
	})
}

// scheduled runs a function that has one process at most.
func (d *Deployment) scheduled(ctx context.Context, at **process, function string, f func(context.Context, *process, *reactor.Journal) error) (reactor.Summary, error) {
	if *at == nil {
		p, err := d.newProcess(function)
		if err != nil {
			return reactor.Summary{}, err
		}
		*at = p
	}
	p, journal := *at, quiet(false)
	var answer error
	err := d.invoke(ctx, p, function, func(ctx context.Context) { answer = f(ctx, p, journal) })
	if err != nil {
		*at = nil
		return reactor.Summary{}, err
	}
	return journal.Summary(), answer
}

func quiet(dryRun bool) *reactor.Journal {
	return reactor.NewJournal(slog.New(slog.DiscardHandler), dryRun)
}

// Package sim is a small, faithful AWS on the wire: EBS snapshots, KMS, SQS,
// EventBridge and CloudWatch Logs for any number of accounts and Regions, as far
// as copying shared snapshots needs them. The unmodified SDKs and command lines talk to it, over
// a loopback port or in memory.
//
// It follows Amazon also where Amazon is unpleasant: copies that fail after a
// 200, pending sources, lost and repeated events, listings that lag behind. It
// knows nothing of snapferry and must not learn its rules.
//
// It never verifies signatures: the access key id says who is calling (see
// ServeHTTP), and whoever reaches the listener is believed. Serve it on loopback
// only. Accounts may do what the policies of resources let them; roles, which
// World.AddRole makes, only what their own policies allow besides; and nobody of
// an account more than the service control policies that World.ControlAccount
// attaches to it.
package sim

import (
	"container/heap"
	"math/rand/v2"
	"sync"
	"time"

	"snapferry/internal/sim/iam"
)

// Options say how a World behaves. The zero value is a world on the machine's
// clock with Amazon's own quotas, in which nothing goes wrong by chance.
type Options struct {
	// Clock is the world's clock; nil means WallClock.
	Clock Clock
	// Seed makes ids and chance repeatable: the same seed and the same calls
	// give the same world.
	Seed uint64
	// CreateTime and CopyTime say how long a snapshot of so many GiB stays
	// pending; nil means a few seconds.
	CreateTime, CopyTime func(gib int) time.Duration
	// CopyQuota is how many copies may be pending per account and destination
	// Region; 0 means Amazon's 20.
	CopyQuota int
	// NoThrottling switches the API token buckets off.
	NoThrottling bool
	// ListingLag is how long a new snapshot, a change of its state or of its
	// tags may stay invisible to DescribeSnapshots and DescribeTags. Until a new
	// snapshot shows, no other call that names it finds it.
	ListingLag time.Duration
	// LogLag is how long a new log event stays invisible to FilterLogEvents.
	LogLag time.Duration
	// ShareLag is how long after ModifySnapshotAttribute a copy by the
	// recipient still fails with "Source snapshot is not found".
	ShareLag time.Duration
	// Notify, when set, decides how many times an EBS notification is
	// delivered: 0 loses it, 2 repeats it. It sees the event's JSON.
	Notify func(event []byte) int
	// Fault, when set, is asked before every call.
	Fault func(Call) Fault
	// Log, when set, is told of every call once it has been answered.
	Log func(Call, Answer)
	// OnAuthorize, when set, is told of every decision about what somebody wants
	// to do, those about roots too. It is called within a step of the world, so
	// it must not use the World.
	OnAuthorize func(Authorization)
	// Templates, when set, makes what templates say: without it there is no
	// CloudFormation.
	Templates func(*World) Templates
	// Organizations are the organisations (o-…) that accounts are in, for
	// aws:PrincipalOrgID and its like.
	Organizations map[string]string
	// Readings say how it decides where Amazon's documents leave it open.
	Readings Readings
	// Managers are the accounts that manage an organisation: service control
	// policies bind nobody in them.
	Managers []string
}

// Call is what Options.Fault and Options.Log see of a request.
type Call struct {
	Account, Region string
	Service, Action string // "ec2", "CopySnapshot"
	// UserAgent tells callers apart that share an account.
	UserAgent string
}

// Answer is what became of a Call.
type Answer struct {
	Status int
	Code   string // AWS's error code, "" when the call succeeded
}

// Fault is what goes wrong with one call. The zero value: nothing.
type Fault struct {
	// Done says whether the call takes effect before it fails.
	Done bool
	// Status and Code are answered instead of the true answer; Status 0 with
	// Drop false means no fault.
	Status  int
	Code    string
	Message string
	// Drop closes the connection without an answer.
	Drop bool
}

// World is one simulated AWS. All methods may be called at once from any
// goroutine.
type World struct {
	options Options
	clock   Clock

	// mu makes each call one step of the world's history. It is held while a
	// service works and never while a caller waits.
	mu       sync.Mutex
	chance   *rand.Rand
	timeline timeline
	order    int // breaks ties on the timeline
	alarm    Timer
	counts   map[Call]int

	// roles and sessions are by ARN and by access key id.
	roles    map[roleKey]*role
	sessions map[string]*session
	// controls are the service control policies of accounts.
	controls map[string][]*iam.Policy

	ec2            *ec2
	kms            *kms
	sqs            *sqs
	events         *events
	logs           *logs
	s3             *s3
	ssm            *ssm
	cloudformation *cloudformation
}

// New makes an empty World.
func New(o Options) *World {
	if o.Clock == nil {
		o.Clock = WallClock{}
	}
	w := &World{
		options: o,
		clock:   o.Clock,
		chance:  rand.New(rand.NewPCG(o.Seed, 0x736e6170)),
		counts:  map[Call]int{},

		roles:    map[roleKey]*role{},
		sessions: map[string]*session{},
		controls: map[string][]*iam.Policy{},
	}
	w.ec2 = newEC2(w)
	w.kms = newKMS(w)
	w.sqs = newSQS(w)
	w.events = newEvents(w)
	w.logs = newLogs(w)
	w.s3 = &s3{w: w, buckets: map[string]*s3Bucket{}}
	w.ssm = &ssm{w: w, parameters: map[parameterKey]*parameter{}}
	w.cloudformation = newCloudFormation(w)
	return w
}

// Now is the world's time.
func (w *World) Now() time.Time { return w.clock.Now() }

// Counts says how many calls were made so far, by caller and action.
func (w *World) Counts() map[Call]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	counts := make(map[Call]int, len(w.counts))
	for call, n := range w.counts {
		counts[call] = n
	}
	return counts
}

// step runs f as one step of history: everything that was due has happened
// before it, and nothing else happens during it. Listeners hear of its events
// once it is over.
func (w *World) step(f func(now time.Time)) {
	defer w.events.tell()
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock.Now()
	w.catchUp(now)
	f(now)
	w.rearm()
}

// at schedules f for time t; call it within a step. f runs within a step of
// its own and is told t, however late it is really run.
func (w *World) at(t time.Time, f func(now time.Time)) {
	w.order++
	heap.Push(&w.timeline, moment{at: t, order: w.order, f: f})
}

func (w *World) catchUp(now time.Time) {
	for len(w.timeline) > 0 && !w.timeline[0].at.After(now) {
		m := heap.Pop(&w.timeline).(moment)
		m.f(m.at)
	}
}

// rearm sets the alarm for the next moment on the timeline, so that it happens
// even when nobody calls.
func (w *World) rearm() {
	if w.alarm != nil {
		w.alarm.Stop()
		w.alarm = nil
	}
	if len(w.timeline) == 0 {
		return
	}
	w.alarm = w.clock.AfterFunc(w.timeline[0].at.Sub(w.clock.Now()), func() {
		w.step(func(time.Time) {})
	})
}

// moment is something that happens at a time.
type moment struct {
	at    time.Time
	order int
	f     func(now time.Time)
}

// timeline is a heap of moments, earliest first.
type timeline []moment

func (t timeline) Len() int { return len(t) }
func (t timeline) Less(i, j int) bool {
	if t[i].at.Equal(t[j].at) {
		return t[i].order < t[j].order
	}
	return t[i].at.Before(t[j].at)
}
func (t timeline) Swap(i, j int) { t[i], t[j] = t[j], t[i] }
func (t *timeline) Push(x any)   { *t = append(*t, x.(moment)) }
func (t *timeline) Pop() any {
	old := *t
	last := old[len(old)-1]
	*t = old[:len(old)-1]
	return last
}

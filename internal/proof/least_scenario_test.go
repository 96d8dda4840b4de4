package proof

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"snapferry/internal/cloudformation"
	"snapferry/internal/sim"
	"snapferry/internal/snapshot"
)

// What there is in the case proof besides what the scenario of the crashes has.
const (
	frankfurt  = "eu-central-1"
	dublin     = "eu-west-1"
	defaultKey = "arn:aws:kms:eu-west-1:222222222222:key/2222abcd-350d-4c52-bac8-8985e84171c7"
	shopKey    = "arn:aws:kms:us-east-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	factoryKey = "arn:aws:kms:eu-central-1:333333333333:key/5678dcba-34cd-56ef-78ab-0987654321cd"
)

// Snapshots by what becomes of them; those of the crashes' scenario are here too.
const (
	twin    = "snap-0000000000000aaa5" // of the same volume as plain: its copies wait
	sealed  = "snap-0000000000000aaa6" // encrypted
	distant = "snap-0000000000000aaa7" // of the factory, in Frankfurt, encrypted
	halted  = "snap-0000000000000aaa8" // shared while no event may come home
	halted2 = "snap-0000000000000aaa9" // the same, in Frankfurt
	stopped = "snap-0000000000000aab1" // shared while no event may be queued
	image   = "snap-0000000000000bbb8" // an image needs it
)

// ending is what a scenario under roles has come to. Two runs in which everybody
// could do what they did come to the same.
type ending struct {
	Deployed string // why it was not
	Copies   []string
	Letters  []string // in the orders' dead-letter queue
	Waiting  []string // queues that are not empty
	Told     []string // outcomes
	Refused  []string // what the functions may not do
	Lost     []string // rules that lost events
	Logged   []string // log groups with something in them
	Problems []string // of the schedules and of the event source mapping
}

// shows names the fields in which two endings differ.
func (e ending) shows(other ending) (names []string) {
	if e.Deployed != other.Deployed {
		return []string{"deployment"}
	}
	for _, part := range []struct {
		name string
		a, b []string
	}{
		{"copies", e.Copies, other.Copies}, {"letters", e.Letters, other.Letters}, {"queues", e.Waiting, other.Waiting}, {"outcomes", e.Told, other.Told},
		{"refusals", e.Refused, other.Refused}, {"lost events", e.Lost, other.Lost}, {"logs", e.Logged, other.Logged}, {"problems", e.Problems, other.Problems},
	} {
		if !slices.Equal(part.a, part.b) {
			names = append(names, part.name)
		}
	}
	return names
}

// under plays the scenario with the case's templates, some of them replaced, in a
// world of its own. authorized, if there is one, hears of every decision of IAM.
func (c goldenCase) under(t *testing.T, instead fstest.MapFS, authorized func(sim.Authorization)) (end ending, roles []*cloudformation.Role) {
	t.Helper()
	templates := c.templates(t, instead)
	synctest.Test(t, func(t *testing.T) { end, roles = c.play(t, templates, authorized) })
	return end, roles
}

func (c goldenCase) play(t *testing.T, templates *cloudformation.Assembly, authorized func(sim.Authorization)) (ending, []*cloudformation.Role) {
	p := &player{T: t, reading: c.reading, names: map[string]string{
		plain: "plain", unwanted: "unwanted", unheard: "unheard", refused: "refused", twin: "twin", sealed: "sealed", distant: "distant",
		halted: "halted", halted2: "halted2", stopped: "stopped",
		expired: "expired", held: "held", locked: "locked", fresh: "fresh", image: "image", strangers: "strangers"}}
	var mu sync.Mutex
	var denied []string
	d, err := Deploy(t.Context(), Settings{
		Templates:   templates,
		PolicyFiles: c.policies,
		Attempts:    1,
		Listen:      p.hear,
		Simulation: sim.Options{
			NoThrottling: true,
			Readings:     c.reading,
			CopyTime:     func(int) time.Duration { return 90 * time.Second },
			OnAuthorize:  authorized,
			Notify: func(event []byte) int {
				if strings.Contains(string(event), unheard) {
					return 0
				}
				return 1
			},
			Log: func(call sim.Call, a sim.Answer) {
				if strings.HasPrefix(call.UserAgent, agentPrefix) && isRefusal(a.Code) {
					function, _, _ := strings.Cut(strings.TrimPrefix(call.UserAgent, agentPrefix), "/")
					mu.Lock()
					denied = append(denied, function+" "+call.Service+":"+call.Action+" in "+call.Region)
					mu.Unlock()
				}
			},
		},
	})
	if err != nil {
		return ending{Deployed: err.Error()}, nil
	}
	p.d = d
	c.addEncryptionKeys(t, d)
	p.day(c.sourceKeys(t))
	e := ending{Copies: p.copies(london, dublin, saoPaulo), Letters: p.letters(), Told: set(p.told), Refused: set(denied)}
	for _, f := range []string{copying, reconciling, expiring} {
		group := d.deployed[f].LogGroup
		var log struct{ Events []any }
		p.check(d.Do(t.Context(), Home, "logs", "FilterLogEvents", map[string]any{"logGroupName": group}, &log))
		if len(log.Events) > 0 {
			e.Logged = append(e.Logged, group)
		}
	}
	for _, queue := range []string{eventsQueue, eventsDLQ, "snapferry-undelivered"} {
		e.Waiting = append(e.Waiting, p.waiting(Home, queue)...)
	}
	for _, region := range d.Targets {
		for lane := range d.settings.Lanes {
			e.Waiting = append(e.Waiting, p.waiting(Home, ordersQueue(region, strconv.Itoa(lane)))...)
		}
	}
	for _, region := range []string{Home, frankfurt, london, dublin, saoPaulo} {
		for _, line := range p.waiting(region, "snapferry-forwarder-undelivered") {
			e.Waiting = append(e.Waiting, region+" "+line)
		}
	}
	for rule, n := range sortedMap(d.World.Lost()) {
		e.Lost = append(e.Lost, fmt.Sprintf("%s: %d", rule, n))
	}
	for _, problem := range d.Problems() {
		e.Problems = append(e.Problems, p.words(problem.Error()))
	}
	return e, d.Roles
}

// isRefusal says whether an error code means that the caller may not.
func isRefusal(code string) bool {
	return code == "UnauthorizedOperation" || code == "AuthFailure" || strings.Contains(code, "AccessDenied")
}

// day is a day of a small deployment in which everybody does all that they ever
// do.
func (p *player) day(sourceKeys map[string]string) {
	p.furnish(sourceKeys)
	due := map[string]time.Time{}
	pass := func(lasts time.Duration) { p.passUnderRoles(lasts, due) }

	for _, id := range []string{plain, twin, sealed, unwanted} {
		p.share(shop, id)
	}
	p.shareIn(frankfurt, factory, distant)
	p.shareIn(frankfurt, factory, refused)
	pass(time.Minute)
	// The copies end, and others are shared, while nothing may be put on the bus.
	p.closeBus()
	p.share(shop, halted)
	p.shareIn(frankfurt, factory, halted2)
	pass(5 * time.Minute)
	p.as(Account, "events", "RemovePermission", map[string]any{"EventBusName": busName, "RemoveAllPermissions": true}, nil)
	// Another is shared while nothing may be put into the queue.
	reopen := p.closeQueue()
	p.share(shop, stopped)
	reopen()
	// Lambda takes one of the invocations not at all.
	reconcile := p.d.deployed[reconciling].Schedules[0]
	if err := p.d.giveUp(p.Context(), &reconcile); err != nil {
		p.d.problem(err)
	}
	pass(32 * time.Hour)
}

// furnish makes what is there before. The sources' keys have the policies that
// are given by account.
func (p *player) furnish(sourceKeys map[string]string) {
	for _, key := range []string{vaultKey, brokenKey, defaultKey} {
		p.check(p.d.World.AddKey(key))
	}
	p.check(p.d.Do(p.Context(), london, "kms", "DisableKey", map[string]any{"KeyId": brokenKey}, nil))
	p.check(p.d.Do(p.Context(), dublin, "ec2", "ModifyEbsDefaultKmsKeyId", form("KmsKeyId", defaultKey), nil))
	for _, key := range []struct{ arn, account, region string }{{shopKey, shop, Home}, {factoryKey, factory, frankfurt}} {
		p.check(p.d.World.AddKey(key.arn))
		p.check(p.d.World.Do(p.Context(), key.account, key.region, "kms", "PutKeyPolicy",
			map[string]any{"KeyId": key.arn, "PolicyName": "default", "Policy": sourceKeys[key.account]}, nil))
	}
	now := time.Now().UTC()
	add := func(s sim.Seed) { p.check(p.d.World.AddSnapshot(s)) }
	const volume = "vol-0000000000000aaa1"
	add(sim.Seed{Region: Home, ID: plain, Owner: shop, Description: "production", Volume: volume})
	add(sim.Seed{Region: Home, ID: twin, Owner: shop, Description: "production", Volume: volume})
	add(sim.Seed{Region: Home, ID: sealed, Owner: shop, Description: "production", KeyARN: shopKey})
	add(sim.Seed{Region: Home, ID: unwanted, Owner: shop, Description: "test"})
	add(sim.Seed{Region: Home, ID: unheard, Owner: shop, Description: "production", SharedWith: []string{Account}})
	add(sim.Seed{Region: Home, ID: halted, Owner: shop, Description: "production"})
	add(sim.Seed{Region: Home, ID: stopped, Owner: shop, Description: "production"})
	add(sim.Seed{Region: frankfurt, ID: distant, Owner: factory, Description: "production", KeyARN: factoryKey})
	add(sim.Seed{Region: frankfurt, ID: halted2, Owner: factory, Description: "production"})
	// Too old for reconcile to order it again once it is given up.
	add(sim.Seed{Region: frankfurt, ID: refused, Owner: factory, Description: "refused", Started: now.AddDate(0, 0, -8)})

	old := now.AddDate(0, 0, -9)
	copied := func(id, source string, expires time.Time, more ...string) {
		tags := snapshot.Mark{Policy: "vault", Source: snapshot.Ref{Region: Home, ID: "snap-0000000000000ccc" + source}, SourceAccount: shop,
			SourceVolume: "vol-0000000000000ccc" + source, SourceTime: old, Expires: expires}.Tags()
		tags[snapshot.TagSettled] = "told"
		for _, key := range more {
			tags[key] = "yes"
		}
		add(sim.Seed{Region: saoPaulo, ID: id, Owner: Account, Started: old, Tags: tags})
	}
	copied(expired, "1", now)
	copied(held, "2", now, snapshot.TagHold)
	copied(locked, "3", now)
	copied(fresh, "4", now.AddDate(1, 0, 0))
	copied(image, "5", now)
	add(sim.Seed{Region: saoPaulo, ID: strangers, Owner: Account, Started: old})
	p.check(p.d.Do(p.Context(), saoPaulo, "ec2", "LockSnapshot", form("SnapshotId", locked, "LockMode", "governance", "LockDuration", "30"), nil))
	p.check(p.d.Do(p.Context(), saoPaulo, "ec2", "RegisterImage", form("Name", "image", "RootDeviceName", "/dev/sda1",
		"BlockDeviceMapping.1.DeviceName", "/dev/sda1", "BlockDeviceMapping.1.Ebs.SnapshotId", image), nil))
}

func (p *player) shareIn(region, account, id string) {
	p.check(p.d.World.Do(p.Context(), account, region, "ec2", "ModifySnapshotAttribute",
		form("SnapshotId", id, "Attribute", "createVolumePermission", "OperationType", "add", "UserId.1", Account), nil))
}

// closeBus lets nobody put EC2's events on the home bus.
func (p *player) closeBus() {
	const policy = `{"Version":"2012-10-17","Statement":[{"Sid":"Closed","Effect":"Deny","Principal":"*","Action":"events:PutEvents",` +
		`"Resource":"arn:aws:events:us-east-1:222222222222:event-bus/snapferry","Condition":{"StringEquals":{"events:source":"aws.ec2"}}}]}`
	p.as(Account, "events", "PutPermission", map[string]any{"EventBusName": busName, "Policy": policy}, nil)
}

// closeQueue lets nobody but the account itself send to the events queue, until
// the answer is called.
func (p *player) closeQueue() (reopen func()) {
	var was struct{ Attributes map[string]string }
	p.as(Account, "sqs", "GetQueueAttributes", map[string]any{"QueueUrl": queueURL(eventsQueue), "AttributeNames": []string{"Policy"}}, &was)
	set := func(policy string) {
		p.as(Account, "sqs", "SetQueueAttributes", map[string]any{"QueueUrl": queueURL(eventsQueue), "Attributes": map[string]string{"Policy": policy}}, nil)
	}
	set("")
	return func() { set(was.Attributes["Policy"]) }
}

// passUnderRoles lets time go by, in which events are delivered as they come, and
// the functions' schedules are kept.
func (p *player) passUnderRoles(lasts time.Duration, due map[string]time.Time) {
	const step = 5 * time.Minute
	for ; lasts > 0; lasts -= step {
		time.Sleep(min(step, lasts))
		if err := p.d.Drain(p.Context()); err != nil {
			p.d.problem(err)
		}
		for _, function := range []string{reconciling, expiring} {
			s := &p.d.deployed[function].Schedules[0]
			switch now := time.Now(); {
			case due[function].IsZero():
				due[function] = s.Expression.Next(now)
			case !now.Before(due[function]):
				p.d.due(p.Context(), s, p.run(function))
				due[function] = s.Expression.Next(now)
			}
		}
	}
}

// run is what a schedule invokes.
func (p *player) run(function string) func(context.Context) error {
	return func(ctx context.Context) (err error) {
		if function == reconciling {
			_, err = p.d.Reconcile(ctx)
		} else {
			_, err = p.d.Expire(ctx)
		}
		return err
	}
}

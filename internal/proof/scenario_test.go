package proof

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"snapferry/internal/plan"
	"snapferry/internal/policy"
	"snapferry/internal/sim"
	"snapferry/internal/snapshot"
)

// The accounts, Regions and keys of the scenario.
const (
	shop     = "111111111111"
	factory  = "333333333333"
	london   = "eu-west-2"
	saoPaulo = "sa-east-1"

	vaultKey  = "arn:aws:kms:eu-west-2:222222222222:key/8af79514-350d-4c52-bac8-8985e84171c7"
	brokenKey = "arn:aws:kms:eu-west-2:222222222222:key/11111111-350d-4c52-bac8-8985e84171c7"
)

// The policies of the scenario, by name.
var scenarioPolicies = map[string]string{
	"vault": `{"PolicyType":"EVENT_BASED_POLICY","EventSource":{"Type":"MANAGED_CWE","Parameters":{"EventType":"shareSnapshot","SnapshotOwner":["111111111111"],"DescriptionRegex":".*production.*"}},
		"Actions":[{"Name":"a","CrossRegionCopy":[
		{"Target":"sa-east-1","EncryptionConfiguration":{"Encrypted":false},"RetainRule":{"Interval":1,"IntervalUnit":"DAYS"}},
		{"Target":"eu-west-2","EncryptionConfiguration":{"Encrypted":true,"CmkArn":"` + vaultKey + `"},"RetainRule":{"Interval":1,"IntervalUnit":"MONTHS"}}]}]}`,
	"broken": `{"PolicyType":"EVENT_BASED_POLICY","EventSource":{"Type":"MANAGED_CWE","Parameters":{"EventType":"shareSnapshot","SnapshotOwner":["333333333333"],"DescriptionRegex":".*"}},
		"Actions":[{"Name":"a","CrossRegionCopy":[{"Target":"eu-west-2","EncryptionConfiguration":{"Encrypted":true,"CmkArn":"` + brokenKey + `"}}]}]}`,
}

// Snapshots that are there from the beginning, by what becomes of them.
const (
	plain     = "snap-0000000000000aaa1" // shared, copied
	unwanted  = "snap-0000000000000aaa2" // shared, matches nothing
	unheard   = "snap-0000000000000aaa3" // its share is lost, and the end of its copies
	refused   = "snap-0000000000000aaa4" // its rule's key is disabled
	expired   = "snap-0000000000000bbb1"
	held      = "snap-0000000000000bbb2"
	locked    = "snap-0000000000000bbb3"
	fresh     = "snap-0000000000000bbb4"
	elder     = "snap-0000000000000bbb5"
	younger   = "snap-0000000000000bbb6"
	strangers = "snap-0000000000000bbb7"
)

// player is one run of the scenario.
type player struct {
	*testing.T
	d     *Deployment
	names map[string]string // what the ids of sources and old copies mean
	keys  map[string]string // of the shop's, by the name of the snapshot
	told  []string
	// reading is that of the world.
	reading sim.Readings
}

// scenario is a day and a few hours of a small deployment: shares of which one
// is pending, one encrypted out of reach, one lost and one refused; expiry with
// all that must stay; and the schedules.
func scenario(t *testing.T, w *watch) view {
	p := &player{T: t, keys: map[string]string{}, names: map[string]string{plain: "plain", unwanted: "unwanted", unheard: "unheard", refused: "refused",
		expired: "expired", held: "held", locked: "locked", fresh: "fresh", elder: "elder", younger: "younger", strangers: "strangers"}}
	var policies []policy.Policy
	for _, name := range slices.Sorted(maps.Keys(scenarioPolicies)) {
		one, problems := policy.Parse(name+".json", []byte(scenarioPolicies[name]))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		policies = append(policies, one)
	}
	d, err := Deploy(t.Context(), Settings{
		Simulation: sim.Options{
			NoThrottling: true,
			CreateTime:   func(int) time.Duration { return 12 * time.Minute },
			CopyTime:     func(int) time.Duration { return 90 * time.Second },
			Notify: func(event []byte) int {
				if strings.Contains(string(event), unheard) {
					return 0
				}
				return 1
			},
		},
		Policies:  policies,
		Lanes:     3, // an account each and a spare one: every further call is a crash point
		Intervene: w.intervene,
		Attempts:  1,
		Listen:    p.hear,
	})
	if err != nil {
		t.Fatal(err)
	}
	p.d = d
	p.prepare()
	pending, private := p.source("pending production"), p.source("private production")

	// Shares come, and one of a snapshot that is still pending.
	for _, id := range []string{plain, unwanted, pending} {
		p.share(shop, id)
	}
	p.share(factory, refused)
	p.drain()
	p.pass(15 * time.Minute)
	p.share(shop, private) // both have completed by now
	p.drain()
	p.reconcile()
	p.pass(15 * time.Minute)
	p.reconcile()
	p.pass(10 * time.Minute)
	p.open("private")
	p.pass(10 * time.Minute)
	p.expire()
	for range 3 {
		p.reconcile()
		p.pass(40 * time.Minute)
	}
	// A day later the first copies expire and the refused order is given up.
	// What fails in one round the next ones must mend.
	time.Sleep(23 * time.Hour)
	for range 3 {
		p.reconcile()
		p.pass(40 * time.Minute)
		p.expire()
	}
	// A refused order in the queue can hide a copy that is missing until it is
	// given up: what that held up is told, and tagged, in the last rounds.
	for range 4 {
		p.reconcile()
		p.pass(40 * time.Minute)
	}
	return p.view()
}

// prepare makes what is there before.
func (p *player) prepare() {
	for _, key := range []string{vaultKey, brokenKey} {
		p.check(p.d.World.AddKey(key))
	}
	p.check(p.d.Do(p.Context(), london, "kms", "DisableKey", map[string]any{"KeyId": brokenKey}, nil))
	now := time.Now().UTC()
	add := func(s sim.Seed) { p.check(p.d.World.AddSnapshot(s)) }
	add(sim.Seed{Region: Home, ID: plain, Owner: shop, Description: "production"})
	add(sim.Seed{Region: Home, ID: unwanted, Owner: shop, Description: "test"})
	add(sim.Seed{Region: Home, ID: unheard, Owner: shop, Description: "production", SharedWith: []string{Account}})
	// Too old for reconcile to order it again once it is given up.
	add(sim.Seed{Region: Home, ID: refused, Owner: factory, Started: now.AddDate(0, 0, -8)})

	old := now.AddDate(0, 0, -9)
	mark := func(source string, expires time.Time, more ...string) map[string]string {
		tags := snapshot.Mark{Policy: "vault", Source: snapshot.Ref{Region: Home, ID: "snap-0000000000000ccc" + source}, SourceAccount: shop,
			SourceVolume: "vol-0000000000000ccc" + source, SourceTime: old, Expires: expires}.Tags()
		tags[snapshot.TagSettled] = "told"
		for _, key := range more {
			tags[key] = "yes"
		}
		return tags
	}
	add(sim.Seed{Region: saoPaulo, ID: expired, Owner: Account, Started: old, Tags: mark("1", now)})
	add(sim.Seed{Region: saoPaulo, ID: held, Owner: Account, Started: old, Tags: mark("2", now, snapshot.TagHold)})
	add(sim.Seed{Region: saoPaulo, ID: locked, Owner: Account, Started: old, Tags: mark("3", now)})
	add(sim.Seed{Region: saoPaulo, ID: fresh, Owner: Account, Started: old, Tags: mark("4", now.AddDate(1, 0, 0))})
	add(sim.Seed{Region: london, ID: elder, Owner: Account, Started: old, Tags: mark("5", now.AddDate(1, 0, 0))})
	add(sim.Seed{Region: london, ID: younger, Owner: Account, Started: old.Add(time.Hour), Tags: mark("5", now.AddDate(1, 0, 0))})
	add(sim.Seed{Region: london, ID: strangers, Owner: Account, Started: old})
	p.check(p.d.Do(p.Context(), saoPaulo, "ec2", "LockSnapshot", form("SnapshotId", locked, "LockMode", "governance", "LockDuration", "30"), nil))
}

// source makes a snapshot in the shop: encrypted under a key that only the shop
// may use, if it is private. It is pending.
func (p *player) source(description string) string {
	parameters := form("Size", "1", "AvailabilityZone", Home+"a")
	name, _, _ := strings.Cut(description, " ")
	if name == "private" {
		var key struct{ KeyMetadata struct{ Arn string } }
		p.as(shop, "kms", "CreateKey", map[string]any{}, &key)
		parameters = form("Size", "1", "AvailabilityZone", Home+"a", "Encrypted", "true", "KmsKeyId", key.KeyMetadata.Arn)
		p.keys[name] = key.KeyMetadata.Arn
	}
	var made struct {
		Volume   string `xml:"volumeId"`
		Snapshot string `xml:"snapshotId"`
	}
	p.as(shop, "ec2", "CreateVolume", parameters, &made)
	p.as(shop, "ec2", "CreateSnapshot", form("VolumeId", made.Volume, "Description", description), &made)
	p.names[made.Snapshot] = name
	return made.Snapshot
}

// open lets the target account use the key of a snapshot.
func (p *player) open(name string) {
	const statement = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["111111111111","222222222222"]},"Action":"kms:*","Resource":"*"}]}`
	p.as(shop, "kms", "PutKeyPolicy", map[string]any{"KeyId": p.keys[name], "PolicyName": "default", "Policy": statement}, nil)
}

func (p *player) share(account, id string) {
	p.as(account, "ec2", "ModifySnapshotAttribute",
		form("SnapshotId", id, "Attribute", "createVolumePermission", "OperationType", "add", "UserId.1", Account), nil)
}

func (p *player) as(account, service, action string, in, out any) {
	p.Helper()
	p.check(p.d.World.Do(p.Context(), account, Home, service, action, in, out))
}

func (p *player) check(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

// pass lets time go by, in which events are delivered as they come.
func (p *player) pass(d time.Duration) {
	const step = 5 * time.Minute
	for ; d > 0; d -= step {
		time.Sleep(min(step, d))
		p.drain()
	}
}

func (p *player) drain() { p.check(p.d.Drain(p.Context())) }

// reconcile and expire may fail: that is what the scenario is for.
func (p *player) reconcile() {
	_, _ = p.d.Reconcile(p.Context())
	p.drain()
}

func (p *player) expire() { _, _ = p.d.Expire(p.Context()) }

// hear notes an outcome without its ids and times. What only says that work is
// on its way is left out, because a process that is killed once EC2 has taken
// the copy can't say so any more: that a copy was started is told by its end, and
// that an order was there twice is nobody's concern.
func (p *player) hear(o Outcome) {
	detail := o.Detail
	if o.Type == "Started" || o.Type == "Skipped" && strings.HasPrefix(detail.Reason, "already copied") {
		return
	}
	given := ""
	if strings.Contains(detail.Reason, "dead-letter queue") {
		given = ", given up"
	}
	source := ""
	if detail.Source != nil {
		source = p.name(detail.Source.ID)
	}
	p.told = append(p.told, fmt.Sprintf("%s %s under %s to %s %s%s", o.Type, source, detail.Policy, detail.TargetRegion, p.words(detail.Cause), given))
}

func (p *player) name(id string) string {
	if name, known := p.names[id]; known {
		return name
	}
	return id
}

func (p *player) words(s string) string {
	for id, name := range p.names {
		s = strings.ReplaceAll(s, id, name)
	}
	return s
}

// view is the world at the end.
func (p *player) view() view {
	var v view
	v.Copies = p.copies(london, saoPaulo)
	v.Letters = p.letters()
	queues := []string{eventsQueue, eventsDLQ}
	for _, region := range p.d.Targets {
		for lane := range p.d.settings.Lanes {
			queues = append(queues, ordersQueue(region, strconv.Itoa(lane)))
		}
	}
	v.Waiting = p.waiting(Home, queues...)
	v.Told = set(p.told)
	return v
}

// waiting is the queues of a Region that are not empty.
func (p *player) waiting(region string, queues ...string) (lines []string) {
	for _, queue := range queues {
		n, err := p.d.waiting(p.Context(), region, queue)
		p.check(err)
		if n > 0 {
			lines = append(lines, fmt.Sprintf("%s: %d", queue, n))
		}
	}
	return lines
}

// copies are the target account's snapshots in Regions. It is not a set: two
// copies of one order would show.
func (p *player) copies(regions ...string) (lines []string) {
	for _, region := range regions {
		var listed struct {
			Items []struct {
				ID        string `xml:"snapshotId"`
				State     string `xml:"status"`
				Encrypted bool   `xml:"encrypted"`
				Key       string `xml:"kmsKeyId"`
				Tags      []struct {
					Key   string `xml:"key"`
					Value string `xml:"value"`
				} `xml:"tagSet>item"`
			} `xml:"snapshotSet>item"`
		}
		p.check(p.d.Do(p.Context(), region, "ec2", "DescribeSnapshots", form("Owner.1", "self"), &listed))
		for _, s := range listed.Items {
			var tags []string
			for _, tag := range s.Tags {
				switch tag.Key {
				case snapshot.TagExpires, snapshot.TagSourceTime, snapshot.TagSourceVolume, snapshot.TagLineage:
					tag.Value = "…"
				}
				tags = append(tags, strings.TrimPrefix(tag.Key, snapshot.Prefix)+"="+p.words(tag.Value))
			}
			slices.Sort(tags)
			name := "copy"
			if old, known := p.names[s.ID]; known {
				name = old
			}
			lines = append(lines, fmt.Sprintf("%s: %s, %s, encrypted %v %s, %s", region, name, s.State, s.Encrypted, s.Key, strings.Join(tags, " ")))
		}
	}
	slices.Sort(lines)
	return lines
}

// letters is what is in the orders' dead-letter queue. It is a set: an order that
// was there twice after a crash is given up twice, and put back as one.
func (p *player) letters() []string {
	var all []string
	for {
		var got struct{ Messages []struct{ Body string } }
		p.check(p.d.Do(p.Context(), Home, "sqs", "ReceiveMessage", map[string]any{"QueueUrl": queueURL(ordersDLQ), "MaxNumberOfMessages": 10, "VisibilityTimeout": 60}, &got))
		if len(got.Messages) == 0 {
			return set(all)
		}
		for _, m := range got.Messages {
			var o plan.Order
			if err := errors.Join(json.Unmarshal([]byte(m.Body), &o), o.Check()); err != nil || o.Denial == nil {
				all = append(all, m.Body)
				continue
			}
			all = append(all, fmt.Sprintf("%s: %s", p.words(o.String()), o.Denial.Cause))
		}
	}
}

// complete says what the scenario lacks that it is meant to have.
func (v view) complete() (problems []string) {
	has := func(lines []string, parts ...string) {
		if !slices.ContainsFunc(lines, func(line string) bool {
			return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) })
		}) {
			problems = append(problems, fmt.Sprintf("no line has %q", parts))
		}
	}
	for _, source := range []string{"plain", "unheard", "pending", "private"} {
		has(v.Copies, london, "completed", "order=vault/"+source)
		has(v.Told, "Completed "+source, london)
		has(v.Told, "Completed "+source, saoPaulo)
		has(v.Told, "Expired "+source, saoPaulo)
	}
	has(v.Told, "Skipped unwanted")
	has(v.Told, "Failed private", "Given key ID is not accessible")
	has(v.Told, "Failed refused", "is disabled")
	has(v.Told, "Failed refused", "given up")
	has(v.Letters, "broken/refused to eu-west-2", "is disabled")
	for _, old := range []string{"held", "locked", "fresh", "elder", "strangers"} {
		has(v.Copies, ": "+old+",")
	}
	if n := len(v.Copies); n != 9 {
		problems = append(problems, fmt.Sprintf("%d copies are left, want 9", n))
	}
	if len(v.Letters) != 1 || len(v.Waiting) > 0 {
		problems = append(problems, "there is one order that is given up, and nothing waits")
	}
	return problems
}

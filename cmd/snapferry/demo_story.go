package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"snapferry/infra/golden"
	"snapferry/internal/local"
	"snapferry/internal/sim"
	"snapferry/internal/snapshot"
)

// source is a snapshot that somebody shares with the target account.
type source struct {
	name        string
	account     string
	region      string
	description string
	gib         int
	copied      bool // whether the policy wants it and it can be copied

	id, key string
}

// cast is who takes part.
var cast = []source{
	{name: "database", account: shopAccount, region: shopRegion, gib: 8, copied: true,
		description: "nightly production database"},
	{name: "files", account: factoryAccount, region: factoryRegion, gib: 12, copied: true,
		description: "production files, weekly"},
	{name: "secrets", account: shopAccount, region: shopRegion, gib: 8, copied: true,
		description: "production secrets, under a key that the target account may use"},
	{name: "archive", account: factoryAccount, region: factoryRegion, gib: 150, copied: true,
		description: "production archive, shared while it is still pending"},
	{name: "unheard", account: factoryAccount, region: factoryRegion, gib: 8, copied: true,
		description: "production orders, whose event Amazon loses"},
	{name: "locked-out", account: factoryAccount, region: factoryRegion, gib: 8,
		description: "production payroll, under a key that the target account may not use"},
	{name: "scratch", account: shopAccount, region: shopRegion, gib: 8,
		description: "a developer's scratch disk"},
	{name: "gift", account: strangerAccount, region: shopRegion, gib: 8,
		description: "production, says a stranger"},
}

// patience is how long, on the machine's clock, the story waits for anything.
const patience = 30 * time.Second

// story is the demo as it goes on.
type story struct {
	hands
	clock      *sim.ScaledClock
	happened   *timeline
	deployment *local.Deployment
	policies   string // directory
	sources    []source
	began      time.Time
	lost       atomic.Value // the id of the snapshot whose event is lost

	mu    sync.Mutex
	calls map[string]int // of the functions to EC2, by action
	// What IAM decided about the roles' calls: how many were allowed, and those
	// that were refused.
	allowed int
	refused []string

	copying  map[string]int // calls, until every copy had come
	expected []expectation
	copies   []copyRow // as they were before the first expired
	held     string
}

// newStory builds the world and starts snapferry in it.
func newStory(ctx context.Context, told, logs io.Writer, quiet bool, functions string) (*story, error) {
	clock := sim.NewScaledClock(time.Now(), demoClockSpeed)
	d := &story{
		clock:    clock,
		happened: &timeline{clock: clock, w: told, brief: true},
		sources:  slices.Clone(cast),
		began:    time.Now(),
		calls:    map[string]int{},
	}
	d.lost.Store("")
	options := demoOptions(clock)
	options.Log = d.count
	options.Notify = d.lose
	options.OnAuthorize = d.judge
	world := sim.New(options)
	world.OnEvent(d.happened.event)
	d.hands = hands{ctx, world}

	if err := d.createKey(vaultKey, ""); err != nil {
		return nil, err
	}
	templates, err := golden.Target(demoDeployment)
	if err != nil {
		return nil, err
	}
	if d.policies, err = writeDemoPolicies(); err != nil {
		return nil, err
	}
	d.deployment, err = local.Start(ctx, local.Settings{
		World:     world,
		Clock:     clock,
		Templates: templates,
		Functions: functions,
		Policies:  d.policies,
		Output:    logs,
		Quiet:     quiet,
		Invoked:   d.happened.invoked,
	})
	if err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *story) close() {
	if d.deployment != nil {
		d.deployment.Close()
	}
	os.RemoveAll(d.policies)
}

// count counts the functions' calls; ours go by another agent's name.
func (d *story) count(c sim.Call, _ sim.Answer) {
	if c.Service != "ec2" || !strings.Contains(c.UserAgent, "aws-sdk-go") {
		return
	}
	d.mu.Lock()
	d.calls[c.Action]++
	d.mu.Unlock()
}

// judge counts what IAM decides about calls under the deployment's roles.
func (d *story) judge(a sim.Authorization) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case a.Role == "" || a.Advisory:
	case a.Allowed:
		d.allowed++
	default:
		d.refused = append(d.refused, fmt.Sprintf("%s may not %s on %s", a.Role, a.Action, a.Resource))
	}
}

// lose loses one event, as Amazon may: it delivers EBS events as best it can.
func (d *story) lose(event []byte) int {
	var e struct {
		Detail struct {
			Event    string `json:"event"`
			Snapshot string `json:"snapshot_id"`
		} `json:"detail"`
	}
	lost := d.lost.Load().(string)
	if lost != "" && json.Unmarshal(event, &e) == nil && e.Detail.Event == "shareSnapshot" && strings.HasSuffix(e.Detail.Snapshot, lost) {
		s := d.sources[slices.IndexFunc(d.sources, func(s source) bool { return s.id == lost })]
		d.happened.note("%s shares %s; Amazon loses the event", s.account, s.name)
		return 0
	}
	return 1
}

// play tells the story. An error means that it could not go on.
func (d *story) play() error {
	d.happened.legend()
	for _, chapter := range []func() error{d.sharing, d.threeDaysLater, d.aMonthLater} {
		err := chapter()
		if d.ctx.Err() != nil {
			return no(errors.New("interrupted before the end of the story"))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sharing: snapshots are made and shared, and copies come.
func (d *story) sharing() error {
	d.happened.note("deployed in the target account as the synthesized templates say, each function under its own role")
	d.happened.note("the target account, %s, copies *production* of %s and %s to %s for 3 days, and encrypted to %s for 1 month",
		targetAccount, shopAccount, factoryAccount, shortRegion, longRegion)
	for i := range d.sources {
		if err := d.make(&d.sources[i]); err != nil {
			return err
		}
	}
	d.until("the snapshots are complete", func() (bool, error) {
		for _, s := range d.sources {
			state, err := d.state(s)
			if err != nil || s.name != "archive" && state != "completed" {
				return false, err
			}
		}
		return true, nil
	})
	for _, s := range d.sources {
		if s.name == "unheard" {
			d.lost.Store(s.id)
		}
		if err := d.share(s.account, s.region, s.id); err != nil {
			return fmt.Errorf("share %s: %w", s.name, err)
		}
	}
	d.until("every copy has come", func() (bool, error) {
		completed, failed, err := d.tally()
		return completed == 2*d.wanted() && failed >= 2, err
	})
	d.until("every outcome is told", func() (bool, error) {
		told := map[string]int{}
		for _, o := range d.happened.seen() {
			told[o.Kind]++
		}
		return told["Completed"] >= 2*d.wanted() && told["Failed"] >= 2 && told["Skipped"] >= 2, nil
	})
	d.untilWorkedOff()
	d.copying = d.counted()
	if err := d.expectCopies(); err != nil {
		return err
	}
	return d.hold()
}

// make makes a source's key, if it has one, and the snapshot.
func (d *story) make(s *source) error {
	var err error
	switch s.name {
	case "secrets":
		s.key, err = shopKey, d.createKey(shopKey, targetAccount)
	case "locked-out":
		s.key, err = factoryKey, d.createKey(factoryKey, "")
	}
	if err != nil {
		return fmt.Errorf("make a key for %s: %w", s.name, err)
	}
	if s.id, err = d.createSnapshot(s.account, s.region, s.description, s.key, s.gib); err != nil {
		return fmt.Errorf("make %s: %w", s.name, err)
	}
	d.happened.name(s.id, s.name)
	d.happened.note("%s makes %s in %s, %q", s.account, s.name, s.region, s.description)
	return nil
}

// hold has a person of the target account's put a hold on the database's short copy.
func (d *story) hold() error {
	copies, err := d.own(targetAccount, shortRegion)
	if err != nil {
		return err
	}
	database := d.named("database")
	for _, c := range copies {
		if c.tag(snapshot.TagSource) == database.region+"/"+database.id && c.State == "completed" {
			d.held = c.ID
			d.happened.note("somebody puts a hold on %s, the copy of database in %s", c.ID, shortRegion)
			return d.tag(targetAccount, shortRegion, c.ID, snapshot.TagHold, "auditors are coming")
		}
	}
	return nil // there is none to hold: the expectations say so
}

// threeDaysLater: the short copies expire, but for the one that is held.
func (d *story) threeDaysLater() error {
	d.untilWorkedOff()
	d.happened.note("3 days pass")
	d.clock.Jump(3*24*time.Hour + 2*time.Hour)
	d.until("the short copies are gone", func() (bool, error) {
		left, err := d.usable(shortRegion)
		return len(left) <= 1, err
	})
	d.untilKept()
	return d.expectShortGone()
}

// aMonthLater: the long copies expire too, and nothing comes back.
func (d *story) aMonthLater() error {
	d.untilWorkedOff()
	d.happened.note("1 month passes")
	d.clock.Jump(31 * 24 * time.Hour)
	d.until("the long copies are gone", func() (bool, error) {
		left, err := d.usable(longRegion)
		return len(left) == 0, err
	})
	// One more reconcile, to see that it brings nothing back.
	answer, err := d.deployment.Invoke(d.ctx, local.Reconcile, []byte(`{}`))
	if err != nil {
		d.happened.note("reconcile failed: %v", err)
	}
	d.untilWorkedOff()
	return d.expectLongGone(answer)
}

package proof

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"snapferry/internal/sim"
)

// readings are worlds that differ in one reading of Amazon's documents, and those
// that differ in all that can be so together. In each the deployment has to do
// the same.
var readings = []struct {
	name string
	sim.Readings
}{
	{"as recorded", sim.Readings{}},
	{"presigned copy", sim.Readings{PresignedCopy: true}},
	{"source ARN has its Region", sim.Readings{SourceARN: sim.SourceARNSource}},
	{"source ARN has the copy's Region", sim.Readings{SourceARN: sim.SourceARNDestination}},
	{"copy has an owner", sim.Readings{NewOwner: true}},
	{"copy has no account", sim.Readings{NoNewAccount: true}},
	{"source has only an owner", sim.Readings{SourceOwner: sim.SourceOwnerOwner}},
	{"source has only an account", sim.Readings{SourceOwner: sim.SourceOwnerAccount}},
	{"encryption as asked", sim.Readings{NewEncrypted: sim.NewEncryptedAsked}},
	{"encryption as it comes", sim.Readings{NewEncrypted: sim.NewEncryptedResult}},
	{"no word of encryption", sim.Readings{NewEncrypted: sim.NewEncryptedAbsent}},
	{"all others", sim.Readings{
		PresignedCopy: true, SourceARN: sim.SourceARNSource, NewOwner: true, NoNewAccount: true,
		SourceOwner: sim.SourceOwnerAccount, NewEncrypted: sim.NewEncryptedResult}},
	{"all others, the last ones", sim.Readings{
		PresignedCopy: true, SourceARN: sim.SourceARNDestination, NewOwner: true, NoNewAccount: true,
		SourceOwner: sim.SourceOwnerOwner, NewEncrypted: sim.NewEncryptedAbsent}},
}

// inEveryReading does something with a prepared deployment, once in each reading.
func inEveryReading(t *testing.T, do func(t *testing.T, p *player)) {
	t.Helper()
	for _, r := range readings {
		t.Run(r.name, func(t *testing.T) {
			c := goldenOf(t, "proof")
			c.reading = r.Readings
			synctest.Test(t, func(t *testing.T) { do(t, c.prepare(t, nil)) })
		})
	}
}

// TestScenarioInEveryReading: the scenario of all that the deployment ever does
// comes to the same end, however Amazon reads its documents.
func TestScenarioInEveryReading(t *testing.T) {
	c := goldenOf(t, "proof")
	want, _ := c.under(t, nil, nil)
	if problems := want.complete(); len(problems) > 0 {
		t.Fatalf("the scenario is not what it is meant to be:\n%s", strings.Join(problems, "\n"))
	}
	atOnce(t, len(readings), func(t *testing.T, i int) {
		c := c
		c.reading = readings[i].Readings
		got, _ := c.under(t, nil, nil)
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%s: it comes to another end (-as recorded +here):\n%s", readings[i].name, diff)
		}
	})
}

// TestDemoInEveryReading: what the demo deploys copies what its two accounts share,
// encrypted and not, in every reading, and IAM refuses nothing.
func TestDemoInEveryReading(t *testing.T) {
	c := goldenOf(t, "demo")
	templates, keys := c.templates(t, nil), c.sourceKeys(t)
	for _, r := range readings {
		t.Run(r.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &player{T: t, names: map[string]string{plain: "plain", sealed: "sealed", distant: "distant"}}
				var refused sync.Map
				d, err := Deploy(t.Context(), Settings{Templates: templates, PolicyFiles: c.policies, Listen: p.hear,
					Simulation: sim.Options{NoThrottling: true, Readings: r.Readings, Log: func(call sim.Call, a sim.Answer) {
						if isRefusal(a.Code) {
							refused.Store(call.Service+":"+call.Action, a.Code)
						}
					}}})
				if err != nil {
					t.Fatal(err)
				}
				p.d = d
				p.furnish(keys)
				p.share(shop, plain)
				p.share(shop, sealed)
				p.shareIn(frankfurt, factory, distant)
				p.passUnderRoles(time.Hour, map[string]time.Time{})
				copies := p.copies(london, saoPaulo)
				for _, source := range []string{"plain", "sealed", "distant"} {
					for _, want := range [][]string{{london, vaultKey}, {saoPaulo}} {
						if !slices.ContainsFunc(copies, func(line string) bool {
							return !slices.ContainsFunc(append(want, "completed", "order=vault/"+source, "settled=told"), func(part string) bool { return !strings.Contains(line, part) })
						}) {
							t.Errorf("no line has %q and order=vault/%s:\n%s", want, source, strings.Join(copies, "\n"))
						}
					}
				}
				for call, code := range refused.Range {
					t.Errorf("%s got %s", call, code)
				}
			})
		})
	}
}

// TestStormInEveryReading: a small storm under the roles loses and doubles nothing
// in any reading, and IAM refuses nothing.
func TestStormInEveryReading(t *testing.T) {
	templates := goldenOf(t, "storm").templates(t, nil)
	atOnce(t, len(readings), func(t *testing.T, i int) {
		s := Storm{Seed: 5, Sources: 30, Shortest: time.Minute, Longest: 5 * time.Minute, Templates: templates, Readings: readings[i].Readings}
		r := weather(t, s)
		if r.Lost > 0 || r.Doubled > 0 || r.Copies < 60 {
			t.Errorf("%s: %d copies made, %d lost, %d doubled", readings[i].name, r.Copies, r.Lost, r.Doubled)
		}
		for _, refusal := range summary(r.Denied) {
			t.Errorf("%s: %s", readings[i].name, refusal)
		}
	})
}

// TestWhatReadingsNeed: what the statements about copying have for one reading is
// needed in it. Each edit takes something off that is for one reading; the
// scenario comes to another end in that reading and, where nothing else needs
// what was taken off, to the same in the world as recorded.
func TestWhatReadingsNeed(t *testing.T) {
	without := func(regions ...string) func(map[string]any) {
		return func(s map[string]any) {
			s["Resource"] = slices.DeleteFunc(s["Resource"].([]any), func(arn any) bool {
				return slices.Contains(regions, strings.Split(arn.(string), ":")[3])
			})
		}
	}
	condition := func(change func(c map[string]any)) func(map[string]any) {
		return func(s map[string]any) { change(s["Condition"].(map[string]any)) }
	}
	ifExists := func(key, operator string, value any) func(map[string]any) {
		return condition(func(c map[string]any) {
			delete(c["StringEqualsIfExists"].(map[string]any), key)
			other, _ := c[operator].(map[string]any)
			if other == nil {
				other = map[string]any{}
			}
			other[key] = value
			c[operator] = other
		})
	}
	nothing := func(s map[string]any) { s["Action"] = nobodyAsks }
	tests := []struct {
		name, sid string
		edit      func(statement map[string]any)
		reading   sim.Readings
		always    bool // it is needed in the world as recorded too
	}{
		{"copies on their way through source Regions", "MakeCopies", without(Home, frankfurt), sim.Readings{PresignedCopy: true}, false},
		{"tags on their way through source Regions", "MarkCopies", without(Home, frankfurt), sim.Readings{PresignedCopy: true}, false},
		{"copies that have an owner", "MakeCopies", ifExists("ec2:Owner", "Null", "true"), sim.Readings{NewOwner: true}, false},
		{"encrypted copies that have an owner", "MakeEncryptedCopies", ifExists("ec2:Owner", "Null", "true"), sim.Readings{NewOwner: true}, false},
		{"tags of copies that have an owner", "MarkCopies", ifExists("ec2:Owner", "Null", "true"), sim.Readings{NewOwner: true}, false},
		{"copies without an account", "MakeCopies", ifExists("aws:ResourceAccount", "StringEquals", Account), sim.Readings{NoNewAccount: true}, false},
		{"tags of copies without an account", "MarkCopies", ifExists("aws:ResourceAccount", "StringEquals", Account), sim.Readings{NoNewAccount: true}, false},
		{"sources without an owner", "FromListedAccounts", nothing, sim.Readings{SourceOwner: sim.SourceOwnerAccount}, false},
		{"sources with an owner only", "FromListedOwners", nothing, sim.Readings{SourceOwner: sim.SourceOwnerOwner}, true},
		{"sources in their own Regions", "FromListedOwners", without(Home, frankfurt), sim.Readings{SourceARN: sim.SourceARNSource}, true},
		{"sources in the copies' Regions", "FromListedOwners", without(london, dublin, saoPaulo), sim.Readings{SourceARN: sim.SourceARNDestination}, true},
		{"copies of which nothing is said", "MakeEncryptedCopies", condition(func(c map[string]any) {
			c["Bool"] = c["BoolIfExists"]
			delete(c, "BoolIfExists")
		}), sim.Readings{NewEncrypted: sim.NewEncryptedAbsent}, false},
	}
	recorded := goldenOf(t, "proof")
	want, _ := recorded.under(t, nil, nil)
	atOnce(t, len(tests), func(t *testing.T, i int) {
		test, c, found := tests[i], recorded, false
		for _, g := range c.grounds(t) {
			if g.resource != "CopyRole" || g.sid != test.sid || g.action != "" {
				continue
			}
			found = true
			less := c.edit(t, g, test.edit)
			as, _ := c.under(t, less, nil)
			if shows := want.shows(as); (len(shows) > 0) != test.always {
				t.Errorf("%s: in the world as recorded it shows in %q, want that it shows: %v", test.name, shows, test.always)
			}
			c.reading = test.reading
			if as, _ := c.under(t, less, nil); len(want.shows(as)) == 0 {
				t.Errorf("%s: in its reading nothing changes: it is there for nothing", test.name)
			}
		}
		if !found {
			t.Errorf("%s: the role copy has no statement %s", test.name, test.sid)
		}
	})
}

// keyReadings are those that a deployment with its own keys for queues is about.
var keyReadings = []struct {
	name string
	sim.Readings
}{
	{"as recorded", sim.Readings{}},
	{"closed queues", sim.Readings{ClosedQueues: true}},
	{"keys are told no source", sim.Readings{NoKeySource: true}},
	{"all others", sim.Readings{
		PresignedCopy: true, SourceARN: sim.SourceARNSource, NewOwner: true, NoNewAccount: true,
		SourceOwner: sim.SourceOwnerAccount, NewEncrypted: sim.NewEncryptedResult, ClosedQueues: true, NoKeySource: true}},
}

// TestOwnKeysInEveryReading: with keys of the user's own the scenario comes to the
// end that it has without, also where EventBridge delivers to no queue under SQS's
// own encryption.
func TestOwnKeysInEveryReading(t *testing.T) {
	want, _ := goldenOf(t, "proof").under(t, nil, nil)
	for _, r := range keyReadings {
		t.Run(r.name, func(t *testing.T) {
			c := goldenOf(t, "keys")
			c.reading = r.Readings
			got, _ := c.under(t, nil, nil)
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("it comes to another end (-under SQS's own keys +here):\n%s", diff)
			}
		})
	}
}

// TestWhatOwnKeysNeed: without any one statement about such a key, in a role's
// permissions or in the key's policy, the scenario comes to another end, but for
// those about what the simulated AWS does not encrypt.
func TestWhatOwnKeysNeed(t *testing.T) {
	excused := map[string]string{
		"SnapferryAlarmsArrive":   "the simulated AWS has no SNS",
		"SnapferryLogsAreWritten": "the simulated CloudWatch Logs encrypts nothing",
	}
	c := goldenOf(t, "keys")
	want, _ := c.under(t, nil, nil)
	if problems := want.complete(); len(problems) > 0 {
		t.Fatalf("the scenario is not what it is meant to be:\n%s", strings.Join(problems, "\n"))
	}
	used := 0
	for _, g := range c.grounds(t) {
		if g.sid == "UseQueueKey" {
			used++
			if as, _ := c.under(t, c.without(t, g), nil); len(want.shows(as)) == 0 {
				t.Errorf("without %s nothing changes: it is granted for nothing", g)
			}
		}
	}
	if used == 0 {
		t.Error("no role may use the queues' key")
	}
	sids := map[string]bool{}
	for _, key := range c.blueprint(t).EncryptionKeys {
		for _, s := range key.Statements {
			sids[s.Sid] = true
		}
	}
	for sid := range sids {
		c.withheld = sid
		as, _ := c.under(t, nil, nil)
		if shows := want.shows(as); (len(shows) > 0) != (excused[sid] == "") {
			t.Errorf("without %s in the keys' policies, it shows in %q", sid, shows)
		}
	}
}

// TestClosedQueues: should EventBridge after all deliver to no queue under SQS's own
// encryption, every event is lost, in dead-letter queues too, and what tells is the
// metric that the alarms on rules watch. Backups are made all the same: reconcile
// finds the shares, and copies are told.
func TestClosedQueues(t *testing.T) {
	c := goldenOf(t, "proof")
	c.reading.ClosedQueues = true
	end, _ := c.under(t, nil, nil)
	for _, source := range []string{"plain", "twin", "sealed", "distant", "unheard", "halted", "halted2", "stopped"} {
		for _, region := range []string{london, dublin} {
			if !slices.ContainsFunc(end.Copies, func(line string) bool {
				return strings.HasPrefix(line, region) && strings.Contains(line, "completed") && strings.Contains(line, "order=vault/"+source+" ") && strings.Contains(line, "settled=told")
			}) {
				t.Errorf("%s has no copy of %s:\n%s", region, source, strings.Join(end.Copies, "\n"))
			}
		}
	}
	for _, rule := range []string{Home + ":222222222222:rule/snapferry/snapferry-share-events", Home + ":222222222222:rule/snapferry/snapferry-copy-events"} {
		if !slices.ContainsFunc(end.Lost, func(line string) bool { return strings.Contains(line, rule) }) {
			t.Errorf("%s lost nothing: %q", rule, end.Lost)
		}
	}
	for _, line := range end.Waiting {
		// What Scheduler can't deliver it sends under its role, as any caller does.
		if line != "snapferry-undelivered: 1" {
			t.Errorf("EventBridge delivered to a closed queue: %q", line)
		}
	}
}

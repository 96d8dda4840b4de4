package proof

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	gocmp "github.com/google/go-cmp/cmp"

	"snapferry/internal/sim"
)

// TestEveryPermissionIsUsed: in the scenario every statement of every role
// allows something, and every action in it is done under it.
func TestEveryPermissionIsUsed(t *testing.T) {
	c := goldenOf(t, "proof")
	used, unused := c.permissions(t, nil)
	for role, n := range sortedMap(used) {
		t.Logf("%s: %d statements, %d actions", role, n.statements, n.actions)
	}
	var excused []string
	for permission, reading := range usedIn {
		excused = append(excused, permission)
		c := c
		c.reading = reading
		if _, unused := c.permissions(t, nil); slices.Contains(unused, permission) {
			t.Errorf("%s is not used in the reading %+v either, for which it is there", permission, reading)
		}
	}
	slices.Sort(excused)
	if diff := gocmp.Diff(excused, unused); diff != "" {
		t.Errorf("unused permissions (-excused in the tables +really):\n%s", diff)
	}

	// One permission more than it takes shows.
	for _, g := range c.grounds(t) {
		if g.resource != "ReconcileRole" || g.sid != "Look" {
			continue
		}
		more := c.edit(t, g, func(statement map[string]any) {
			statement["Action"] = []any{statement["Action"], "ec2:DescribeVolumes"}
		})
		_, unused := c.permissions(t, more)
		if needless := "snapferry-reconcile Look ec2:DescribeVolumes"; !slices.Contains(unused, needless) {
			t.Errorf("unused are %q, and not %s", unused, needless)
		}
	}
}

// usedIn are permissions that are there for one reading of Amazon's documents, and
// used in it.
var usedIn = map[string]sim.Readings{
	"snapferry-copy FromListedAccounts ec2:CopySnapshot": {SourceOwner: sim.SourceOwnerAccount},
}

type permissionCount struct{ statements, actions int }

// permissions plays the scenario and counts the permissions of each role. unused
// are those that it has and nobody ever needed.
func (c goldenCase) permissions(t *testing.T, instead fstest.MapFS) (roles map[string]permissionCount, unused []string) {
	t.Helper()
	type use struct {
		by     sim.PolicyStatement
		action string
	}
	var mu sync.Mutex
	uses := map[use]bool{}
	end, deployed := c.under(t, instead, func(a sim.Authorization) {
		mu.Lock()
		defer mu.Unlock()
		for _, by := range a.By {
			if a.Allowed && by.Of == a.Role {
				uses[use{by, a.Action}] = true
			}
		}
	})
	if end.Deployed != "" {
		t.Fatal(end.Deployed)
	}
	roles = map[string]permissionCount{}
	for _, role := range deployed {
		count := permissionCount{}
		for i, policy := range role.Policies {
			var document struct {
				Statement []struct{ Sid, Effect, Action any }
			}
			if err := json.Unmarshal([]byte(policy.Document), &document); err != nil {
				t.Fatal(err)
			}
			for j, s := range document.Statement {
				if s.Effect == "Deny" {
					continue // which TestAnotherKeyIsRefused is about
				}
				count.statements++
				at := sim.PolicyStatement{Of: role.ARN, Policy: i, Statement: j, Sid: fmt.Sprint(s.Sid)}
				for _, action := range oneOrMore(s.Action) {
					count.actions++
					form := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(action), `\*`, ".*") + "$")
					done := false
					for u := range uses {
						done = done || u.by == at && form.MatchString(u.action)
					}
					if !done {
						unused = append(unused, role.Name+" "+at.Sid+" "+action)
					}
				}
			}
		}
		roles[role.Name] = count
	}
	slices.Sort(unused)
	return roles, unused
}

func oneOrMore(value any) (all []string) {
	list, several := value.([]any)
	if !several {
		list = []any{value}
	}
	for _, one := range list {
		all = append(all, fmt.Sprint(one))
	}
	return all
}

// dispensable are grounds without which the scenario comes to the same, with the
// reason: statements by resource and Sid, of whatever stack, and single actions.
var dispensable = map[string]string{
	"CopyRole FromListedAccounts": "it is there for a reading of Amazon's documents, in TestWhatReadingsNeed",

	"CopyRole UseKeys kms:Decrypt":    keysAreAsked,
	"CopyRole UseKeys kms:ReEncrypt*": keysAreAsked,
}

const keysAreAsked = "Amazon documents it for copying, so that it is granted; where it was denied for a trial the copy was made all the same, and so it is here"

// TestNothingIsGrantedForNothing takes away each statement that allows something
// to anybody, and each action of it, one at a time, in the policies of roles,
// queues and keys and in the trust of roles. Without any one of them the
// deployment is refused, or the scenario comes to another end.
func TestNothingIsGrantedForNothing(t *testing.T) {
	c := goldenOf(t, "proof")
	want, _ := c.under(t, nil, nil)
	if problems := want.complete(); len(problems) > 0 {
		t.Fatalf("the scenario is not what it is meant to be:\n%s", strings.Join(problems, "\n"))
	}
	if again, _ := c.under(t, nil, nil); !gocmp.Equal(want, again) {
		t.Fatalf("the scenario does not come to the same end twice:\n%s", gocmp.Diff(want, again))
	}
	var tried []ground
	for _, g := range c.grounds(t) {
		// What denies is for the list of forbidden acts. What is said of a statement
		// need not be tried with each action of it.
		if !g.deny && (g.action == "" || dispensable[g.resource+" "+g.sid] == "") {
			tried = append(tried, g)
		}
	}
	var mu sync.Mutex
	excused, shown, statements, same := map[string]bool{}, map[string]int{}, 0, 0
	atOnce(t, len(tried), func(t *testing.T, i int) {
		g := tried[i]
		end, _ := c.under(t, c.without(t, g), nil)
		shows := want.shows(end)
		name := strings.TrimPrefix(g.String(), g.stack+" ")
		mu.Lock()
		if g.action == "" {
			statements++
		}
		if len(shows) == 0 {
			excused[name] = true
			same++
		}
		for _, field := range shows {
			shown[field]++
		}
		mu.Unlock()
		t.Logf("without %s: %v", g, shows)
		if len(shows) == 0 && dispensable[name] == "" {
			t.Errorf("without %s nothing changes: it is granted for nothing", g)
		}
	})
	t.Cleanup(func() {
		for name := range dispensable {
			if !excused[name] {
				t.Errorf("the table excuses %s, without which something changes, or which is not there: remove it there", name)
			}
		}
		fmt.Printf("permissions taken away: %d statements and %d single actions; %d of them change nothing, with a reason; seen by: %v\n", statements, len(tried)-statements, same, shown)
	})
}

// complete says what the scenario lacks that it is meant to have.
func (e ending) complete() (problems []string) {
	if e.Deployed != "" {
		return []string{e.Deployed}
	}
	for name, lines := range map[string][]string{"refused": e.Refused, "lost": e.Lost, "a problem": e.Problems} {
		for _, line := range lines {
			problems = append(problems, name+": "+line)
		}
	}
	has := func(lines []string, parts ...string) {
		if !slices.ContainsFunc(lines, func(line string) bool {
			return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) })
		}) {
			problems = append(problems, fmt.Sprintf("no line has %q", parts))
		}
	}
	for _, source := range []string{"plain", "twin", "sealed", "distant", "unheard", "halted", "halted2", "stopped"} {
		has(e.Copies, london, "completed", vaultKey, "order=vault/"+source, "settled=told")
		has(e.Copies, dublin, "completed", defaultKey, "order=vault/"+source, "settled=told")
		has(e.Told, "Expired "+source, saoPaulo)
	}
	for _, old := range []string{"held", "locked", "fresh", "image", "strangers"} {
		has(e.Copies, ": "+old+",")
	}
	has(e.Told, "Skipped unwanted")
	has(e.Told, "Failed refused", "given up")
	has(e.Letters, "broken/refused", "is disabled")
	for _, region := range []string{Home, frankfurt, london, dublin, saoPaulo} {
		has(e.Waiting, region+" snapferry-forwarder-undelivered")
	}
	for _, f := range []string{copying, reconciling, expiring} {
		has(e.Logged, "/aws/lambda/snapferry-"+f)
	}
	has(e.Waiting, "snapferry-undelivered: 2") // one from EventBridge, one from Scheduler
	return problems
}

// sortedMap goes through a map in the order of its keys.
func sortedMap[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if !yield(key, m[key]) {
				return
			}
		}
	}
}

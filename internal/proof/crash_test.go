package proof

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"snapferry/internal/sim"
)

// call is a place in the scenario where a function makes a remote call. It is
// the same place in every run, because up to it all runs are the same: drains of
// several Regions run at once, so that only what each invocation asks of each
// service has an order.
type call struct {
	function        string
	invocation      int
	region          string
	service, action string
	occurrence      int // of this action in this invocation and Region, from 1
}

func (c call) String() string {
	return fmt.Sprintf("%s (invocation %d), %s:%s in %s, number %d", c.function, c.invocation, c.service, c.action, c.region, c.occurrence)
}

// mode is a way for a call to fail.
type mode struct {
	name         string
	intervention Intervention
}

var modes = []mode{
	{"error, not done", Intervention{Fault: sim.Fault{Status: 500, Code: "InternalError", Message: "An internal error has occurred"}}},
	{"error, but done", Intervention{Fault: sim.Fault{Drop: true, Done: true}}},
	{"killed before it", Intervention{Kill: true}},
	{"killed after it", Intervention{Kill: true, Fault: sim.Fault{Done: true}}},
}

// watch names the calls as they are made, and has one of them fail.
type watch struct {
	fail *call
	how  Intervention

	mu      sync.Mutex
	seen    map[call]int // occurrence 0: how many so far
	calls   []call
	reached bool
}

func (w *watch) intervene(r Remote) Intervention {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := call{function: r.Function, invocation: r.Invocation, region: r.Region, service: r.Service, action: r.Action}
	if w.seen == nil {
		w.seen = map[call]int{}
	}
	w.seen[c]++
	c.occurrence = w.seen[c]
	w.calls = append(w.calls, c)
	if w.fail != nil && c == *w.fail {
		w.reached = true
		return w.how
	}
	return Intervention{}
}

// play runs the scenario once in a world of its own.
func play(t *testing.T, w *watch) (after view) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { after = scenario(t, w) })
	return after
}

// allTake is more than all crash points take on a slow machine. A test that is
// ended sooner, as go test does after ten minutes, visits only some of them.
const allTake = time.Hour

// TestEveryCrashPoint runs a scenario without faults, and then once for each
// remote call that the functions made in it and each way for that call to fail.
// Whatever fails, after undisturbed runs the world is as if nothing had.
func TestEveryCrashPoint(t *testing.T) {
	calm := &watch{}
	want := play(t, calm)
	if problems := want.complete(); len(problems) > 0 {
		t.Fatalf("the scenario is not what it is meant to be:\n%s\n%s", strings.Join(problems, "\n"), want)
	}
	type point struct {
		call call
		mode mode
	}
	var points []point
	for _, c := range calm.calls {
		for _, m := range modes {
			points = append(points, point{c, m})
		}
	}
	step, note := 1, ""
	if deadline, bounded := t.Deadline(); testing.Short() || bounded && time.Until(deadline) < allTake {
		step = 23 // prime to the number of modes, so that all of them come
		note = fmt.Sprintf(" (some of %d: make crash visits all)", len(points))
	}
	var mu sync.Mutex
	visited, differences := 0, 0
	atOnce(t, (len(points)+step-1)/step, func(t *testing.T, i int) {
		p := points[i*step]
		w := &watch{fail: &p.call, how: p.mode.intervention}
		got := play(t, w)
		diff := gocmp.Diff(want, got)
		if !w.reached {
			diff = "the call was never made\n" + diff
		}
		mu.Lock()
		visited++
		if diff != "" {
			differences++
		}
		few := differences <= 10
		mu.Unlock()
		if diff != "" && few {
			t.Errorf("%s: %s (-without faults +with it):\n%s", p.call, p.mode.name, diff)
		}
	})
	t.Cleanup(func() {
		calls := map[string]int{}
		for _, c := range calm.calls {
			calls[c.function]++
		}
		t.Logf("calls: %v", calls)
		fmt.Printf("crash points: %d, differences: %d%s\n", visited, differences, note)
		if differences > 0 {
			t.Errorf("%d of %d crash points change the world", differences, visited)
		}
	})
}

// view is the world as far as it must be the same whatever failed: nothing in it
// has an id or a time.
type view struct {
	Copies  []string // of the target account, by Region
	Letters []string // in the orders' dead-letter queue
	Waiting []string // queues that are not empty
	Told    []string // outcomes, each once
}

func (v view) String() string {
	var b strings.Builder
	for _, part := range []struct {
		name  string
		lines []string
	}{{"copies", v.Copies}, {"letters", v.Letters}, {"waiting", v.Waiting}, {"told", v.Told}} {
		fmt.Fprintf(&b, "%s:\n", part.name)
		for _, line := range part.lines {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	return b.String()
}

// set is lines in order, each once.
func set(lines []string) []string {
	return slices.Compact(slices.SortedFunc(slices.Values(lines), cmp.Compare))
}

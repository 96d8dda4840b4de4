package cloud

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snapferry/internal/sim"
)

func TestNumberOfLanes(t *testing.T) {
	const with, without = "http://q/orders-{region}-{lane}.fifo", "http://q/orders-{region}.fifo"
	for _, test := range []struct {
		value, template string
		want            int
	}{
		{"", with, 8},
		{"", without, 1},
		{"1", with, 1},
		{"1", without, 1},
		{"8", with, 8},
		{"64", with, 64},
	} {
		o, err := open(sim.New(sim.Options{})).Orders(Queues{URL: test.template, Lanes: test.value})
		if err != nil {
			t.Errorf("ORDERS_LANES=%q: %v", test.value, err)
		} else if o.lanes != test.want {
			t.Errorf("ORDERS_LANES=%q with %s: %d lanes, want %d", test.value, test.template, o.lanes, test.want)
		}
	}
	for _, test := range []struct{ value, template, want string }{
		{"0", with, "1 to 64"},
		{"65", with, "1 to 64"},
		{"-1", with, "1 to 64"},
		{"many", with, "1 to 64"},
		{" 8", with, "1 to 64"},
		{"2.5", without, "1 to 64"},
		{"2", without, "{lane}"},
	} {
		_, err := open(sim.New(sim.Options{})).Orders(Queues{URL: test.template, Lanes: test.value})
		if err == nil || !strings.Contains(err.Error(), "ORDERS_LANES is "+strconv.Quote(test.value)) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("ORDERS_LANES=%q with %s: %v, want an error that names it and says %q", test.value, test.template, err, test.want)
		}
	}
}

func TestGiveOut(t *testing.T) {
	for name, test := range map[string]struct {
		accounts []string
		lanes    int
		want     map[string]int
	}{
		"nobody":       {nil, 4, map[string]int{}},
		"a lane each":  {[]string{"333333333333", "111111111111"}, 4, map[string]int{"111111111111": 0, "333333333333": 1}},
		"twice named":  {[]string{"333333333333", "111111111111", "333333333333"}, 4, map[string]int{"111111111111": 0, "333333333333": 1}},
		"one lane":     {[]string{"333333333333", "111111111111"}, 1, map[string]int{"111111111111": 0, "333333333333": 0}},
		"lanes shared": {[]string{"444444444444", "111111111111", "333333333333"}, 2, map[string]int{"111111111111": 0, "333333333333": 1, "444444444444": 0}},
	} {
		if diff := cmp.Diff(test.want, giveOut(test.accounts, test.lanes)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// However many accounts there are, and in whatever order they are named, they are
// spread evenly: no lane has two more than another.
func TestLanesAreEven(t *testing.T) {
	for accounts := 1; accounts <= 150; accounts += 7 {
		for _, lanes := range []int{1, 7, 32, 64} {
			var names []string
			for n := range accounts {
				names = append(names, fmt.Sprintf("%012d", n*7919))
			}
			given := giveOut(names, lanes)
			slices.Reverse(names)
			if diff := cmp.Diff(given, giveOut(names, lanes)); diff != "" {
				t.Errorf("%d accounts in another order (-want +got):\n%s", accounts, diff)
			}
			counts := make([]int, lanes)
			for _, lane := range given {
				counts[lane]++
			}
			if least, most := slices.Min(counts), slices.Max(counts); most-least > 1 || len(given) != accounts {
				t.Errorf("%d accounts on %d lanes: from %d to %d in one, want them even", accounts, lanes, least, most)
			}
		}
	}
}

// An account that no policy names has a lane too, always the same.
func TestLaneOfAnybody(t *testing.T) {
	o := queues(t, sim.New(sim.Options{}), true, "111111111111")
	got, want := o.lane("999999999999"), o.lane("999999999999")
	if got != want || got < 0 || got >= DefaultLanes {
		t.Errorf("lanes %d and %d, want the same one of %d", got, want, DefaultLanes)
	}
}

package cloud

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"snapferry/internal/plan"
	"snapferry/internal/sim"
)

// received counts the calls of ReceiveMessage on orders queues.
type received struct {
	mu    sync.Mutex
	calls int
}

func (r *received) log(c sim.Call, _ sim.Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.Action == "ReceiveMessage" {
		r.calls++
	}
}

// since is how many calls there were since it was asked last.
func (r *received) since() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	calls := r.calls
	r.calls = 0
	return calls
}

func accounts(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("1%011d", i+1))
	}
	return all
}

// A flood in one lane does not hold up the accounts of the others.
func TestLanesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const flood, quiet = "111111111111", "333333333333"
		o := queues(t, sim.New(sim.Options{}), true, flood, quiet)
		for n := range 200 {
			send(t, o, order(flood, n))
		}
		for n := range 5 {
			send(t, o, order(quiet, n))
		}
		served := map[string]int{}
		for turn := range 12 {
			for _, d := range receive(t, o, 1) {
				served[d.Order.Facts.Owner]++
			}
			if lead := served[flood] - served[quiet]; served[quiet] < 5 && lead > 1 {
				t.Errorf("after %d turns the flood was served %d times and the quiet account %d times", turn+1, served[flood], served[quiet])
			}
		}
		if served[quiet] != 5 || served[flood] != 7 {
			t.Errorf("served %v, want 5 of the quiet account and 7 of the flood", served)
		}
		// All that is wanted comes, also where only one lane has any.
		if got := len(receive(t, o, 10)); got != 10 {
			t.Errorf("received %d orders of the flood, want 10", got)
		}
	})
}

// Several lanes are asked at once, and never for more than is wanted: what is
// left in them is there for the next one to ask.
func TestNoMoreThanWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = 20
		w := sim.New(sim.Options{})
		o := queues(t, w, true, accounts(many)...)
		for _, account := range accounts(many) {
			send(t, o, order(account, 1), order(account, 2))
		}
		for limit, got := 1, 0; got < 2*many; limit = limit%10 + 1 {
			n := len(receive(t, o, limit))
			if want := min(limit, 2*many-got); n != want {
				t.Fatalf("received %d orders, want %d", n, want)
			}
			got += n
			left := 0
			another := process(t, w, Queues{URL: lanesURL, Accounts: accounts(many)})
			if left, _ = another.Backlog(t.Context(), target, 0); left != 2*many {
				t.Fatalf("%d orders in all, want %d", left, 2*many)
			}
		}
	})
}

// Whatever lane an order is in, and whoever has put it there, a process that has
// known the lane as empty for long finds it: at once where nothing else waits,
// and where other lanes never run dry once its rest is over; in a lane that no
// account has, once that has rested.
func TestNoOrderIsForgotten(t *testing.T) {
	const named = 3
	for lane := range 6 {
		for _, busy := range []bool{false, true} {
			t.Run(fmt.Sprintf("lane %d, busy %v", lane, busy), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := sim.New(sim.Options{})
					o := queues(t, w, true, accounts(named)...)
					if busy {
						for n := range 500 {
							send(t, o, order(accounts(named)[(lane+1)%named], n))
						}
					}
					for range 10 { // what was empty rests as long as it can
						receive(t, o, 1)
						time.Sleep(restMost + time.Second)
						receive(t, o, 1)
					}
					another := process(t, w, Queues{URL: lanesURL})
					hidden := order("999999999999", 1)
					if err := another.put(t.Context(), another.queue(target, lane), body(hidden), "1", "1", nil); err != nil {
						t.Fatal(err)
					}
					began := time.Now()
					for found := false; !found; time.Sleep(time.Second) {
						for _, d := range receive(t, o, 1) {
							found = found || d.Order.Facts.Owner == "999999999999"
						}
						if !busy && lane < named && !found {
							t.Fatal("a slot is idle although an order waits")
						}
						if waited := time.Since(began); waited > restMost+10*time.Second {
							t.Fatalf("the order was not found in %s", waited)
						}
					}
				})
			})
		}
	}
}

// An order that has just been sent where nothing waited is found with one call,
// and the lanes that no account has are not looked into every time.
func TestFewCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls received
		o := queues(t, sim.New(sim.Options{Log: calls.log}), true, accounts(20)...)
		receive(t, o, 10)
		if got := calls.since(); got != manyLanes {
			t.Errorf("%d calls for a first look, want one for each of %d lanes", got, manyLanes)
		}
		send(t, o, order(accounts(20)[7], 1))
		if got := len(receive(t, o, 10)); got != 1 || calls.since() != 1 {
			t.Errorf("received %d orders with more calls than one, want 1", got)
		}
		receive(t, o, 10)
		if got := calls.since(); got != 20 {
			t.Errorf("%d calls for another look, want one for each lane that an account has", got)
		}
		// One account has much to copy, and the others nothing.
		for n := range 50 {
			send(t, o, order(accounts(20)[7], n+2))
		}
		calls.since()
		for range 50 {
			receive(t, o, 1)
			time.Sleep(10 * time.Second)
		}
		if got := calls.since(); got > 50+20*6 {
			t.Errorf("%d calls for 50 orders, want few of lanes that have long been empty", got)
		}
	})
}

// After a look that found nothing the lane that this process has filled is looked
// into first, but only then: a flood is not to push its way in.
func TestFilledLanesFirst(t *testing.T) {
	now := time.Now()
	turns := newTurns(4, 4)
	turns.filled("r", 2)
	if likely, due, _ := turns.next("r", now); len(likely) > 0 || len(due) != 4 {
		t.Errorf("likely %v, due %v, want all four due", likely, due)
	}
	turns.ended("r", true)
	likely, due, _ := turns.next("r", now)
	if !slices.Equal(likely, []int{2}) || len(due) != 3 {
		t.Errorf("likely %v, due %v, want lane 2 first", likely, due)
	}
	if !turns.fresh("r", 2) || turns.fresh("r", 2) {
		t.Error("lane 2 is fresh, once")
	}
	turns.looked("r", 2, false, now)
	turns.ended("r", false)
	if likely, due, _ = turns.next("r", now); len(likely) > 0 || due[3] != 2 {
		t.Errorf("likely %v, due %v, want lane 2 last, which has had its turn", likely, due)
	}
}

// Orders that were sent under other policies are handed out with the others.
func TestPoliciesChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sim.New(sim.Options{})
		before := queues(t, w, true, accounts(20)...)
		var sent []plan.Order
		for _, account := range accounts(20) {
			sent = append(sent, order(account, 1))
		}
		send(t, before, sent...)
		after := process(t, w, Queues{URL: lanesURL, Accounts: accounts(20)[15:]})
		got := map[string]bool{}
		for deliveries := receive(t, after, 10); len(deliveries) > 0; deliveries = receive(t, after, 10) {
			for _, d := range deliveries {
				got[d.Order.Key()] = true
				if err := after.Finish(t.Context(), d); err != nil {
					t.Fatal(err)
				}
			}
		}
		if len(got) != len(sent) {
			t.Errorf("received %d orders, want all %d", len(got), len(sent))
		}
	})
}

// All lanes are counted, or enough of them.
func TestBacklogOfLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sim.New(sim.Options{})
		o := queues(t, w, true, accounts(manyLanes)...)
		for _, account := range accounts(manyLanes) {
			send(t, o, order(account, 1))
		}
		receive(t, o, 3) // in hand, and still there
		for enough, want := range map[int]int{0: manyLanes, manyLanes: manyLanes, manyLanes + 1: manyLanes, 5: atOnce} {
			if n, err := o.Backlog(t.Context(), target, enough); err != nil || n != want {
				t.Errorf("counted %d where %d are enough, %v; want %d", n, enough, err, want)
			}
		}
	})
}

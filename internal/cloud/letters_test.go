package cloud

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"snapferry/internal/plan"
	"snapferry/internal/reactor"
	"snapferry/internal/sim"
)

const lettersURL = "http://sim/222222222222/letters.fifo"

// letters opens the dead-letter queue that queues has made.
func letters(t *testing.T, w *sim.World) *Letters {
	t.Helper()
	l, err := open(w).Letters(Queues{URL: lanesURL, Letters: lettersURL})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// bury sends orders, takes them up and buries them as refused.
func bury(t *testing.T, o *Orders, orders ...plan.Order) {
	t.Helper()
	send(t, o, orders...)
	for n := 0; n < len(orders); {
		deliveries := receive(t, o, perBatch)
		if len(deliveries) == 0 {
			t.Fatalf("received %d of %d", n, len(orders))
		}
		for _, d := range deliveries {
			n++
			now := time.Now().UTC().Truncate(time.Second)
			d.Order.Denial = &plan.Denial{Cause: "AuthFailure: no", Since: now}
			if err := o.Bury(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// readAll reads all letters and returns them to the queue.
func readAll(t *testing.T, l *Letters) (all []Letter) {
	t.Helper()
	err := l.Read(t.Context(), func(letter Letter) error { all = append(all, letter); return nil })
	if err != nil {
		t.Fatal(err)
	}
	for _, letter := range all {
		if err := l.Return(t.Context(), letter); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// Every letter is read, also where one lineage has more than a batch of them.
func TestReadAllLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sim.New(sim.Options{NoThrottling: true})
		o := queues(t, w, true)
		var orders []plan.Order
		for n := range 35 {
			one := order("111111111111", n)
			one.Facts.Volume = "vol-11111111111100000" // one lineage
			orders = append(orders, one)
		}
		bury(t, o, orders...)
		l := letters(t, w)
		for range 2 { // reading changes nothing
			got := map[string]bool{}
			for _, letter := range readAll(t, l) {
				if letter.Problem != nil || letter.Order.Denial == nil {
					t.Errorf("letter %+v, want an order with its denial", letter)
				}
				got[letter.Order.Key()] = true
			}
			if len(got) != len(orders) {
				t.Errorf("read %d letters, want %d", len(got), len(orders))
			}
		}
	})
}

// The same snapshot refused in two Regions in the same second is two letters.
func TestBuryInTwoRegions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sim.New(sim.Options{})
		o := queues(t, w, true)
		now := time.Now().UTC()
		for _, region := range []string{target, "sa-east-1"} {
			one := order("111111111111", 1)
			one.Target = region
			one.Denial = &plan.Denial{Cause: "x", Since: now}
			d := reactor.Delivery{Order: one, Region: region}
			if err := o.put(t.Context(), &o.letters, body(one), d.Region+"/"+once(one), one.Target+"/"+one.Key(), nil); err != nil {
				t.Fatal(err)
			}
		}
		if got := len(readAll(t, letters(t, w))); got != 2 {
			t.Errorf("%d letters, want 2", got)
		}
	})
}

// What is no order is buried as it is.
func TestBuryWhatIsNoOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sim.New(sim.Options{})
		o := queues(t, w, true)
		if err := o.put(t.Context(), o.queue(target, 3), "hello", "1", "1", nil); err != nil {
			t.Fatal(err)
		}
		got := receive(t, o, 1)
		if len(got) != 1 || got[0].Problem == nil {
			t.Fatalf("received %+v, want what can't be read", got)
		}
		if err := o.Bury(t.Context(), got[0]); err != nil {
			t.Fatal(err)
		}
		if n, err := o.Backlog(t.Context(), target, 0); n != 0 || err != nil {
			t.Errorf("%d orders wait, %v, want 0", n, err)
		}
		if all := readAll(t, letters(t, w)); len(all) != 1 || all[0].Problem == nil {
			t.Errorf("letters %+v, want one that is no order", all)
		}
	})
}

// An order that is put back is in its queue without its history.
func TestPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sim.New(sim.Options{})
		o := queues(t, w, true, "111111111111", "333333333333")
		// Whoever puts letters back knows no policies.
		if lane := o.lane("111111111111"); lane == anyLane("111111111111", manyLanes) {
			t.Fatalf("the account has lane %d also without a policy", lane)
		}
		bury(t, o, order("111111111111", 1), order("333333333333", 1))
		l := letters(t, w)
		if err := l.Read(t.Context(), func(letter Letter) error { return l.PutBack(t.Context(), letter) }); err != nil {
			t.Fatal(err)
		}
		if all := readAll(t, l); len(all) > 0 {
			t.Errorf("%d letters are left", len(all))
		}
		got := receive(t, o, perBatch)
		if len(got) != 2 {
			t.Fatalf("%d orders are back, want 2", len(got))
		}
		for _, d := range got {
			if d.Problem != nil || d.Order.Denial != nil || d.Lane != o.lane(d.Order.Facts.Owner) {
				t.Errorf("%+v is back, want an order that was never refused, in its account's lane", d)
			}
		}
	})
}

// A letter that does not say its lane, or one that is no more, goes where anybody
// may be.
func TestLaneOfALetter(t *testing.T) {
	l, err := open(sim.New(sim.Options{})).Letters(Queues{URL: lanesURL, Lanes: "8", Letters: lettersURL})
	if err != nil {
		t.Fatal(err)
	}
	anywhere := anyLane("111111111111", 8)
	for lane, want := range map[int]int{-1: anywhere, 0: 0, 7: 7, 8: anywhere, 31: anywhere} {
		if got := l.laneFor(Letter{Order: order("111111111111", 1), lane: lane}); got != want {
			t.Errorf("a letter from lane %d goes back to %d, want %d", lane, got, want)
		}
	}
}

// Whichever call fails, done or not, and if nobody tries again for long, the
// order is there once and the letter is gone in the end.
func TestPutBackInterrupted(t *testing.T) {
	for _, action := range []string{"ReceiveMessage", "SendMessage", "DeleteMessage"} {
		for _, done := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s done %v", action, done), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					broken := false
					w := sim.New(sim.Options{Fault: func(c sim.Call) sim.Fault {
						if broken && c.Action == action {
							return sim.Fault{Done: done, Drop: true}
						}
						return sim.Fault{}
					}})
					o := queues(t, w, true)
					bury(t, o, order("111111111111", 1))
					l := letters(t, w)
					putBack := func(letter Letter) error { return l.PutBack(t.Context(), letter) }
					broken = true
					if err := l.Read(t.Context(), putBack); err == nil {
						t.Error("no error, although a call failed")
					}
					broken = false
					time.Sleep(onDesk + time.Second)
					if err := l.Read(t.Context(), putBack); err != nil {
						t.Fatal(err)
					}
					time.Sleep(inHand)
					if all := readAll(t, l); len(all) > 0 {
						t.Errorf("%d letters are left", len(all))
					}
					if n, err := o.Backlog(t.Context(), target, 0); n != 1 || err != nil {
						t.Errorf("%d orders wait, %v, want 1", n, err)
					}
				})
			})
		}
	}
}

func TestHiddenLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sim.New(sim.Options{})
		bury(t, queues(t, w, true), order("111111111111", 1))
		l := letters(t, w)
		stop := errors.New("stop")
		if err := l.Read(t.Context(), func(Letter) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("got %v, want %v", err, stop)
		}
		if n, err := l.Hidden(t.Context()); n != 1 || err != nil {
			t.Errorf("%d hidden, %v, want 1", n, err)
		}
		if _, err := open(w).Letters(Queues{URL: "http://sim/q-{region}.fifo"}); err == nil {
			t.Error("a dead-letter queue without a URL was opened")
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := l.Read(ended, func(Letter) error { return nil }); err == nil {
			t.Error("no error after the end of the context")
		}
	})
}

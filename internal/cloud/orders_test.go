package cloud

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"snapferry/internal/plan"
	"snapferry/internal/reactor"
	"snapferry/internal/sim"
	"snapferry/internal/snapshot"
)

const target = "eu-west-2"

// manyLanes are enough for most accounts of tests to have one of their own, and for
// some lanes to have no account.
const manyLanes = 32

const lanesURL = "http://sim/222222222222/orders-{region}-{lane}.fifo"

// queues makes the orders queues of one target Region, with lanes or without, and
// opens them as one process does whose policies name accounts.
func queues(t *testing.T, w *sim.World, lanes bool, accounts ...string) *Orders {
	t.Helper()
	make := func(name string) {
		in := map[string]any{"QueueName": name, "Attributes": map[string]string{"FifoQueue": "true"}}
		if err := w.Do(t.Context(), "222222222222", "us-east-1", "sqs", "CreateQueue", in, nil); err != nil {
			t.Fatal(err)
		}
	}
	template := "http://sim/222222222222/orders-{region}.fifo"
	if lanes {
		template = lanesURL
		for lane := range manyLanes {
			make(fmt.Sprintf("orders-%s-%d.fifo", target, lane))
		}
	} else {
		make("orders-" + target + ".fifo")
	}
	make("letters.fifo")
	return process(t, w, Queues{URL: template, Accounts: accounts})
}

// process opens queues that are there, as one more process.
func process(t *testing.T, w *sim.World, q Queues) *Orders {
	t.Helper()
	q.Letters = lettersURL
	if q.URL == lanesURL && q.Lanes == "" {
		q.Lanes = strconv.Itoa(manyLanes)
	}
	o, err := open(w).Orders(q)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func order(account string, n int) plan.Order {
	return plan.Order{
		Policy: "nightly",
		Source: snapshot.Ref{Region: "us-east-1", ID: fmt.Sprintf("snap-%s%05x", account, n)},
		Target: target,
		Facts: plan.Facts{Owner: account, Volume: fmt.Sprintf("vol-%s%05x", account, n), State: snapshot.Completed,
			Started: time.Date(2026, 9, 25, 15, 0, 0, 0, time.UTC)},
	}
}

func send(t *testing.T, o *Orders, orders ...plan.Order) {
	t.Helper()
	for i, err := range o.Send(t.Context(), target, orders) {
		if err != nil {
			t.Fatalf("send %s: %v", orders[i], err)
		}
	}
}

func receive(t *testing.T, o *Orders, limit int) []reactor.Delivery {
	t.Helper()
	got, err := o.Receive(t.Context(), target, limit)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestOrdersComeBack(t *testing.T) {
	for _, lanes := range []bool{false, true} {
		t.Run(fmt.Sprintf("lanes %v", lanes), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := queues(t, sim.New(sim.Options{}), lanes)
				want := map[string]plan.Order{}
				var orders []plan.Order
				for n := range 23 {
					next := order([]string{"111111111111", "333333333333", "444444444444"}[n%3], n)
					want[next.Key()] = next
					orders = append(orders, next)
				}
				send(t, o, orders...)
				send(t, o, orders...) // SQS drops what it has just seen
				got := map[string]plan.Order{}
				for {
					deliveries := receive(t, o, 10)
					if len(deliveries) == 0 {
						break
					}
					for _, d := range deliveries {
						if d.Problem != nil {
							t.Fatal(d.Problem)
						}
						if _, twice := got[d.Order.Key()]; twice {
							t.Errorf("%s was handed out twice", d.Order)
						}
						got[d.Order.Key()] = d.Order
						if err := o.Finish(t.Context(), d); err != nil {
							t.Fatal(err)
						}
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
				if n, err := o.Backlog(t.Context(), target, 0); err != nil || n != 0 {
					t.Errorf("backlog %d, %v; want 0", n, err)
				}
			})
		})
	}
}

// An order that is replaced or buried is in one place, with its history.
func TestReplaceAndBury(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sim.New(sim.Options{})
		o := queues(t, w, true)
		send(t, o, order("111111111111", 1))
		d := receive(t, o, 1)[0]
		denied := d.Order
		denied.Denial = &plan.Denial{Cause: "no", Since: time.Now().UTC()}
		if err := o.Replace(t.Context(), d, denied); err != nil {
			t.Fatal(err)
		}
		again := receive(t, o, 10)
		if len(again) != 1 {
			t.Fatalf("%d orders, want 1", len(again))
		}
		if diff := cmp.Diff(denied, again[0].Order); diff != "" {
			t.Error(diff)
		}
		if err := o.Bury(t.Context(), again[0]); err != nil {
			t.Fatal(err)
		}
		if n, err := o.Backlog(t.Context(), target, 0); err != nil || n != 0 {
			t.Errorf("backlog %d, %v; want 0", n, err)
		}
		var got struct{ Messages []struct{ Body string } }
		in := map[string]any{"QueueUrl": "http://sim/222222222222/letters.fifo"}
		if err := w.Do(t.Context(), "222222222222", "us-east-1", "sqs", "ReceiveMessage", in, &got); err != nil {
			t.Fatal(err)
		}
		if len(got.Messages) != 1 || !strings.Contains(got.Messages[0].Body, `"cause":"no"`) {
			t.Errorf("dead letters %+v", got.Messages)
		}
	})
}

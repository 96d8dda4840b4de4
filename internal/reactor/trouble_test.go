package reactor_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"snapferry/internal/cloud"
	"snapferry/internal/event"
	"snapferry/internal/plan"
	"snapferry/internal/sim"
	"snapferry/internal/snapshot"
)

// An order that waits for a slot for a day, between two troubles that pass, is
// not given up: it was hardly tried.
func TestWaitingIsNoTrouble(t *testing.T) {
	full := sim.Fault{Status: 400, Code: "ResourceLimitExceeded", Message: "Too many snapshot copies in progress. The limit is 20 for this destination region."}
	for name, trouble := range map[string]sim.Fault{
		"EC2 fails to answer": {Status: 500, Code: "InternalError", Message: "An internal error has occurred"},
		"EC2 refuses":         {Status: 400, Code: "InvalidParameterValue", Message: "The specified keyId x is disabled"},
	} {
		t.Run(name, func(t *testing.T) {
			answer, troubles := full, 0
			o := quiet
			o.Fault = func(c sim.Call) sim.Fault {
				if c.Action != "CopySnapshot" || c.Region != london {
					return sim.Fault{}
				}
				if answer.Code != full.Code {
					troubles++
				}
				return answer
			}
			bubble(t, o, func(l *lab) {
				id := l.shared(owner, "production")
				l.deliver()
				inTrouble := func(until int) {
					answer = trouble
					for troubles < until {
						l.wake(london)
						time.Sleep(4 * time.Minute)
					}
					answer = full
				}
				inTrouble(1)
				l.run(25 * time.Hour)
				inTrouble(3)
				answer = sim.Fault{}
				l.run(90 * time.Minute)
				if got := len(l.own(london)); got != 1 {
					t.Errorf("%s has %d copies in London, want 1", id, got)
				}
				for _, o := range l.of("Failed") {
					if strings.Contains(o.Detail.Reason, "dead-letter") {
						t.Errorf("after three troubles in a day: %s", o.Detail.Reason)
					}
				}
			})
		})
	}
}

// When the policies get another account, accounts' lanes shift, and a double of an
// order may be in another lane than the order itself: SQS keeps neither back. A
// process still makes one copy.
func TestDoublesInTwoLanes(t *testing.T) {
	o := quiet
	o.ListingLag = 10 * time.Second
	o.CopyTime = func(int) time.Duration { return time.Hour }
	var owners []string
	for i := range 20 {
		owners = append(owners, fmt.Sprintf("1111111111%02d", i+10))
	}
	bubble(t, o, func(l *lab) {
		for lane := range cloud.DefaultLanes {
			for _, region := range []string{london, saoPaulo} {
				l.queue(fmt.Sprintf("orders-%s-%d.fifo", region, lane), map[string]string{"FifoQueue": "true"})
			}
		}
		c := cloud.New(aws.Config{Region: virginia, BaseEndpoint: aws.String("http://sim"), HTTPClient: &http.Client{Transport: l.world.Transport()},
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: target, SecretAccessKey: "x"}, nil
			})})
		open := func(accounts ...string) *cloud.Orders {
			orders, err := c.Orders(cloud.Queues{URL: "http://sim/222222222222/orders-{region}-{lane}.fifo", Letters: "http://sim/222222222222/orders-dlq.fifo", Accounts: accounts})
			if err != nil {
				t.Fatal(err)
			}
			return orders
		}
		before, after := open(owners...), open(append([]string{"000000000001"}, owners...)...)
		l.copier.Orders = after
		for i, account := range owners {
			id := l.snapshot(account, "production")
			time.Sleep(time.Minute)
			l.share(account, id)
			order := plan.Order{Policy: "policy1", Source: snapshot.Ref{Region: virginia, ID: id}, Target: london, Facts: plan.Facts{
				Owner: account, Volume: fmt.Sprintf("vol-0%016x", i), State: snapshot.Completed, Description: "production", Started: time.Now().Add(-time.Minute)}}
			for _, orders := range []*cloud.Orders{before, after} {
				if err := orders.Send(l.ctx, london, []plan.Order{order})[0]; err != nil {
					t.Fatal(err)
				}
			}
		}
		l.handle(event.WakeUp{Region: london}.Bytes())
		time.Sleep(time.Minute)
		copies := map[string]int{}
		for _, c := range l.own(london) {
			copies[c.tag(snapshot.TagOrder)]++
		}
		if len(copies) < 18 {
			t.Errorf("%d orders were copied, want about 20", len(copies))
		}
		for order, n := range copies {
			if n != 1 {
				t.Errorf("%s was copied %d times", order, n)
			}
		}
	}, strings.Replace(document, `"111111111111"`, `"`+strings.Join(owners, `","`)+`"`, 1))
}

// What a policy had begun when it was disabled comes to its end: copies are told,
// also those whose results were lost, and orders that wait are skipped.
func TestAPolicyIsDisabled(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		l.copier.Slots = 2
		for range 4 {
			l.shared(owner, "production")
		}
		l.deliver()
		if got := l.types()["Started"]; got != 4 {
			t.Fatalf("%d copies were started, want 2 in each Region", got)
		}
		time.Sleep(time.Hour)
		l.heard.take() // Amazon loses the results
		disabled := slices.Clone(l.copier.Policies)
		disabled[0].Enabled = false
		l.copier.Policies, l.reconciler.Policies = disabled, disabled
		l.run(24 * time.Hour)
		if diff := cmp.Diff(map[string]int{"Started": 4, "Completed": 4, "Skipped": 4}, l.types()); diff != "" {
			t.Errorf("outcomes (-want +got):\n%s", diff)
		}
		for _, region := range []string{london, saoPaulo} {
			if waiting, err := l.copier.Orders.Backlog(l.ctx, region, 0); err != nil || waiting != 0 {
				t.Errorf("%d orders wait for %s, %v", waiting, region, err)
			}
		}
	})
}

package cloud

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"snapferry/internal/plan"
	"snapferry/internal/sim"
	"snapferry/internal/snapshot"
)

func open(w *sim.World) *Cloud {
	return New(aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: aws.String("http://sim"),
		HTTPClient:   &http.Client{Transport: w.Transport()},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "222222222222", SecretAccessKey: "x"}, nil
		}),
	})
}

// The time is what Amazon's last answer said, whatever the machine's clock says.
func TestNowIsAmazons(t *testing.T) {
	ahead := sim.NewScaledClock(time.Now().AddDate(1, 0, 0), 1)
	c := open(sim.New(sim.Options{Clock: ahead}))
	if got := c.Now(); time.Since(got).Abs() > time.Minute {
		t.Errorf("before any answer it is %s, want the machine's time", got)
	}
	if _, err := c.EC2().Regions(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := ahead.Now().Sub(c.Now()); got.Abs() > 10*time.Second {
		t.Errorf("the clock is %s off Amazon's", got)
	}
	ahead.Jump(240 * time.Hour)
	if _, err := c.EC2().Find(t.Context(), "eu-west-2", []string{"snap-0123456789abcdef0"}); err != nil {
		t.Fatal(err)
	}
	if got := ahead.Now().Sub(c.Now()); got.Abs() > 10*time.Second {
		t.Errorf("after a jump the clock is %s off Amazon's", got)
	}
}

// Listings of more than one page, and look-ups of more ids than a filter takes.
func TestManySnapshots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sim.New(sim.Options{NoThrottling: true})
		const n = 1203
		ids := make([]string, n)
		for i := range ids {
			ids[i] = fmt.Sprintf("snap-%017x", i+1)
			if err := w.AddSnapshot(sim.Seed{Region: "us-east-1", ID: ids[i], Owner: "111111111111", Description: "x", SharedWith: []string{"222222222222"}}); err != nil {
				t.Fatal(err)
			}
		}
		ec2 := open(w).EC2()
		found, err := ec2.Find(t.Context(), "us-east-1", append(ids, "snap-0ffffffffffffffff"))
		if err != nil || len(found) != n {
			t.Errorf("found %d of %d: %v", len(found), n, err)
		}
		listed := map[string]bool{}
		for page, more := "", true; more; more = page != "" {
			shared, next, err := ec2.Shared(t.Context(), "us-east-1", []string{"111111111111"}, page)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range shared {
				listed[s.ID] = true
			}
			page = next
		}
		if len(listed) != n {
			t.Errorf("listed %d of %d", len(listed), n)
		}
	})
}

// CopySnapshot is repeated by the SDK only where Amazon did nothing.
func TestCopyIsNotRepeatedBlindly(t *testing.T) {
	for code, test := range map[string]struct{ status, want int }{
		"RequestLimitExceeded":  {503, 3},
		"InternalError":         {500, 1},
		"Unavailable":           {503, 1},
		"ResourceLimitExceeded": {400, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			calls := 0
			w := sim.New(sim.Options{Fault: func(c sim.Call) sim.Fault {
				if c.Action != "CopySnapshot" {
					return sim.Fault{}
				}
				calls++
				return sim.Fault{Status: test.status, Code: code, Message: "x"}
			}})
			_, err := open(w).EC2().Copy(t.Context(), plan.Request{
				Source: snapshot.Ref{Region: "us-east-1", ID: "snap-0123456789abcdef0"}, Target: "eu-west-2"})
			if err == nil || calls != test.want {
				t.Errorf("%s: %d calls, want %d (%v)", code, calls, test.want, err)
			}
		})
	}
}

func TestSettingsThatCantBe(t *testing.T) {
	c := open(sim.New(sim.Options{}))
	for _, template := range []string{"", "http://q/orders.fifo", "http://q/orders-{region}"} {
		if _, err := c.Orders(Queues{URL: template}); err == nil || !strings.Contains(err.Error(), "ORDERS_QUEUE_URL") {
			t.Errorf("Orders(%q): %v, want an error that names the variable", template, err)
		}
	}
	if _, err := c.Outcomes(""); err == nil || !strings.Contains(err.Error(), "EVENT_BUS") {
		t.Errorf("no bus: %v", err)
	}
	if _, err := c.Wakers(""); err == nil || !strings.Contains(err.Error(), "EVENTS_QUEUE_URL") {
		t.Errorf("no events queue: %v", err)
	}
}

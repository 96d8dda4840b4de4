package reactor_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"snapferry/internal/cloud"
	"snapferry/internal/event"
	"snapferry/internal/policy"
	"snapferry/internal/reactor"
	"snapferry/internal/sim"
)

const (
	owner    = "111111111111"
	target   = "222222222222"
	stranger = "999999999999"

	virginia = "us-east-1" // home, and where snapshots are shared
	london   = "eu-west-2"
	saoPaulo = "sa-east-1"

	londonKey = "arn:aws:kms:eu-west-2:222222222222:key/8af79514-350d-4c52-bac8-8985e84171c7"
	document  = `{"PolicyType":"EVENT_BASED_POLICY","EventSource":{"Type":"MANAGED_CWE","Parameters":{"EventType":"shareSnapshot","SnapshotOwner":["111111111111"],"DescriptionRegex":".*production.*"}},
		"Actions":[{"Name":"Copy Snapshot to Sao Paulo and London","CrossRegionCopy":[
		{"Target":"sa-east-1","EncryptionConfiguration":{"Encrypted":false},"RetainRule":{"Interval":3,"IntervalUnit":"DAYS"}},
		{"Target":"eu-west-2","EncryptionConfiguration":{"Encrypted":true,"CmkArn":"` + londonKey + `"},"RetainRule":{"Interval":1,"IntervalUnit":"MONTHS"}}]}]}`
)

// lab is the target account on the simulated AWS: the three verbs, wired as the
// functions wire them, and an events queue that the test delivers from.
type lab struct {
	t     *testing.T
	world *sim.World
	ctx   context.Context

	copier     *reactor.Copier
	reconciler *reactor.Reconciler
	expirer    *reactor.Expirer

	heard    inbox // EBS events for the target account, not yet delivered
	outcomes []outcome
}

// inbox is what was heard: snapshots end at times of their own, beside the test.
type inbox struct {
	mu   sync.Mutex
	list [][]byte
}

func (i *inbox) add(data []byte) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.list = append(i.list, data)
}

func (i *inbox) all() [][]byte {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.list)
}

// take empties the inbox.
func (i *inbox) take() [][]byte {
	i.mu.Lock()
	defer i.mu.Unlock()
	list := i.list
	i.list = nil
	return list
}

// outcome is an outcome as the bus delivers it.
type outcome struct {
	Type string
	// Raw is the detail as it came.
	Raw    json.RawMessage
	Detail struct {
		Order, Policy, SourceAccount, TargetRegion string
		Reason, Cause, Fix, KeyArn                 string
		Copy                                       struct{ Region, ID string }
		WaitSeconds, CopySeconds, LagSeconds       float64
	}
}

// bubble runs a test in a world of its own, where time passes for free.
func bubble(t *testing.T, o sim.Options, f func(l *lab), documents ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(newLab(t, o, documents...)) })
}

func newLab(t *testing.T, o sim.Options, documents ...string) *lab {
	t.Helper()
	l := &lab{t: t, ctx: t.Context(), world: sim.New(o)}
	if len(documents) == 0 {
		documents = []string{document}
	}
	var policies []policy.Policy
	for i, d := range documents {
		p, problems := policy.Parse(fmt.Sprintf("policy%d.json", i+1), []byte(d))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		policies = append(policies, p)
	}
	if err := l.world.AddKey(londonKey); err != nil {
		t.Fatal(err)
	}
	l.world.OnEvent(func(account, _, bus string, data []byte) {
		if account != target {
			return
		}
		if bus == "snapferry" {
			l.hear(data)
			return
		}
		l.heard.add(data)
	})
	l.do(target, virginia, "events", "CreateEventBus", map[string]any{"Name": "snapferry"}, nil)
	events := l.queue("snapferry-events", nil)
	var orders string
	for _, p := range policies {
		for _, rule := range p.Rules {
			url := l.queue("orders-"+rule.Region+".fifo", map[string]string{"FifoQueue": "true"})
			orders = strings.Replace(url, rule.Region, "{region}", 1)
		}
	}

	c := cloud.New(aws.Config{
		Region:       virginia,
		BaseEndpoint: aws.String("http://sim"),
		HTTPClient:   &http.Client{Transport: l.world.Transport()},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: target, SecretAccessKey: "x"}, nil
		}),
	})
	queues, err := c.Orders(cloud.Queues{
		URL:      orders,
		Letters:  l.queue("orders-dlq.fifo", map[string]string{"FifoQueue": "true"}),
		Accounts: policy.Accounts(policies),
	})
	if err != nil {
		t.Fatal(err)
	}
	outcomes, err := c.Outcomes("snapferry")
	if err != nil {
		t.Fatal(err)
	}
	wakers, err := c.Wakers(events)
	if err != nil {
		t.Fatal(err)
	}
	ec2 := c.EC2()
	l.copier = &reactor.Copier{Policies: policies, Slots: 20, Copies: ec2, Orders: queues, Outcomes: outcomes, Now: c.Now}
	l.reconciler = &reactor.Reconciler{Policies: policies, Sources: []string{virginia}, CatchUp: 168 * time.Hour, Copies: ec2, Orders: queues, Wakers: wakers, Now: c.Now}
	l.expirer = &reactor.Expirer{Policies: policies, Copies: ec2, Outcomes: outcomes, Now: c.Now}
	return l
}

func (l *lab) hear(data []byte) {
	var e struct {
		DetailType string `json:"detail-type"`
		Detail     json.RawMessage
	}
	var o outcome
	if err := json.Unmarshal(data, &e); err != nil {
		l.t.Errorf("outcome: %v", err)
	}
	if err := json.Unmarshal(e.Detail, &o.Detail); err != nil {
		l.t.Errorf("outcome: %v", err)
	}
	o.Type, o.Raw = strings.TrimPrefix(e.DetailType, "Snapshot Copy "), e.Detail
	l.outcomes = append(l.outcomes, o)
}

func (l *lab) do(account, region, service, action string, in, out any) {
	l.t.Helper()
	if err := l.world.Do(l.ctx, account, region, service, action, in, out); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) queue(name string, attributes map[string]string) string {
	l.t.Helper()
	var made struct{ QueueUrl string }
	l.do(target, virginia, "sqs", "CreateQueue", map[string]any{"QueueName": name, "Attributes": attributes}, &made)
	return made.QueueUrl
}

// form turns pairs into parameters of the query protocol.
func form(pairs ...string) url.Values {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return values
}

// snapshot makes a snapshot of a new volume and returns its id; it is pending.
func (l *lab) snapshot(account, description string, volume ...string) string {
	l.t.Helper()
	var v struct {
		ID string `xml:"volumeId"`
	}
	l.do(account, virginia, "ec2", "CreateVolume", form(append([]string{"Size", "1", "AvailabilityZone", "us-east-1a"}, volume...)...), &v)
	return l.snapshotOf(account, v.ID, description)
}

func (l *lab) snapshotOf(account, volume, description string) string {
	l.t.Helper()
	var s struct {
		ID string `xml:"snapshotId"`
	}
	l.do(account, virginia, "ec2", "CreateSnapshot", form("VolumeId", volume, "Description", description), &s)
	return s.ID
}

func (l *lab) share(account, id string) {
	l.t.Helper()
	l.do(account, virginia, "ec2", "ModifySnapshotAttribute",
		form("SnapshotId", id, "Attribute", "createVolumePermission", "OperationType", "add", "UserId.1", target), nil)
	l.settled()
}

// shared is a completed snapshot, just shared with the target account.
func (l *lab) shared(account, description string, volume ...string) string {
	l.t.Helper()
	id := l.snapshot(account, description, volume...)
	time.Sleep(time.Minute)
	l.share(account, id)
	return id
}

// settled waits until nothing moves any more without time passing.
func (l *lab) settled() { synctest.Wait() }

func (l *lab) journal(dryRun bool) *reactor.Journal {
	return reactor.NewJournal(slog.New(slog.NewTextHandler(io.Discard, nil)), dryRun)
}

// deliver hands what was heard to copy, in one batch, and returns the failures
// and the summary.
func (l *lab) deliver() ([]reactor.Failure, reactor.Summary) {
	l.t.Helper()
	l.settled()
	heard := l.heard.take()
	return l.handle(heard...)
}

func (l *lab) handle(events ...[]byte) ([]reactor.Failure, reactor.Summary) {
	l.t.Helper()
	records := make([]reactor.Record, len(events))
	for i, e := range events {
		records[i] = reactor.Record{ID: strconv.Itoa(i), Body: e, Receives: 1}
	}
	j := l.journal(false)
	failures := l.copier.Handle(l.ctx, j, records)
	l.settled()
	return failures, j.Summary()
}

// wake drains a Region as the schedule would.
func (l *lab) wake(region string) reactor.Summary {
	l.t.Helper()
	failures, summary := l.handle(event.WakeUp{Region: region}.Bytes())
	if len(failures) > 0 {
		l.t.Fatalf("wake %s: %v", region, failures)
	}
	return summary
}

// run lets d pass as a deployment would: events are delivered as they come,
// failures again a minute later, and reconcile runs every quarter of an hour.
func (l *lab) run(d time.Duration) {
	l.t.Helper()
	type delivery struct {
		body     []byte
		receives int
	}
	var again []delivery
	end := time.Now().Add(d)
	for next := time.Now(); time.Now().Before(end); time.Sleep(time.Minute) {
		if !time.Now().Before(next) {
			l.reconcile(false)
			next = time.Now().Add(15 * time.Minute)
		}
		l.settled()
		batch := again
		for _, body := range l.heard.take() {
			batch = append(batch, delivery{body, 0})
		}
		batch = append(batch, func() (woken []delivery) {
			for _, body := range l.received() {
				woken = append(woken, delivery{[]byte(body), 0})
			}
			return woken
		}()...)
		again = nil
		for some := range slices.Chunk(batch, 10) {
			records := make([]reactor.Record, len(some))
			for i := range some {
				some[i].receives++
				records[i] = reactor.Record{ID: strconv.Itoa(i), Body: some[i].body, Receives: some[i].receives}
			}
			for _, f := range l.copier.Handle(l.ctx, l.journal(false), records) {
				i, _ := strconv.Atoi(f.ID)
				if some[i].receives < 5 {
					again = append(again, some[i])
				}
			}
			l.settled()
		}
	}
}

// received takes the wake-ups out of the events queue.
func (l *lab) received() (bodies []string) {
	for {
		var got struct {
			Messages []struct{ Body, ReceiptHandle string }
		}
		queue := "http://sim/" + target + "/snapferry-events"
		l.do(target, virginia, "sqs", "ReceiveMessage", map[string]any{"QueueUrl": queue, "MaxNumberOfMessages": 10}, &got)
		if len(got.Messages) == 0 {
			return bodies
		}
		for _, m := range got.Messages {
			bodies = append(bodies, m.Body)
			l.do(target, virginia, "sqs", "DeleteMessage", map[string]any{"QueueUrl": queue, "ReceiptHandle": m.ReceiptHandle}, nil)
		}
	}
}

func (l *lab) reconcile(dryRun bool) reactor.Summary {
	l.t.Helper()
	j := l.journal(dryRun)
	if err := l.reconciler.Reconcile(l.ctx, j); err != nil {
		l.t.Errorf("reconcile: %v", err)
	}
	return j.Summary()
}

func (l *lab) expire(dryRun bool) reactor.Summary {
	l.t.Helper()
	j := l.journal(dryRun)
	if err := l.expirer.Expire(l.ctx, j); err != nil {
		l.t.Errorf("expire: %v", err)
	}
	l.settled()
	return j.Summary()
}

// seen is a snapshot as the target account sees it.
type seen struct {
	ID          string `xml:"snapshotId"`
	Status      string `xml:"status"`
	Message     string `xml:"statusMessage"`
	Description string `xml:"description"`
	Encrypted   bool   `xml:"encrypted"`
	Key         string `xml:"kmsKeyId"`
	Tags        []struct {
		Key   string `xml:"key"`
		Value string `xml:"value"`
	} `xml:"tagSet>item"`
}

func (s seen) tag(key string) string {
	for _, tag := range s.Tags {
		if tag.Key == key {
			return tag.Value
		}
	}
	return ""
}

// own lists the target account's snapshots in a Region.
func (l *lab) own(region string) []seen {
	l.t.Helper()
	var listed struct {
		XMLName   xml.Name
		Snapshots []seen `xml:"snapshotSet>item"`
	}
	l.do(target, region, "ec2", "DescribeSnapshots", form("Owner.1", "self"), &listed)
	return listed.Snapshots
}

// types counts the outcomes by type, "" for none.
func (l *lab) types() map[string]int {
	counts := map[string]int{}
	for _, o := range l.outcomes {
		counts[o.Type]++
	}
	return counts
}

// of finds the outcomes of a type.
func (l *lab) of(kind string) (found []outcome) {
	for _, o := range l.outcomes {
		if o.Type == kind {
			found = append(found, o)
		}
	}
	return found
}

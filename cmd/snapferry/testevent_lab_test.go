package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"snapferry/infra/golden"
	"snapferry/internal/cloudformation"
	"snapferry/internal/event"
	"snapferry/internal/probe"
	"snapferry/internal/sim"
)

// deployedWay is the golden case demo in a world of its own, and the events' way
// in it, as the command computes it.
type deployedWay struct {
	t     *testing.T
	world *sim.World
	way   eventsWay
	role  *cloudformation.Role // of the copy function
}

const demoCase = "demo"

func deployWay(t *testing.T, o sim.Options) *deployedWay {
	t.Helper()
	d := &deployedWay{t: t, world: sim.New(o)}
	flags := testEventFlags{settings: "../../infra/golden/" + demoCase + "/settings.json", policies: "../../infra/golden/" + demoCase + "/policies"}
	var err error
	if d.way, err = flags.way(); err != nil {
		t.Fatal(err)
	}
	assembly, err := golden.Target(demoCase)
	if err != nil {
		t.Fatal(err)
	}
	deployed, err := assembly.Deploy(t.Context(), d.world)
	if err != nil {
		t.Fatal(err)
	}
	copying, err := deployed.Function("snapferry-copy")
	if err != nil {
		t.Fatal(err)
	}
	d.role = copying.Role
	return d
}

// do makes a call as the target account's root.
func (d *deployedWay) do(region, service, action string, in map[string]any, out any) {
	d.t.Helper()
	if err := d.world.Do(context.Background(), d.way.Account, region, service, action, in, out); err != nil {
		d.t.Fatal(err)
	}
}

// as is a run of the command by a caller.
func (d *deployedWay) as(caller string) *testRun {
	return &testRun{
		way: d.way, id: newTestID(), wait: 10 * time.Second, every: time.Second, progress: func(int, time.Duration) {},
		probe: probe.New(aws.Config{
			Credentials:      credentials.NewStaticCredentialsProvider(caller, "secret", ""),
			HTTPClient:       &http.Client{Transport: d.world.Transport()},
			BaseEndpoint:     aws.String("http://sim"),
			RetryMaxAttempts: 1,
		}),
	}
}

// beside runs f beside a test, until the function that it returns is called.
func beside(t *testing.T, f func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		f(ctx)
		close(done)
	}()
	return func() {
		cancel()
		<-done
	}
}

// queue is the URL of a queue of the target account.
func (d *deployedWay) queue(name string) string { return "http://sim/" + d.way.Account + "/" + name }

// policy sets the policy of a queue; "" for none.
func (d *deployedWay) policy(region, queue, policy string) {
	d.do(region, "sqs", "SetQueueAttributes", map[string]any{"QueueUrl": d.queue(queue), "Attributes": map[string]string{"Policy": policy}}, nil)
}

// copier takes events out of the events queue as the copy function does, and logs
// test events, after a while.
func (d *deployedWay) copier(ctx context.Context, after time.Duration) {
	const stream = "one"
	d.do(d.way.Home, "logs", "CreateLogStream", map[string]any{"logGroupName": d.way.LogGroup, "logStreamName": stream}, nil)
	for ctx.Err() == nil {
		var batch struct {
			Messages []struct{ Body, ReceiptHandle string }
		}
		in := map[string]any{"QueueUrl": d.queue(d.way.Events), "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1}
		if d.world.Do(ctx, d.role.AccessKeyID, d.way.Home, "sqs", "ReceiveMessage", in, &batch) != nil {
			time.Sleep(time.Second)
			continue
		}
		for _, m := range batch.Messages {
			time.Sleep(after)
			test, _ := event.Decode([]byte(m.Body))
			line, _ := json.Marshal(map[string]string{"message": "arrived", "test": test.(event.Test).ID, "region": test.(event.Test).Region, "kind": test.(event.Test).Kind})
			entry := map[string]any{"timestamp": d.world.Now().UnixMilli(), "message": string(line)}
			d.do(d.way.Home, "logs", "PutLogEvents", map[string]any{"logGroupName": d.way.LogGroup, "logStreamName": stream, "logEvents": []any{entry}}, nil)
			d.do(d.way.Home, "sqs", "DeleteMessage", map[string]any{"QueueUrl": d.queue(d.way.Events), "ReceiptHandle": m.ReceiptHandle}, nil)
		}
	}
}

// summary is the results as people read them, without the reasons' tails.
func summary(results []testResult) string {
	var b strings.Builder
	printTests(&b, results)
	return b.String()
}

// operator is a role that may do so many of the actions that the help names, and
// nothing else.
func (d *deployedWay) operator(actions string) string {
	d.t.Helper()
	key, err := d.world.AddRole(d.way.Account, "operator", fmt.Sprintf(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["%s"],"Resource":"*"},{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*"}]}`, strings.Join(strings.Fields(actions), `","`)))
	if err != nil {
		d.t.Fatal(err)
	}
	return key
}

func (d *deployedWay) removeRule(region, bus, name string) {
	var targets struct{ Targets []struct{ Id string } }
	d.do(region, "events", "ListTargetsByRule", map[string]any{"Rule": name, "EventBusName": bus}, &targets)
	var ids []string
	for _, target := range targets.Targets {
		ids = append(ids, target.Id)
	}
	d.do(region, "events", "RemoveTargets", map[string]any{"Rule": name, "EventBusName": bus, "Ids": ids}, nil)
	d.do(region, "events", "DeleteRule", map[string]any{"Name": name, "EventBusName": bus}, nil)
}

// take takes events and does nothing with them, or moves them to another queue.
func (d *deployedWay) take(ctx context.Context, to string) {
	for ctx.Err() == nil {
		var batch struct {
			Messages []struct{ Body, ReceiptHandle string }
		}
		in := map[string]any{"QueueUrl": d.queue(d.way.Events), "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1}
		if d.world.Do(ctx, d.way.Account, d.way.Home, "sqs", "ReceiveMessage", in, &batch) != nil || to == "" {
			time.Sleep(time.Second)
			continue
		}
		for _, m := range batch.Messages {
			d.do(d.way.Home, "sqs", "SendMessage", map[string]any{"QueueUrl": d.queue(to), "MessageBody": m.Body}, nil)
			d.do(d.way.Home, "sqs", "DeleteMessage", map[string]any{"QueueUrl": d.queue(d.way.Events), "ReceiptHandle": m.ReceiptHandle}, nil)
		}
	}
}

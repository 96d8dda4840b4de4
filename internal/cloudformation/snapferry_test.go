package cloudformation

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"snapferry/internal/sim"
)

// testdata/snapferry is a deployment such as the CDK would write it: the home
// stack and two forwarders.
func snapferry(t *testing.T) (*sim.World, *Deployment) {
	t.Helper()
	world := sim.New(sim.Options{
		CreateTime: func(int) time.Duration { return 0 },
		CopyTime:   func(int) time.Duration { return 0 },
	})
	assembly, err := Open(os.DirFS("testdata/snapferry"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := assembly.Deploy(t.Context(), world)
	if err != nil {
		t.Fatal(err)
	}
	return world, d
}

const atAmazon = "https://sqs.us-east-1.amazonaws.com/222222222222/"

func TestSnapferrysFunctions(t *testing.T) {
	_, d := snapferry(t)
	function := func(name string, timeout time.Duration, environment map[string]string) Function {
		environment["EVENT_BUS"], environment["LOG_LEVEL"] = "snapferry", "info"
		return Function{
			Account: account, Region: region, Name: "snapferry-" + name, ARN: "arn:aws:lambda:us-east-1:222222222222:function:snapferry-" + name,
			Runtime: "provided.al2023", Handler: "bootstrap", Architecture: "arm64", MemoryMB: 256, Timeout: timeout, Reserved: -1,
			Environment: environment, LogGroup: "/aws/lambda/snapferry-" + name,
		}
	}
	schedule := func(name, expression string) []Schedule {
		e, err := ParseExpression(expression)
		if err != nil {
			t.Fatal(err)
		}
		return []Schedule{{Account: account, Region: region, Name: "snapferry-" + name, Group: "default", Enabled: true, Expression: e, Input: "{}",
			FunctionARN: "arn:aws:lambda:us-east-1:222222222222:function:snapferry-" + name, RoleARN: "arn:aws:iam::222222222222:role/snapferry-scheduler",
			DeadLetterARN: "arn:aws:sqs:us-east-1:222222222222:snapferry-undelivered"}}
	}
	orders := atAmazon + "snapferry-orders-{region}-{lane}.fifo"
	copying := function("copy", time.Minute, map[string]string{"ORDERS_QUEUE_URL": orders, "ORDERS_DLQ_URL": atAmazon + "snapferry-orders-dlq.fifo", "ORDERS_LANES": "8", "COPY_SLOTS": "20"})
	copying.Sources = []EventSource{{QueueARN: "arn:aws:sqs:us-east-1:222222222222:snapferry-events", QueueURL: atAmazon + "snapferry-events",
		Enabled: true, BatchSize: 10, Window: 2 * time.Second, PartialAnswers: true, MaxConcurrency: 4}}
	expiring := function("expire", 15*time.Minute, map[string]string{"EXPIRE_REGIONS": ""})
	expiring.Schedules = schedule("expire", "rate(6 hours)")
	reconciling := function("reconcile", 15*time.Minute, map[string]string{"ORDERS_QUEUE_URL": orders, "ORDERS_LANES": "8", "EVENTS_QUEUE_URL": atAmazon + "snapferry-events",
		"SOURCE_REGIONS": "us-east-1", "CATCH_UP": "168h"})
	reconciling.Schedules = schedule("reconcile", "rate(15 minutes)")

	want := []Function{copying, expiring, reconciling}
	ignore := cmp.Options{
		cmpopts.IgnoreFields(Function{}, "Role"), cmp.AllowUnexported(Expression{}),
		cmpopts.IgnoreMapEntries(func(name, _ string) bool { return name == "POLICY_HASH" }),
	}
	if diff := cmp.Diff(want, d.Functions, ignore); diff != "" {
		t.Errorf("functions (-want +got):\n%s", diff)
	}
	for _, f := range d.Functions {
		if f.Role.Name != f.Name || f.Role.AccessKeyID == "" || len(f.Role.Policies) != 1 || f.Environment["POLICY_HASH"] == "" {
			t.Errorf("%s: role %+v, POLICY_HASH %q", f.Name, f.Role, f.Environment["POLICY_HASH"])
		}
	}
	if got, err := d.Function("snapferry-expire"); err != nil || got.Name != "snapferry-expire" {
		t.Errorf("find a function: %v, %v", got, err)
	}
	if _, err := d.Function("snapferry-sink"); err == nil {
		t.Error("found a function that is not there")
	}
}

// What EventBridge brings home goes through every forwarder, rule, queue and key
// that the templates name, under the roles that they name.
func TestEventsComeHome(t *testing.T) {
	world, d := snapferry(t)
	const owner, id = "111111111111", "snap-0123456789abcdef0"
	if err := world.AddSnapshot(sim.Seed{Region: region, ID: id, Owner: owner}); err != nil {
		t.Fatal(err)
	}
	share := url.Values{"SnapshotId": {id}, "CreateVolumePermission.Add.1.UserId": {account}}
	if err := world.Do(t.Context(), owner, region, "ec2", "ModifySnapshotAttribute", share, nil); err != nil {
		t.Fatal(err)
	}
	copying, err := d.Function("snapferry-copy")
	if err != nil {
		t.Fatal(err)
	}
	key := copying.Role.AccessKeyID
	order := url.Values{"SourceRegion": {region}, "SourceSnapshotId": {id}}
	if err := world.Do(t.Context(), key, "eu-west-2", "ec2", "CopySnapshot", order, nil); err == nil {
		t.Error("copy may copy without a mark")
	}
	order.Set("TagSpecification.1.ResourceType", "snapshot")
	for i, tag := range []string{"policy=nightly", "order=nightly/" + id, "expires=never"} {
		name, value, _ := strings.Cut(tag, "=")
		prefix := "TagSpecification.1.Tag." + string(rune('1'+i))
		order.Set(prefix+".Key", "snapferry:"+name)
		order.Set(prefix+".Value", value)
	}
	if err := world.Do(t.Context(), key, "eu-west-2", "ec2", "CopySnapshot", order, nil); err != nil {
		t.Errorf("copy can't copy: %v", err)
	}

	receive := map[string]any{"QueueUrl": copying.Sources[0].QueueURL, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 5}
	var got []string
	for len(got) < 2 {
		var answer struct{ Messages []struct{ Body string } }
		if err := world.Do(t.Context(), key, region, "sqs", "ReceiveMessage", receive, &answer); err != nil {
			t.Fatal(err)
		}
		if len(answer.Messages) == 0 {
			t.Fatalf("got only %v", got)
		}
		for _, m := range answer.Messages {
			var event struct {
				Region string
				Detail struct{ Event string }
			}
			if err := json.Unmarshal([]byte(m.Body), &event); err != nil {
				t.Fatal(err)
			}
			got = append(got, event.Detail.Event+" in "+event.Region)
		}
	}
	slices.Sort(got)
	if want := []string{"copySnapshot in eu-west-2", "shareSnapshot in us-east-1"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if lost := world.Lost(); len(lost) > 0 {
		t.Errorf("lost events: %v", lost)
	}

	reconciling, err := d.Function("snapferry-reconcile")
	if err != nil {
		t.Fatal(err)
	}
	var refused *sim.Error
	if err := world.Do(t.Context(), reconciling.Role.AccessKeyID, region, "sqs", "ReceiveMessage", receive, nil); !errors.As(err, &refused) || refused.Code != "AccessDeniedException" {
		t.Errorf("reconcile reads the events queue: %v", err)
	}
	if err := world.Do(sim.Insecurely(t.Context()), key, region, "sqs", "ReceiveMessage", receive, nil); !errors.As(err, &refused) || refused.Code != "AccessDeniedException" {
		t.Errorf("copy reads the events queue without TLS: %v", err)
	}
	s := reconciling.Schedules[0]
	if err := world.Permit(s.Act("lambda:InvokeFunction", s.FunctionARN)); err != nil {
		t.Errorf("the schedule can't invoke: %v", err)
	}
	if err := world.Permit(s.Act("lambda:InvokeFunction", copying.ARN)); err == nil {
		t.Error("a schedule may invoke copy")
	}
}

// The templates' queues have URLs at Amazon. The SDK sends to the endpoint that
// it is told all the same, and the simulation minds the URL's path only.
func TestTheSDKFindsQueuesAtTheEndpoint(t *testing.T) {
	world, d := snapferry(t)
	server := httptest.NewServer(world)
	defer server.Close()
	reconciling, err := d.Function("snapferry-reconcile")
	if err != nil {
		t.Fatal(err)
	}
	client := awssqs.NewFromConfig(aws.Config{
		Region: region, BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider(reconciling.Role.AccessKeyID, "any", ""),
	})
	for _, queue := range []string{
		reconciling.Environment["EVENTS_QUEUE_URL"],
		strings.NewReplacer("{region}", "eu-west-2", "{lane}", "3").Replace(reconciling.Environment["ORDERS_QUEUE_URL"]),
	} {
		if !strings.HasPrefix(queue, atAmazon) {
			t.Errorf("got the URL %s, want one at Amazon", queue)
		}
		in := &awssqs.SendMessageInput{QueueUrl: &queue, MessageBody: aws.String("{}")}
		if strings.HasSuffix(queue, ".fifo") {
			in.MessageGroupId, in.MessageDeduplicationId = aws.String("g"), aws.String("d")
		}
		if _, err := client.SendMessage(t.Context(), in); err != nil {
			t.Errorf("send to %s: %v", queue, err)
		}
	}
}

// Whatever a template has, it is deployed or refused.
func FuzzTemplates(f *testing.F) {
	for _, name := range []string{"snapferry-home", "snapferry-forwarder-eu-west-2"} {
		data, err := os.ReadFile("testdata/snapferry/" + name + ".template.json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Add(around(`{"Fn::Sub":["${a}/${ Text }/${!b}",{"a":{"Ref":"AWS::URLSuffix"}}]}`))
	f.Add(around(`{"Fn::Select":["1",{"Fn::Split":["|",{"Fn::If":["Either","bus|rule",{"Ref":"AWS::NoValue"}]}]}]}`))
	f.Fuzz(func(t *testing.T, template string) {
		assembly, err := Open(folder("s", template))
		if err != nil {
			return
		}
		d, err := assembly.Deploy(t.Context(), sim.New(sim.Options{}))
		if err == nil && d.Outputs["s"] == nil {
			t.Error("it is deployed and has no outputs, not even none")
		}
	})
}

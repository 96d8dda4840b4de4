package sim_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"snapferry/internal/sim"
)

// sdkClients are the SDK's own clients, unmodified, of one account.
func sdkClients(w *sim.World, account string) (*sqs.Client, *eventbridge.Client) {
	config := aws.Config{
		Region:       "eu-west-1",
		Credentials:  credentials.NewStaticCredentialsProvider(account, "secret", ""),
		HTTPClient:   &http.Client{Transport: w.Transport()},
		BaseEndpoint: aws.String("http://sim"),
	}
	return sqs.NewFromConfig(config), eventbridge.NewFromConfig(config)
}

func TestSDKQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		client, _ := sdkClients(sim.New(sim.Options{}), "222222222222")
		dead, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("dead.fifo"), Attributes: map[string]string{"FifoQueue": "true"}})
		if err != nil {
			t.Fatal(err)
		}
		queue, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("orders.fifo"), Attributes: map[string]string{
			"FifoQueue":     "true",
			"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:222222222222:dead.fifo","maxReceiveCount":1}`,
		}})
		if err != nil {
			t.Fatal(err)
		}
		sent, err := client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: queue.QueueUrl, Entries: []sqstypes.SendMessageBatchRequestEntry{
			{Id: aws.String("a"), MessageBody: aws.String("one"), MessageGroupId: aws.String("g"), MessageDeduplicationId: aws.String("1"),
				MessageAttributes: map[string]sqstypes.MessageAttributeValue{"kind": {DataType: aws.String("Binary"), BinaryValue: []byte{7}}}},
			{Id: aws.String("b"), MessageBody: aws.String("two"), MessageGroupId: aws.String("g"), MessageDeduplicationId: aws.String("2")},
			{Id: aws.String("c"), MessageBody: aws.String("three"), MessageDeduplicationId: aws.String("3")},
		}})
		if err != nil {
			t.Fatal(err)
		}
		if len(sent.Successful) != 2 || len(sent.Failed) != 1 || aws.ToString(sent.Failed[0].Id) != "c" {
			t.Fatalf("got %+v, %+v: want a and b sent, c failed", sent.Successful, sent.Failed)
		}
		received, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: queue.QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 20, VisibilityTimeout: 60,
			MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{sqstypes.MessageSystemAttributeNameAll},
			MessageAttributeNames:       []string{"All"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(received.Messages) != 2 || aws.ToString(received.Messages[0].Body) != "one" || aws.ToString(received.Messages[1].Body) != "two" {
			t.Fatalf("got %+v, want one and two", received.Messages)
		}
		first := received.Messages[0]
		if got := first.MessageAttributes["kind"].BinaryValue; string(got) != "\x07" {
			t.Errorf("attribute kind: got %v, want [7]", got)
		}
		if first.Attributes["MessageGroupId"] != "g" || first.Attributes["ApproximateReceiveCount"] != "1" {
			t.Errorf("system attributes: got %v", first.Attributes)
		}
		if _, err := client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: queue.QueueUrl, ReceiptHandle: received.Messages[1].ReceiptHandle}); err != nil {
			t.Fatal(err)
		}
		if _, err := client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: queue.QueueUrl, ReceiptHandle: first.ReceiptHandle, VisibilityTimeout: 5}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if again, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl}); err != nil || len(again.Messages) != 0 {
			t.Fatalf("got %+v, %v: want nothing, it was received once already", again.Messages, err)
		}
		buried, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: dead.QueueUrl})
		if err != nil || len(buried.Messages) != 1 {
			t.Fatalf("dead-letter queue: got %+v, %v: want one message", buried.Messages, err)
		}
	})
}

func TestSDKErrorsAreTyped(t *testing.T) {
	ctx := context.Background()
	client, bridge := sdkClients(sim.New(sim.Options{}), "222222222222")
	queue, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("queue")})
	if err != nil {
		t.Fatal(err)
	}
	code := func(t *testing.T, err error, want string) {
		t.Helper()
		var e smithy.APIError
		if !errors.As(err, &e) || e.ErrorCode() != want {
			t.Errorf("got %v, want code %s", err, want)
		}
	}
	t.Run("a missing queue is a QueueDoesNotExist", func(t *testing.T) {
		_, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("none")})
		var missing *sqstypes.QueueDoesNotExist
		if !errors.As(err, &missing) {
			t.Errorf("got %v, want QueueDoesNotExist", err)
		}
		code(t, err, "AWS.SimpleQueueService.NonExistentQueue")
	})
	t.Run("a broken handle is a ReceiptHandleIsInvalid", func(t *testing.T) {
		_, err := client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: queue.QueueUrl, ReceiptHandle: aws.String("nonsense")})
		var invalid *sqstypes.ReceiptHandleIsInvalid
		if !errors.As(err, &invalid) {
			t.Errorf("got %v, want ReceiptHandleIsInvalid", err)
		}
	})
	t.Run("an older error has its code", func(t *testing.T) {
		_, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: queue.QueueUrl, MessageBody: aws.String("a"), DelaySeconds: 901})
		code(t, err, "InvalidParameterValue")
	})
	t.Run("a missing rule is a ResourceNotFoundException", func(t *testing.T) {
		_, err := bridge.DescribeRule(ctx, &eventbridge.DescribeRuleInput{Name: aws.String("none")})
		var missing *eventtypes.ResourceNotFoundException
		if !errors.As(err, &missing) {
			t.Errorf("got %v, want ResourceNotFoundException", err)
		}
	})
	t.Run("a bad pattern is an InvalidEventPatternException", func(t *testing.T) {
		_, err := bridge.PutRule(ctx, &eventbridge.PutRuleInput{Name: aws.String("r"), EventPattern: aws.String(`{"a":1}`)})
		var invalid *eventtypes.InvalidEventPatternException
		if !errors.As(err, &invalid) {
			t.Errorf("got %v, want InvalidEventPatternException", err)
		}
	})
}

func TestSDKEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		client, bridge := sdkClients(sim.New(sim.Options{}), "222222222222")
		queue, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("queue")})
		if err != nil {
			t.Fatal(err)
		}
		admission := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sqs:SendMessage",
			"Resource":"arn:aws:sqs:eu-west-1:222222222222:queue","Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:events:eu-west-1:222222222222:rule/home/r"}}}]}`
		if _, err := client.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: queue.QueueUrl, Attributes: map[string]string{"Policy": admission}}); err != nil {
			t.Fatal(err)
		}
		bus, err := bridge.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: aws.String("home")})
		if err != nil {
			t.Fatal(err)
		}
		rule := &eventbridge.PutRuleInput{Name: aws.String("r"), EventBusName: aws.String("home"), EventPattern: aws.String(`{"detail":{"n":[{"numeric":[">",1]}]}}`)}
		if _, err := bridge.PutRule(ctx, rule); err != nil {
			t.Fatal(err)
		}
		if _, err := bridge.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: rule.Name, EventBusName: rule.EventBusName, Targets: []eventtypes.Target{
			{Id: aws.String("queue"), Arn: aws.String("arn:aws:sqs:eu-west-1:222222222222:queue")},
		}}); err != nil {
			t.Fatal(err)
		}
		put, err := bridge.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []eventtypes.PutEventsRequestEntry{
			{EventBusName: bus.EventBusArn, Source: aws.String("mine"), DetailType: aws.String("T"), Detail: aws.String(`{"n":2}`), Time: aws.Time(time.Unix(1767225600, 0))},
			{EventBusName: bus.EventBusArn, Source: aws.String("mine"), DetailType: aws.String("T"), Detail: aws.String(`{"n":1}`)},
			{EventBusName: bus.EventBusArn, Source: aws.String("aws.ec2"), DetailType: aws.String("T"), Detail: aws.String(`{"n":2}`)},
		}})
		if err != nil {
			t.Fatal(err)
		}
		if put.FailedEntryCount != 1 || aws.ToString(put.Entries[2].ErrorCode) != "NotAuthorizedForSourceException" {
			t.Errorf("got %+v, want only the third to fail", put.Entries)
		}
		received, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		want := `{"version":"0","id":"` + aws.ToString(put.Entries[0].EventId) + `","detail-type":"T","source":"mine","account":"222222222222","time":"2026-01-01T00:00:00Z","region":"eu-west-1","resources":[],"detail":{"n":2}}`
		if len(received.Messages) != 1 || aws.ToString(received.Messages[0].Body) != want {
			t.Errorf("got %+v, want one message: %s", received.Messages, want)
		}
		described, err := bridge.DescribeEventBus(ctx, &eventbridge.DescribeEventBusInput{Name: aws.String("home")})
		if err != nil || described.CreationTime.Unix() != time.Now().Unix() {
			t.Errorf("got %+v, %v: want it created now", described, err)
		}
	})
}

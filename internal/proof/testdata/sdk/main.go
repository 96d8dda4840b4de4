// Command sdk is the least that a Lambda function in Go can be that may call what
// functions/copy calls: it shows how much of that function's cold start the SDK is.
package main

import (
	"context"
	"errors"
	"log"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func main() {
	c, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	queues, bus := sqs.NewFromConfig(c), eventbridge.NewFromConfig(c)
	lambda.Start(func(ctx context.Context, event struct{ Call bool }) error {
		if !event.Call { // nobody asks for it, but the linker must not know
			return nil
		}
		snapshots := ec2.NewFromConfig(c)
		_, looked := snapshots.DescribeSnapshots(ctx, nil)
		_, copied := snapshots.CopySnapshot(ctx, nil)
		_, tagged := snapshots.CreateTags(ctx, nil)
		_, received := queues.ReceiveMessage(ctx, nil)
		_, sent := queues.SendMessageBatch(ctx, nil)
		_, deleted := queues.DeleteMessage(ctx, nil)
		_, told := bus.PutEvents(ctx, nil)
		return errors.Join(looked, copied, tagged, received, sent, deleted, told)
	})
}

package probe

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go/middleware"
)

// serverTime is when the answer was given, on the server's clock; the machine's
// if it does not say.
func serverTime(metadata middleware.Metadata) time.Time {
	if at, ok := awsmiddleware.GetServerTime(metadata); ok {
		return at
	}
	return time.Now()
}

// Rule is a rule as it is deployed.
type Rule struct {
	Exists, Enabled bool
	Pattern         string
}

// Rule looks at a rule on a bus. A missing rule is a fact, not an error.
func (p *Probe) Rule(ctx context.Context, region, bus, name string) (Rule, error) {
	out, err := p.events(region).DescribeRule(ctx, &eventbridge.DescribeRuleInput{EventBusName: &bus, Name: &name})
	if _, none := errors.AsType[*eventtypes.ResourceNotFoundException](err); none {
		return Rule{}, nil
	}
	if err != nil {
		return Rule{}, fmt.Errorf("look at rule %s on bus %s of %s: %w", name, bus, region, err)
	}
	return Rule{Exists: true, Enabled: out.State != eventtypes.RuleStateDisabled, Pattern: aws.ToString(out.EventPattern)}, nil
}

// Queue is what waits in a queue.
type Queue struct {
	Exists bool
	// Waiting counts the visible messages, InHand those in flight.
	Waiting, InHand int
}

// Queue counts what is in a queue. A missing queue is a fact, not an error.
func (p *Probe) Queue(ctx context.Context, region, url string) (Queue, error) {
	waiting, inHand := types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible
	out, err := p.queues(region).GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{waiting, inHand}})
	if isNoQueue(err) {
		return Queue{}, nil
	}
	q := Queue{Exists: true}
	if err == nil {
		q.Waiting, err = strconv.Atoi(out.Attributes[string(waiting)])
	}
	if err == nil {
		q.InHand, err = strconv.Atoi(out.Attributes[string(inHand)])
	}
	if err != nil {
		return Queue{}, fmt.Errorf("count the messages in %s: %w", url, err)
	}
	return q, nil
}

func isNoQueue(err error) bool {
	_, none := errors.AsType[*types.QueueDoesNotExist](err)
	return none
}

// Letter is a message that could not be delivered.
type Letter struct {
	Body string
	// Code and Message are why, in EventBridge's words; "" where it does not say.
	Code, Message string
}

// maxLetters is how much of a dead-letter queue is read: among more, one event is
// not worth the search.
const maxLetters = 100

// onDesk is how long a letter is the reader's alone; after it, it is where it was.
// Each look waits for longer, so that a letter is seen whose first answer was lost
// on its way.
const onDesk, deskWait = 2, 3 // seconds

// Letters takes those messages out of a dead-letter queue that contain a phrase,
// and returns them; the others stay. Of a long queue it reads the beginning only. A
// missing queue is a fact, not an error.
func (p *Probe) Letters(ctx context.Context, region, url, phrase string) ([]Letter, error) {
	client := p.queues(region)
	var found []Letter
	seen := map[string]bool{}
	for len(seen) < maxLetters {
		out, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &url, MaxNumberOfMessages: 10, VisibilityTimeout: onDesk, WaitTimeSeconds: deskWait, MessageAttributeNames: []string{"All"},
		})
		if isNoQueue(err) {
			return found, nil
		}
		if err != nil {
			return found, fmt.Errorf("read %s: %w", url, err)
		}
		before := len(seen)
		for _, m := range out.Messages {
			seen[aws.ToString(m.MessageId)] = true
			if !strings.Contains(aws.ToString(m.Body), phrase) {
				continue
			}
			found = append(found, Letter{
				Body:    aws.ToString(m.Body),
				Code:    aws.ToString(m.MessageAttributes["ERROR_CODE"].StringValue),
				Message: aws.ToString(m.MessageAttributes["ERROR_MESSAGE"].StringValue),
			})
			if _, err := client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				return found, fmt.Errorf("delete a test event from %s: %w", url, err)
			}
		}
		if len(seen) == before { // nothing new: it was all
			break
		}
	}
	return found, nil
}

package cloud

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"snapferry/internal/plan"
)

// Letters is the orders' dead-letter queue, as people work on it: orders that
// EC2 has refused for a day, and what could not be read as an order.
type Letters struct {
	client *sqs.Client
	url    string
	orders *Orders
}

// Letter is one message of the dead-letter queue.
type Letter struct {
	ID    string
	Order plan.Order
	// Problem is set, and Order is not, when the message is no order.
	Problem error

	lane    int // in which the order was, -1 if that is not known
	receipt string
}

// laneName is the attribute of a letter that says in which lane its order was.
const laneName = "lane"

func laneAttribute(lane int) map[string]types.MessageAttributeValue {
	return map[string]types.MessageAttributeValue{
		laneName: {DataType: aws.String("Number"), StringValue: aws.String(strconv.Itoa(lane))},
	}
}

// Letters opens the dead-letter queue. Orders go back to the queues of orders, for
// which nobody needs to know the policies: each goes back into its lane.
func (c *Cloud) Letters(q Queues) (*Letters, error) {
	orders, err := c.Orders(q)
	if err != nil {
		return nil, err
	}
	if q.Letters == "" {
		return nil, fmt.Errorf("ORDERS_DLQ_URL is not set: it is the queue for orders that EC2 has refused for a day")
	}
	return &Letters{client: orders.client, url: q.Letters, orders: orders}, nil
}

// onDesk is how long a letter is the reader's alone. Whoever is killed while
// reading leaves the letters where they are, to be seen again after it.
const onDesk = 2 * time.Minute

// Read takes up every letter there is, and hands each to f once. f must not keep
// the letter back from others for longer than it needs: it ends with PutBack or
// Return. Read goes on until the queue has no more, f or a call fails.
func (l *Letters) Read(ctx context.Context, f func(Letter) error) error {
	seen := map[string]bool{}
	for {
		output, err := l.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl:            &l.url,
			MaxNumberOfMessages: perBatch,
			VisibilityTimeout:   int32(onDesk / time.Second),
			WaitTimeSeconds:     int32(firstWait / time.Second),

			MessageAttributeNames: []string{laneName},
		})
		if err != nil {
			return fmt.Errorf("read the dead-letter queue: %w", classify(err))
		}
		unseen := false
		for _, m := range output.Messages {
			letter := letterOf(m)
			if seen[letter.ID] {
				continue
			}
			seen[letter.ID], unseen = true, true
			if err := f(letter); err != nil {
				return err
			}
		}
		if !unseen {
			return nil
		}
	}
}

func letterOf(m types.Message) Letter {
	letter := Letter{ID: aws.ToString(m.MessageId), lane: -1, receipt: aws.ToString(m.ReceiptHandle)}
	letter.Order, letter.Problem = parseOrder(aws.ToString(m.Body))
	if lane, err := strconv.Atoi(aws.ToString(m.MessageAttributes[laneName].StringValue)); err == nil {
		letter.lane = lane
	}
	return letter
}

// laneFor is where a letter's order goes back to: where its lineage's other
// orders are, unless there are fewer lanes now.
func (l *Letters) laneFor(letter Letter) int {
	if letter.lane >= 0 && letter.lane < l.orders.lanes {
		return letter.lane
	}
	return l.orders.lane(letter.Order.Facts.Owner)
}

// PutBack puts the letter's order into its queue again as if it had never been
// refused, and then takes the letter out of the dead-letter queue. The message's
// id is the deduplication id: killed in between, the next one to put the letter
// back within five minutes sends nothing twice, and later a second order ends
// when its turn comes.
func (l *Letters) PutBack(ctx context.Context, letter Letter) error {
	order := letter.Order
	order.Denial, order.NotBefore, order.Missed = nil, time.Time{}, 0
	queue := l.orders.queue(order.Target, l.laneFor(letter))
	if err := l.orders.put(ctx, queue, body(order), "redriven/"+letter.ID, order.Group(), nil); err != nil {
		return fmt.Errorf("put %s into %s: %w", order, *queue, err)
	}
	_, err := l.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &l.url, ReceiptHandle: &letter.receipt})
	if err != nil {
		return fmt.Errorf("take %s, which is back in %s, out of the dead-letter queue: %w", order, *queue, classify(err))
	}
	return nil
}

// Return leaves the letter where it is, for others to see at once.
func (l *Letters) Return(ctx context.Context, letter Letter) error {
	_, err := l.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &l.url, ReceiptHandle: &letter.receipt})
	if err != nil {
		return fmt.Errorf("leave message %s in the dead-letter queue: %w", letter.ID, classify(err))
	}
	return nil
}

// Hidden counts the letters that somebody else has in hand just now.
func (l *Letters) Hidden(ctx context.Context) (int, error) {
	const name = types.QueueAttributeNameApproximateNumberOfMessagesNotVisible
	output, err := l.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &l.url, AttributeNames: []types.QueueAttributeName{name}})
	if err != nil {
		return 0, fmt.Errorf("count the dead-letter queue: %w", classify(err))
	}
	n, err := strconv.Atoi(strings.TrimSpace(output.Attributes[string(name)]))
	if err != nil {
		return 0, fmt.Errorf("count the dead-letter queue: %w", err)
	}
	return n, nil
}

package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"snapferry/internal/plan"
	"snapferry/internal/reactor"
)

// perBatch is how many messages one call of SQS takes.
const perBatch = 10

// Orders is the orders' queues, one per target Region, in the home Region. It
// serves the reactor's port of that name.
type Orders struct {
	client *sqs.Client
	url    string // with {region}
}

// Orders opens the queues whose URLs are template with the target Region in the
// place of {region}. They must be FIFO queues.
func (c *Cloud) Orders(template string) (*Orders, error) {
	if !strings.Contains(template, "{region}") {
		return nil, fmt.Errorf("ORDERS_QUEUE_URL is %q: it must hold {region}, in whose place the target Region is put", template)
	}
	if !strings.HasSuffix(template, ".fifo") {
		return nil, fmt.Errorf("ORDERS_QUEUE_URL is %q: it must name FIFO queues, which end in .fifo", template)
	}
	// There is one lane per Region, which a template with lanes calls 0.
	return &Orders{sqs.NewFromConfig(c.config), strings.ReplaceAll(template, "{lane}", "0")}, nil
}

func (o *Orders) queue(region string) *string {
	return aws.String(strings.ReplaceAll(o.url, "{region}", region))
}

// Send implements reactor.Orders. The order's key is the deduplication id: SQS
// drops what it has seen within five minutes.
func (o *Orders) Send(ctx context.Context, region string, orders []plan.Order) []error {
	errs := make([]error, 0, len(orders))
	for some := range slices.Chunk(orders, perBatch) {
		errs = append(errs, o.send(ctx, region, some)...)
	}
	return errs
}

func (o *Orders) send(ctx context.Context, region string, orders []plan.Order) []error {
	errs := make([]error, len(orders))
	entries := make([]types.SendMessageBatchRequestEntry, len(orders))
	for i, order := range orders {
		body, err := json.Marshal(order)
		if err != nil {
			panic(err) // strings always marshal
		}
		entries[i] = types.SendMessageBatchRequestEntry{
			Id:                     aws.String(strconv.Itoa(i)),
			MessageBody:            aws.String(string(body)),
			MessageDeduplicationId: aws.String(order.Key()),
			MessageGroupId:         aws.String(order.Group()),
		}
	}
	output, err := o.client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: o.queue(region), Entries: entries})
	if err != nil {
		for i := range errs {
			errs[i] = classify(err)
		}
		return errs
	}
	for i := range errs {
		errs[i] = errors.New("SQS did not say what became of the message")
	}
	for _, done := range output.Successful {
		if i, err := strconv.Atoi(aws.ToString(done.Id)); err == nil && i >= 0 && i < len(errs) {
			errs[i] = nil
		}
	}
	for _, failed := range output.Failed {
		if i, err := strconv.Atoi(aws.ToString(failed.Id)); err == nil && i >= 0 && i < len(errs) {
			errs[i] = fmt.Errorf("SQS: %s: %s", aws.ToString(failed.Code), aws.ToString(failed.Message))
		}
	}
	return errs
}

// inHand is how long an order is the receiver's alone: longer than the function
// may run, so that nobody else takes it up meanwhile.
const inHand = 6 * time.Minute

// Receive implements reactor.Orders.
func (o *Orders) Receive(ctx context.Context, region string, limit int, wait time.Duration) ([]reactor.Delivery, error) {
	output, err := o.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:            o.queue(region),
		MaxNumberOfMessages: int32(min(limit, perBatch)),
		VisibilityTimeout:   int32(inHand / time.Second),
		WaitTimeSeconds:     int32(wait / time.Second),
	})
	if err != nil {
		return nil, classify(err)
	}
	deliveries := make([]reactor.Delivery, len(output.Messages))
	for i, m := range output.Messages {
		d := reactor.Delivery{Region: region, Receipt: aws.ToString(m.ReceiptHandle)}
		d.Order, d.Problem = readOrder(region, aws.ToString(m.Body))
		if d.Problem != nil {
			d.Problem = fmt.Errorf("read order in message %s: %w", aws.ToString(m.MessageId), d.Problem)
		}
		deliveries[i] = d
	}
	return deliveries, nil
}

func readOrder(region, body string) (plan.Order, error) {
	var order plan.Order
	if err := json.Unmarshal([]byte(body), &order); err != nil {
		return plan.Order{}, err
	}
	if err := order.Check(); err != nil {
		return plan.Order{}, err
	}
	if order.Target != region {
		return plan.Order{}, fmt.Errorf("it is for %q and not for %s, whose queue this is", order.Target, region)
	}
	return order, nil
}

// Finish implements reactor.Orders.
func (o *Orders) Finish(ctx context.Context, d reactor.Delivery) error {
	_, err := o.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: o.queue(d.Region), ReceiptHandle: &d.Receipt})
	return classify(err)
}

// Release implements reactor.Orders.
func (o *Orders) Release(ctx context.Context, d reactor.Delivery, after time.Duration) error {
	_, err := o.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl:          o.queue(d.Region),
		ReceiptHandle:     &d.Receipt,
		VisibilityTimeout: int32(after / time.Second),
	})
	return classify(err)
}

// Wakers is the queue that feeds functions/copy. It serves the reactor's port
// of that name.
type Wakers struct {
	client *sqs.Client
	url    string
}

// Wakers opens the events queue.
func (c *Cloud) Wakers(url string) (*Wakers, error) {
	if url == "" {
		return nil, errors.New("EVENTS_QUEUE_URL is not set: it is the queue that feeds the copy function")
	}
	return &Wakers{sqs.NewFromConfig(c.config), url}, nil
}

// Wake implements reactor.Wakers.
func (w *Wakers) Wake(ctx context.Context, event []byte) error {
	_, err := w.client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &w.url, MessageBody: aws.String(string(event))})
	return classify(err)
}

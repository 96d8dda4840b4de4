package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
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

// Lanes is how many queues a target Region has where the queues' URL has a
// place for the lane; else it has one.
const Lanes = 8

// Orders is the orders' queues, Lanes or one per target Region, in the home
// Region. It serves the reactor's port of that name.
//
// SQS knows no priorities, and hands a FIFO queue's messages out in the order in
// which they came. So that one account's flood is not in everybody's way, source
// accounts are spread over lanes, and the lanes take turns.
type Orders struct {
	client  *sqs.Client
	url     string // with {region}, and perhaps {lane}
	letters string // the dead-letter queue's URL, "" if there is none
	lanes   int
	turns   turns
}

// Orders opens the queues whose URLs are template with the target Region in the
// place of {region} and the lane, from 0, in the place of {lane}. They must be
// FIFO queues. letters is the URL of the FIFO queue for orders that people must
// look at; without it such orders are tried for ever.
func (c *Cloud) Orders(template, letters string) (*Orders, error) {
	if !strings.Contains(template, "{region}") {
		return nil, fmt.Errorf("ORDERS_QUEUE_URL is %q: it must hold {region}, in whose place the target Region is put", template)
	}
	if !strings.HasSuffix(template, ".fifo") {
		return nil, fmt.Errorf("ORDERS_QUEUE_URL is %q: it must name FIFO queues, which end in .fifo", template)
	}
	if letters != "" && !strings.HasSuffix(letters, ".fifo") {
		return nil, fmt.Errorf("ORDERS_DLQ_URL is %q: it must name a FIFO queue, which ends in .fifo", letters)
	}
	o := &Orders{client: sqs.NewFromConfig(c.config), url: template, letters: letters, lanes: 1}
	if strings.Contains(template, "{lane}") {
		o.lanes = Lanes
	}
	return o, nil
}

func (o *Orders) queue(region string, lane int) *string {
	return aws.String(strings.NewReplacer("{region}", region, "{lane}", strconv.Itoa(lane)).Replace(o.url))
}

// lane is where an account's orders wait.
func (o *Orders) lane(account string) int {
	h := fnv.New32a()
	h.Write([]byte(account))
	return int(h.Sum32() % uint32(o.lanes))
}

// Send implements reactor.Orders.
func (o *Orders) Send(ctx context.Context, region string, orders []plan.Order) []error {
	errs := make([]error, len(orders))
	lanes := map[int][]int{} // to positions in orders
	for i, order := range orders {
		lane := o.lane(order.Facts.Owner)
		lanes[lane] = append(lanes[lane], i)
	}
	for lane, positions := range lanes {
		for some := range slices.Chunk(positions, perBatch) {
			entries := make([]types.SendMessageBatchRequestEntry, len(some))
			for n, i := range some {
				entries[n] = types.SendMessageBatchRequestEntry{
					Id:                     aws.String(strconv.Itoa(i)),
					MessageBody:            aws.String(body(orders[i])),
					MessageDeduplicationId: aws.String(once(orders[i])),
					MessageGroupId:         aws.String(orders[i].Group()),
				}
			}
			o.send(ctx, o.queue(region, lane), entries, errs)
		}
		o.turns.filled(region, lane)
	}
	return errs
}

// send puts entries, whose ids are positions in errs, into a queue.
func (o *Orders) send(ctx context.Context, queue *string, entries []types.SendMessageBatchRequestEntry, errs []error) {
	output, err := o.client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: queue, Entries: entries})
	unknown := classify(err)
	if err == nil {
		unknown = errors.New("SQS did not say what became of the message")
	}
	for _, entry := range entries {
		i, _ := strconv.Atoi(*entry.Id)
		errs[i] = unknown
	}
	if err != nil {
		return
	}
	set := func(id *string, err error) {
		if i, bad := strconv.Atoi(aws.ToString(id)); bad == nil && i >= 0 && i < len(errs) {
			errs[i] = err
		}
	}
	for _, done := range output.Successful {
		set(done.Id, nil)
	}
	for _, failed := range output.Failed {
		set(failed.Id, fmt.Errorf("SQS: %s: %s", aws.ToString(failed.Code), aws.ToString(failed.Message)))
	}
}

func body(o plan.Order) string {
	data, err := json.Marshal(o)
	if err != nil {
		panic(err) // strings and times always marshal
	}
	return string(data)
}

// once is the deduplication id of an order: SQS drops what it has seen within
// five minutes. The same share delivered twice is one order; a snapshot that is
// unshared and shared again is ordered again, whatever became of the first
// order meanwhile.
func once(o plan.Order) string {
	id := o.Key()
	if !o.Shared.IsZero() {
		id += "/" + strconv.FormatInt(o.Shared.Unix(), 36)
	}
	return id
}

// inHand is how long an order is the receiver's alone: longer than the function
// may run, so that nobody else takes it up meanwhile.
const inHand = 6 * time.Minute

// firstWait is how long the first look into a lane waits that was filled lately:
// a queue that is asked to answer at once may overlook what was just sent.
const firstWait = time.Second

// Receive implements reactor.Orders. It goes round the lanes from where the last
// call stopped, and takes from each its share of what is wanted; what is left
// goes to the lanes that have more.
func (o *Orders) Receive(ctx context.Context, region string, limit int) ([]reactor.Delivery, error) {
	var deliveries []reactor.Delivery
	var problem error
	limit = min(limit, perBatch)
	for lanes := o.turns.next(region, o.lanes); len(lanes) > 0 && len(deliveries) < limit; {
		share := max(1, (limit-len(deliveries))/len(lanes))
		var more []int
		for _, lane := range lanes {
			if len(deliveries) == limit {
				break
			}
			got, err := o.receive(ctx, region, lane, share, len(deliveries) == 0)
			if err != nil {
				problem = err // the other lanes are not to blame
				continue
			}
			deliveries = append(deliveries, got...)
			if len(got) == share {
				more = append(more, lane)
			}
		}
		lanes = more
	}
	if len(deliveries) > 0 {
		return deliveries, nil // what is in hand first; the error comes again
	}
	return nil, problem
}

func (o *Orders) receive(ctx context.Context, region string, lane, limit int, patient bool) ([]reactor.Delivery, error) {
	wait := time.Duration(0)
	if o.turns.fresh(region, lane) && patient {
		wait = firstWait
	}
	output, err := o.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:            o.queue(region, lane),
		MaxNumberOfMessages: int32(limit),
		VisibilityTimeout:   int32(inHand / time.Second),
		WaitTimeSeconds:     int32(wait / time.Second),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{
			types.MessageSystemAttributeNameSentTimestamp,
			types.MessageSystemAttributeNameApproximateReceiveCount,
		},
	})
	if err != nil {
		return nil, classify(err)
	}
	deliveries := make([]reactor.Delivery, len(output.Messages))
	for i, m := range output.Messages {
		deliveries[i] = delivery(region, lane, m)
	}
	if len(deliveries) > 0 {
		o.turns.served(region, lane)
	}
	return deliveries, nil
}

func delivery(region string, lane int, m types.Message) reactor.Delivery {
	d := reactor.Delivery{Region: region, Lane: lane, ID: aws.ToString(m.MessageId), Receipt: aws.ToString(m.ReceiptHandle)}
	// Both are hints: without them an order counts as new.
	d.Receives, _ = strconv.Atoi(m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
	if sent, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64); err == nil {
		d.Sent = time.UnixMilli(sent).UTC()
	}
	order, err := parseOrder(aws.ToString(m.Body))
	if err == nil && order.Target != region {
		err = fmt.Errorf("it is for %s and not for %s, whose queue this is", order.Target, region)
	}
	if err != nil {
		d.Body, d.Problem = aws.ToString(m.Body), fmt.Errorf("read order in message %s: %w", d.ID, err)
		return d
	}
	d.Order = order
	return d
}

func parseOrder(body string) (plan.Order, error) {
	var order plan.Order
	if err := json.Unmarshal([]byte(body), &order); err != nil {
		return plan.Order{}, err
	}
	if err := order.Check(); err != nil {
		return plan.Order{}, err
	}
	return order, nil
}

// Finish implements reactor.Orders.
func (o *Orders) Finish(ctx context.Context, d reactor.Delivery) error {
	_, err := o.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: o.queue(d.Region, d.Lane), ReceiptHandle: &d.Receipt})
	return classify(err)
}

// Release implements reactor.Orders.
func (o *Orders) Release(ctx context.Context, d reactor.Delivery, after time.Duration) error {
	_, err := o.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl:          o.queue(d.Region, d.Lane),
		ReceiptHandle:     &d.Receipt,
		VisibilityTimeout: int32(after / time.Second),
	})
	return classify(err)
}

// Replace implements reactor.Orders. Crashing between the two calls leaves both
// versions, of which one is dropped when they are met. The new version must not
// pass for one that SQS has seen, or the order would be lost: its id is made of
// that of the message which it replaces.
func (o *Orders) Replace(ctx context.Context, d reactor.Delivery, order plan.Order) error {
	id := d.ID + "/" + strconv.Itoa(d.Receives)
	if err := o.put(ctx, o.queue(d.Region, d.Lane), body(order), id, order.Group()); err != nil {
		return err
	}
	return o.Finish(ctx, d)
}

// Buries implements reactor.Orders.
func (o *Orders) Buries() bool { return o.letters != "" }

// unreadableRest is how long a message rests that is no order, where there is no
// dead-letter queue to put it into.
const unreadableRest = 11 * time.Hour

// Bury implements reactor.Orders. In the dead-letter queue nobody waits for
// anybody: each order is a group of its own, so that one look shows them all.
func (o *Orders) Bury(ctx context.Context, d reactor.Delivery) error {
	text, id, group := body(d.Order), once(d.Order), d.Order.Target+"/"+d.Order.Key()
	if d.Problem != nil {
		text, id, group = d.Body, d.ID, d.ID
	}
	switch {
	case o.letters == "" && d.Problem != nil:
		return o.Release(ctx, d, unreadableRest)
	case o.letters == "":
		return o.Replace(ctx, d, d.Order)
	}
	// The id says the Region, which the queues of orders have of their own.
	if err := o.put(ctx, &o.letters, text, d.Region+"/"+id, group); err != nil {
		return err
	}
	return o.Finish(ctx, d)
}

func (o *Orders) put(ctx context.Context, queue *string, body, id, group string) error {
	_, err := o.client.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl:               queue,
		MessageBody:            &body,
		MessageDeduplicationId: &id,
		MessageGroupId:         &group,
	})
	return classify(err)
}

// Backlog implements reactor.Orders.
func (o *Orders) Backlog(ctx context.Context, region string) (int, error) {
	total := 0
	for lane := range o.lanes {
		output, err := o.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
			QueueUrl: o.queue(region, lane),
			AttributeNames: []types.QueueAttributeName{
				types.QueueAttributeNameApproximateNumberOfMessages,
				types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
				types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
			},
		})
		if err != nil {
			return 0, classify(err)
		}
		for name, value := range output.Attributes {
			n, err := strconv.Atoi(value)
			if err != nil {
				return 0, fmt.Errorf("read %s of the orders queue for %s: %w", name, region, err)
			}
			total += n
		}
	}
	return total, nil
}

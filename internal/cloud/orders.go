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

// Orders is the orders' queues, one per target Region or one per lane of it, in
// the home Region. It serves the reactor's port of that name.
//
// SQS knows no priorities, and hands a FIFO queue's messages out in the order in
// which they came. So that one account's flood is not in everybody's way, lanes
// are given out to the source accounts, and the lanes take turns.
type Orders struct {
	client  *sqs.Client
	url     string // with {region}, and perhaps {lane}
	letters string // the dead-letter queue's URL, "" if there is none
	lanes   int
	given   map[string]int // lanes, to accounts
	turns   *turns
}

// Queues says where orders wait.
type Queues struct {
	// URL stands for all queues, which must be FIFO queues: the target Region is
	// put in the place of {region}, and the lane, from 0, in that of {lane}.
	URL string
	// Lanes is how many lanes a Region has, as text; "" is DefaultLanes, or 1
	// where URL has no {lane}.
	Lanes string
	// Letters is the URL of the FIFO queue for orders that people must look at.
	// Without it such orders are tried for ever.
	Letters string
	// Accounts are all accounts that may share, to whom lanes are given. Whoever
	// sends orders must name the same ones, or orders of one lineage are in two
	// lanes; whoever only receives them need not.
	Accounts []string
}

// Orders opens the orders' queues.
func (c *Cloud) Orders(q Queues) (*Orders, error) {
	if !strings.Contains(q.URL, "{region}") {
		return nil, fmt.Errorf("ORDERS_QUEUE_URL is %q: it must hold {region}, in whose place the target Region is put", q.URL)
	}
	if !strings.HasSuffix(q.URL, ".fifo") {
		return nil, fmt.Errorf("ORDERS_QUEUE_URL is %q: it must name FIFO queues, which end in .fifo", q.URL)
	}
	if q.Letters != "" && !strings.HasSuffix(q.Letters, ".fifo") {
		return nil, fmt.Errorf("ORDERS_DLQ_URL is %q: it must name a FIFO queue, which ends in .fifo", q.Letters)
	}
	lanes, err := numberOfLanes(q.Lanes, q.URL)
	if err != nil {
		return nil, err
	}
	given := giveOut(q.Accounts, lanes)
	return &Orders{client: sqs.NewFromConfig(c.config), url: q.URL, letters: q.Letters, lanes: lanes, given: given,
		turns: newTurns(lanes, len(given))}, nil
}

func (o *Orders) queue(region string, lane int) *string {
	return aws.String(strings.NewReplacer("{region}", region, "{lane}", strconv.Itoa(lane)).Replace(o.url))
}

// lane is where an account's orders wait.
func (o *Orders) lane(account string) int {
	if lane, given := o.given[account]; given {
		return lane
	}
	return anyLane(account, o.lanes)
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
	if err := o.put(ctx, o.queue(d.Region, d.Lane), body(order), id, order.Group(), nil); err != nil {
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
	if err := o.put(ctx, &o.letters, text, d.Region+"/"+id, group, laneAttribute(d.Lane)); err != nil {
		return err
	}
	return o.Finish(ctx, d)
}

func (o *Orders) put(ctx context.Context, queue *string, body, id, group string, attributes map[string]types.MessageAttributeValue) error {
	_, err := o.client.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl:               queue,
		MessageBody:            &body,
		MessageDeduplicationId: &id,
		MessageGroupId:         &group,
		MessageAttributes:      attributes,
	})
	return classify(err)
}

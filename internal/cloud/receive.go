package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"snapferry/internal/plan"
	"snapferry/internal/reactor"
)

// inHand is how long an order is the receiver's alone: longer than the function
// may run, so that nobody else takes it up meanwhile.
const inHand = 6 * time.Minute

// firstWait is how long the first look into a lane waits that was filled lately:
// a queue that is asked to answer at once may overlook what was just sent.
const firstWait = time.Second

// atOnce is how many lanes are asked at once.
const atOnce = 8

// Receive implements reactor.Orders. It goes round the lanes, beginning with the
// one whose turn is longest ago, and takes from each its share of what is wanted;
// what is left goes to the lanes that have more.
func (o *Orders) Receive(ctx context.Context, region string, limit int) ([]reactor.Delivery, error) {
	s := &search{orders: o, region: region, limit: min(limit, perBatch)}
	likely, due, resting := o.turns.next(region, time.Now())
	for _, lanes := range [][]int{likely, due, resting} {
		for again := false; len(lanes) > 0 && len(s.found) < s.limit; again = true {
			lanes = s.round(ctx, lanes, again)
		}
		if len(s.found) > 0 {
			break
		}
	}
	o.turns.ended(region, len(s.found) == 0 && s.problem == nil)
	if len(s.found) > 0 {
		return s.found, nil // what is in hand first; the error comes again
	}
	return nil, s.problem
}

// search looks for orders of a Region, limit at most.
type search struct {
	orders  *Orders
	region  string
	limit   int
	found   []reactor.Delivery
	problem error
}

// round gives each of lanes a turn until all that is wanted is found, and returns
// those that may have more. Of the lanes that it looks into at once it never asks
// for more than is wanted: what is not in hand is everybody's. again says that all
// of lanes have had orders a moment ago.
func (s *search) round(ctx context.Context, lanes []int, again bool) (more []int) {
	share := max(1, (s.limit-len(s.found))/max(1, len(lanes)))
	for len(lanes) > 0 && len(s.found) < s.limit {
		some := lanes[:min(len(lanes), atOnce, (s.limit-len(s.found))/share)]
		lanes = lanes[len(some):]
		patient := len(s.found) == 0
		got, errs := make([][]reactor.Delivery, len(some)), make([]error, len(some))
		together(some, func(i, lane int) { got[i], errs[i] = s.orders.receive(ctx, s.region, lane, share, patient) })
		for i, lane := range some {
			empty := len(got[i]) == 0 && errs[i] == nil && !again
			s.orders.turns.looked(s.region, lane, empty, time.Now())
			if errs[i] != nil {
				s.problem = errs[i] // the other lanes are not to blame
			}
			s.found = append(s.found, got[i]...)
			if len(got[i]) == share {
				more = append(more, lane)
			}
		}
	}
	return more
}

// together calls f for all lanes at once, with their places in lanes.
func together(lanes []int, f func(i, lane int)) {
	var all sync.WaitGroup
	for i, lane := range lanes {
		all.Go(func() { f(i, lane) })
	}
	all.Wait()
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

// Backlog implements reactor.Orders.
func (o *Orders) Backlog(ctx context.Context, region string, enough int) (int, error) {
	total := 0
	lanes := make([]int, o.lanes)
	for i := range lanes {
		lanes[i] = i
	}
	for some := range slices.Chunk(lanes, atOnce) {
		counts, errs := make([]int, len(some)), make([]error, len(some))
		together(some, func(i, lane int) { counts[i], errs[i] = o.backlog(ctx, region, lane) })
		if err := errors.Join(errs...); err != nil {
			return 0, err
		}
		for _, n := range counts {
			total += n
		}
		if enough > 0 && total >= enough {
			break
		}
	}
	return total, nil
}

func (o *Orders) backlog(ctx context.Context, region string, lane int) (total int, err error) {
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
	return total, nil
}

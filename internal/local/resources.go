package local

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"snapferry/internal/event"
)

// The names of what is deployed, here as in the cloud.
const (
	busName     = "snapferry"
	eventsQueue = "snapferry-events"
	eventsDLQ   = "snapferry-events-dlq"
	ordersDLQ   = "snapferry-orders-dlq.fifo"
)

// Lanes is how many orders queues a target Region has: as many as the functions
// give out to source accounts, unless they are told another number.
const Lanes = 8

// ordersQueue is the name of a target Region's lane, or of all of them when
// region and lane are the placeholders of ORDERS_QUEUE_URL.
func ordersQueue(region, lane string) string {
	return "snapferry-orders-" + region + "-" + lane + ".fifo"
}

// How the queues behave, here as in the cloud.
const (
	// An event's time-out is six times the function's, as Lambda recommends.
	eventsVisibility  = 6 * copyTimeout
	eventsMaxReceives = 5
	ordersVisibility  = 6 * time.Minute
	retention         = 14 * 24 * time.Hour
)

// createResources makes the bus, the queues and the rules, through the API, or
// what the templates say.
func (d *Deployment) createResources(ctx context.Context) error {
	if d.Templates != nil {
		return d.deployTemplates(ctx)
	}
	d.eventsPath = "/" + d.Account + "/" + eventsQueue
	if err := d.do(ctx, d.Home, "events", "CreateEventBus", map[string]any{"Name": busName}, nil); err != nil {
		return fmt.Errorf("create bus %s: %w", busName, err)
	}
	if err := d.createQueues(ctx); err != nil {
		return err
	}
	for _, function := range []string{Copy, Reconcile, Expire} {
		group := logGroupOf("snapferry-" + function)
		if err := d.do(ctx, d.Home, "logs", "CreateLogGroup", map[string]any{"logGroupName": group}, nil); err != nil {
			return fmt.Errorf("create log group %s: %w", group, err)
		}
	}
	// Events come to the default bus of each Region and are forwarded home; a
	// bus hands on only what a rule on it matches.
	bus := fmt.Sprintf("arn:aws:events:%s:%s:event-bus/%s", d.Home, d.Account, busName)
	forwarder := fmt.Sprintf("arn:aws:iam::%s:role/snapferry-forwarder", d.Account)
	queue := d.queueARN(eventsQueue)
	for _, rule := range []struct {
		name, pattern string
		regions       []string
	}{
		{"snapferry-share-events", event.SharePattern(), d.SourceRegions},
		{"snapferry-copy-events", event.CopyPattern(), d.TargetRegions},
	} {
		for _, region := range compact(rule.regions) {
			if err := d.createRule(ctx, region, "", rule.name, rule.pattern, bus, forwarder); err != nil {
				return err
			}
		}
		if err := d.createRule(ctx, d.Home, busName, rule.name, rule.pattern, queue, ""); err != nil {
			return err
		}
	}
	return nil
}

func (d *Deployment) createQueues(ctx context.Context) error {
	fifo := map[string]string{"FifoQueue": "true"}
	if err := d.createQueue(ctx, eventsDLQ, map[string]string{}, retention); err != nil {
		return err
	}
	if err := d.createQueue(ctx, ordersDLQ, fifo, retention); err != nil {
		return err
	}
	err := d.createQueue(ctx, eventsQueue, map[string]string{
		"VisibilityTimeout": seconds(eventsVisibility),
		"RedrivePolicy":     d.redrive(eventsDLQ, eventsMaxReceives),
		"Policy":            d.eventsPolicy(),
	}, retention)
	if err != nil {
		return err
	}
	// An order may be received any number of times while it waits for a slot, so
	// no count sends it to the dead-letter queue: copy itself does, once EC2 has
	// refused the order for a day.
	for _, region := range compact(d.TargetRegions) {
		for lane := range Lanes {
			err := d.createQueue(ctx, ordersQueue(region, strconv.Itoa(lane)), map[string]string{
				"FifoQueue":         "true",
				"VisibilityTimeout": seconds(ordersVisibility),
			}, retention)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *Deployment) createQueue(ctx context.Context, name string, attributes map[string]string, retention time.Duration) error {
	attributes["MessageRetentionPeriod"] = seconds(retention)
	in := map[string]any{"QueueName": name, "Attributes": attributes}
	if err := d.do(ctx, d.Home, "sqs", "CreateQueue", in, nil); err != nil {
		return fmt.Errorf("create queue %s: %w", name, err)
	}
	return nil
}

func (d *Deployment) createRule(ctx context.Context, region, bus, name, pattern, target, role string) error {
	rule := map[string]any{"Name": name, "EventPattern": pattern, "State": "ENABLED"}
	to := map[string]any{"Id": "home", "Arn": target}
	targets := map[string]any{"Rule": name, "Targets": []any{to}}
	if bus != "" {
		rule["EventBusName"], targets["EventBusName"] = bus, bus
	}
	if role != "" {
		to["RoleArn"] = role
	}
	if err := d.do(ctx, region, "events", "PutRule", rule, nil); err != nil {
		return fmt.Errorf("create rule %s in %s: %w", name, region, err)
	}
	var answer struct {
		FailedEntries []struct{ ErrorCode, ErrorMessage string }
	}
	if err := d.do(ctx, region, "events", "PutTargets", targets, &answer); err != nil {
		return fmt.Errorf("create rule %s in %s: %w", name, region, err)
	}
	for _, f := range answer.FailedEntries {
		return fmt.Errorf("create rule %s in %s: target %s: %s: %s", name, region, target, f.ErrorCode, f.ErrorMessage)
	}
	return nil
}

func (d *Deployment) do(ctx context.Context, region, service, action string, in, out any) error {
	return d.World.Do(ctx, d.Account, region, service, action, in, out)
}

func (d *Deployment) queueARN(name string) string {
	return fmt.Sprintf("arn:aws:sqs:%s:%s:%s", d.Home, d.Account, name)
}

func (d *Deployment) redrive(dlq string, maxReceives int) string {
	data, err := json.Marshal(map[string]any{
		"deadLetterTargetArn": d.queueARN(dlq),
		"maxReceiveCount":     maxReceives,
	})
	if err != nil {
		panic(err) // a string and a number always marshal
	}
	return string(data)
}

// eventsPolicy lets the rules of the bus send to the events queue.
func (d *Deployment) eventsPolicy() string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},`+
		`"Action":"sqs:SendMessage","Resource":%q,"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:events:%s:%s:rule/%s/*"}}}]}`,
		d.queueARN(eventsQueue), d.Home, d.Account, busName)
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }

// compact is regions in order, each once.
func compact(regions []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(regions)))
}

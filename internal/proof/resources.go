package proof

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"snapferry/internal/event"
)

// The names of what is deployed.
const (
	endpoint    = "http://sim"
	busName     = "snapferry"
	eventsQueue = "snapferry-events"
	eventsDLQ   = "snapferry-events-dlq"
	ordersDLQ   = "snapferry-orders-dlq.fifo"
)

func ordersQueue(region, lane string) string {
	return "snapferry-orders-" + region + "-" + lane + ".fifo"
}

func queueURL(name string) string { return endpoint + "/" + Account + "/" + name }

func queueARN(name string) string { return fmt.Sprintf("arn:aws:sqs:%s:%s:%s", Home, Account, name) }

const (
	visibility        = 6 * time.Minute
	retention         = 14 * 24 * time.Hour
	eventsMaxReceives = 5
)

// createResources makes the bus, the queues and the rules.
func (d *Deployment) createResources(ctx context.Context) error {
	if err := d.Do(ctx, Home, "events", "CreateEventBus", map[string]any{"Name": busName}, nil); err != nil {
		return fmt.Errorf("create bus %s: %w", busName, err)
	}
	redrive, err := json.Marshal(map[string]any{"deadLetterTargetArn": queueARN(eventsDLQ), "maxReceiveCount": eventsMaxReceives})
	if err != nil {
		return err
	}
	admission := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},`+
		`"Action":"sqs:SendMessage","Resource":%q,"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:events:%s:%s:rule/%s/*"}}}]}`,
		queueARN(eventsQueue), Home, Account, busName)
	type attributes = map[string]string
	queues := []struct {
		name       string
		attributes attributes
	}{
		{eventsDLQ, attributes{}},
		{ordersDLQ, attributes{"FifoQueue": "true"}},
		{eventsQueue, attributes{"RedrivePolicy": string(redrive), "Policy": admission}},
	}
	for _, region := range d.Targets {
		for lane := range d.settings.Lanes {
			queues = append(queues, struct {
				name       string
				attributes attributes
			}{ordersQueue(region, strconv.Itoa(lane)), attributes{"FifoQueue": "true"}})
		}
	}
	for _, q := range queues {
		q.attributes["VisibilityTimeout"] = strconv.Itoa(int(visibility.Seconds()))
		q.attributes["MessageRetentionPeriod"] = strconv.Itoa(int(retention.Seconds()))
		if err := d.Do(ctx, Home, "sqs", "CreateQueue", map[string]any{"QueueName": q.name, "Attributes": q.attributes}, nil); err != nil {
			return fmt.Errorf("create queue %s: %w", q.name, err)
		}
	}
	bus := fmt.Sprintf("arn:aws:events:%s:%s:event-bus/%s", Home, Account, busName)
	for _, rule := range []struct {
		name, pattern string
		regions       []string
	}{
		{"snapferry-shares", event.SharePattern(), d.settings.Sources},
		{"snapferry-copies", event.CopyPattern(), d.Targets},
	} {
		for _, region := range rule.regions {
			if err := d.createRule(ctx, region, "default", rule.name, rule.pattern, bus); err != nil {
				return err
			}
		}
		if err := d.createRule(ctx, Home, busName, rule.name, rule.pattern, queueARN(eventsQueue)); err != nil {
			return err
		}
	}
	return nil
}

func (d *Deployment) createRule(ctx context.Context, region, bus, name, pattern, target string) error {
	rule := map[string]any{"Name": name, "EventPattern": pattern, "EventBusName": bus}
	if err := d.Do(ctx, region, "events", "PutRule", rule, nil); err != nil {
		return fmt.Errorf("create rule %s in %s: %w", name, region, err)
	}
	to := map[string]any{"Id": "home", "Arn": target}
	if bus != busName {
		to["RoleArn"] = fmt.Sprintf("arn:aws:iam::%s:role/snapferry-forwarder", Account)
	}
	var answer struct {
		FailedEntries []struct{ ErrorMessage string }
	}
	err := d.Do(ctx, region, "events", "PutTargets", map[string]any{"Rule": name, "EventBusName": bus, "Targets": []any{to}}, &answer)
	if err == nil && len(answer.FailedEntries) > 0 {
		err = fmt.Errorf("%s", answer.FailedEntries[0].ErrorMessage)
	}
	if err != nil {
		return fmt.Errorf("point rule %s in %s at %s: %w", name, region, target, err)
	}
	return nil
}

// form turns pairs into parameters of EC2's protocol.
func form(pairs ...string) url.Values {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return values
}

package blueprint

import (
	"slices"
	"time"

	"snapferry/internal/event"
)

const (
	// inHand is how long a message is its receiver's alone: six times what the
	// copy function may run, as Lambda asks for.
	inHand    = 6 * copyTimeout
	retention = 14 * 24 * time.Hour // the longest there is
	// receives is how often an event is tried before people must look at it.
	receives = 5
)

// queues are those of the home Region.
func (d deployment) queues() []Queue {
	fromRules := []Statement{deliver(d.queue(d.eventsQueue), d.homeRules()...)}
	undelivered := []Statement{deliver(d.queue(d.undeliveredQueue), d.homeRules()...)}
	queues := []Queue{
		{Name: d.eventsDeadQueue, Visibility: inHand, Retention: retention},
		{Name: d.eventsQueue, Visibility: inHand, Retention: retention, DeadLetters: d.eventsDeadQueue, MaxReceives: receives, Policy: fromRules},
		{Name: d.ordersDeadQueue, Visibility: inHand, Retention: retention},
		{Name: d.undeliveredQueue, Visibility: inHand, Retention: retention, Policy: undelivered},
	}
	// SQS's own redrive would bury an order that waits for a free slot: the copy
	// function itself decides which orders go to the dead-letter queue.
	for _, region := range d.targets {
		for lane := range d.Lanes {
			queues = append(queues, Queue{Name: d.ordersQueue(region, lane), Visibility: inHand, Retention: retention})
		}
	}
	for i := range queues {
		queues[i].Key = d.EncryptionKeys[d.HomeRegion]
	}
	return queues
}

// deliver lets EventBridge put into a queue what rules send there, or what it
// can't deliver for them.
func deliver(queue string, rules ...string) Statement {
	return Statement{
		Sid:        "Deliver",
		Principals: service("events.amazonaws.com"),
		Actions:    []string{"sqs:SendMessage"},
		Resources:  []string{queue},
		Conditions: Conditions{"ArnEquals": {"aws:SourceArn": rules}},
	}
}

// homeRules are the ARNs of the rules on the home bus.
func (d deployment) homeRules() []string {
	return []string{
		d.arn("events", d.HomeRegion, "rule/"+d.app+"/"+d.copyRule),
		d.arn("events", d.HomeRegion, "rule/"+d.app+"/"+d.shareRule),
	}
}

// rules are those on the home bus. Outcomes, which are on it too, match neither.
func (d deployment) rules() []Rule {
	rule := func(name, pattern string) Rule {
		return Rule{Name: name, Pattern: pattern, TargetARN: d.queue(d.eventsQueue), Undelivered: d.undeliveredQueue}
	}
	return []Rule{rule(d.copyRule, event.CopyPattern()), rule(d.shareRule, event.SharePattern())}
}

// forwarders are one for each Region with shares or copies.
func (d deployment) forwarders() []Forwarder {
	forwarders := make([]Forwarder, len(d.looked))
	for i, region := range d.looked {
		f := Forwarder{Region: region}
		var arns []string
		add := func(name, what, pattern string) {
			arn := d.arn("events", region, "rule/"+name)
			arns = append(arns, arn)
			f.Rules = append(f.Rules, Rule{
				Name: name, Pattern: pattern, TargetARN: d.bus(), Undelivered: d.forwarderUndelivered,
				Role: d.forwarding(d.app+"-forwarder-"+region+"-"+what, arn),
			})
		}
		if slices.Contains(d.targets, region) {
			add(d.copyRule, "copy", event.CopyPattern())
		}
		if slices.Contains(d.SourceRegions, region) {
			add(d.shareRule, "share", event.SharePattern())
		}
		f.Undelivered = Queue{
			Name: d.forwarderUndelivered, Visibility: inHand, Retention: retention, Key: d.EncryptionKeys[region],
			Policy: []Statement{deliver(d.arn("sqs", region, d.forwarderUndelivered), arns...)},
		}
		f.Topic = d.topic(d.forwarderTopic, region)
		f.Alarms = []Alarm{d.forwarderAlarm(region), d.eventsRefused(region, f.Rules, "")}
		forwarders[i] = f
	}
	return forwarders
}

// forwarding is the role under which a rule puts events on the home bus.
func (d deployment) forwarding(name, rule string) *Role {
	return &Role{
		Name: name, Path: d.IAMPath, Boundary: d.boundaryIn(d.Account),
		Trust: runBy("events.amazonaws.com", d.Account, rule),
		Statements: []Statement{{
			Sid:       "Forward",
			Actions:   []string{"events:PutEvents"},
			Resources: []string{d.bus()},
		}},
	}
}

// topic is where the alarms of a Region go.
func (d deployment) topic(name, region string) Topic {
	return Topic{Name: name, Key: d.EncryptionKeys[region], Emails: d.AlarmEmails, Policy: []Statement{{
		Sid:        "Alarm",
		Principals: service("cloudwatch.amazonaws.com"),
		Actions:    []string{"sns:Publish"},
		Resources:  []string{d.arn("sns", region, name)},
		Conditions: where(equals("aws:SourceAccount", d.Account),
			Conditions{"ArnLike": {"aws:SourceArn": {d.arn("cloudwatch", region, "alarm:"+d.app+"-*")}}}),
	}}}
}

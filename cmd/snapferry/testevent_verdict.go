package main

import (
	"encoding/json"
	"fmt"
	"reflect"

	"snapferry/internal/event"
	"snapferry/internal/probe"
)

// findings are what was found of a test event that did not arrive, and of its way.
type findings struct {
	Rule, HomeRule probe.Rule
	// Where the event itself was found, if it was.
	Undelivered, HomeUndelivered, Dead *probe.Letter
	// Events is the queue that feeds the copy function.
	Events probe.Queue
}

// stopped says where on its way an event has stopped, and what to do about it:
//
//	where the event was found                 | that is where it stopped
//	a rule missing, disabled, of another kind | there
//	messages wait in the events queue         | the copy function does not take them
//	none of these                             | EventBridge has lost it, or the log is late
func (w eventsWay) stopped(r route, f findings) (where, next string) {
	switch {
	case f.Undelivered != nil:
		return fmt.Sprintf("rule %s of %s can't put events on the bus %s of %s: %s", r.Rule, r.Region, w.Bus, w.Home, reasonOf(*f.Undelivered)),
			"docs/runbook.md#forwarder-undelivered"
	case f.HomeUndelivered != nil:
		return fmt.Sprintf("rule %s of the bus %s of %s can't put events into the queue %s: %s", r.HomeRule, w.Bus, w.Home, w.Events, reasonOf(*f.HomeUndelivered)),
			"docs/runbook.md#undelivered"
	case f.Dead != nil:
		return fmt.Sprintf("the copy function received it and failed: it is in %s", w.Dead), "docs/runbook.md#dead-events"
	}
	if fault, next := ruleFault(r.Region, "default", r.Rule, r.Kind, f.Rule); fault != "" {
		return fault, next
	}
	if fault, next := ruleFault(w.Home, w.Bus, r.HomeRule, r.Kind, f.HomeRule); fault != "" {
		return fault, next
	}
	switch {
	case !f.Events.Exists:
		return fmt.Sprintf("there is no queue %s in %s", w.Events, w.Home), "deploy the home stack"
	case f.Events.Waiting > 0:
		return fmt.Sprintf("%s in %s, which the copy function does not take: its event source mapping is disabled, or it has much to do",
			waits(f.Events.Waiting), w.Events), "docs/runbook.md#events-old"
	case f.Events.InHand > 0:
		return fmt.Sprintf("the copy function has %s of %s in hand, and did not finish", count(f.Events.InHand, "message"), w.Events), "docs/runbook.md#errors"
	}
	return "there is no trace of it: it is late, or EventBridge could neither deliver it nor keep it", "docs/runbook.md#events-refused"
}

// reasonOf is EventBridge's reason for not having delivered.
func reasonOf(l probe.Letter) string {
	switch {
	case l.Code == "":
		return "EventBridge does not say why"
	case l.Message == "":
		return l.Code
	}
	return l.Code + ": " + l.Message
}

// ruleFault says what keeps a rule from sending on events of a kind; "" is that
// nothing does.
func ruleFault(region, bus, name, kind string, r probe.Rule) (fault, next string) {
	at := fmt.Sprintf("rule %s on the bus %s of %s", name, bus, region)
	switch {
	case !r.Exists:
		return "there is no " + at, "deploy; if it was not there before, the stack of that Region was not deployed"
	case !r.Enabled:
		command := "aws events enable-rule --region " + region + " --name " + name
		if bus != "default" {
			command += " --event-bus-name " + bus
		}
		return at + " is disabled", command
	case !samePattern(r.Pattern, kind):
		return at + " has another pattern than these settings give it", "deploy; compare with drift detection of its stack if that does not help"
	}
	return "", ""
}

// samePattern compares patterns as JSON values: EventBridge may format them anew.
func samePattern(pattern, kind string) bool {
	var got, want any
	wanted := event.CopyPattern()
	if kind == event.KindShare {
		wanted = event.SharePattern()
	}
	return json.Unmarshal([]byte(pattern), &got) == nil && json.Unmarshal([]byte(wanted), &want) == nil && reflect.DeepEqual(got, want)
}

// waits is so many messages as the subject of a sentence.
func waits(n int) string {
	if n == 1 {
		return "1 message waits"
	}
	return fmt.Sprintf("%d messages wait", n)
}

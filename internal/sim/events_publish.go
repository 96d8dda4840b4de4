package sim

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// arrival is an event that has reached a bus.
type arrival struct {
	bus   busKey
	event []byte
}

// OnEvent makes f hear of every event that reaches any bus, also of those that
// match no rule. f is called in the order of arrival, one event at a time,
// after the step in which the event arrived; it may use the World.
func (w *World) OnEvent(f func(account, region, bus string, event []byte)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events.listeners = append(w.events.listeners, f)
}

// tell hands the events of past steps to the listeners. It is called without
// the lock. Whoever comes while someone is telling already leaves the rest to
// them, so that a listener can call the World without ending up waiting for
// itself.
func (e *events) tell() {
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	if e.telling {
		return
	}
	e.telling = true
	defer func() { e.telling = false }()
	for len(e.heard) > 0 {
		heard, listeners := e.heard, slices.Clone(e.listeners)
		e.heard = nil
		e.w.mu.Unlock()
		for _, a := range heard {
			for _, listener := range listeners {
				listener(a.bus.account, a.bus.region, a.bus.name, a.event)
			}
		}
		e.w.mu.Lock()
	}
}

// publishEBS puts an event of Amazon's own on an account's default bus, as
// often as Options.Notify says. Call it within a step.
func (e *events) publishEBS(account, region string, at time.Time, event []byte) {
	times := 1
	if notify := e.w.options.Notify; notify != nil {
		times = notify(event)
	}
	for range times {
		b, _ := e.at(busKey{account, region, defaultBus}, at)
		e.publish(b, at, event, false)
	}
}

// publish puts an event on a bus and delivers it to the targets of every rule
// that matches. Call it within a step. An event that was forwarded from one
// bus to another is not forwarded again.
func (e *events) publish(b *bus, now time.Time, event []byte, forwarded bool) {
	if len(e.listeners) > 0 {
		e.heard = append(e.heard, arrival{b.key, event})
	}
	if len(b.rules) == 0 {
		return
	}
	fields, ok := readEvent(event)
	if !ok {
		return
	}
	for _, name := range sortedKeys(b.rules) {
		r := b.rules[name]
		if r.state == ruleDisabled || !r.matches.match(fields) {
			continue
		}
		for _, id := range sortedKeys(r.targets) {
			e.send(b, r, r.targets[id], now, event, forwarded)
		}
	}
}

// send delivers an event to one target. What cannot be delivered goes to the
// target's dead-letter queue, or is lost.
func (e *events) send(from *bus, r *rule, t *target, now time.Time, event []byte, forwarded bool) {
	source := ruleSource{arn: from.key.ruleARN(r.name), account: from.key.account, region: from.key.region}
	code, cause := "NO_RESOURCE", ""
	if key, isQueue := parseQueueARN(t.ARN); isQueue {
		entry := sendEntry{MessageBody: string(event)}
		if t.SQSParameters != nil {
			entry.MessageGroupID = t.SQSParameters.MessageGroupID
		}
		problem := e.w.sqs.deliver(key, now, source, entry)
		switch {
		case problem == nil:
			return
		case problem.Code == "AccessDenied" || problem.Code == "KMS.AccessDeniedException":
			code = "NO_PERMISSIONS"
		case problem.Code != "QueueDoesNotExist":
			code = "INVALID_PARAMETER"
		}
		cause = problem.Message
	} else {
		if forwarded {
			return
		}
		key, _ := parseBusARN(t.ARN)
		to, exists := e.at(key, now)
		problem := (*apiError)(nil)
		if exists {
			problem = e.mayForward(now, source, t.RoleARN, to, event)
		}
		switch {
		case !exists:
			cause = noBus(key.name).Message
		case problem != nil:
			code, cause = "NO_PERMISSIONS", problem.Message
		default:
			e.publish(to, now, event, true)
			return
		}
	}
	if t.DeadLetterConfig != nil {
		key, _ := parseQueueARN(t.DeadLetterConfig.ARN)
		problem := e.w.sqs.deliver(key, now, source, sendEntry{MessageBody: string(event), MessageAttributes: map[string]messageAttribute{
			"RULE_ARN":      stringAttribute(source.arn),
			"TARGET_ARN":    stringAttribute(t.ARN),
			"ERROR_CODE":    stringAttribute(code),
			"ERROR_MESSAGE": stringAttribute(cause),
		}})
		if problem == nil {
			return
		}
	}
	// A dead-letter queue that is gone as well, or closed, loses the event, as it
	// does at Amazon.
	e.lost[source.arn]++
}

// Lost says how many events never reached a target nor its dead-letter queue,
// by the ARN of the rule that had them.
func (w *World) Lost() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.events.lost)
}

func stringAttribute(s string) messageAttribute {
	return messageAttribute{DataType: "String", StringValue: &s}
}

// readEvent parses an event for matching, with its numbers as they are written.
func readEvent(event []byte) (map[string]any, bool) {
	var fields map[string]any
	decoder := json.NewDecoder(bytes.NewReader(event))
	decoder.UseNumber()
	if err := decoder.Decode(&fields); err != nil || fields == nil || decoder.More() {
		return nil, false
	}
	return fields, true
}

package sim

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"
)

// maxTargets is Amazon's quota of targets per rule.
const maxTargets = 5

// target is where a rule sends events.
type target struct {
	ID            string         `json:"Id"`
	ARN           string         `json:"Arn"`
	RoleARN       string         `json:"RoleArn,omitempty"`
	SQSParameters *sqsParameters `json:"SqsParameters,omitempty"`
	RetryPolicy   *struct {
		MaximumRetryAttempts     *int `json:",omitempty"`
		MaximumEventAgeInSeconds *int `json:",omitempty"`
	} `json:",omitempty"`
	DeadLetterConfig *deadLetterConfig `json:",omitempty"`
}

type sqsParameters struct {
	MessageGroupID *string `json:"MessageGroupId,omitempty"`
}

type deadLetterConfig struct {
	ARN string `json:"Arn"`
}

// targetFields are the fields of a target that the simulation has.
var targetFields = map[string]bool{"Id": true, "Arn": true, "RoleArn": true, "SqsParameters": true, "RetryPolicy": true, "DeadLetterConfig": true}

func (e *events) putTargets(c *call, now time.Time, in *struct {
	Rule, EventBusName string
	Targets            []json.RawMessage
}) (any, *apiError) {
	_, r, problem := e.rule(c, now, in.EventBusName, in.Rule)
	if problem != nil {
		return nil, problem
	}
	if len(in.Targets) == 0 {
		return nil, invalidEvents("1 validation error detected: Value at 'targets' failed to satisfy constraint: Member must have length greater than or equal to 1")
	}
	after := maps.Clone(r.targets)
	for _, text := range in.Targets {
		t, problem := parseTarget(c, text)
		if problem != nil {
			return nil, problem
		}
		after[t.ID] = t
	}
	if len(after) > maxTargets {
		return nil, badRequest("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
	}
	r.targets = after
	return noFailedEntries, nil
}

// noFailedEntries is the answer to changes of targets.
var noFailedEntries = struct {
	FailedEntryCount int
	FailedEntries    []struct{}
}{FailedEntries: []struct{}{}}

// parseTarget reads a target and refuses what the simulation cannot deliver.
func parseTarget(c *call, text json.RawMessage) (*target, *apiError) {
	var fields map[string]json.RawMessage
	t := new(target)
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, badRequest("SerializationException", "%v", err)
	}
	if err := json.Unmarshal(text, t); err != nil {
		return nil, badRequest("SerializationException", "%v", err)
	}
	for _, name := range sortedKeys(fields) {
		if !targetFields[name] {
			return nil, invalidEvents("Target %s: the simulated EventBridge sends events unchanged to queues and buses and has no %s", t.ID, name)
		}
	}
	if !ruleName.MatchString(t.ID) {
		return nil, invalidEvents("1 validation error detected: Value '%s' at 'targets.member.id' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+", t.ID)
	}
	if problem := t.checkDestination(c); problem != nil {
		return nil, problem
	}
	if t.DeadLetterConfig != nil {
		key, valid := parseQueueARN(t.DeadLetterConfig.ARN)
		if !valid || strings.HasSuffix(key.name, ".fifo") || key.account != c.account || key.region != c.region {
			return nil, invalidEvents("Parameter %s is not valid. Reason: the dead-letter queue of a target must be a standard queue of the rule's account and Region.", t.DeadLetterConfig.ARN)
		}
	}
	return t, nil
}

func (t *target) checkDestination(c *call) *apiError {
	if _, isBus := parseBusARN(t.ARN); isBus {
		if t.SQSParameters != nil {
			return invalidEvents("Parameter(s) SqsParameters is not valid for target %s: it is an event bus.", t.ID)
		}
		return nil
	}
	key, isQueue := parseQueueARN(t.ARN)
	if !isQueue {
		return invalidEvents("Parameter %s is not valid. Reason: the simulated EventBridge delivers to SQS queues and event buses only.", t.ARN)
	}
	if key.account != c.account || key.region != c.region {
		return invalidEvents("Parameter %s is not valid. Reason: the queue of a target must be in the rule's account and Region (%s, %s); only event buses can be elsewhere.", t.ARN, c.account, c.region)
	}
	group := t.SQSParameters != nil && t.SQSParameters.MessageGroupID != nil && *t.SQSParameters.MessageGroupID != ""
	if fifo := strings.HasSuffix(key.name, ".fifo"); fifo && !group {
		return invalidEvents("Parameter(s) SqsParameters must be specified for target: %s.", t.ID)
	}
	return nil
}

func (e *events) removeTargets(c *call, now time.Time, in *struct {
	Rule, EventBusName string
	IDs                []string `json:"Ids"`
}) (any, *apiError) {
	_, r, problem := e.rule(c, now, in.EventBusName, in.Rule)
	if problem != nil {
		return nil, problem
	}
	reply := struct {
		FailedEntryCount int
		FailedEntries    []map[string]string
	}{FailedEntries: []map[string]string{}}
	for _, id := range in.IDs {
		if _, exists := r.targets[id]; !exists {
			reply.FailedEntryCount++
			reply.FailedEntries = append(reply.FailedEntries, map[string]string{
				"TargetId": id, "ErrorCode": "ResourceNotFoundException",
				"ErrorMessage": fmt.Sprintf("Rule %s does not have a target with the Id %s.", r.name, id),
			})
			continue
		}
		delete(r.targets, id)
	}
	return reply, nil
}

func (e *events) listTargetsByRule(c *call, now time.Time, in *struct {
	listInput
	Rule, EventBusName string
}) (any, *apiError) {
	_, r, problem := e.rule(c, now, in.EventBusName, in.Rule)
	if problem != nil {
		return nil, problem
	}
	ids, next, problem := in.page(sortedKeys(r.targets))
	if problem != nil {
		return nil, problem
	}
	reply := struct {
		Targets   []target
		NextToken string `json:",omitempty"`
	}{[]target{}, next}
	for _, id := range ids {
		reply.Targets = append(reply.Targets, *r.targets[id])
	}
	return reply, nil
}

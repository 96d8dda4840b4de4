package sim

import (
	"encoding/json"
	"net/http"
	"time"

	"snapferry/internal/sim/iam"
)

// authorize asks whether the caller may do something with a queue, which need
// not exist.
func (s *sqs) authorize(c *call, now time.Time, key queueKey, action string) *apiError {
	q := s.queues[key]
	across := key.account != c.account
	var policy *iam.Policy
	if q != nil && !(across && sqsAtHome[action]) {
		policy = q.policy
	}
	if !across && s.w.unquestioned(c.caller, policy) {
		return nil
	}
	a := c.ask("sqs:"+action, key.arn())
	a.owner, a.policy = key.account, policy
	setQueueKeys(a, c, q)
	d := s.w.decide(now, a)
	switch {
	case d.Allowed:
		return nil
	case c.caller.isRoot() && across:
		return &apiError{Status: http.StatusForbidden, Code: "AccessDenied", Message: "Access to the resource " + key.url(c.host) + " is denied."}
	}
	return &apiError{Status: http.StatusForbidden, Code: "AccessDenied", Message: a.refusal(d)}
}

// setQueueKeys sets the condition keys about tags: those of the queue, and those
// that the call brings.
func setQueueKeys(a *ask, c *call, q *queue) {
	if q != nil {
		for _, key := range sortedKeys(q.tags) {
			a.keys.Set("aws:ResourceTag/"+key, q.tags[key])
		}
	}
	var in struct {
		Tags    map[string]string
		TagKeys []string
	}
	if c.action != "CreateQueue" && c.action != "TagQueue" && c.action != "UntagQueue" || json.Unmarshal(c.body, &in) != nil {
		return
	}
	a.setTags(in.Tags)
	if len(in.TagKeys) > 0 {
		a.keys.Set("aws:TagKeys", in.TagKeys...)
	}
}

func (s *sqs) authorizeListing(c *call, now time.Time) *apiError {
	if s.w.unquestioned(c.caller, nil) {
		return nil
	}
	a := c.ask("sqs:ListQueues", "*")
	if d := s.w.decide(now, a); !d.Allowed {
		return &apiError{Status: http.StatusForbidden, Code: "AccessDenied", Message: a.refusal(d)}
	}
	return nil
}

// authorizeTasks asks for what a task of moving messages takes besides its own
// action, on the queue that it empties (Amazon SQS developer guide, "Configuring
// queue permissions for dead-letter queue redrive").
func (s *sqs) authorizeTasks(c *call, now time.Time, source queueKey) *apiError {
	for _, action := range []string{c.action, "ReceiveMessage", "DeleteMessage", "GetQueueAttributes"} {
		if problem := s.authorize(c, now, source, action); problem != nil {
			return problem
		}
	}
	return nil
}

// authorizeMove asks also for sending to where the messages go: the one queue
// that is named, or all that they can have come from.
func (s *sqs) authorizeMove(c *call, now time.Time, source queueKey, destination string) *apiError {
	if problem := s.authorizeTasks(c, now, source); problem != nil {
		return problem
	}
	if q := s.queues[source]; q != nil {
		if problem := s.openKey(c, now, q, unsealing); problem != nil {
			return problem
		}
	}
	destinations := s.deadLetterSources(source)
	if destination != "" {
		destinations = []string{destination}
	}
	for _, arn := range destinations {
		to, valid := parseQueueARN(arn)
		if !valid {
			continue // which the call is refused for, by and by
		}
		if problem := s.authorize(c, now, to, "SendMessage"); problem != nil {
			return problem
		}
		if q := s.queues[to]; q != nil {
			if problem := s.openKey(c, now, q, sealing...); problem != nil {
				return problem
			}
		}
	}
	return nil
}

// What it takes of the KMS key of an encrypted queue to send, and to receive
// (Amazon SQS developer guide, "Key management").
var sealing = []string{"GenerateDataKey", unsealing}

const unsealing = "Decrypt"

// openKey asks the KMS key of an encrypted queue.
func (s *sqs) openKey(c *call, now time.Time, q *queue, actions ...string) *apiError {
	return s.unlock(now, q, kmsAsk{by: c.caller, region: c.region, via: "sqs." + c.region + ".amazonaws.com", insecure: c.insecure}, actions)
}

func (s *sqs) unlock(now time.Time, q *queue, ask kmsAsk, actions []string) *apiError {
	if q.kmsKey == "" {
		return nil
	}
	key := s.w.kms.find(q.key.account, q.key.region, q.kmsKey, now)
	switch {
	case key == nil:
		return badRequest("KMS.NotFoundException", "The queue's KMS key %s does not exist.", q.kmsKey)
	case key.state == keyDisabled:
		return badRequest("KMS.DisabledException", "%s is disabled.", key.arn)
	case key.state != keyEnabled:
		return badRequest("KMS.InvalidStateException", "%s is pending deletion.", key.arn)
	}
	for _, action := range actions {
		ask.action = action
		question := s.w.kms.ask(key, ask)
		if d := s.w.decide(now, question); !d.Allowed {
			return badRequest("KMS.AccessDeniedException", "%s", question.refusal(d))
		}
	}
	return nil
}

// eventsService is EventBridge as a principal.
const eventsService = "events.amazonaws.com"

// ruleSource is a rule on whose behalf EventBridge acts.
type ruleSource struct{ arn, account, region string }

func (r ruleSource) keys() iam.Keys {
	return iam.Keys{"aws:sourcearn": {r.arn}, "aws:sourceaccount": {r.account}}
}

// deliver sends what EventBridge has for a queue, on a rule's behalf: the
// queue's policy has to let it, and so has the key's if the queue is encrypted.
// It is the only way into a queue besides the API.
func (s *sqs) deliver(key queueKey, now time.Time, from ruleSource, m sendEntry) *apiError {
	q, problem := s.find(key, now)
	if problem != nil {
		return problem
	}
	a := &ask{
		by: caller{service: eventsService}, action: "sqs:SendMessage", resource: key.arn(), owner: key.account, policy: q.policy,
		region: from.region, keys: from.keys(),
	}
	setOrganization(a.keys, s.w, from.account)
	if d := s.w.decide(now, a); !d.Allowed {
		return &apiError{Status: http.StatusForbidden, Code: "AccessDenied", Message: a.refusal(d)}
	}
	if q.managed && s.w.options.Readings.ClosedQueues {
		return &apiError{Status: http.StatusForbidden, Code: "AccessDenied",
			Message: "EventBridge does not support Amazon SQS queues that are encrypted with an AWS owned key."}
	}
	opening := kmsAsk{by: a.by, region: from.region, source: s.w.keySource(from)}
	if problem := s.unlock(now, q, opening, sealing); problem != nil {
		return problem
	}
	_, problem = s.send(q, now, &m, "AIDAEVENTBRIDGE")
	return problem
}

// setOrganization tells which organisation the resource is in that a service
// acts for.
func setOrganization(keys iam.Keys, w *World, account string) {
	if org := w.options.Organizations[account]; org != "" {
		keys.Set("aws:SourceOrgID", org)
	}
}

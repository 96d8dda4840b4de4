package sim

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// sqs is the queues of all accounts and Regions.
type sqs struct {
	w       *World
	queues  map[queueKey]*queue
	deleted map[queueKey]time.Time
	tasks   map[queueKey][]*moveTask
}

func newSQS(w *World) *sqs {
	return &sqs{
		w:       w,
		queues:  map[queueKey]*queue{},
		deleted: map[queueKey]time.Time{},
		tasks:   map[queueKey][]*moveTask{},
	}
}

// queueKey is where a queue lives.
type queueKey struct{ account, region, name string }

func (k queueKey) arn() string {
	return "arn:aws:sqs:" + k.region + ":" + k.account + ":" + k.name
}

func (k queueKey) url(host string) string { return host + "/" + k.account + "/" + k.name }

// parseQueueARN reads arn:aws:sqs:region:account:name.
func parseQueueARN(arn string) (queueKey, bool) {
	part := strings.Split(arn, ":")
	if len(part) != 6 || part[0] != "arn" || part[2] != "sqs" || part[3] == "" || part[4] == "" || part[5] == "" {
		return queueKey{}, false
	}
	return queueKey{region: part[3], account: part[4], name: part[5]}, true
}

var sqsActions = map[string]func(*sqs, *call) (any, *apiError){
	"CreateQueue":                  sqsStep((*sqs).createQueue),
	"DeleteQueue":                  sqsStep((*sqs).deleteQueue),
	"GetQueueUrl":                  sqsStep((*sqs).getQueueURL),
	"ListQueues":                   sqsStep((*sqs).listQueues),
	"GetQueueAttributes":           sqsStep((*sqs).getQueueAttributes),
	"SetQueueAttributes":           sqsStep((*sqs).setQueueAttributes),
	"PurgeQueue":                   sqsStep((*sqs).purgeQueue),
	"TagQueue":                     sqsStep((*sqs).tagQueue),
	"UntagQueue":                   sqsStep((*sqs).untagQueue),
	"ListQueueTags":                sqsStep((*sqs).listQueueTags),
	"SendMessage":                  sqsStep((*sqs).sendMessage),
	"SendMessageBatch":             sqsStep((*sqs).sendMessageBatch),
	"DeleteMessage":                sqsStep((*sqs).deleteMessage),
	"DeleteMessageBatch":           sqsStep((*sqs).deleteMessageBatch),
	"ChangeMessageVisibility":      sqsStep((*sqs).changeMessageVisibility),
	"ChangeMessageVisibilityBatch": sqsStep((*sqs).changeMessageVisibilityBatch),
	"ListDeadLetterSourceQueues":   sqsStep((*sqs).listDeadLetterSourceQueues),
	"StartMessageMoveTask":         sqsStep((*sqs).startMessageMoveTask),
	"ListMessageMoveTasks":         sqsStep((*sqs).listMessageMoveTasks),
	"CancelMessageMoveTask":        sqsStep((*sqs).cancelMessageMoveTask),
}

func (s *sqs) serve(ctx context.Context, c *call) (any, *apiError) {
	if c.action == "ReceiveMessage" {
		return s.receiveMessage(ctx, c)
	}
	act, known := sqsActions[c.action]
	if !known {
		return nil, unknownAction(c)
	}
	return act(s, c)
}

// sqsStep makes an action that answers within one step out of a method.
func sqsStep[In any](f func(*sqs, *call, time.Time, *In) (any, *apiError)) func(*sqs, *call) (any, *apiError) {
	return func(s *sqs, c *call) (reply any, problem *apiError) {
		in := new(In)
		if problem := readJSON(c, in); problem != nil {
			return nil, problem
		}
		s.w.step(func(now time.Time) { reply, problem = f(s, c, now, in) })
		return reply, problem
	}
}

// readJSON reads a JSON call's input.
func readJSON(c *call, in any) *apiError {
	if err := json.Unmarshal(c.body, in); err != nil {
		return badRequest("SerializationException", "%v", err)
	}
	return nil
}

// queue finds the queue that a call's QueueUrl means, and brings it up to date.
func (s *sqs) queue(c *call, now time.Time, queueURL string) (*queue, *apiError) {
	if queueURL == "" {
		return nil, missingParameter("QueueUrl")
	}
	u, err := url.Parse(queueURL)
	if err != nil {
		return nil, &apiError{Status: http.StatusNotFound, Code: "InvalidAddress", Message: "The address " + queueURL + " is not valid for this endpoint."}
	}
	key := queueKey{account: c.account, region: c.region}
	switch path := strings.Split(strings.Trim(u.Path, "/"), "/"); len(path) {
	case 1: // Amazon takes a bare name too
		key.name = path[0]
	case 2:
		key.account, key.name = path[0], path[1]
	default:
		return nil, &apiError{Status: http.StatusNotFound, Code: "InvalidAddress", Message: "The address " + queueURL + " is not valid for this endpoint."}
	}
	if problem := s.authorize(c, now, key, sqsPermissions[c.action]); problem != nil {
		return nil, problem
	}
	return s.find(key, now)
}

// find is the queue at key, up to date.
func (s *sqs) find(key queueKey, now time.Time) (*queue, *apiError) {
	q, exists := s.queues[key]
	if !exists {
		return nil, badRequest("QueueDoesNotExist", "The specified queue does not exist.")
	}
	q.advance(now)
	return q, nil
}

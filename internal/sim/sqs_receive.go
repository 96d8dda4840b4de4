package sim

import (
	"context"
	"slices"
	"strconv"
	"time"
)

// maxInFlight is how many messages of one queue can be in flight.
const maxInFlight = 120_000

// maxVisibility is how long one receive can keep a message to itself.
const maxVisibility = 12 * time.Hour

type receiveInput struct {
	queueInput
	AttributeNames              []string
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
	MaxNumberOfMessages         *int
	VisibilityTimeout           *int
	WaitTimeSeconds             *int
	ReceiveRequestAttemptID     string `json:"ReceiveRequestAttemptId"`
}

type receivedMessage struct {
	MessageID              string `json:"MessageId"`
	ReceiptHandle          string
	MD5OfBody              string
	Body                   string
	Attributes             map[string]string           `json:",omitempty"`
	MD5OfMessageAttributes string                      `json:",omitempty"`
	MessageAttributes      map[string]messageAttribute `json:",omitempty"`
}

var systemAttributes = []string{
	"All", "SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp", "SequenceNumber",
	"MessageDeduplicationId", "MessageGroupId", "AWSTraceHeader", "DeadLetterQueueSourceArn",
}

func (s *sqs) receiveMessage(ctx context.Context, c *call) (any, *apiError) {
	in := new(receiveInput)
	if problem := readJSON(c, in); problem != nil {
		return nil, problem
	}
	var q *queue
	var problem *apiError
	var messages []receivedMessage
	most, patience := 1, time.Duration(0)
	wake := make(chan struct{}, 1)
	look := func(now time.Time) bool {
		q.advance(now)
		if q.gone {
			problem = badRequest("QueueDoesNotExist", "The specified queue does not exist.")
			return true
		}
		messages = s.receive(q, now, most, in)
		return len(messages) > 0
	}
	s.w.step(func(now time.Time) {
		if q, problem = s.queue(c, now, in.QueueURL); problem != nil {
			return
		}
		if problem = in.check(); problem != nil {
			return
		}
		if problem = s.openKey(c, now, q, unsealing); problem != nil {
			return
		}
		if in.MaxNumberOfMessages != nil {
			most = *in.MaxNumberOfMessages
		}
		patience = q.wait
		if in.WaitTimeSeconds != nil {
			patience = time.Duration(*in.WaitTimeSeconds) * time.Second
		}
		// Long polling never fails over messages in flight, and neither do
		// FIFO queues: they find nothing.
		if q.inFlight >= maxInFlight && patience == 0 && !q.fifo {
			problem = &apiError{Status: 403, Code: "OverLimit", Message: "Too many messages in flight for queue " + q.key.name + ": delete some first."}
			return
		}
		if !look(now) && patience > 0 {
			q.waiters[wake] = struct{}{}
			q.arm(now)
		}
	})
	if problem == nil && len(messages) == 0 && patience > 0 {
		s.w.wait(ctx, patience, wake, look)
		s.w.step(func(time.Time) { delete(q.waiters, wake) })
	}
	if problem != nil {
		return nil, problem
	}
	return struct {
		Messages []receivedMessage `json:",omitempty"`
	}{messages}, nil
}

func (in *receiveInput) check() *apiError {
	between := func(name string, value *int, low, high int) *apiError {
		if value != nil && (*value < low || *value > high) {
			return invalidParameter(name, *value, "Must be between "+strconv.Itoa(low)+" and "+strconv.Itoa(high)+", if provided.")
		}
		return nil
	}
	if problem := between("MaxNumberOfMessages", in.MaxNumberOfMessages, 1, 10); problem != nil {
		return problem
	}
	if problem := between("WaitTimeSeconds", in.WaitTimeSeconds, 0, 20); problem != nil {
		return problem
	}
	if problem := between("VisibilityTimeout", in.VisibilityTimeout, 0, int(maxVisibility/time.Second)); problem != nil {
		return problem
	}
	if in.ReceiveRequestAttemptID != "" {
		return badRequest("UnsupportedOperation", "the simulated SQS has no receive request attempts: leave ReceiveRequestAttemptId out")
	}
	for _, name := range slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames) {
		if !slices.Contains(systemAttributes, name) {
			return badRequest("InvalidAttributeName", "Unknown Attribute %s.", name)
		}
	}
	return nil
}

// receive takes up to most messages that are visible: as many as there are in
// the first lane, then of the next. Messages that were received too often
// already go to the dead-letter queue instead.
func (s *sqs) receive(q *queue, now time.Time, most int, in *receiveInput) []receivedMessage {
	visibility := q.visibility
	if in.VisibilityTimeout != nil {
		visibility = time.Duration(*in.VisibilityTimeout) * time.Second
	}
	dead := s.queues[q.deadLetterQueue]
	var received []receivedMessage
	for q.ready.Len() > 0 && len(received) < most && q.inFlight < maxInFlight {
		l := q.ready.Front().Value.(*lane)
		for place := l.messages.Front(); place != nil && len(received) < most; {
			m := place.Value.(*message)
			place = place.Next()
			if m.state != messageVisible {
				break
			}
			if q.maxReceives > 0 && dead != nil && m.receives >= q.maxReceives {
				q.bury(m, dead, now)
				continue
			}
			q.take(m, now, visibility)
			received = append(received, q.show(m, in))
		}
	}
	return received
}

// bury moves m to the dead-letter queue.
func (q *queue) bury(m *message, dead *queue, now time.Time) {
	q.remove(m)
	m.deadFrom = q.key.arn()
	if dead.fifo {
		// A FIFO queue counts the retention of a dead letter anew.
		m.sent = now
	}
	dead.add(m, now, 0)
}

// show is m as its receiver sees it.
func (q *queue) show(m *message, in *receiveInput) receivedMessage {
	all := map[string]string{
		"SenderId":                         m.sender,
		"SentTimestamp":                    milliseconds(m.sent),
		"ApproximateReceiveCount":          strconv.Itoa(m.receives),
		"ApproximateFirstReceiveTimestamp": milliseconds(m.firstReceived),
		"MessageDeduplicationId":           m.dedup,
		"MessageGroupId":                   m.group,
		"AWSTraceHeader":                   m.trace,
		"DeadLetterQueueSourceArn":         m.deadFrom,
	}
	if q.fifo {
		all["SequenceNumber"] = sequenceNumber(m.number)
	}
	asked := slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames)
	for name, value := range all {
		if value == "" || !slices.Contains(asked, name) && !slices.Contains(asked, "All") {
			delete(all, name)
		}
	}
	chosen := chosenAttributes(m.attributes, in.MessageAttributeNames)
	return receivedMessage{
		MessageID: m.id, ReceiptHandle: q.handle(m), Body: m.body, MD5OfBody: md5Hex(m.body), Attributes: all,
		MessageAttributes: chosen, MD5OfMessageAttributes: attributesMD5(chosen),
	}
}

func milliseconds(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

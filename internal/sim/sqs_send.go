package sim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// dedupWindow is how long SQS remembers a deduplication id, counted from the
// first send, whether or not that message still exists.
const dedupWindow = 5 * time.Minute

// sighting is what a FIFO queue remembers of a message for deduplication.
type sighting struct {
	id     string
	number uint64
}

type sightingEnd struct {
	key string
	at  time.Time
}

// sendEntry is a message as a sender gives it.
type sendEntry struct {
	ID                      string `json:"Id"` // within a batch
	MessageBody             string
	DelaySeconds            *int
	MessageAttributes       map[string]messageAttribute
	MessageSystemAttributes map[string]messageAttribute
	MessageDeduplicationID  *string `json:"MessageDeduplicationId"`
	MessageGroupID          *string `json:"MessageGroupId"`
}

func (e *sendEntry) size() int { return len(e.MessageBody) + attributesSize(e.MessageAttributes) }

type sendReply struct {
	ID                           string `json:"Id,omitempty"`
	MessageID                    string `json:"MessageId"`
	MD5OfMessageBody             string
	MD5OfMessageAttributes       string `json:",omitempty"`
	MD5OfMessageSystemAttributes string `json:",omitempty"`
	SequenceNumber               string `json:",omitempty"`
}

func (s *sqs) sendMessage(c *call, now time.Time, in *struct {
	queueInput
	sendEntry
}) (any, *apiError) {
	q, problem := s.queue(c, now, in.QueueURL)
	if problem != nil {
		return nil, problem
	}
	if problem := s.openKey(c, now, q, sealing...); problem != nil {
		return nil, problem
	}
	reply, problem := s.send(q, now, &in.sendEntry, c.account)
	if problem != nil {
		return nil, problem
	}
	return reply, nil
}

// send checks a message and puts it into q, unless q has seen it already.
func (s *sqs) send(q *queue, now time.Time, e *sendEntry, sender string) (*sendReply, *apiError) {
	if problem := q.checkSend(e); problem != nil {
		return nil, problem
	}
	m := &message{
		id: s.w.uuid(), body: e.MessageBody, attributes: e.MessageAttributes, sender: sender, sent: now,
	}
	reply := &sendReply{
		ID: e.ID, MessageID: m.id, MD5OfMessageBody: md5Hex(m.body), MD5OfMessageAttributes: attributesMD5(m.attributes),
		MD5OfMessageSystemAttributes: attributesMD5(e.MessageSystemAttributes),
	}
	if trace, traced := e.MessageSystemAttributes["AWSTraceHeader"]; traced {
		m.trace = *trace.StringValue
	}
	if e.MessageGroupID != nil {
		m.group = *e.MessageGroupID
	}
	delay := q.delay
	if !q.fifo {
		if e.DelaySeconds != nil {
			delay = time.Duration(*e.DelaySeconds) * time.Second
		}
		q.add(m, now, delay)
		return reply, nil
	}
	switch {
	case e.MessageDeduplicationID != nil:
		m.dedup = *e.MessageDeduplicationID
	default:
		sum := sha256.Sum256([]byte(m.body))
		m.dedup = hex.EncodeToString(sum[:])
	}
	if first, repeated := q.sighted(m, now); repeated {
		reply.MessageID, reply.SequenceNumber = first.id, sequenceNumber(first.number)
		return reply, nil
	}
	q.add(m, now, delay)
	q.sight(m, now)
	reply.SequenceNumber = sequenceNumber(m.number)
	return reply, nil
}

// checkSend applies SQS's rules for a single message.
func (q *queue) checkSend(e *sendEntry) *apiError {
	switch {
	case e.MessageBody == "":
		return missingParameter("MessageBody")
	case !validText(e.MessageBody):
		return badRequest("InvalidMessageContents", "Invalid characters were found in the message body. Allowed are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF.")
	case e.size() > q.maxMessage:
		return badRequest("InvalidParameterValue", "One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", q.maxMessage)
	case e.DelaySeconds != nil && (*e.DelaySeconds < 0 || *e.DelaySeconds > 900):
		return invalidParameter("DelaySeconds", *e.DelaySeconds, "DelaySeconds must be >= 0 and <= 900.")
	}
	if problem := checkMessageAttributes(e.MessageAttributes); problem != nil {
		return problem
	}
	for name, a := range e.MessageSystemAttributes {
		if name != "AWSTraceHeader" || a.DataType != "String" || a.StringValue == nil {
			return badRequest("InvalidParameterValue", "Message system attribute name '%s' is invalid: only AWSTraceHeader, of type String, can be sent.", name)
		}
	}
	if e.MessageGroupID != nil && !groupName.MatchString(*e.MessageGroupID) {
		return invalidParameter("MessageGroupId", *e.MessageGroupID, "MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.")
	}
	if !q.fifo {
		// A group id is fine: it makes a standard queue fair among tenants.
		if e.MessageDeduplicationID != nil {
			return invalidParameter("MessageDeduplicationId", *e.MessageDeduplicationID, "The request include parameter that is not valid for this queue type.")
		}
		return nil
	}
	switch {
	case e.MessageGroupID == nil:
		return missingParameter("MessageGroupId")
	case e.DelaySeconds != nil && *e.DelaySeconds != 0:
		return invalidParameter("DelaySeconds", *e.DelaySeconds, "The request include parameter that is not valid for this queue type.")
	case e.MessageDeduplicationID == nil && !q.contentDedup:
		return badRequest("InvalidParameterValue", "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
	case e.MessageDeduplicationID != nil && !groupName.MatchString(*e.MessageDeduplicationID):
		return invalidParameter("MessageDeduplicationId", *e.MessageDeduplicationID, "MessageDeduplicationId can only include alphanumeric and punctuation characters. 1 to 128 in length.")
	}
	return nil
}

// dedupKey is what counts as the same message in q.
func (q *queue) dedupKey(m *message) string {
	if q.dedupPerGroup {
		return m.dedup + " " + m.group
	}
	return m.dedup
}

// sighted says whether m was sent before within the window, and as what.
func (q *queue) sighted(m *message, now time.Time) (sighting, bool) {
	for len(q.sightings) > 0 && !q.sightings[0].at.After(now) {
		delete(q.seen, q.sightings[0].key)
		q.sightings = q.sightings[1:]
	}
	first, repeated := q.seen[q.dedupKey(m)]
	return first, repeated
}

// sight remembers m for the window.
func (q *queue) sight(m *message, now time.Time) {
	key := q.dedupKey(m)
	q.seen[key] = sighting{m.id, m.number}
	q.sightings = append(q.sightings, sightingEnd{key, now.Add(dedupWindow)})
}

// sequenceNumber is 20 digits, growing with n, as Amazon's are.
func sequenceNumber(n uint64) string { return fmt.Sprintf("188%017d", n) }

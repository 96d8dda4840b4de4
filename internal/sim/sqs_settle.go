package sim

import (
	"fmt"
	"time"
)

// deleteEntry and visibilityEntry are also entries of batches, with an id.
type deleteEntry struct {
	ID            string `json:"Id"`
	ReceiptHandle string
}

type visibilityEntry struct {
	ID                string `json:"Id"`
	ReceiptHandle     string
	VisibilityTimeout *int
}

func (s *sqs) deleteMessage(c *call, now time.Time, in *struct {
	queueInput
	deleteEntry
}) (any, *apiError) {
	q, problem := s.queue(c, now, in.QueueURL)
	if problem != nil {
		return nil, problem
	}
	return nil, q.delete(in.ReceiptHandle)
}

// delete ends a message. Deleting twice is fine. A handle that is not from the
// latest delivery deletes nothing: a standard queue does not say so, a FIFO
// queue does, and also once the visibility timeout is over.
func (q *queue) delete(handle string) *apiError {
	m, latest, problem := q.claim(handle)
	switch {
	case problem != nil:
		return problem
	case m == nil:
		return nil
	case q.fifo && (!latest || m.state != messageInFlight):
		return invalidParameter("ReceiptHandle", handle, "The receipt handle has expired.")
	case latest:
		q.remove(m)
	}
	return nil
}

func (s *sqs) changeMessageVisibility(c *call, now time.Time, in *struct {
	queueInput
	visibilityEntry
}) (any, *apiError) {
	q, problem := s.queue(c, now, in.QueueURL)
	if problem != nil {
		return nil, problem
	}
	return nil, q.changeVisibility(now, &in.visibilityEntry)
}

// changeVisibility counts a message's visibility timeout anew from now. The
// next receive has the queue's own again.
func (q *queue) changeVisibility(now time.Time, e *visibilityEntry) *apiError {
	m, latest, problem := q.claim(e.ReceiptHandle)
	if problem != nil {
		return problem
	}
	if e.VisibilityTimeout == nil {
		return missingParameter("VisibilityTimeout")
	}
	timeout := time.Duration(*e.VisibilityTimeout) * time.Second
	switch {
	case timeout < 0 || timeout > maxVisibility:
		return invalidParameter("VisibilityTimeout", *e.VisibilityTimeout, "VisibilityTimeout must be an integer between 0 and 43200.")
	case !latest || m.state != messageInFlight:
		return invalidParameter("ReceiptHandle", e.ReceiptHandle, "Message does not exist or is not available for visibility timeout change.")
	case now.Add(timeout).After(m.received.Add(maxVisibility)):
		return invalidParameter("VisibilityTimeout", *e.VisibilityTimeout,
			fmt.Sprintf("Total VisibilityTimeout for the message is beyond the limit [%d seconds].", maxVisibility/time.Second))
	}
	q.extend(m, now, now.Add(timeout))
	return nil
}

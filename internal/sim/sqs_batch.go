package sim

import (
	"regexp"
	"time"
)

// maxBatch is how many entries a batch can have.
const maxBatch = 10

var entryID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

type batchInput[E any] struct {
	queueInput
	Entries []E
}

// batchReply answers for each entry of a batch on its own. SDKs want both
// lists, also when they are empty.
type batchReply struct {
	Successful []any
	Failed     []failedEntry
}

type failedEntry struct {
	ID          string `json:"Id"`
	SenderFault bool
	Code        string
	Message     string
}

type succeededEntry struct {
	ID string `json:"Id"`
}

// batch checks a batch as a whole and then does each entry; do answers what
// goes among the successful ones.
func batch[E any](entries []E, id func(E) string, do func(E) (any, *apiError)) (any, *apiError) {
	switch {
	case len(entries) == 0:
		return nil, badRequest("EmptyBatchRequest", "There should be at least one entry in the request.")
	case len(entries) > maxBatch:
		return nil, badRequest("TooManyEntriesInBatchRequest", "Maximum number of entries per request are %d. You have sent %d.", maxBatch, len(entries))
	}
	seen := map[string]bool{}
	for _, e := range entries {
		if !entryID.MatchString(id(e)) {
			return nil, badRequest("InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		if seen[id(e)] {
			return nil, badRequest("BatchEntryIdsNotDistinct", "Id %s repeated.", id(e))
		}
		seen[id(e)] = true
	}
	reply := batchReply{Successful: []any{}, Failed: []failedEntry{}}
	for _, e := range entries {
		done, problem := do(e)
		if problem != nil {
			reply.Failed = append(reply.Failed, failedEntry{id(e), true, problem.Code, problem.Message})
			continue
		}
		reply.Successful = append(reply.Successful, done)
	}
	return reply, nil
}

func (s *sqs) sendMessageBatch(c *call, now time.Time, in *batchInput[sendEntry]) (any, *apiError) {
	q, problem := s.queue(c, now, in.QueueURL)
	if problem != nil {
		return nil, problem
	}
	if problem := s.openKey(c, now, q, sealing...); problem != nil {
		return nil, problem
	}
	size := 0
	for i := range in.Entries {
		size += in.Entries[i].size()
	}
	if size > maxMessage {
		return nil, badRequest("BatchRequestTooLong", "Batch requests cannot be longer than %d bytes. You have sent %d bytes.", maxMessage, size)
	}
	return batch(in.Entries, func(e sendEntry) string { return e.ID }, func(e sendEntry) (any, *apiError) {
		return s.send(q, now, &e, c.account)
	})
}

func (s *sqs) deleteMessageBatch(c *call, now time.Time, in *batchInput[deleteEntry]) (any, *apiError) {
	q, problem := s.queue(c, now, in.QueueURL)
	if problem != nil {
		return nil, problem
	}
	return batch(in.Entries, func(e deleteEntry) string { return e.ID }, func(e deleteEntry) (any, *apiError) {
		return succeededEntry{e.ID}, q.delete(e.ReceiptHandle)
	})
}

func (s *sqs) changeMessageVisibilityBatch(c *call, now time.Time, in *batchInput[visibilityEntry]) (any, *apiError) {
	q, problem := s.queue(c, now, in.QueueURL)
	if problem != nil {
		return nil, problem
	}
	return batch(in.Entries, func(e visibilityEntry) string { return e.ID }, func(e visibilityEntry) (any, *apiError) {
		return succeededEntry{e.ID}, q.changeVisibility(now, &e)
	})
}

package sim

import (
	"container/heap"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// settleTime is how long SQS takes to forget a deleted queue's name, and how
// far apart two purges must be.
const settleTime = 60 * time.Second

var queueName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

type queueInput struct {
	QueueURL string `json:"QueueUrl"`
}

type createQueueInput struct {
	QueueName  string
	Attributes map[string]string
	Tags       map[string]string `json:"tags"`
}

func (s *sqs) createQueue(c *call, now time.Time, in *createQueueInput) (any, *apiError) {
	base, fifo := strings.CutSuffix(in.QueueName, ".fifo")
	switch {
	case in.QueueName == "":
		return nil, missingParameter("QueueName")
	case fifo != (in.Attributes["FifoQueue"] == "true") || fifo && (!queueName.MatchString(base) || len(in.QueueName) > 80):
		return nil, badRequest("InvalidParameterValue", "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length; its attribute FifoQueue must be true.")
	case !fifo && !queueName.MatchString(in.QueueName):
		return nil, badRequest("InvalidParameterValue", "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	key := queueKey{account: c.account, region: c.region, name: in.QueueName}
	if problem := s.authorize(c, now, key, "CreateQueue"); problem != nil {
		return nil, problem
	}
	if len(in.Tags) > 0 {
		if problem := s.authorize(c, now, key, "TagQueue"); problem != nil {
			return nil, problem
		}
	}
	reply := map[string]string{"QueueUrl": key.url(c.host)}
	if q, exists := s.queues[key]; exists {
		for _, name := range slices.Sorted(maps.Keys(in.Attributes)) {
			if q.attributes[name] != in.Attributes[name] {
				return nil, badRequest("QueueNameExists", "A queue already exists with the same name and a different value for attribute %s", name)
			}
		}
		return reply, nil
	}
	if at, recently := s.deleted[key]; recently && now.Sub(at) < settleTime {
		return nil, badRequest("QueueDeletedRecently", "You must wait 60 seconds after deleting a queue before you can create another with the same name.")
	}
	attributes, set, problem := s.withAttributes(key, fifo, defaultAttributes(fifo), in.Attributes)
	if problem != nil {
		return nil, problem
	}
	delete(s.deleted, key)
	q := &queue{
		w: s.w, key: key, id: s.w.uuid(), settings: set, attributes: attributes, tags: map[string]string{},
		created: now, modified: now,
		messages: map[string]*message{}, lanes: map[string]*lane{}, seen: map[string]sighting{},
		waiters: map[chan struct{}]struct{}{},
	}
	maps.Copy(q.tags, in.Tags)
	s.queues[key] = q
	return reply, nil
}

func (s *sqs) deleteQueue(c *call, now time.Time, in *queueInput) (any, *apiError) {
	q, problem := s.queue(c, now, in.QueueURL)
	if problem != nil {
		return nil, problem
	}
	delete(s.queues, q.key)
	for _, task := range s.tasks[q.key] {
		task.status = "FAILED"
	}
	delete(s.tasks, q.key)
	s.deleted[q.key] = now
	q.gone = true
	q.wake()
	return nil, nil
}

func (s *sqs) getQueueURL(c *call, now time.Time, in *struct {
	QueueName              string
	QueueOwnerAWSAccountID string `json:"QueueOwnerAWSAccountId"`
}) (any, *apiError) {
	key := queueKey{account: c.account, region: c.region, name: in.QueueName}
	if in.QueueOwnerAWSAccountID != "" {
		key.account = in.QueueOwnerAWSAccountID
	}
	if problem := s.authorize(c, now, key, "GetQueueUrl"); problem != nil {
		if key.account != c.account {
			return nil, badRequest("QueueDoesNotExist", "The specified queue does not exist or you do not have access to it.")
		}
		return nil, problem
	}
	if _, problem := s.find(key, now); problem != nil {
		return nil, problem
	}
	return map[string]string{"QueueUrl": key.url(c.host)}, nil
}

func (s *sqs) listQueues(c *call, now time.Time, in *struct {
	QueueNamePrefix string
	MaxResults      *int
	NextToken       string
}) (any, *apiError) {
	if problem := s.authorizeListing(c, now); problem != nil {
		return nil, problem
	}
	var names []string
	for key := range s.queues {
		if key.account == c.account && key.region == c.region && strings.HasPrefix(key.name, in.QueueNamePrefix) {
			names = append(names, key.url(c.host))
		}
	}
	urls, next, problem := pageOf(names, in.MaxResults, 1000, in.NextToken)
	if problem != nil {
		return nil, problem
	}
	return struct {
		QueueURLs []string `json:"QueueUrls,omitempty"`
		NextToken string   `json:",omitempty"`
	}{urls, next}, nil
}

func (s *sqs) listDeadLetterSourceQueues(c *call, now time.Time, in *struct {
	queueInput
	MaxResults *int
	NextToken  string
}) (any, *apiError) {
	dead, problem := s.queue(c, now, in.QueueURL)
	if problem != nil {
		return nil, problem
	}
	sources := s.deadLetterSources(dead.key)
	for i, arn := range sources {
		key, _ := parseQueueARN(arn)
		sources[i] = key.url(c.host)
	}
	urls, next, problem := pageOf(sources, in.MaxResults, 1000, in.NextToken)
	if problem != nil {
		return nil, problem
	}
	if urls == nil {
		urls = []string{}
	}
	return struct {
		QueueURLs []string `json:"queueUrls"`
		NextToken string   `json:",omitempty"`
	}{urls, next}, nil
}

// deadLetterSources are the ARNs of the queues that use dead as theirs.
func (s *sqs) deadLetterSources(dead queueKey) []string {
	var sources []string
	for key, q := range s.queues {
		if q.maxReceives > 0 && q.deadLetterQueue == dead {
			sources = append(sources, key.arn())
		}
	}
	return sources
}

// pageOf cuts one page out of items, which it sorts; the token is the last item
// of the page before. Without a limit SQS answers whole pages and no token.
func pageOf(items []string, limit *int, most int, after string) ([]string, string, *apiError) {
	slices.Sort(items)
	if after != "" {
		last, valid := untoken(after)
		if !valid {
			return nil, "", badRequest("InvalidParameterValue", "Invalid or expired next token.")
		}
		from, found := slices.BinarySearch(items, last)
		if found {
			from++
		}
		items = items[from:]
	}
	size := most
	if limit != nil {
		if size = *limit; size < 1 || size > most {
			return nil, "", badRequest("InvalidParameterValue", "Value %d for parameter MaxResults is invalid. Reason: Must be between 1 and %d, if provided.", size, most)
		}
	}
	if len(items) <= size {
		return items, "", nil
	}
	items = items[:size]
	if limit == nil {
		return items, "", nil
	}
	return items, token(items[size-1]), nil
}

func (s *sqs) getQueueAttributes(c *call, now time.Time, in *struct {
	queueInput
	AttributeNames []string
}) (any, *apiError) {
	q, problem := s.queue(c, now, in.QueueURL)
	if problem != nil {
		return nil, problem
	}
	attributes, problem := q.describe(in.AttributeNames)
	if problem != nil {
		return nil, problem
	}
	return struct {
		Attributes map[string]string `json:",omitempty"`
	}{attributes}, nil
}

func (s *sqs) setQueueAttributes(c *call, now time.Time, in *struct {
	queueInput
	Attributes map[string]string
}) (any, *apiError) {
	q, problem := s.queue(c, now, in.QueueURL)
	if problem != nil {
		return nil, problem
	}
	if len(in.Attributes) == 0 {
		return nil, missingParameter("Attributes")
	}
	attributes, set, problem := s.withAttributes(q.key, q.fifo, q.attributes, in.Attributes)
	if problem != nil {
		return nil, problem
	}
	before := q.settings
	q.attributes, q.settings, q.modified = attributes, set, now
	if q.retention != before.retention {
		for _, e := range q.expiring {
			e.at = e.m.sent.Add(q.retention)
		}
		heap.Init(&q.expiring)
	}
	// A new delay reaches back to what is queued already in a FIFO queue, and
	// does not in a standard one.
	if q.fifo && q.delay != before.delay {
		for _, h := range q.hidden {
			if h.m.state == messageDelayed {
				h.at = h.m.sent.Add(q.delay)
			}
		}
		heap.Init(&q.hidden)
	}
	if len(q.waiters) > 0 {
		q.arm(now)
	}
	q.advance(now)
	return nil, nil
}

func (s *sqs) purgeQueue(c *call, now time.Time, in *queueInput) (any, *apiError) {
	q, problem := s.queue(c, now, in.QueueURL)
	if problem != nil {
		return nil, problem
	}
	if !q.purged.IsZero() && now.Sub(q.purged) < settleTime {
		return nil, &apiError{Status: 403, Code: "PurgeQueueInProgress",
			Message: "Only one PurgeQueue operation on " + q.key.name + " is allowed every 60 seconds."}
	}
	q.purged = now
	for _, m := range q.messages {
		q.remove(m)
	}
	return nil, nil
}

func (s *sqs) tagQueue(c *call, now time.Time, in *struct {
	queueInput
	Tags map[string]string
}) (any, *apiError) {
	q, problem := s.queue(c, now, in.QueueURL)
	if problem != nil {
		return nil, problem
	}
	maps.Copy(q.tags, in.Tags)
	return nil, nil
}

func (s *sqs) untagQueue(c *call, now time.Time, in *struct {
	queueInput
	TagKeys []string
}) (any, *apiError) {
	q, problem := s.queue(c, now, in.QueueURL)
	if problem != nil {
		return nil, problem
	}
	for _, key := range in.TagKeys {
		delete(q.tags, key)
	}
	return nil, nil
}

func (s *sqs) listQueueTags(c *call, now time.Time, in *queueInput) (any, *apiError) {
	q, problem := s.queue(c, now, in.QueueURL)
	if problem != nil {
		return nil, problem
	}
	return struct {
		Tags map[string]string `json:",omitempty"`
	}{maps.Clone(q.tags)}, nil
}

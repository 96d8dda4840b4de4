package sim

import (
	"time"
)

// moveTask redrives a dead-letter queue.
type moveTask struct {
	handle      string
	source      queueKey
	destination string // ARN; "" means where each message came from
	rate        int    // messages a second; 0 means all at once
	started     time.Time
	left, moved int
	status      string
	failure     string
}

func (s *sqs) startMessageMoveTask(c *call, now time.Time, in *struct {
	SourceArn, DestinationArn    string
	MaxNumberOfMessagesPerSecond *int
}) (any, *apiError) {
	noQueue := badRequest("ResourceNotFoundException", "The resource that you specified for the SourceArn or DestinationArn parameter doesn't exist.")
	source, valid := parseQueueARN(in.SourceArn)
	if !valid || source.account != c.account || source.region != c.region {
		return nil, noQueue
	}
	if problem := s.authorizeMove(c, now, source, in.DestinationArn); problem != nil {
		return nil, problem
	}
	q, problem := s.find(source, now)
	if problem != nil {
		return nil, noQueue
	}
	task := &moveTask{handle: token(s.w.uuid() + " " + in.SourceArn), source: source, destination: in.DestinationArn, started: now, status: "RUNNING"}
	if in.DestinationArn != "" {
		target, valid := parseQueueARN(in.DestinationArn)
		dest, exists := s.queues[target]
		switch {
		case !valid || !exists:
			return nil, noQueue
		case dest.fifo != q.fifo || target == source || target.account != source.account || target.region != source.region:
			return nil, badRequest("InvalidParameterValue", "The destination must be another queue of the source's type, account and Region.")
		}
	}
	if len(s.deadLetterSources(source)) == 0 {
		return nil, badRequest("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
	}
	if in.MaxNumberOfMessagesPerSecond != nil {
		if task.rate = *in.MaxNumberOfMessagesPerSecond; task.rate < 1 || task.rate > 500 {
			return nil, invalidParameter("MaxNumberOfMessagesPerSecond", task.rate, "Must be between 1 and 500.")
		}
	}
	for _, other := range s.tasks[source] {
		if other.status == "RUNNING" {
			return nil, badRequest("UnsupportedOperation", "There is already a task running. Only one active task is allowed for a source queue arn at a given time.")
		}
	}
	task.left = len(q.messages) - q.inFlight - q.delayed
	s.tasks[source] = append(s.tasks[source], task)
	s.move(task, now)
	return map[string]string{"TaskHandle": task.handle}, nil
}

// move does one second's work of a task, or all of it when it has no rate.
func (s *sqs) move(task *moveTask, now time.Time) {
	if task.status != "RUNNING" {
		return
	}
	q, problem := s.find(task.source, now)
	if problem != nil {
		task.status, task.failure = "FAILED", "AWS.SimpleQueueService.NonExistentQueue"
		return
	}
	portion := task.left
	if task.rate > 0 {
		portion = min(task.rate, portion)
	}
	for _, m := range q.visible(portion) {
		destination := task.destination
		if destination == "" {
			destination = m.deadFrom
		}
		key, valid := parseQueueARN(destination)
		if !valid {
			task.status, task.failure = "FAILED", "CouldNotDetermineMessageSource"
			return
		}
		dest, problem := s.find(key, now)
		if problem != nil {
			task.status, task.failure = "FAILED", "AWS.SimpleQueueService.NonExistentQueue"
			return
		}
		q.remove(m)
		dest.add(&message{
			id: s.w.uuid(), body: m.body, attributes: m.attributes, trace: m.trace, sender: m.sender,
			group: m.group, dedup: m.dedup, sent: now,
		}, now, 0)
		task.moved++
		task.left--
	}
	if task.left <= 0 || q.ready.Len() == 0 {
		task.status = "COMPLETED"
		return
	}
	s.w.at(now.Add(time.Second), func(now time.Time) { s.move(task, now) })
}

// visible is up to n messages that could be received now, in their order.
func (q *queue) visible(n int) []*message {
	var found []*message
	for place := q.ready.Front(); place != nil && len(found) < n; place = place.Next() {
		l := place.Value.(*lane)
		for place := l.messages.Front(); place != nil && len(found) < n; place = place.Next() {
			m := place.Value.(*message)
			if m.state != messageVisible {
				break
			}
			found = append(found, m)
		}
	}
	return found
}

type moveTaskReply struct {
	TaskHandle                        string `json:",omitempty"`
	Status                            string
	SourceArn                         string
	DestinationArn                    string `json:",omitempty"`
	MaxNumberOfMessagesPerSecond      int    `json:",omitempty"`
	ApproximateNumberOfMessagesMoved  int
	ApproximateNumberOfMessagesToMove int
	FailureReason                     string `json:",omitempty"`
	StartedTimestamp                  int64
}

func (s *sqs) listMessageMoveTasks(c *call, now time.Time, in *struct {
	SourceArn  string
	MaxResults *int
}) (any, *apiError) {
	source, _ := parseQueueARN(in.SourceArn)
	if source.account == c.account && source.region == c.region {
		if problem := s.authorizeTasks(c, now, source); problem != nil {
			return nil, problem
		}
	}
	if _, problem := s.find(source, now); problem != nil || source.account != c.account || source.region != c.region {
		return nil, badRequest("ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist.")
	}
	most := 1
	if in.MaxResults != nil {
		if most = *in.MaxResults; most < 1 || most > 10 {
			return nil, invalidParameter("MaxResults", most, "Must be between 1 and 10, if provided.")
		}
	}
	tasks := s.tasks[source]
	results := []moveTaskReply{}
	for i := len(tasks) - 1; i >= 0 && len(results) < most; i-- {
		t := tasks[i]
		r := moveTaskReply{
			Status: t.status, SourceArn: t.source.arn(), DestinationArn: t.destination, MaxNumberOfMessagesPerSecond: t.rate,
			ApproximateNumberOfMessagesMoved: t.moved, ApproximateNumberOfMessagesToMove: t.moved + t.left,
			FailureReason: t.failure, StartedTimestamp: t.started.UnixMilli(),
		}
		if t.status == "RUNNING" {
			r.TaskHandle = t.handle
		}
		results = append(results, r)
	}
	return struct{ Results []moveTaskReply }{results}, nil
}

func (s *sqs) cancelMessageMoveTask(c *call, now time.Time, in *struct{ TaskHandle string }) (any, *apiError) {
	for source, tasks := range s.tasks {
		for _, t := range tasks {
			if t.handle == in.TaskHandle && t.status == "RUNNING" && source.account == c.account && source.region == c.region {
				if problem := s.authorizeTasks(c, now, source); problem != nil {
					return nil, problem
				}
				t.status = "CANCELLED"
				return map[string]int{"ApproximateNumberOfMessagesMoved": t.moved}, nil
			}
		}
	}
	return nil, badRequest("ResourceNotFoundException", "Task does not exist, or is over.")
}

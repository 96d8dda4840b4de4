package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"snapferry/internal/sim/iam"
)

// maxMessage is Amazon's largest message, and the largest batch of them.
const maxMessage = 1 << 20

// settings are a queue's attributes as the queue works with them.
type settings struct {
	fifo            bool
	visibility      time.Duration
	delay           time.Duration
	retention       time.Duration
	wait            time.Duration
	maxMessage      int
	contentDedup    bool
	dedupPerGroup   bool
	maxReceives     int // 0: no dead-letter queue
	deadLetterQueue queueKey
	policy          *iam.Policy // nil: none
	kmsKey          string      // KmsMasterKeyId; "": none
	managed         bool        // encrypted under SQS's own key
}

// redrivePolicy is the attribute RedrivePolicy. Amazon takes the count as a
// number and as a string.
type redrivePolicy struct {
	DeadLetterTargetArn string          `json:"deadLetterTargetArn"`
	MaxReceiveCount     json.RawMessage `json:"maxReceiveCount"`
}

// queueNumbers are the attributes that are whole numbers, with their bounds.
var queueNumbers = map[string]struct{ min, max int }{
	"VisibilityTimeout":             {0, 43200},
	"MaximumMessageSize":            {1024, maxMessage},
	"MessageRetentionPeriod":        {60, 14 * 24 * 3600},
	"DelaySeconds":                  {0, 900},
	"ReceiveMessageWaitTimeSeconds": {0, 20},
	"KmsDataKeyReusePeriodSeconds":  {60, 86400},
}

// queueWords are the attributes with a fixed set of values.
var queueWords = map[string][]string{
	"FifoQueue":                 {"true"},
	"ContentBasedDeduplication": {"true", "false"},
	"DeduplicationScope":        {"queue", "messageGroup"},
	"FifoThroughputLimit":       {"perQueue", "perMessageGroupId"},
	"SqsManagedSseEnabled":      {"true", "false"},
}

var fifoAttributes = []string{"FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"}

// queueTexts are the attributes that an empty value removes.
var queueTexts = []string{"Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId"}

// queueCounts are the attributes that only the queue itself sets.
var queueCounts = []string{
	"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed",
	"CreatedTimestamp", "LastModifiedTimestamp", "QueueArn",
}

func knownQueueAttribute(name string) bool {
	_, number := queueNumbers[name]
	_, word := queueWords[name]
	return number || word || slices.Contains(queueTexts, name) || slices.Contains(queueCounts, name)
}

func defaultAttributes(fifo bool) map[string]string {
	attributes := map[string]string{
		"VisibilityTimeout":             "30",
		"MaximumMessageSize":            strconv.Itoa(maxMessage),
		"MessageRetentionPeriod":        strconv.Itoa(4 * 24 * 3600),
		"DelaySeconds":                  "0",
		"ReceiveMessageWaitTimeSeconds": "0",
		"SqsManagedSseEnabled":          "true",
	}
	if fifo {
		maps.Copy(attributes, map[string]string{
			"FifoQueue":                 "true",
			"ContentBasedDeduplication": "false",
			"DeduplicationScope":        "queue",
			"FifoThroughputLimit":       "perQueue",
		})
	}
	return attributes
}

// withAttributes is old with the changes made, and what they mean, if they are
// valid for the queue at key.
func (s *sqs) withAttributes(key queueKey, fifo bool, old, changes map[string]string) (map[string]string, settings, *apiError) {
	attributes := maps.Clone(old)
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		value := changes[name]
		if !knownQueueAttribute(name) || slices.Contains(queueCounts, name) || !fifo && slices.Contains(fifoAttributes, name) {
			return nil, settings{}, badRequest("InvalidAttributeName", "Unknown Attribute %s.", name)
		}
		if problem := checkAttribute(name, value); problem != nil {
			return nil, settings{}, problem
		}
		if value == "" {
			delete(attributes, name)
			continue
		}
		attributes[name] = value
	}
	if changes["KmsMasterKeyId"] != "" {
		attributes["SqsManagedSseEnabled"] = "false"
	}
	set, problem := s.settings(key, fifo, attributes)
	return attributes, set, problem
}

func checkAttribute(name, value string) *apiError {
	invalid := badRequest("InvalidAttributeValue", "Invalid value for the parameter %s.", name)
	if bounds, number := queueNumbers[name]; number {
		if n, err := strconv.Atoi(value); err != nil || n < bounds.min || n > bounds.max {
			return invalid
		}
		return nil
	}
	if words, word := queueWords[name]; word {
		if !slices.Contains(words, value) {
			return invalid
		}
		return nil
	}
	if name != "KmsMasterKeyId" && value != "" && !json.Valid([]byte(value)) {
		return invalid
	}
	return nil
}

// settings reads attributes that checkAttribute has passed.
func (s *sqs) settings(key queueKey, fifo bool, attributes map[string]string) (settings, *apiError) {
	seconds := func(name string) time.Duration {
		n, _ := strconv.Atoi(attributes[name])
		return time.Duration(n) * time.Second
	}
	size, _ := strconv.Atoi(attributes["MaximumMessageSize"])
	set := settings{
		fifo:          fifo,
		visibility:    seconds("VisibilityTimeout"),
		delay:         seconds("DelaySeconds"),
		retention:     seconds("MessageRetentionPeriod"),
		wait:          seconds("ReceiveMessageWaitTimeSeconds"),
		maxMessage:    size,
		contentDedup:  attributes["ContentBasedDeduplication"] == "true",
		dedupPerGroup: attributes["DeduplicationScope"] == "messageGroup",
	}
	if attributes["FifoThroughputLimit"] == "perMessageGroupId" && !set.dedupPerGroup {
		return set, invalidParameter("FifoThroughputLimit", "perMessageGroupId",
			"The FifoThroughputLimit perMessageGroupId is only allowed when the value of DeduplicationScope is messageGroup.")
	}
	set.kmsKey = attributes["KmsMasterKeyId"]
	set.managed = set.kmsKey == "" && attributes["SqsManagedSseEnabled"] == "true"
	if text := attributes["Policy"]; text != "" {
		var err error
		if set.policy, err = iam.Parse(iam.Resource, text); err != nil {
			return set, badRequest("InvalidAttributeValue", "Invalid value for the parameter Policy. Reason: %v.", err)
		}
	}
	policy, redriven := attributes["RedrivePolicy"]
	if !redriven {
		return set, nil
	}
	var problem *apiError
	set.deadLetterQueue, set.maxReceives, problem = s.redrive(key, fifo, policy)
	return set, problem
}

// redrive reads the RedrivePolicy of the queue at key.
func (s *sqs) redrive(key queueKey, fifo bool, policy string) (target queueKey, maxReceives int, problem *apiError) {
	invalid := func(reason string) (queueKey, int, *apiError) {
		return queueKey{}, 0, invalidParameter("RedrivePolicy", policy, reason)
	}
	var p redrivePolicy
	decoder := json.NewDecoder(bytes.NewReader([]byte(policy)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		return invalid("Amazon SQS can't create the redrive policy: " + err.Error() + ".")
	}
	maxReceives, err := strconv.Atoi(string(bytes.Trim(p.MaxReceiveCount, `"`)))
	if err != nil || maxReceives < 1 || maxReceives > 1000 {
		return invalid("Invalid value for maxReceiveCount: " + string(p.MaxReceiveCount) + ", valid values are from 1 to 1000 both inclusive.")
	}
	target, valid := parseQueueARN(p.DeadLetterTargetArn)
	if !valid {
		return invalid("deadLetterTargetArn is not a queue's ARN.")
	}
	dead, exists := s.queues[target]
	if !exists || target.account != key.account || target.region != key.region {
		return invalid("Dead letter target does not exist.")
	}
	if dead.fifo != fifo {
		return invalid("Dead-letter queue must be same type of queue as the source.")
	}
	if target == key {
		return invalid("A queue cannot be its own dead-letter queue.")
	}
	if !dead.acceptsDeadLetters(key) {
		return invalid("The dead-letter queue's RedriveAllowPolicy does not allow this source queue.")
	}
	return target, maxReceives, nil
}

// acceptsDeadLetters says whether q's RedriveAllowPolicy lets source use it.
func (q *queue) acceptsDeadLetters(source queueKey) bool {
	text, restricted := q.attributes["RedriveAllowPolicy"]
	if !restricted {
		return true
	}
	var p struct {
		RedrivePermission string   `json:"redrivePermission"`
		SourceQueueArns   []string `json:"sourceQueueArns"`
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return false
	}
	return p.RedrivePermission == "allowAll" || p.RedrivePermission == "byQueue" && slices.Contains(p.SourceQueueArns, source.arn())
}

// describe is the named attributes of q; All stands for every one.
func (q *queue) describe(names []string) (map[string]string, *apiError) {
	all := maps.Clone(q.attributes)
	all["QueueArn"] = q.key.arn()
	all["CreatedTimestamp"] = strconv.FormatInt(q.created.Unix(), 10)
	all["LastModifiedTimestamp"] = strconv.FormatInt(q.modified.Unix(), 10)
	all["ApproximateNumberOfMessages"] = fmt.Sprint(len(q.messages) - q.inFlight - q.delayed)
	all["ApproximateNumberOfMessagesNotVisible"] = strconv.Itoa(q.inFlight)
	all["ApproximateNumberOfMessagesDelayed"] = strconv.Itoa(q.delayed)
	if slices.Contains(names, "All") {
		return all, nil
	}
	asked := map[string]string{}
	for _, name := range names {
		if !knownQueueAttribute(name) {
			return nil, badRequest("InvalidAttributeName", "Unknown Attribute %s.", name)
		}
		if value, present := all[name]; present {
			asked[name] = value
		}
	}
	return asked, nil
}

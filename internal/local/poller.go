package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"snapferry/internal/sim"
)

// How Lambda polls.
const (
	batchSize = 10 // unless it is told another; and what SQS gives at once
	longPoll  = 20 // seconds, of the world's clock
	// pollPause is what the poller waits, on the machine's clock, before it
	// tries again after SQS refused.
	pollPause = 200 * time.Millisecond
)

// poller is a Lambda event source mapping from an SQS queue
// (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html).
type poller struct {
	world    *sim.World
	clock    sim.Clock
	caller   string // an account, or the access key id of the function's role
	region   string
	queueURL string
	queueARN string
	batch    int
	// window is how long an incomplete batch waits for more, in whole seconds.
	window time.Duration
	// partial says that the function answers which messages failed
	// (ReportBatchItemFailures); otherwise all of a batch fail, or none.
	partial bool
	invoke  func(ctx context.Context, payload []byte) ([]byte, error)
	report  func(error) // is told what went wrong; the poller goes on
}

// message is one as ReceiveMessage answers it.
type message struct {
	MessageID         string `json:"MessageId"`
	ReceiptHandle     string
	Body              string
	MD5OfBody         string
	Attributes        map[string]string
	MessageAttributes map[string]struct {
		StringValue *string
		BinaryValue []byte
		DataType    string
	}
}

// sqsRecord is a message as Lambda hands it to a function.
type sqsRecord struct {
	MessageID         string                  `json:"messageId"`
	ReceiptHandle     string                  `json:"receiptHandle"`
	Body              string                  `json:"body"`
	Attributes        map[string]string       `json:"attributes"`
	MessageAttributes map[string]sqsAttribute `json:"messageAttributes"`
	MD5OfBody         string                  `json:"md5OfBody"`
	EventSource       string                  `json:"eventSource"`
	EventSourceARN    string                  `json:"eventSourceARN"`
	AWSRegion         string                  `json:"awsRegion"`
}

type sqsAttribute struct {
	StringValue      *string  `json:"stringValue,omitempty"`
	BinaryValue      []byte   `json:"binaryValue,omitempty"`
	StringListValues []string `json:"stringListValues"`
	BinaryListValues [][]byte `json:"binaryListValues"`
	DataType         string   `json:"dataType"`
}

// run polls until ctx ends. It may run several times at once, as Lambda does.
func (p *poller) run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := p.poll(ctx); err != nil && ctx.Err() == nil {
			p.report(err)
		}
	}
}

// poll takes one batch through the function, if there is one.
func (p *poller) poll(ctx context.Context) error {
	messages, err := p.receive(ctx, min(p.batch, batchSize), longPoll)
	// A window ends when it is over or the batch is full.
	for end := p.clock.Now().Add(p.window); err == nil && len(messages) > 0 && len(messages) < p.batch; {
		left := end.Sub(p.clock.Now()).Truncate(time.Second)
		if left <= 0 {
			break
		}
		var more []message
		more, err = p.receive(ctx, min(p.batch-len(messages), batchSize), min(int(left.Seconds()), longPoll))
		messages = append(messages, more...)
	}
	if err != nil {
		select {
		case <-time.After(pollPause):
		case <-ctx.Done():
		}
		return fmt.Errorf("poll %s: %w", p.queueARN, err)
	}
	if len(messages) == 0 {
		return nil
	}
	payload, err := json.Marshal(p.event(messages))
	if err != nil {
		return fmt.Errorf("make the batch: %w", err)
	}
	response, err := p.invoke(ctx, payload)
	if err != nil {
		// The whole batch comes back after its visibility time-out.
		return err
	}
	failed := map[string]bool{}
	if p.partial {
		if failed, err = batchItemFailures(response, messages); err != nil {
			return fmt.Errorf("the batch of %d counts as failed: %w", len(messages), err)
		}
	}
	return p.delete(ctx, messages, failed)
}

// receive takes at most so many messages, for which it waits so many seconds.
func (p *poller) receive(ctx context.Context, most, wait int) ([]message, error) {
	var received struct{ Messages []message }
	err := p.world.Do(ctx, p.caller, p.region, "sqs", "ReceiveMessage", map[string]any{
		"QueueUrl":                    p.queueURL,
		"MaxNumberOfMessages":         most,
		"WaitTimeSeconds":             wait,
		"MessageSystemAttributeNames": []string{"All"},
		"MessageAttributeNames":       []string{"All"},
	}, &received)
	return received.Messages, err
}

func (p *poller) event(messages []message) any {
	records := make([]sqsRecord, 0, len(messages))
	for _, m := range messages {
		attributes := make(map[string]sqsAttribute, len(m.MessageAttributes))
		for name, a := range m.MessageAttributes {
			attributes[name] = sqsAttribute{
				StringValue: a.StringValue, BinaryValue: a.BinaryValue, DataType: a.DataType,
				StringListValues: []string{}, BinaryListValues: [][]byte{},
			}
		}
		records = append(records, sqsRecord{
			MessageID:         m.MessageID,
			ReceiptHandle:     m.ReceiptHandle,
			Body:              m.Body,
			Attributes:        m.Attributes,
			MessageAttributes: attributes,
			MD5OfBody:         m.MD5OfBody,
			EventSource:       "aws:sqs",
			EventSourceARN:    p.queueARN,
			AWSRegion:         p.region,
		})
	}
	return map[string]any{"Records": records}
}

// batchItemFailures reads which messages the function could not do. No answer,
// null, and a missing, null or empty list all mean that it did every one. An
// answer that is not an object, and an identifier that is empty, null, misnamed
// or not in the batch, fail the whole batch.
func batchItemFailures(response []byte, batch []message) (failed map[string]bool, err error) {
	failed = map[string]bool{}
	if response = bytes.TrimSpace(response); len(response) == 0 {
		return failed, nil
	}
	var answer struct {
		// Maps, because Lambda minds the case of names and Go's structs don't.
		BatchItemFailures []map[string]any `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(response, &answer); err != nil {
		return nil, fmt.Errorf("read the function's answer: %w", err)
	}
	known := map[string]bool{}
	for _, m := range batch {
		known[m.MessageID] = true
	}
	for _, item := range answer.BatchItemFailures {
		id, _ := item["itemIdentifier"].(string)
		if !known[id] {
			return nil, fmt.Errorf("read the function's answer: %v names no message of the batch as its itemIdentifier", item)
		}
		failed[id] = true
	}
	return failed, nil
}

// delete deletes the messages that did not fail.
func (p *poller) delete(ctx context.Context, batch []message, failed map[string]bool) error {
	type entry struct{ Id, ReceiptHandle string }
	var done []entry
	for i, m := range batch {
		if !failed[m.MessageID] {
			done = append(done, entry{strconv.Itoa(i), m.ReceiptHandle})
		}
	}
	for entries := range slices.Chunk(done, batchSize) {
		var answer struct {
			Failed []struct{ Id, Code, Message string }
		}
		err := p.world.Do(ctx, p.caller, p.region, "sqs", "DeleteMessageBatch", map[string]any{
			"QueueUrl": p.queueURL, "Entries": entries,
		}, &answer)
		for _, f := range answer.Failed {
			err = errors.Join(err, fmt.Errorf("%s: %s", f.Code, f.Message))
		}
		if err != nil {
			return fmt.Errorf("delete from %s: %w", p.queueARN, err)
		}
	}
	return nil
}

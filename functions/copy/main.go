// Command copy is the Lambda function that turns events into copies: shares
// into orders, orders into copies as slots are free, results into outcomes.
//
// It takes an SQS batch whose bodies are EventBridge events and answers with
// the records to deliver again; or one bare EventBridge event, and answers with
// a summary.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"

	"github.com/aws/aws-lambda-go/events"

	"snapferry/functions/internal/start"
	"snapferry/internal/reactor"
)

func main() { start.Function(build) }

func build(e start.Environment) (start.Handle, error) {
	slots, err := slots(os.Getenv("COPY_SLOTS"))
	if err != nil {
		return nil, err
	}
	orders, err := e.Orders(os.Getenv("ORDERS_DLQ_URL"))
	if err != nil {
		return nil, err
	}
	copier := &reactor.Copier{
		Policies: e.Policies,
		Slots:    slots,
		Copies:   e.Cloud.EC2(),
		Orders:   orders,
		Outcomes: e.Outcomes,
		Now:      e.Cloud.Now,
	}
	return func(ctx context.Context, log *slog.Logger, payload []byte) (any, error) {
		journal := reactor.NewJournal(log, false)
		defer start.Measure(journal)
		if batch, ok := batchOf(payload); ok {
			return answer(copier.Handle(ctx, journal, records(batch))), nil
		}
		var problems []error
		for _, failure := range copier.Handle(ctx, journal, []reactor.Record{{ID: "event", Body: payload}}) {
			problems = append(problems, failure.Err)
		}
		return journal.Summary(), errors.Join(problems...)
	}, nil
}

// slots reads COPY_SLOTS.
func slots(value string) (int, error) {
	const amazons = 20 // concurrent copies per destination Region
	if value == "" {
		return amazons, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("COPY_SLOTS is %q: write how many copies may be pending per target Region, 1 or more; Amazon allows %d", value, amazons)
	}
	return n, nil
}

// batchOf tells an SQS batch from a bare event. Its records are read one by one,
// so that one of them that has another form than Lambda's is a bad record and
// not a bad batch.
func batchOf(payload []byte) ([]json.RawMessage, bool) {
	var batch struct{ Records *[]json.RawMessage }
	err := json.Unmarshal(payload, &batch)
	if err != nil || batch.Records == nil {
		return nil, false
	}
	return *batch.Records, true
}

func records(batch []json.RawMessage) []reactor.Record {
	records := make([]reactor.Record, len(batch))
	for i, data := range batch {
		var m events.SQSMessage
		if err := json.Unmarshal(data, &m); err != nil {
			// Its own text will not be read as an event either, and says why.
			records[i] = reactor.Record{ID: messageID(data), Body: data, Receives: 1}
			continue
		}
		receives, err := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
		if err != nil {
			receives = 1
		}
		records[i] = reactor.Record{ID: m.MessageId, Body: []byte(m.Body), Receives: receives}
	}
	return records
}

// messageID is all that is wanted of a record that can't be read.
func messageID(record json.RawMessage) string {
	var m struct {
		ID string `json:"messageId"`
	}
	// Without an id the whole batch comes again: Lambda's rule, not ours.
	_ = json.Unmarshal(record, &m)
	return m.ID
}

func answer(failures []reactor.Failure) events.SQSEventResponse {
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for _, f := range failures {
		response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: f.ID})
	}
	return response
}

package proof

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"snapferry/internal/reactor"
)

const (
	batchSize = 10
	longPoll  = 20 // seconds
	// window is how long an incomplete batch waits for more events: a second or
	// two, that in a storm save a look for each share.
	window = 2 * time.Second
)

// message is one as ReceiveMessage answers it.
type message struct {
	MessageID     string `json:"MessageId"`
	ReceiptHandle string
	Body          string
	Attributes    map[string]string
}

// poll is the event source mapping from the events queue to functions/copy, with
// partial batch answers: it receives a batch whenever one more may be worked on.
func (d *Deployment) poll(ctx context.Context) {
	free := make(chan struct{}, d.settings.Copiers)
	for range d.settings.Copiers {
		free <- struct{}{}
	}
	for {
		select {
		case <-free:
		case <-ctx.Done():
			return
		}
		batch, err := d.Receive(ctx, longPoll)
		if n := len(batch); n > 0 && n < batchSize && sleep(ctx, window) {
			var more []Message
			more, err = d.receive(ctx, 0, batchSize-n)
			batch = append(batch, more...)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			// What is refused is refused again: without a pause the bubble's time
			// would stand still.
			d.problem(err)
			sleep(ctx, time.Second)
		}
		if len(batch) == 0 {
			free <- struct{}{}
			continue
		}
		if d.settings.Delay == nil {
			d.running.Go(func() {
				d.deliver(ctx, batch)
				free <- struct{}{}
			})
			continue
		}
		free <- struct{}{}
		for _, m := range batch {
			d.running.Go(func() {
				if !sleep(ctx, d.settings.Delay()) {
					return
				}
				<-free
				d.deliver(ctx, []Message{m})
				free <- struct{}{}
			})
		}
	}
}

func (d *Deployment) deliver(ctx context.Context, batch []Message) {
	if _, err := d.Deliver(ctx, batch); err != nil && !errors.Is(err, ErrKilled) {
		d.problem(err)
	}
}

// Message is an event in the hands of the event source mapping.
type Message struct {
	reactor.Record
	receipt string
}

// Receive takes a batch of events out of the events queue, for which it waits at
// most so many seconds.
func (d *Deployment) Receive(ctx context.Context, wait int) ([]Message, error) {
	return d.receive(ctx, wait, batchSize)
}

func (d *Deployment) receive(ctx context.Context, wait, most int) ([]Message, error) {
	var received struct{ Messages []message }
	w := d.wired(copying)
	err := d.World.Do(ctx, w.accessKey, w.region, "sqs", "ReceiveMessage", map[string]any{
		"QueueUrl":                    w.events,
		"MaxNumberOfMessages":         most,
		"WaitTimeSeconds":             wait,
		"MessageSystemAttributeNames": []string{"ApproximateReceiveCount"},
	}, &received)
	batch := make([]Message, len(received.Messages))
	for i, m := range received.Messages {
		receives, _ := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
		batch[i] = Message{reactor.Record{ID: m.MessageID, Body: []byte(m.Body), Receives: receives}, m.ReceiptHandle}
	}
	return batch, err
}

// Deliver hands a batch to functions/copy and deletes the events that it dealt
// with. The others, and all if the function was killed, come back after their
// visibility time-out.
func (d *Deployment) Deliver(ctx context.Context, batch []Message) (reactor.Summary, error) {
	records := make([]reactor.Record, len(batch))
	for i, m := range batch {
		records[i] = m.Record
	}
	failures, summary, err := d.Copy(ctx, records)
	if err != nil {
		return reactor.Summary{}, err
	}
	failed := map[string]bool{}
	for _, f := range failures {
		failed[f.ID] = true
	}
	type entry struct{ Id, ReceiptHandle string }
	var done []entry
	for i, m := range batch {
		if !failed[m.ID] {
			done = append(done, entry{strconv.Itoa(i), m.receipt})
		}
	}
	if len(done) == 0 {
		return summary, nil
	}
	w := d.wired(copying)
	return summary, d.World.Do(context.WithoutCancel(ctx), w.accessKey, w.region, "sqs", "DeleteMessageBatch", map[string]any{"QueueUrl": w.events, "Entries": done}, nil)
}

// Drain delivers what waits in the events queue, batch after batch, until
// nothing is visible there any more. It is for those who go step by step, without
// Start.
func (d *Deployment) Drain(ctx context.Context) error {
	for {
		batch, err := d.Receive(ctx, 0)
		if err != nil || len(batch) == 0 {
			return err
		}
		if _, err := d.Deliver(ctx, batch); err != nil && !errors.Is(err, ErrKilled) {
			return err
		}
	}
}

// Outcome is an outcome as the bus delivers it.
type Outcome struct {
	Type   string // Started, Completed, Failed, Skipped, Expired, Kept
	At     time.Time
	Detail reactor.Outcome
}

// hear tells Listen of outcomes.
func (d *Deployment) hear(account, _, bus string, data []byte) {
	if account != Account || bus != d.wired(copying).bus {
		return
	}
	var e struct {
		Source     string          `json:"source"`
		DetailType string          `json:"detail-type"`
		Time       time.Time       `json:"time"`
		Detail     json.RawMessage `json:"detail"`
	}
	if err := json.Unmarshal(data, &e); err != nil || e.Source != "snapferry" {
		return
	}
	o := Outcome{Type: strings.TrimPrefix(e.DetailType, "Snapshot Copy "), At: e.Time}
	if err := json.Unmarshal(e.Detail, &o.Detail); err != nil {
		d.problem(err)
		return
	}
	d.settings.Listen(o)
}

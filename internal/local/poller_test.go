package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"snapferry/internal/sim"
)

const (
	testAccount = "222222222222"
	testRegion  = "us-east-1"
	testURL     = "http://sim/222222222222/queue"
)

// newPoller makes a queue with a message for each body.
func newPoller(t *testing.T, bodies ...string) *poller {
	t.Helper()
	w := sim.New(sim.Options{})
	p := &poller{
		world: w, clock: sim.WallClock{}, caller: testAccount, region: testRegion, batch: batchSize, partial: true,
		queueURL: testURL, queueARN: "arn:aws:sqs:us-east-1:222222222222:queue",
		report: func(err error) { t.Errorf("reported: %v", err) },
	}
	sqs(t, p, "CreateQueue", map[string]any{"QueueName": "queue", "Attributes": map[string]string{"VisibilityTimeout": "360"}}, nil)
	for _, body := range bodies {
		sqs(t, p, "SendMessage", map[string]any{
			"QueueUrl": testURL, "MessageBody": body,
			"MessageAttributes": map[string]any{"kind": map[string]string{"DataType": "String", "StringValue": "share"}},
		}, nil)
	}
	return p
}

func sqs(t *testing.T, p *poller, action string, in, out any) {
	t.Helper()
	if err := p.world.Do(t.Context(), p.caller, p.region, "sqs", action, in, out); err != nil {
		t.Fatal(err)
	}
}

// left is the bodies that are in the queue once every time-out is over.
func left(t *testing.T, p *poller) []string {
	t.Helper()
	time.Sleep(7 * time.Minute)
	var got struct{ Messages []struct{ Body string } }
	sqs(t, p, "ReceiveMessage", map[string]any{"QueueUrl": testURL, "MaxNumberOfMessages": 10}, &got)
	bodies := []string{}
	for _, m := range got.Messages {
		bodies = append(bodies, m.Body)
	}
	slices.Sort(bodies)
	return bodies
}

// batch is the event of one invocation.
type batch struct {
	Records []map[string]any
}

func (b batch) id(body string) string {
	for _, record := range b.Records {
		if record["body"] == body {
			return record["messageId"].(string)
		}
	}
	return ""
}

func TestPollerHandsOverRecordsAsLambdaDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPoller(t, "hello")
		var got batch
		p.invoke = func(_ context.Context, payload []byte) ([]byte, error) { return nil, json.Unmarshal(payload, &got) }
		if err := p.poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(got.Records) != 1 {
			t.Fatalf("got %d records, want 1", len(got.Records))
		}
		record := got.Records[0]
		for _, name := range []string{"messageId", "receiptHandle"} {
			if s, _ := record[name].(string); s == "" {
				t.Errorf("%s is missing", name)
			}
			delete(record, name)
		}
		attributes, _ := record["attributes"].(map[string]any)
		for _, name := range []string{"ApproximateReceiveCount", "SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"} {
			if s, _ := attributes[name].(string); s == "" {
				t.Errorf("attribute %s is missing", name)
			}
		}
		delete(record, "attributes")
		want := map[string]any{
			"body":           "hello",
			"md5OfBody":      "5d41402abc4b2a76b9719d911017c592",
			"eventSource":    "aws:sqs",
			"eventSourceARN": "arn:aws:sqs:us-east-1:222222222222:queue",
			"awsRegion":      "us-east-1",
			"messageAttributes": map[string]any{"kind": map[string]any{
				"dataType": "String", "stringValue": "share", "stringListValues": []any{}, "binaryListValues": []any{},
			}},
		}
		if diff := cmp.Diff(want, record); diff != "" {
			t.Errorf("record (-want +got):\n%s", diff)
		}
	})
}

func TestPollerDeletesWhatTheFunctionDid(t *testing.T) {
	all := []string{"a", "b", "c"}
	const whole = "counts as failed"
	for name, test := range map[string]struct {
		answer func(batch) string
		want   []string // that stay
		err    string
	}{
		"no answer":            {func(batch) string { return "" }, []string{}, ""},
		"null":                 {func(batch) string { return "null" }, []string{}, ""},
		"an empty object":      {func(batch) string { return "{}" }, []string{}, ""},
		"a null list":          {func(batch) string { return `{"batchItemFailures":null}` }, []string{}, ""},
		"an empty list":        {func(batch) string { return `{"batchItemFailures":[]}` }, []string{}, ""},
		"one failed":           {func(b batch) string { return failures(b.id("b")) }, []string{"b"}, ""},
		"one failed twice":     {func(b batch) string { return failures(b.id("b"), b.id("b")) }, []string{"b"}, ""},
		"all failed":           {func(b batch) string { return failures(b.id("a"), b.id("b"), b.id("c")) }, all, ""},
		"an unknown id":        {func(b batch) string { return failures(b.id("a"), "someone-else") }, all, whole},
		"an empty id":          {func(batch) string { return failures("") }, all, whole},
		"a null id":            {func(batch) string { return `{"batchItemFailures":[{"itemIdentifier":null}]}` }, all, whole},
		"a misnamed id":        {func(b batch) string { return fmt.Sprintf(`{"batchItemFailures":[{"ItemIdentifier":%q}]}`, b.id("a")) }, all, whole},
		"a number as id":       {func(batch) string { return `{"batchItemFailures":[{"itemIdentifier":1}]}` }, all, whole},
		"a list of something":  {func(batch) string { return `{"batchItemFailures":"a"}` }, all, whole},
		"something that broke": {func(batch) string { return `{"batchItemFail` }, all, whole},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPoller(t, all...)
				p.invoke = func(_ context.Context, payload []byte) ([]byte, error) {
					var b batch
					err := json.Unmarshal(payload, &b)
					return []byte(test.answer(b)), err
				}
				err := p.poll(t.Context())
				if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
					t.Errorf("got error %v, want %q", err, test.err)
				}
				if diff := cmp.Diff(test.want, left(t, p)); diff != "" {
					t.Errorf("left in the queue (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func failures(ids ...string) string {
	items := []map[string]string{}
	for _, id := range ids {
		items = append(items, map[string]string{"itemIdentifier": id})
	}
	data, _ := json.Marshal(map[string]any{"batchItemFailures": items})
	return string(data)
}

func TestPollerLeavesABatchToItsTimeoutWhenTheFunctionFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPoller(t, "a")
		failure := &FunctionError{Function: "copy", Type: "errorString", Message: "no"}
		var counts []string
		p.invoke = func(_ context.Context, payload []byte) ([]byte, error) {
			var b batch
			if err := json.Unmarshal(payload, &b); err != nil {
				return nil, err
			}
			counts = append(counts, b.Records[0]["attributes"].(map[string]any)["ApproximateReceiveCount"].(string))
			return nil, failure
		}
		for range 2 {
			if err := p.poll(t.Context()); !errors.Is(err, failure) {
				t.Errorf("got %v, want the function's error", err)
			}
			time.Sleep(6 * time.Minute)
		}
		if diff := cmp.Diff([]string{"1", "2"}, counts); diff != "" {
			t.Errorf("receive counts (-want +got):\n%s", diff)
		}
	})
}

func TestPollerTakesTenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bodies []string
		for i := range 12 {
			bodies = append(bodies, fmt.Sprint(i))
		}
		p := newPoller(t, bodies...)
		var sizes []int
		p.invoke = func(_ context.Context, payload []byte) ([]byte, error) {
			var b batch
			err := json.Unmarshal(payload, &b)
			sizes = append(sizes, len(b.Records))
			return nil, err
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			p.run(ctx)
			close(done)
		}()
		time.Sleep(time.Minute)
		stop()
		<-done
		total := 0
		for _, n := range sizes {
			total += n
			if n > 10 {
				t.Errorf("got a batch of %d, want at most 10", n)
			}
		}
		if total != 12 {
			t.Errorf("got %d messages in all, want 12", total)
		}
	})
}

func TestPollerGoesOnWhenTheQueueIsOutOfOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPoller(t)
		p.queueURL += "-that-is-not-there"
		var reported []error
		p.report = func(err error) { reported = append(reported, err) }
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		p.run(ctx)
		if len(reported) < 2 || !strings.Contains(reported[0].Error(), "QueueDoesNotExist") {
			t.Errorf("got reports %v, want several of QueueDoesNotExist", reported)
		}
	})
}

func TestPollerFillsABatchWithinItsWindow(t *testing.T) {
	for name, test := range map[string]struct {
		later time.Duration // after the first two, when two more come
		want  []int         // the sizes of batches of four at most
	}{
		"it fills up": {time.Second, []int{4, 1}},
		"it does not": {10 * time.Second, []int{2, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPoller(t, "one", "two")
				p.batch, p.window = 4, 5*time.Second
				var got []int
				p.invoke = func(_ context.Context, payload []byte) ([]byte, error) {
					var b batch
					err := json.Unmarshal(payload, &b)
					got = append(got, len(b.Records))
					return nil, err
				}
				go func() {
					time.Sleep(test.later)
					for _, body := range []string{"three", "four", "five"} {
						sqs(t, p, "SendMessage", map[string]any{"QueueUrl": testURL, "MessageBody": body}, nil)
					}
				}()
				for range 2 {
					if err := p.poll(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("got batches of %v, want %v", got, test.want)
				}
				if rest := left(t, p); len(rest) > 0 {
					t.Errorf("left in the queue: %v", rest)
				}
			})
		})
	}
}

// Without partial answers a batch that is answered is done, whatever the answer.
func TestPollerWithoutPartialAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPoller(t, "one", "two")
		p.partial = false
		p.invoke = func(_ context.Context, payload []byte) ([]byte, error) {
			var b batch
			err := json.Unmarshal(payload, &b)
			return fmt.Appendf(nil, `{"batchItemFailures":[{"itemIdentifier":%q}]}`, b.id("one")), err
		}
		if err := p.poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := left(t, p); len(got) > 0 {
			t.Errorf("left in the queue: %v", got)
		}
	})
}

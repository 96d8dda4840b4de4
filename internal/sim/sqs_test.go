package sim

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// queues is a caller of SQS and EventBridge in one account and Region.
type queues struct {
	t               *testing.T
	w               *World
	account, region string
}

// inQueueWorld runs f in a bubble of its own, with a new World.
func inQueueWorld(t *testing.T, f func(c queues)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(queues{t, New(Options{}), "111111111111", "eu-west-1"})
	})
}

type jsonObject map[string]any

// sqs and events call an action that must succeed.
func (c queues) sqs(action string, in jsonObject) jsonObject    { return c.must("sqs", action, in) }
func (c queues) events(action string, in jsonObject) jsonObject { return c.must("events", action, in) }

func (c queues) must(service, action string, in jsonObject) jsonObject {
	c.t.Helper()
	out := jsonObject{}
	if err := c.w.Do(context.Background(), c.account, c.region, service, action, in, &out); err != nil {
		c.t.Fatalf("%v: %v", in, err)
	}
	return out
}

// refused calls an action that must fail with an error code and a text.
func (c queues) refused(service, action string, in jsonObject, code, text string) {
	c.t.Helper()
	err := c.w.Do(context.Background(), c.account, c.region, service, action, in, nil)
	var e *Error
	if !errors.As(err, &e) {
		c.t.Fatalf("%s %v: got %v, want %s", action, in, err, code)
	}
	if e.Code != code || !strings.Contains(e.Message, text) {
		c.t.Errorf("%s %v: got %s: %s, want %s: ...%s", action, in, e.Code, e.Message, code, text)
	}
}

// create makes a queue and returns its URL; a name ending in .fifo makes it FIFO.
func (c queues) create(name string, attributes ...string) string {
	c.t.Helper()
	set := jsonObject{}
	if strings.HasSuffix(name, ".fifo") {
		set["FifoQueue"] = "true"
	}
	for i := 0; i < len(attributes); i += 2 {
		set[attributes[i]] = attributes[i+1]
	}
	return c.sqs("CreateQueue", jsonObject{"QueueName": name, "Attributes": set})["QueueUrl"].(string)
}

func (c queues) send(url, body string) jsonObject {
	c.t.Helper()
	return c.sqs("SendMessage", jsonObject{"QueueUrl": url, "MessageBody": body})
}

// post sends to a FIFO queue, without deduplication.
func (c queues) post(url, group string, bodies ...string) {
	c.t.Helper()
	for _, body := range bodies {
		c.sqs("SendMessage", jsonObject{"QueueUrl": url, "MessageBody": body, "MessageGroupId": group,
			"MessageDeduplicationId": strconv.Itoa(int(time.Now().UnixNano())) + group + body})
	}
}

type delivered struct {
	MessageID         string `json:"MessageId"`
	ReceiptHandle     string
	Body              string
	MD5OfBody         string
	Attributes        map[string]string
	MessageAttributes map[string]messageAttribute
}

// receive receives with further parameters as key, value pairs.
func (c queues) receive(url string, most int, more ...any) []delivered {
	c.t.Helper()
	in := jsonObject{"QueueUrl": url, "MaxNumberOfMessages": most, "MessageSystemAttributeNames": []string{"All"}, "MessageAttributeNames": []string{"All"}}
	for i := 0; i < len(more); i += 2 {
		in[more[i].(string)] = more[i+1]
	}
	var out struct{ Messages []delivered }
	if err := c.w.Do(context.Background(), c.account, c.region, "sqs", "ReceiveMessage", in, &out); err != nil {
		c.t.Fatal(err)
	}
	return out.Messages
}

// expect receives and compares the bodies.
func (c queues) expect(url string, most int, want ...string) []delivered {
	c.t.Helper()
	messages := c.receive(url, most)
	if diff := cmp.Diff(want, bodies(messages)); diff != "" {
		c.t.Fatalf("received (-want +got):\n%s", diff)
	}
	return messages
}

func bodies(messages []delivered) []string {
	var all []string
	for _, m := range messages {
		all = append(all, m.Body)
	}
	return all
}

func (c queues) delete(url string, m delivered) {
	c.t.Helper()
	c.sqs("DeleteMessage", jsonObject{"QueueUrl": url, "ReceiptHandle": m.ReceiptHandle})
}

func (c queues) attribute(url, name string) string {
	c.t.Helper()
	attributes, _ := c.sqs("GetQueueAttributes", jsonObject{"QueueUrl": url, "AttributeNames": []string{name}})["Attributes"].(map[string]any)
	value, _ := attributes[name].(string)
	return value
}

// counts is visible/in flight/delayed.
func (c queues) counts(url string) string {
	c.t.Helper()
	return c.attribute(url, "ApproximateNumberOfMessages") + "/" +
		c.attribute(url, "ApproximateNumberOfMessagesNotVisible") + "/" + c.attribute(url, "ApproximateNumberOfMessagesDelayed")
}

func (c queues) wantCounts(url, want string) {
	c.t.Helper()
	if got := c.counts(url); got != want {
		c.t.Errorf("visible/in flight/delayed: got %s, want %s", got, want)
	}
}

func TestStandardQueue(t *testing.T) {
	cases := map[string]func(c queues, url string){
		"a message comes back when its visibility timeout is over": func(c queues, url string) {
			c.send(url, "a")
			c.expect(url, 1, "a")
			c.expect(url, 1)
			time.Sleep(30*time.Second - 1)
			c.expect(url, 1)
			time.Sleep(time.Nanosecond)
			again := c.expect(url, 1, "a")
			if got := again[0].Attributes["ApproximateReceiveCount"]; got != "2" {
				t.Errorf("ApproximateReceiveCount: got %s, want 2", got)
			}
		},
		"a deleted message never comes back, and deleting it again is fine": func(c queues, url string) {
			c.send(url, "a")
			m := c.expect(url, 1, "a")[0]
			c.delete(url, m)
			c.delete(url, m)
			time.Sleep(time.Hour)
			c.expect(url, 1)
			c.wantCounts(url, "0/0/0")
		},
		"the handle of an earlier delivery deletes nothing": func(c queues, url string) {
			c.send(url, "a")
			first := c.expect(url, 1, "a")[0]
			time.Sleep(30 * time.Second)
			second := c.expect(url, 1, "a")[0]
			c.delete(url, first)
			c.wantCounts(url, "0/1/0")
			c.delete(url, second)
			c.wantCounts(url, "0/0/0")
		},
		"the latest handle deletes also after the timeout": func(c queues, url string) {
			c.send(url, "a")
			m := c.expect(url, 1, "a")[0]
			time.Sleep(time.Minute)
			c.delete(url, m)
			c.expect(url, 1)
		},
		"a receive's own visibility timeout counts for that receive only": func(c queues, url string) {
			c.send(url, "a")
			c.receive(url, 1, "VisibilityTimeout", 5)
			time.Sleep(5 * time.Second)
			c.expect(url, 1, "a")
			time.Sleep(5 * time.Second)
			c.expect(url, 1)
		},
		"a changed visibility counts from the change and is not remembered": func(c queues, url string) {
			c.send(url, "a")
			m := c.expect(url, 1, "a")[0]
			time.Sleep(10 * time.Second)
			c.sqs("ChangeMessageVisibility", jsonObject{"QueueUrl": url, "ReceiptHandle": m.ReceiptHandle, "VisibilityTimeout": 300})
			time.Sleep(299 * time.Second)
			c.expect(url, 1)
			time.Sleep(time.Second)
			c.expect(url, 1, "a")
			time.Sleep(30 * time.Second)
			c.expect(url, 1, "a")
		},
		"visibility 0 gives a message back at once": func(c queues, url string) {
			c.send(url, "a")
			m := c.expect(url, 1, "a")[0]
			c.sqs("ChangeMessageVisibility", jsonObject{"QueueUrl": url, "ReceiptHandle": m.ReceiptHandle, "VisibilityTimeout": 0})
			c.expect(url, 1, "a")
		},
		"one receive cannot keep a message for more than twelve hours": func(c queues, url string) {
			c.send(url, "a")
			m := c.receive(url, 1, "VisibilityTimeout", 43200)[0]
			time.Sleep(time.Hour)
			in := jsonObject{"QueueUrl": url, "ReceiptHandle": m.ReceiptHandle, "VisibilityTimeout": 11*3600 + 1}
			c.refused("sqs", "ChangeMessageVisibility", in, "InvalidParameterValueException", "beyond the limit")
			in["VisibilityTimeout"] = 11 * 3600
			c.sqs("ChangeMessageVisibility", in)
			in["VisibilityTimeout"] = 43201
			c.refused("sqs", "ChangeMessageVisibility", in, "InvalidParameterValueException", "between 0 and 43200")
		},
		"a stale handle cannot change visibility": func(c queues, url string) {
			c.send(url, "a")
			m := c.expect(url, 1, "a")[0]
			in := jsonObject{"QueueUrl": url, "ReceiptHandle": m.ReceiptHandle, "VisibilityTimeout": 9}
			time.Sleep(30 * time.Second)
			c.refused("sqs", "ChangeMessageVisibility", in, "InvalidParameterValueException", "not available for visibility timeout change")
			c.expect(url, 1, "a")
			c.refused("sqs", "ChangeMessageVisibility", in, "InvalidParameterValueException", "not available for visibility timeout change")
		},
		"a handle of nothing is invalid": func(c queues, url string) {
			for _, handle := range []string{"nonsense", "YWJj"} {
				c.refused("sqs", "DeleteMessage", jsonObject{"QueueUrl": url, "ReceiptHandle": handle}, "ReceiptHandleIsInvalid", "not a valid receipt handle")
			}
		},
		"the handle of another queue is invalid": func(c queues, url string) {
			c.send(url, "a")
			m := c.expect(url, 1, "a")[0]
			other := c.create("other")
			c.refused("sqs", "DeleteMessage", jsonObject{"QueueUrl": other, "ReceiptHandle": m.ReceiptHandle}, "ReceiptHandleIsInvalid", "")
		},
		"a delayed message comes late": func(c queues, url string) {
			c.sqs("SendMessage", jsonObject{"QueueUrl": url, "MessageBody": "a", "DelaySeconds": 10})
			c.wantCounts(url, "0/0/1")
			time.Sleep(10*time.Second - 1)
			c.expect(url, 1)
			time.Sleep(time.Nanosecond)
			c.expect(url, 1, "a")
		},
		"a queue's delay is for messages without their own and does not reach back": func(c queues, url string) {
			c.sqs("SetQueueAttributes", jsonObject{"QueueUrl": url, "Attributes": jsonObject{"DelaySeconds": "60"}})
			c.send(url, "late")
			c.sqs("SendMessage", jsonObject{"QueueUrl": url, "MessageBody": "now", "DelaySeconds": 0})
			c.expect(url, 10, "now")
			c.sqs("SetQueueAttributes", jsonObject{"QueueUrl": url, "Attributes": jsonObject{"DelaySeconds": "0"}})
			c.expect(url, 10)
			time.Sleep(60 * time.Second)
			c.expect(url, 10, "now", "late")
		},
		"messages end with their retention, also in flight": func(c queues, url string) {
			c.send(url, "a")
			time.Sleep(4*24*time.Hour - 10*time.Second)
			c.expect(url, 1, "a")
			c.wantCounts(url, "0/1/0")
			time.Sleep(10 * time.Second)
			c.wantCounts(url, "0/0/0")
			time.Sleep(time.Minute)
			c.expect(url, 1)
		},
		"a new retention counts for what is queued already": func(c queues, url string) {
			c.send(url, "a")
			time.Sleep(time.Hour)
			c.sqs("SetQueueAttributes", jsonObject{"QueueUrl": url, "Attributes": jsonObject{"MessageRetentionPeriod": "3601"}})
			c.wantCounts(url, "1/0/0")
			time.Sleep(time.Second)
			c.wantCounts(url, "0/0/0")
		},
		"system attributes say who, when and how often": func(c queues, url string) {
			at := time.Now()
			c.send(url, "a")
			time.Sleep(time.Second)
			c.expect(url, 1, "a")
			time.Sleep(time.Minute)
			m := c.expect(url, 1, "a")[0]
			want := map[string]string{
				"SenderId": c.account, "ApproximateReceiveCount": "2",
				"SentTimestamp":                    strconv.FormatInt(at.UnixMilli(), 10),
				"ApproximateFirstReceiveTimestamp": strconv.FormatInt(at.Add(time.Second).UnixMilli(), 10),
			}
			if diff := cmp.Diff(want, m.Attributes); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		},
		"purging empties the queue, once a minute": func(c queues, url string) {
			c.send(url, "a")
			c.send(url, "b")
			c.receive(url, 1)
			c.sqs("PurgeQueue", jsonObject{"QueueUrl": url})
			c.wantCounts(url, "0/0/0")
			c.refused("sqs", "PurgeQueue", jsonObject{"QueueUrl": url}, "PurgeQueueInProgress", "every 60 seconds")
		},
		"a body needs allowed characters and a size": func(c queues, url string) {
			c.refused("sqs", "SendMessage", jsonObject{"QueueUrl": url}, "MissingRequiredParameterException", "MessageBody")
			c.refused("sqs", "SendMessage", jsonObject{"QueueUrl": url, "MessageBody": "a\x00"}, "InvalidMessageContents", "")
			c.send(url, strings.Repeat("x", 1<<20))
			c.refused("sqs", "SendMessage", jsonObject{"QueueUrl": url, "MessageBody": strings.Repeat("x", 1<<20+1)}, "InvalidParameterValueException", "shorter than 1048576")
		},
		"a standard queue takes groups but no deduplication": func(c queues, url string) {
			c.sqs("SendMessage", jsonObject{"QueueUrl": url, "MessageBody": "a", "MessageGroupId": "g"})
			c.sqs("SendMessage", jsonObject{"QueueUrl": url, "MessageBody": "b", "MessageGroupId": "g"})
			c.expect(url, 1, "a")
			c.expect(url, 1, "b")
			c.refused("sqs", "SendMessage", jsonObject{"QueueUrl": url, "MessageBody": "a", "MessageDeduplicationId": "d"}, "InvalidParameterValueException", "not valid for this queue type")
		},
		"receives have bounds": func(c queues, url string) {
			for name, value := range map[string]int{"MaxNumberOfMessages": 11, "WaitTimeSeconds": 21, "VisibilityTimeout": 43201} {
				c.refused("sqs", "ReceiveMessage", jsonObject{"QueueUrl": url, name: value}, "InvalidParameterValueException", name)
			}
			c.refused("sqs", "ReceiveMessage", jsonObject{"QueueUrl": url, "AttributeNames": []string{"Colour"}}, "InvalidAttributeName", "Colour")
		},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			inQueueWorld(t, func(c queues) { test(c, c.create("queue")) })
		})
	}
}

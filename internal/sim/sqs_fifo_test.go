package sim

import (
	"testing"
	"time"
)

func TestFIFOQueue(t *testing.T) {
	cases := map[string]func(c queues, url string){
		"a batch holds as much of one group as possible, in order": func(c queues, url string) {
			c.post(url, "g", "1", "2")
			c.post(url, "h", "x")
			c.post(url, "g", "3")
			c.expect(url, 3, "1", "2", "3")
			c.expect(url, 3, "x")
		},
		"a group with a message in flight is locked, others are not": func(c queues, url string) {
			c.post(url, "g", "1", "2")
			c.post(url, "h", "x")
			m := c.expect(url, 1, "1")[0]
			c.expect(url, 10, "x")
			c.expect(url, 10)
			c.delete(url, m)
			c.expect(url, 10, "2")
		},
		"a message that comes back is first in its group again": func(c queues, url string) {
			c.post(url, "g", "1", "2", "3")
			c.expect(url, 2, "1", "2")
			time.Sleep(30 * time.Second)
			c.expect(url, 10, "1", "2", "3")
		},
		"a group stays locked until every message of a batch is settled": func(c queues, url string) {
			c.post(url, "g", "1", "2", "3")
			batch := c.expect(url, 2, "1", "2")
			c.delete(url, batch[0])
			c.expect(url, 10)
			c.sqs("ChangeMessageVisibility", jsonObject{"QueueUrl": url, "ReceiptHandle": batch[1].ReceiptHandle, "VisibilityTimeout": 0})
			c.expect(url, 10, "2", "3")
		},
		"the same deduplication id is taken once within five minutes, also after deletion": func(c queues, url string) {
			in := jsonObject{"QueueUrl": url, "MessageBody": "a", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
			first := c.sqs("SendMessage", in)
			c.delete(url, c.expect(url, 1, "a")[0])
			time.Sleep(5*time.Minute - 1)
			in["MessageBody"] = "b"
			again := c.sqs("SendMessage", in)
			if again["MessageId"] != first["MessageId"] || again["SequenceNumber"] != first["SequenceNumber"] {
				t.Errorf("got %v, want the first send's %v", again, first)
			}
			c.expect(url, 1)
			time.Sleep(time.Nanosecond)
			c.sqs("SendMessage", in)
			c.expect(url, 1, "b")
		},
		"a duplicate does not lengthen the window": func(c queues, url string) {
			in := jsonObject{"QueueUrl": url, "MessageBody": "a", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
			c.sqs("SendMessage", in)
			time.Sleep(4 * time.Minute)
			c.sqs("SendMessage", in)
			time.Sleep(time.Minute)
			c.sqs("SendMessage", in)
			c.wantCounts(url, "2/0/0")
		},
		"content-based deduplication goes by the body": func(c queues, url string) {
			c.sqs("SetQueueAttributes", jsonObject{"QueueUrl": url, "Attributes": jsonObject{"ContentBasedDeduplication": "true"}})
			for _, body := range []string{"a", "a", "b"} {
				c.sqs("SendMessage", jsonObject{"QueueUrl": url, "MessageBody": body, "MessageGroupId": "g"})
			}
			m := c.expect(url, 10, "a", "b")[0]
			if got, want := m.Attributes["MessageDeduplicationId"], "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"; got != want {
				t.Errorf("MessageDeduplicationId: got %s, want the body's SHA-256 %s", got, want)
			}
		},
		"deduplication can be per group": func(c queues, url string) {
			c.sqs("SetQueueAttributes", jsonObject{"QueueUrl": url, "Attributes": jsonObject{"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}})
			for _, group := range []string{"g", "h", "g"} {
				c.sqs("SendMessage", jsonObject{"QueueUrl": url, "MessageBody": group, "MessageGroupId": group, "MessageDeduplicationId": "d"})
			}
			c.expect(url, 10, "g", "h")
		},
		"sequence numbers grow and are told to receivers": func(c queues, url string) {
			c.post(url, "g", "1", "2")
			m := c.expect(url, 2, "1", "2")
			a, b := m[0].Attributes["SequenceNumber"], m[1].Attributes["SequenceNumber"]
			if len(a) != 20 || a >= b {
				t.Errorf("SequenceNumbers %s, %s: want 20 digits, growing", a, b)
			}
			if got := m[0].Attributes["MessageGroupId"]; got != "g" {
				t.Errorf("MessageGroupId: got %s, want g", got)
			}
		},
		"sending needs a group and an identity, and no delay of its own": func(c queues, url string) {
			c.refused("sqs", "SendMessage", jsonObject{"QueueUrl": url, "MessageBody": "a"}, "MissingRequiredParameterException", "MessageGroupId")
			c.refused("sqs", "SendMessage", jsonObject{"QueueUrl": url, "MessageBody": "a", "MessageGroupId": "g"}, "InvalidParameterValueException", "ContentBasedDeduplication")
			c.refused("sqs", "SendMessage", jsonObject{"QueueUrl": url, "MessageBody": "a", "MessageGroupId": "g", "MessageDeduplicationId": "d", "DelaySeconds": 1},
				"InvalidParameterValueException", "DelaySeconds")
			c.refused("sqs", "SendMessage", jsonObject{"QueueUrl": url, "MessageBody": "a", "MessageGroupId": "g h", "MessageDeduplicationId": "d"}, "InvalidParameterValueException", "MessageGroupId")
		},
		"a handle cannot delete once its timeout is over": func(c queues, url string) {
			c.post(url, "g", "1")
			m := c.expect(url, 1, "1")[0]
			time.Sleep(30 * time.Second)
			c.refused("sqs", "DeleteMessage", jsonObject{"QueueUrl": url, "ReceiptHandle": m.ReceiptHandle}, "InvalidParameterValueException", "receipt handle has expired")
		},
		"a new delay of the queue reaches back": func(c queues, url string) {
			c.sqs("SetQueueAttributes", jsonObject{"QueueUrl": url, "Attributes": jsonObject{"DelaySeconds": "600"}})
			c.post(url, "g", "1")
			c.expect(url, 1)
			c.sqs("SetQueueAttributes", jsonObject{"QueueUrl": url, "Attributes": jsonObject{"DelaySeconds": "0"}})
			c.expect(url, 1, "1")
		},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			inQueueWorld(t, func(c queues) { test(c, c.create("queue.fifo")) })
		})
	}
}

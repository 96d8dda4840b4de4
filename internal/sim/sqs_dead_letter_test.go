package sim

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func redriveTo(name string, count int) string {
	return fmt.Sprintf(`{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:111111111111:%s","maxReceiveCount":"%d"}`, name, count)
}

func TestDeadLetters(t *testing.T) {
	// exhaust receives everything until nothing comes any more.
	exhaust := func(c queues, url string, times int) {
		for range times {
			c.receive(url, 10, "VisibilityTimeout", 0)
		}
	}
	cases := map[string]func(c queues){
		"a message goes to the dead-letter queue after so many receives": func(c queues) {
			dead := c.create("dead")
			url := c.create("queue", "RedrivePolicy", redriveTo("dead", 2))
			sent := c.send(url, "a")
			exhaust(c, url, 2)
			c.wantCounts(url, "1/0/0")
			c.expect(url, 1)
			c.wantCounts(url, "0/0/0")
			m := c.expect(dead, 1, "a")[0]
			if m.MessageID != sent["MessageId"] || m.Attributes["DeadLetterQueueSourceArn"] != "arn:aws:sqs:eu-west-1:111111111111:queue" {
				t.Errorf("got %+v, want the same message and where it came from", m)
			}
			sources := c.sqs("ListDeadLetterSourceQueues", jsonObject{"QueueUrl": dead})
			if diff := cmp.Diff(jsonObject{"queueUrls": []any{url}}, sources); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		},
		"a FIFO group goes on behind its dead letter": func(c queues) {
			dead := c.create("dead.fifo")
			url := c.create("queue.fifo", "RedrivePolicy", redriveTo("dead.fifo", 1))
			c.post(url, "g", "bad", "good")
			c.receive(url, 1, "VisibilityTimeout", 0)
			c.expect(url, 1, "good")
			c.expect(dead, 1, "bad")
		},
		"a standard dead letter keeps its age, a FIFO one starts anew": func(c queues) {
			for _, suffix := range []string{"", ".fifo"} {
				dead := c.create("dead"+suffix, "MessageRetentionPeriod", "7200")
				url := c.create("queue"+suffix, "RedrivePolicy", redriveTo("dead"+suffix, 1))
				if suffix == "" {
					c.send(url, "a")
				} else {
					c.post(url, "g", "a")
				}
				time.Sleep(time.Hour)
				exhaust(c, url, 2)
				c.wantCounts(dead, "1/0/0")
				time.Sleep(time.Hour)
				want := "0/0/0"
				if suffix == ".fifo" {
					want = "1/0/0"
				}
				c.wantCounts(dead, want)
			}
		},
		"without the dead-letter queue messages stay": func(c queues) {
			dead := c.create("dead")
			url := c.create("queue", "RedrivePolicy", redriveTo("dead", 1))
			c.send(url, "a")
			c.sqs("DeleteQueue", jsonObject{"QueueUrl": dead})
			exhaust(c, url, 5)
			c.expect(url, 1, "a")
		},
		"a redrive policy must make sense": func(c queues) {
			c.create("dead")
			c.create("dead.fifo")
			c.create("closed", "RedriveAllowPolicy", `{"redrivePermission":"denyAll"}`)
			for policy, want := range map[string]string{
				redriveTo("nowhere", 3):   "does not exist",
				redriveTo("dead.fifo", 3): "same type",
				redriveTo("dead", 0):      "maxReceiveCount",
				redriveTo("closed", 3):    "RedriveAllowPolicy",
				`{"maxReceives":3}`:       "unknown field",
			} {
				c.refused("sqs", "CreateQueue", jsonObject{"QueueName": "queue", "Attributes": jsonObject{"RedrivePolicy": policy}}, "InvalidParameterValueException", want)
			}
		},
		"an empty policy ends redriving": func(c queues) {
			c.create("dead")
			url := c.create("queue", "RedrivePolicy", redriveTo("dead", 1))
			c.sqs("SetQueueAttributes", jsonObject{"QueueUrl": url, "Attributes": jsonObject{"RedrivePolicy": ""}})
			c.send(url, "a")
			exhaust(c, url, 5)
			c.expect(url, 1, "a")
		},
		"a move task brings dead letters back as new messages": func(c queues) {
			dead := c.create("dead")
			url := c.create("queue", "RedrivePolicy", redriveTo("dead", 1))
			for i := range 3 {
				c.send(url, strconv.Itoa(i))
			}
			exhaust(c, url, 2)
			c.wantCounts(dead, "3/0/0")
			c.sqs("StartMessageMoveTask", jsonObject{"SourceArn": c.attribute(dead, "QueueArn")})
			c.wantCounts(dead, "0/0/0")
			m := c.expect(url, 10, "0", "1", "2")[0]
			if got := m.Attributes["ApproximateReceiveCount"]; got != "1" {
				t.Errorf("ApproximateReceiveCount: got %s, want 1", got)
			}
			task := c.sqs("ListMessageMoveTasks", jsonObject{"SourceArn": c.attribute(dead, "QueueArn")})["Results"].([]any)[0].(map[string]any)
			if task["Status"] != "COMPLETED" || task["ApproximateNumberOfMessagesMoved"] != 3.0 {
				t.Errorf("got %v, want 3 moved, COMPLETED", task)
			}
		},
		"a move task with a rate takes its time and can be cancelled": func(c queues) {
			dead, other := c.create("dead"), c.create("other")
			url := c.create("queue", "RedrivePolicy", redriveTo("dead", 1))
			for i := range 10 {
				c.send(url, strconv.Itoa(i))
			}
			exhaust(c, url, 2)
			in := jsonObject{"SourceArn": c.attribute(dead, "QueueArn"), "DestinationArn": c.attribute(other, "QueueArn"), "MaxNumberOfMessagesPerSecond": 2}
			handle := c.sqs("StartMessageMoveTask", in)["TaskHandle"]
			c.refused("sqs", "StartMessageMoveTask", in, "UnsupportedOperation", "already a task running")
			time.Sleep(2 * time.Second)
			c.wantCounts(other, "6/0/0")
			c.sqs("CancelMessageMoveTask", jsonObject{"TaskHandle": handle})
			time.Sleep(time.Minute)
			c.wantCounts(other, "6/0/0")
			c.wantCounts(dead, "4/0/0")
			c.sqs("StartMessageMoveTask", in)
			time.Sleep(time.Second)
			c.wantCounts(dead, "0/0/0")
		},
		"only a dead-letter queue can be redriven, and only by its account": func(c queues) {
			url := c.create("queue")
			c.refused("sqs", "StartMessageMoveTask", jsonObject{"SourceArn": c.attribute(url, "QueueArn")}, "InvalidParameterValueException", "Dead Letter Queue")
			arn := c.attribute(url, "QueueArn")
			c.account = "999999999999"
			c.refused("sqs", "StartMessageMoveTask", jsonObject{"SourceArn": arn}, "ResourceNotFoundException", "")
		},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) { inQueueWorld(t, test) })
	}
}

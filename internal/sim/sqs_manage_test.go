package sim

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestQueues(t *testing.T) {
	cases := map[string]func(c queues){
		"creating a queue again with equal attributes gives the same queue": func(c queues) {
			first := c.create("queue", "VisibilityTimeout", "60")
			c.send(first, "a")
			for _, again := range []string{c.create("queue"), c.create("queue", "VisibilityTimeout", "60", "DelaySeconds", "0")} {
				if again != first {
					t.Errorf("got %s, want %s", again, first)
				}
			}
			c.wantCounts(first, "1/0/0")
			c.refused("sqs", "CreateQueue", jsonObject{"QueueName": "queue", "Attributes": jsonObject{"VisibilityTimeout": "61"}}, "QueueNameExists", "VisibilityTimeout")
		},
		"a queue has a URL at the endpoint as called, and an ARN": func(c queues) {
			url := c.create("queue")
			if want := "http://sim/111111111111/queue"; url != want {
				t.Errorf("got %s, want %s", url, want)
			}
			if got, want := c.attribute(url, "QueueArn"), "arn:aws:sqs:eu-west-1:111111111111:queue"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if got := c.sqs("GetQueueUrl", jsonObject{"QueueName": "queue"})["QueueUrl"]; got != url {
				t.Errorf("GetQueueUrl: got %v, want %s", got, url)
			}
		},
		"a queue exists in its Region only": func(c queues) {
			url := c.create("queue")
			c.region = "us-east-1"
			c.refused("sqs", "SendMessage", jsonObject{"QueueUrl": url, "MessageBody": "a"}, "QueueDoesNotExist", "does not exist")
		},
		"another account has no access": func(c queues) {
			url := c.create("queue")
			c.account = "999999999999"
			c.refused("sqs", "SendMessage", jsonObject{"QueueUrl": url, "MessageBody": "a"}, "AccessDeniedException", "denied")
			c.refused("sqs", "GetQueueUrl", jsonObject{"QueueName": "queue", "QueueOwnerAWSAccountId": "111111111111"}, "QueueDoesNotExist", "access")
		},
		"a deleted queue is gone, its name is free after a minute, its handles are void": func(c queues) {
			url := c.create("queue")
			c.send(url, "a")
			m := c.receive(url, 1)[0]
			c.sqs("DeleteQueue", jsonObject{"QueueUrl": url})
			c.refused("sqs", "ReceiveMessage", jsonObject{"QueueUrl": url}, "QueueDoesNotExist", "")
			c.refused("sqs", "DeleteQueue", jsonObject{"QueueUrl": url}, "QueueDoesNotExist", "")
			c.refused("sqs", "CreateQueue", jsonObject{"QueueName": "queue"}, "QueueDeletedRecently", "60 seconds")
			time.Sleep(time.Minute)
			c.create("queue")
			c.refused("sqs", "DeleteMessage", jsonObject{"QueueUrl": url, "ReceiptHandle": m.ReceiptHandle}, "ReceiptHandleIsInvalid", "")
		},
		"names follow the type of queue": func(c queues) {
			for _, name := range []string{"a b", strings.Repeat("x", 81), "a.b"} {
				c.refused("sqs", "CreateQueue", jsonObject{"QueueName": name}, "InvalidParameterValueException", "alphanumeric")
			}
			c.refused("sqs", "CreateQueue", jsonObject{"QueueName": "a.fifo"}, "InvalidParameterValueException", "FifoQueue must be true")
			c.refused("sqs", "CreateQueue", jsonObject{"QueueName": "a", "Attributes": jsonObject{"FifoQueue": "true"}}, "InvalidParameterValueException", ".fifo suffix")
		},
		"attributes have names and bounds": func(c queues) {
			for name, value := range map[string]string{
				"VisibilityTimeout": "43201", "MessageRetentionPeriod": "1209601", "DelaySeconds": "901", "ReceiveMessageWaitTimeSeconds": "21",
				"MaximumMessageSize": "1023", "SqsManagedSseEnabled": "perhaps", "Policy": "{",
			} {
				c.refused("sqs", "CreateQueue", jsonObject{"QueueName": "queue", "Attributes": jsonObject{name: value}}, "InvalidAttributeValue", name)
			}
			for _, name := range []string{"Colour", "QueueArn", "ContentBasedDeduplication"} {
				c.refused("sqs", "CreateQueue", jsonObject{"QueueName": "queue", "Attributes": jsonObject{name: "true"}}, "InvalidAttributeName", name)
			}
			c.refused("sqs", "GetQueueAttributes", jsonObject{"QueueUrl": c.create("queue"), "AttributeNames": []string{"Colour"}}, "InvalidAttributeName", "Colour")
		},
		"a new queue has Amazon's defaults and tells when it changed": func(c queues) {
			created := time.Now()
			url := c.create("queue.fifo")
			time.Sleep(time.Minute)
			c.sqs("SetQueueAttributes", jsonObject{"QueueUrl": url, "Attributes": jsonObject{"DelaySeconds": "5"}})
			want := jsonObject{
				"VisibilityTimeout": "30", "MaximumMessageSize": "1048576", "MessageRetentionPeriod": "345600", "DelaySeconds": "5",
				"ReceiveMessageWaitTimeSeconds": "0", "SqsManagedSseEnabled": "true", "FifoQueue": "true", "ContentBasedDeduplication": "false",
				"DeduplicationScope": "queue", "FifoThroughputLimit": "perQueue",
				"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "0", "ApproximateNumberOfMessagesDelayed": "0",
				"QueueArn":              "arn:aws:sqs:eu-west-1:111111111111:queue.fifo",
				"CreatedTimestamp":      strconv.FormatInt(created.Unix(), 10),
				"LastModifiedTimestamp": strconv.FormatInt(created.Unix()+60, 10),
			}
			got := c.sqs("GetQueueAttributes", jsonObject{"QueueUrl": url, "AttributeNames": []string{"All"}})["Attributes"]
			if diff := cmp.Diff(map[string]any(want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		},
		"listing goes by prefix and page": func(c queues) {
			for _, name := range []string{"b2", "a", "b1", "b3"} {
				c.create(name)
			}
			var names []string
			in := jsonObject{"QueueNamePrefix": "b", "MaxResults": 2}
			for more := true; more; {
				page := c.sqs("ListQueues", in)
				for _, url := range page["QueueUrls"].([]any) {
					names = append(names, url.(string)[len("http://sim/111111111111/"):])
				}
				in["NextToken"], more = page["NextToken"]
			}
			if diff := cmp.Diff([]string{"b1", "b2", "b3"}, names); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		},
		"tags are kept": func(c queues) {
			url := c.create("queue")
			c.sqs("TagQueue", jsonObject{"QueueUrl": url, "Tags": jsonObject{"a": "1", "b": "2"}})
			c.sqs("UntagQueue", jsonObject{"QueueUrl": url, "TagKeys": []string{"a"}})
			want := jsonObject{"Tags": map[string]any{"b": "2"}}
			if diff := cmp.Diff(want, c.sqs("ListQueueTags", jsonObject{"QueueUrl": url})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) { inQueueWorld(t, test) })
	}
}

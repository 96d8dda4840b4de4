package sim

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBatches(t *testing.T) {
	ids := func(reply jsonObject, list string) []string {
		all := []string{}
		for _, entry := range reply[list].([]any) {
			all = append(all, entry.(map[string]any)["Id"].(string))
		}
		return all
	}
	want := func(t *testing.T, reply jsonObject, successful, failed []string) {
		t.Helper()
		if diff := cmp.Diff([][]string{successful, failed}, [][]string{ids(reply, "Successful"), ids(reply, "Failed")}); diff != "" {
			t.Errorf("successful and failed (-want +got):\n%s", diff)
		}
	}
	cases := map[string]func(c queues, url string){
		"entries fail one by one": func(c queues, url string) {
			reply := c.sqs("SendMessageBatch", jsonObject{"QueueUrl": url, "Entries": []jsonObject{
				{"Id": "a", "MessageBody": "1"}, {"Id": "b"}, {"Id": "c", "MessageBody": "3"},
			}})
			want(t, reply, []string{"a", "c"}, []string{"b"})
			failed := reply["Failed"].([]any)[0].(map[string]any)
			if failed["Code"] != "MissingParameter" || failed["SenderFault"] != true {
				t.Errorf("got %v, want MissingParameter by the sender's fault", failed)
			}
			batch := c.expect(url, 10, "1", "3")
			reply = c.sqs("ChangeMessageVisibilityBatch", jsonObject{"QueueUrl": url, "Entries": []jsonObject{
				{"Id": "a", "ReceiptHandle": batch[0].ReceiptHandle, "VisibilityTimeout": 0},
				{"Id": "b", "ReceiptHandle": batch[1].ReceiptHandle, "VisibilityTimeout": 50000},
			}})
			want(t, reply, []string{"a"}, []string{"b"})
			c.expect(url, 10, "1")
			reply = c.sqs("DeleteMessageBatch", jsonObject{"QueueUrl": url, "Entries": []jsonObject{
				{"Id": "a", "ReceiptHandle": "nonsense"}, {"Id": "b", "ReceiptHandle": batch[1].ReceiptHandle},
			}})
			want(t, reply, []string{"b"}, []string{"a"})
			c.wantCounts(url, "0/1/0")
		},
		"a batch has one to ten entries with distinct ids": func(c queues, url string) {
			entries := []jsonObject{}
			in := func() jsonObject { return jsonObject{"QueueUrl": url, "Entries": entries} }
			c.refused("sqs", "SendMessageBatch", in(), "EmptyBatchRequest", "")
			for i := range 11 {
				entries = append(entries, jsonObject{"Id": strconv.Itoa(i), "MessageBody": "x"})
			}
			c.refused("sqs", "SendMessageBatch", in(), "TooManyEntriesInBatchRequest", "You have sent 11")
			entries = entries[:10]
			want(t, c.sqs("SendMessageBatch", in()), []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, []string{})
			entries[1]["Id"] = "0"
			c.refused("sqs", "SendMessageBatch", in(), "BatchEntryIdsNotDistinct", "Id 0")
			entries[1]["Id"] = "no good"
			c.refused("sqs", "DeleteMessageBatch", in(), "InvalidBatchEntryId", "")
		},
		"a batch is at most a mebibyte": func(c queues, url string) {
			half := strings.Repeat("x", 1<<19)
			c.sqs("SendMessageBatch", jsonObject{"QueueUrl": url, "Entries": []jsonObject{{"Id": "a", "MessageBody": half}, {"Id": "b", "MessageBody": half}}})
			c.refused("sqs", "SendMessageBatch", jsonObject{"QueueUrl": url, "Entries": []jsonObject{{"Id": "a", "MessageBody": half}, {"Id": "b", "MessageBody": half + "x"}}},
				"BatchRequestTooLong", "1048577 bytes")
		},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			inQueueWorld(t, func(c queues) { test(c, c.create("queue")) })
		})
	}
}

func TestMessageAttributes(t *testing.T) {
	cases := map[string]struct {
		attributes jsonObject
		refused    string // part of the error, "" when they are fine
		md5        string
	}{
		"strings, numbers and bytes are digested as the SDKs do": {
			attributes: jsonObject{
				"a": jsonObject{"DataType": "String", "StringValue": "x"},
				"b": jsonObject{"DataType": "Number.int", "StringValue": "7"},
				"c": jsonObject{"DataType": "Binary", "BinaryValue": []byte{1, 2}},
			},
			md5: "ee8c79c2c536b1c5295e9e8518245b52",
		},
		"a type is needed":                 {attributes: jsonObject{"a": jsonObject{"StringValue": "x"}}, refused: "non-empty message attribute type"},
		"only three types exist":           {attributes: jsonObject{"a": jsonObject{"DataType": "Bool", "StringValue": "x"}}, refused: "invalid message attribute type"},
		"a value is needed":                {attributes: jsonObject{"a": jsonObject{"DataType": "String"}}, refused: "non-empty message attribute value"},
		"a number must be one":             {attributes: jsonObject{"a": jsonObject{"DataType": "Number", "StringValue": "x"}}, refused: "to a number"},
		"names may not begin as Amazon's":  {attributes: jsonObject{"AWS.a": jsonObject{"DataType": "String", "StringValue": "x"}}, refused: "name 'AWS.a' is invalid"},
		"names have no dots at their ends": {attributes: jsonObject{"a.": jsonObject{"DataType": "String", "StringValue": "x"}}, refused: "name 'a.' is invalid"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			inQueueWorld(t, func(c queues) {
				url := c.create("queue")
				in := jsonObject{"QueueUrl": url, "MessageBody": "body", "MessageAttributes": test.attributes}
				if test.refused != "" {
					c.refused("sqs", "SendMessage", in, "InvalidParameterValueException", test.refused)
					return
				}
				if got := c.sqs("SendMessage", in)["MD5OfMessageAttributes"]; got != test.md5 {
					t.Errorf("MD5OfMessageAttributes: got %s, want %s", got, test.md5)
				}
				m := c.expect(url, 1, "body")[0]
				if got, want := m.MD5OfBody, "841a2d689ad86bd1611447453c22c6fc"; got != want {
					t.Errorf("MD5OfBody: got %s, want %s", got, want)
				}
				if len(m.MessageAttributes) != len(test.attributes) {
					t.Errorf("got %v, want all of %v", m.MessageAttributes, test.attributes)
				}
			})
		})
	}
	t.Run("a receiver gets the attributes it asks for", func(t *testing.T) {
		attributes := map[string]messageAttribute{"a": {}, "a.b": {}, "ab": {}, "c": {}}
		for asked, want := range map[string][]string{
			"All": {"a", "a.b", "ab", "c"}, ".*": {"a", "a.b", "ab", "c"}, "a.*": {"a", "a.b"}, "a": {"a"}, "d": nil,
		} {
			if diff := cmp.Diff(want, sortedKeys(chosenAttributes(attributes, []string{asked}))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", asked, diff)
			}
		}
	})
}

// TestSQSErrorsOnTheWire looks at the two names that an error has.
func TestSQSErrorsOnTheWire(t *testing.T) {
	w := New(Options{})
	cases := map[string]struct{ body, wantType, wantHeader string }{
		"a modelled error": {`{"QueueUrl":"http://sim/111111111111/none","MessageBody":"a"}`,
			"com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue;Sender"},
		"an older one": {`{"MessageBody":"a"}`, "com.amazon.coral.service#MissingRequiredParameterException", "MissingParameter;Sender"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://sim/", strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("X-Amz-Target", "AmazonSQS.SendMessage")
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=111111111111/20000101/eu-west-1/sqs/aws4_request")
			response, err := w.Transport().RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			var b strings.Builder
			if err := response.Write(&b); err != nil {
				t.Fatal(err)
			}
			if got := response.Header.Get("x-amzn-query-error"); got != test.wantHeader {
				t.Errorf("x-amzn-query-error: got %s, want %s", got, test.wantHeader)
			}
			if !strings.Contains(b.String(), `"__type":"`+test.wantType+`"`) {
				t.Errorf("got %s, want __type %s", b.String(), test.wantType)
			}
		})
	}
}

// TestManyMessages is about cost: were a receive to look at what is locked or
// queued, this would not end.
func TestManyMessages(t *testing.T) {
	inQueueWorld(t, func(c queues) {
		c.create("queue.fifo")
		c.admit(c.queueARN("queue.fifo"))
		key := queueKey{c.account, c.region, "queue.fifo"}
		const groups, each = 5_000, 10
		c.w.step(func(now time.Time) {
			for i := range groups * each {
				group, dedup := strconv.Itoa(i%groups), strconv.Itoa(i)
				if problem := c.w.sqs.deliver(key, now, ruleSource{}, sendEntry{MessageBody: dedup, MessageGroupID: &group, MessageDeduplicationID: &dedup}); problem != nil {
					t.Fatal(problem)
				}
			}
		})
		received := 0
		c.w.step(func(now time.Time) {
			q := c.w.sqs.queues[key]
			for {
				batch := c.w.sqs.receive(q, now, 1, &receiveInput{})
				if len(batch) == 0 {
					break
				}
				received++
			}
			if received != groups {
				t.Errorf("received %d, want one of each of %d groups", received, groups)
			}
			for q.inFlight > 0 {
				if problem := q.delete(q.handle(q.hidden[0].m)); problem != nil {
					t.Fatal(problem)
				}
			}
		})
		if got, want := c.attribute("http://sim/111111111111/queue.fifo", "ApproximateNumberOfMessages"), strconv.Itoa(groups*(each-1)); got != want {
			t.Errorf("left: got %s, want %s", got, want)
		}
	})
}

package sim

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// signedFor is a signature, not a true one, of the vault's for a service.
func signedFor(service string) http.Header {
	return http.Header{"Authorization": {"AWS4-HMAC-SHA256 Credential=" + vault + "/20260101/" + west + "/" + service + "/aws4_request, SignedHeaders=host, Signature=0"}}
}

// raw makes a request as it is and returns the status and the body.
func raw(t *testing.T, w *World, header http.Header, target, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://sim/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header.Clone()
	if target != "" {
		r.Header.Set("X-Amz-Target", target)
	}
	answer, err := w.Transport().RoundTrip(r)
	if err != nil {
		t.Fatalf("%s %q: %v", target, body, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func TestRefusals(t *testing.T) {
	ec2Error := func(code, message string) string {
		return "<Response><Errors><Error><Code>" + code + "</Code><Message>" + message + "</Message></Error></Errors>"
	}
	otherError := func(code, message string) string {
		return "<ErrorResponse><Error><Type>Sender</Type><Code>" + code + "</Code><Message>" + message + "</Message></Error>"
	}
	jsonError := func(code, message string) string {
		text, _ := json.Marshal(map[string]string{"__type": code, "message": message})
		return string(text)
	}
	const (
		noSuch       = "The action FlyToMoon is not valid for this web service: the simulated AWS does not have %s:FlyToMoon"
		noService    = "the simulated AWS has no service &#34;dlm&#34;; it has cloudformation, ec2, events, kms, logs, s3, sqs, ssm and sts"
		queryOnly    = "%s came in the JSON protocol, and the simulated %s speaks the query protocol only: leave out the header X-Amz-Target"
		jsonOnly     = "%s came in the query protocol, and the simulated %s speaks the JSON protocol only: use an SDK or command line of 2024 or later"
		noAction     = "The request must contain the parameter Action (query protocol) or the header X-Amz-Target with Service.Action (JSON protocol)"
		unsigned     = "Request is missing Authentication Token: sign it (Signature Version 4); the access key id is the account, 12 digits"
		unsignedCode = "MissingAuthenticationToken"
	)
	tests := []struct {
		name         string
		service      string // "": unsigned
		target, body string
		status       int
		want         string // the answer contains it
	}{
		{"ec2, unknown action", "ec2", "", "Action=FlyToMoon", 400, ec2Error("InvalidAction", fmt.Sprintf(noSuch, "ec2"))},
		{"sts, unknown action", "sts", "", "Action=FlyToMoon", 400, otherError("InvalidAction", fmt.Sprintf(noSuch, "sts"))},
		{"sqs, unknown action", "sqs", "AmazonSQS.FlyToMoon", "{}", 400, jsonError("com.amazonaws.sqs#UnknownOperationException", fmt.Sprintf(noSuch, "sqs"))},
		{"events, unknown action", "events", "AWSEvents.FlyToMoon", "{}", 400, jsonError("UnknownOperationException", fmt.Sprintf(noSuch, "events"))},
		{"kms, unknown action", "kms", "TrentService.FlyToMoon", "{}", 400, jsonError("UnknownOperationException", fmt.Sprintf(noSuch, "kms"))},
		{"unknown service", "dlm", "", "Action=ListPolicies", 400, otherError("InvalidAction", noService)},
		{"unknown service in JSON", "dlm", "X.ListPolicies", "{}", 400, `{"__type":"UnknownOperationException","message":"the simulated AWS has no service \"dlm\"; it has cloudformation, ec2, events, kms, logs, s3, sqs, ssm and sts"}`},
		{"a service that speaks REST", "lambda", "", `{"a": "b;c"}`, 400, `{"message":"the simulated AWS has no service \"lambda\"; it has cloudformation, ec2, events, kms, logs, s3, sqs, ssm and sts"}`},
		{"s3", "s3", "", "", 501, `<Error><Code>NotImplemented</Code><Message>the simulated S3 does not have POST</Message>`},
		{"sqs in the old protocol", "sqs", "", "Action=ListQueues&Version=2012-11-05", 400, otherError("InvalidAction", fmt.Sprintf(jsonOnly, "ListQueues", "sqs"))},
		{"events in the query protocol", "events", "", "Action=ListRules", 400, otherError("InvalidAction", fmt.Sprintf(jsonOnly, "ListRules", "events"))},
		{"kms in the query protocol", "kms", "", "Action=ListKeys", 400, otherError("InvalidAction", fmt.Sprintf(jsonOnly, "ListKeys", "kms"))},
		{"ec2 in the JSON protocol", "ec2", "X.DescribeSnapshots", "{}", 400, jsonError("UnknownOperationException", fmt.Sprintf(queryOnly, "DescribeSnapshots", "ec2"))},
		{"sts in the JSON protocol", "sts", "X.GetCallerIdentity", "{}", 400, jsonError("UnknownOperationException", fmt.Sprintf(queryOnly, "GetCallerIdentity", "sts"))},
		{"no action", "ec2", "", "SnapshotId=snap-1", 400, ec2Error("MissingAction", noAction)},
		{"no action in JSON", "kms", "TrentService.", "{}", 400, jsonError("MissingAction", noAction)},
		{"a form that is none", "ec2", "", "x=%zz", 400, ec2Error("MalformedQueryString", "invalid URL escape &#34;%zz&#34;")},
		{"unsigned", "", "", "Action=DescribeSnapshots", 403, ec2Error(unsignedCode, unsigned)},
		{"unsigned and empty", "", "", "", 403, ec2Error(unsignedCode, unsigned)},
		{"unsigned in JSON", "", "AmazonSQS.ListQueues", "{}", 403, jsonError(unsignedCode, unsigned)},
		{"a list instead of an object", "kms", "TrentService.ListKeys", "[]", 400, "SerializationException"},
		{"half an object", "sqs", "AmazonSQS.ListQueues", `{"`, 400, "SerializationException"},
		{"another type", "events", "AWSEvents.PutRule", `{"Name":1}`, 400, "SerializationException"},
		{"too much", "ec2", "", strings.Repeat("x", maxRequest+1), 400, "RequestEntityTooLarge"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			header := http.Header{}
			if test.service != "" {
				header = signedFor(test.service)
			}
			status, got := raw(t, New(Options{}), header, test.target, test.body)
			if status != test.status || !strings.Contains(got, test.want) {
				t.Errorf("got %d %s, want %d ...%s", status, got, test.status, test.want)
			}
		})
	}
	bubble(t, "Do reads the errors of every service", Options{}, func(l *lab) {
		for service, want := range map[string]string{
			"ec2": "InvalidAction", "sts": "InvalidAction", "kms": "UnknownOperationException", "sqs": "UnknownOperationException", "events": "UnknownOperationException",
		} {
			err, _ := l.w.Do(t.Context(), vault, west, service, "FlyToMoon", nil, nil).(*Error)
			if err == nil || err.Code != want || !strings.Contains(err.Message, service+":FlyToMoon") {
				t.Errorf("%s: got %v, want %s that names the action", service, err, want)
			}
		}
	})
}

// Whatever a caller sends to a JSON service, the world answers in JSON.
func TestGarbageJSON(t *testing.T) {
	actions := map[string][]string{
		"kms":    sortedKeys(kmsActions),
		"sqs":    append(sortedKeys(sqsActions), "ReceiveMessage"),
		"events": sortedKeys(eventsActions),
	}
	members := map[string][]string{
		"kms": {"KeyId", "Policy", "AliasName", "TargetKeyId", "Limit", "Marker", "GranteePrincipal", "Operations", "GrantId", "PendingWindowInDays", "KeySpec"},
		"sqs": {
			"QueueName", "QueueUrl", "Attributes", "tags", "Tags", "TagKeys", "AttributeNames", "MessageBody", "DelaySeconds", "MessageAttributes", "MessageGroupId", "Entries",
			"MaxNumberOfMessages", "VisibilityTimeout", "ReceiptHandle", "NextToken", "MaxResults", "QueueNamePrefix", "SourceArn", "DestinationArn", "MaxNumberOfMessagesPerSecond", "TaskHandle",
		},
		"events": {"Name", "EventBusName", "EventPattern", "Event", "Entries", "Targets", "Rule", "Ids", "Limit", "NextToken", "Principal", "StatementId", "Policy", "State", "ScheduleExpression", "NamePrefix", "Action", "Condition", "Tags"},
	}
	values := []string{
		`null`, `""`, `"x"`, `"\u0000\ufffd"`, `-1`, `1e400`, `99999999999999999999`, `0.5`, `true`, `[]`, `[null]`, `[""]`, `[{}]`, `[[[[]]]]`, `{}`, `{"":""}`, `{"a":null}`,
		`"arn:aws:sqs:eu-west-1:222222222222:queue"`, `"arn:::::"`, `"http://sim/222222222222/queue"`, `"http://sim/222222222222/queue.fifo"`, `"%zz://"`, `"alias/aws/ebs"`, `"alias/"`, `"default"`,
		`"{\"Statement\":null}"`, `"{\"source\":[{\"prefix\":1}]}"`, `"{\"$or\":[]}"`, `[{"Id":"a","Arn":"arn:::::"}]`, `[{"Id":"a","MessageBody":"b"}]`, `{"RedrivePolicy":"[]","VisibilityTimeout":"x"}`,
		`{"a":{"DataType":"Number","StringValue":"x"}}`, `"` + strings.Repeat("y", 3000) + `"`, strings.Repeat("[", 2000) + strings.Repeat("]", 2000),
	}
	bubble(t, "every action answers every member", Options{}, func(l *lab) {
		queue := object{"QueueName": "queue.fifo", "Attributes": object{"FifoQueue": "true"}}
		for _, err := range []error{
			l.w.Do(t.Context(), vault, west, "sqs", "CreateQueue", object{"QueueName": "queue"}, nil),
			l.w.Do(t.Context(), vault, west, "sqs", "CreateQueue", queue, nil),
			l.w.Do(t.Context(), vault, west, "events", "PutRule", object{"Name": "x", "EventPattern": `{"source":["x"]}`}, nil),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		// Members that let a call come further than its first check.
		base := map[string]string{
			"sqs":    `"QueueUrl":"http://sim/222222222222/queue.fifo","MessageBody":"b","MessageGroupId":"g",`,
			"events": `"Name":"x","Rule":"x",`,
			"kms":    `"KeyId":"alias/aws/ebs",`,
		}
		for service, names := range members {
			for _, action := range actions[service] {
				for _, value := range values {
					everything := []string{}
					for _, name := range names {
						member := `"` + name + `":` + value
						everything = append(everything, member)
						for _, body := range []string{"{" + member + "}", "{" + base[service] + member + "}"} {
							status, answer := raw(t, l.w, signedFor(service), "X."+action, body)
							if status >= 500 || !json.Valid([]byte(answer)) {
								t.Errorf("%s %s: got %d %s", action, body, status, answer)
							}
						}
					}
					raw(t, l.w, signedFor(service), "X."+action, "{"+strings.Join(everything, ",")+"}")
					raw(t, l.w, signedFor(service), "X."+action, value)
				}
			}
		}
	})
}

// A connection that talks nonsense hurts nobody else.
func TestGarbageOnTheWire(t *testing.T) {
	server := httptest.NewServer(New(Options{}))
	defer server.Close()
	const signed = "Authorization: AWS4-HMAC-SHA256 Credential=" + vault + "/20260101/" + west + "/ec2/aws4_request\r\n"
	for _, request := range []string{
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"GARBAGE\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n" + signed + "\r\nAction=Desc",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" + signed + "\r\nZZZ\r\n",
		"GET /?Action=DescribeSnapshots&X-Amz-Credential=%zz HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: \r\nAuthorization: Credential=////aws4_request\r\n\r\n",
	} {
		connection, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if err := connection.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(connection, request); err != nil {
			t.Fatalf("%q: %v", request, err)
		}
		if err := connection.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(connection)
		connection.Close()
		if err != nil {
			t.Errorf("%q: %v", request, err)
		}
		if strings.Contains(string(answer), " 200 ") {
			t.Errorf("%q: got %s", request, answer)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader("Action=GetCallerIdentity"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = signedFor("sts")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("afterwards: got %s", answer.Status)
	}
}

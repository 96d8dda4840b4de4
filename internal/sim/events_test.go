package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// admit lets EventBridge send to a queue, if there is one.
func (c queues) admit(arn any) {
	c.t.Helper()
	key, isQueue := parseQueueARN(arn.(string))
	if !isQueue || c.w.sqs.queues[key] == nil {
		return
	}
	c.sqs("SetQueueAttributes", jsonObject{"QueueUrl": key.url("http://sim"), "Attributes": jsonObject{"Policy": `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"` + key.arn() + `"}]}`}})
}

// route makes a rule that sends what matches to a target, which lets it.
func (c queues) route(bus, rule, pattern string, target jsonObject) {
	c.t.Helper()
	c.events("PutRule", jsonObject{"Name": rule, "EventBusName": bus, "EventPattern": pattern})
	target["Id"] = "t"
	c.events("PutTargets", jsonObject{"Rule": rule, "EventBusName": bus, "Targets": []jsonObject{target}})
	c.admit(target["Arn"])
	if dead, is := target["DeadLetterConfig"].(jsonObject); is {
		c.admit(dead["Arn"])
	}
}

func (c queues) queueARN(name string) string {
	return queueKey{c.account, c.region, name}.arn()
}

func (c queues) put(bus, source, detail string) jsonObject {
	c.t.Helper()
	return c.events("PutEvents", jsonObject{"Entries": []jsonObject{{"EventBusName": bus, "Source": source, "DetailType": "T", "Detail": detail}}})
}

const mine = `{"source":["mine"]}`

func TestEventDelivery(t *testing.T) {
	cases := map[string]func(c queues){
		"an event that matches reaches the queue, complete": func(c queues) {
			url := c.create("queue")
			c.route("", "r", mine, jsonObject{"Arn": c.queueARN("queue")})
			c.put("", "other", `{}`)
			now := time.Now().UTC()
			id := c.put("", "mine", `{ "a": "<&>", "n": 1.0 }`)["Entries"].([]any)[0].(map[string]any)["EventId"]
			want := fmt.Sprintf(`{"version":"0","id":"%s","detail-type":"T","source":"mine","account":"111111111111","time":"%s","region":"eu-west-1","resources":[],"detail":{"a":"<&>","n":1.0}}`,
				id, now.Format(time.RFC3339))
			c.expect(url, 10, want)
		},
		"an entry can bring its time and resources": func(c queues) {
			url := c.create("queue")
			c.route("", "r", mine, jsonObject{"Arn": c.queueARN("queue")})
			c.events("PutEvents", jsonObject{"Entries": []jsonObject{{"Source": "mine", "DetailType": "T", "Detail": "{}", "Time": 1767225600, "Resources": []string{"x"}}}})
			body := c.receive(url, 1)[0].Body
			if !strings.Contains(body, `"time":"2026-01-01T00:00:00Z"`) || !strings.Contains(body, `"resources":["x"]`) {
				t.Errorf("got %s", body)
			}
		},
		"each matching rule delivers, a disabled one does not": func(c queues) {
			url := c.create("queue")
			c.route("", "r", mine, jsonObject{"Arn": c.queueARN("queue")})
			c.route("", "s", mine, jsonObject{"Arn": c.queueARN("queue")})
			c.put("", "mine", `{}`)
			c.wantCounts(url, "2/0/0")
			c.events("DisableRule", jsonObject{"Name": "r"})
			c.put("", "mine", `{}`)
			c.wantCounts(url, "3/0/0")
			c.events("EnableRule", jsonObject{"Name": "r"})
			c.put("", "mine", `{}`)
			c.wantCounts(url, "5/0/0")
		},
		"a FIFO queue gets its group and needs content-based deduplication": func(c queues) {
			url := c.create("queue.fifo", "ContentBasedDeduplication", "true")
			c.create("bare.fifo")
			dead := c.create("dead")
			group := jsonObject{"MessageGroupId": "g"}
			c.route("", "r", mine, jsonObject{"Arn": c.queueARN("queue.fifo"), "SqsParameters": group})
			c.route("", "s", mine, jsonObject{"Arn": c.queueARN("bare.fifo"), "SqsParameters": group, "DeadLetterConfig": jsonObject{"Arn": c.queueARN("dead")}})
			c.put("", "mine", `{}`)
			if got := c.receive(url, 1)[0].Attributes["MessageGroupId"]; got != "g" {
				t.Errorf("MessageGroupId: got %s, want g", got)
			}
			m := c.receive(dead, 1)[0]
			if got := *m.MessageAttributes["ERROR_CODE"].StringValue; got != "INVALID_PARAMETER" {
				t.Errorf("ERROR_CODE: got %s, want INVALID_PARAMETER", got)
			}
		},
		"what cannot be delivered goes to the dead-letter queue with the cause, or is lost": func(c queues) {
			dead := c.create("dead")
			c.route("", "r", mine, jsonObject{"Arn": c.queueARN("none"), "DeadLetterConfig": jsonObject{"Arn": c.queueARN("dead")}})
			c.route("", "s", mine, jsonObject{"Arn": c.queueARN("none")})
			c.put("", "mine", `{}`)
			c.wantCounts(dead, "1/0/0")
			m := c.receive(dead, 1)[0]
			got := map[string]string{}
			for name, a := range m.MessageAttributes {
				got[name] = *a.StringValue
			}
			want := map[string]string{
				"ERROR_CODE": "NO_RESOURCE", "ERROR_MESSAGE": "The specified queue does not exist.",
				"RULE_ARN": "arn:aws:events:eu-west-1:111111111111:rule/r", "TARGET_ARN": c.queueARN("none"),
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		},
		"a bus in another Region gets the event unchanged": func(c queues) {
			home := c
			home.region = "us-east-1"
			arn := home.events("CreateEventBus", jsonObject{"Name": "home"})["EventBusArn"]
			near, far := c.create("near"), home.create("far")
			home.route("home", "r", mine, jsonObject{"Arn": home.queueARN("far")})
			c.route("", "r", mine, jsonObject{"Arn": arn})
			c.route("", "s", mine, jsonObject{"Arn": c.queueARN("near")})
			c.put("", "mine", `{}`)
			if a, b := c.receive(near, 1)[0].Body, home.receive(far, 1)[0].Body; a != b {
				t.Errorf("got %s, want %s", b, a)
			}
		},
		"an event is not forwarded to a third bus": func(c queues) {
			for _, name := range []string{"b", "c"} {
				c.events("CreateEventBus", jsonObject{"Name": name})
				c.create(name)
				c.route(name, "queue", mine, jsonObject{"Arn": c.queueARN(name)})
			}
			c.route("", "r", mine, jsonObject{"Arn": "arn:aws:events:eu-west-1:111111111111:event-bus/b"})
			c.route("b", "r", mine, jsonObject{"Arn": "arn:aws:events:eu-west-1:111111111111:event-bus/c"})
			c.put("", "mine", `{}`)
			c.wantCounts("http://sim/111111111111/b", "1/0/0")
			c.wantCounts("http://sim/111111111111/c", "0/0/0")
			c.put("b", "mine", `{}`)
			c.wantCounts("http://sim/111111111111/c", "1/0/0")
		},
		"a bus of another account needs to allow it": func(c queues) {
			other := c
			other.account = "222222222222"
			arn := other.events("CreateEventBus", jsonObject{"Name": "theirs"})["EventBusArn"].(string)
			url := other.create("queue")
			other.route("theirs", "r", mine, jsonObject{"Arn": other.queueARN("queue")})
			dead := c.create("dead")
			c.route("", "r", mine, jsonObject{"Arn": arn, "DeadLetterConfig": jsonObject{"Arn": c.queueARN("dead")}})
			entry := jsonObject{"Entries": []jsonObject{{"EventBusName": arn, "Source": "mine", "DetailType": "T", "Detail": "{}"}}}

			c.put("", "mine", `{}`)
			c.refused("events", "PutEvents", entry, "AccessDeniedException", "not authorized to perform: events:PutEvents")
			other.wantCounts(url, "0/0/0")
			if got := *c.receive(dead, 1)[0].MessageAttributes["ERROR_CODE"].StringValue; got != "NO_PERMISSIONS" {
				t.Errorf("ERROR_CODE: got %s, want NO_PERMISSIONS", got)
			}

			other.events("PutPermission", jsonObject{"EventBusName": "theirs", "Action": "events:PutEvents", "Principal": "111111111111", "StatementId": "s"})
			c.put("", "mine", `{}`)
			c.events("PutEvents", entry)
			other.wantCounts(url, "2/0/0")

			other.events("RemovePermission", jsonObject{"EventBusName": "theirs", "StatementId": "s"})
			c.refused("events", "PutEvents", entry, "AccessDeniedException", "")
			other.events("PutPermission", jsonObject{"EventBusName": "theirs", "Policy": `{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":["events:PutEvents"],"Resource":"` + arn + `"}}`})
			c.events("PutEvents", entry)
			other.wantCounts(url, "3/0/0")
		},
		"entries fail one by one": func(c queues) {
			url := c.create("queue")
			c.route("", "r", mine, jsonObject{"Arn": c.queueARN("queue")})
			reply := c.events("PutEvents", jsonObject{"Entries": []jsonObject{
				{"DetailType": "T", "Detail": "{}"},
				{"Source": "mine", "Detail": "{}"},
				{"Source": "mine", "DetailType": "T"},
				{"Source": "mine", "DetailType": "T", "Detail": "[]"},
				{"Source": "mine", "DetailType": "T", "Detail": "{} {}"},
				{"Source": "aws.ec2", "DetailType": "T", "Detail": "{}"},
				{"Source": "mine", "DetailType": "T", "Detail": "{}"},
			}})
			var codes []string
			for _, entry := range reply["Entries"].([]any) {
				code, _ := entry.(map[string]any)["ErrorCode"].(string)
				codes = append(codes, code)
			}
			want := []string{"InvalidArgument", "InvalidArgument", "InvalidArgument", "MalformedDetail", "MalformedDetail", "NotAuthorizedForSourceException", ""}
			if diff := cmp.Diff(want, codes); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := reply["FailedEntryCount"]; got != 6.0 {
				t.Errorf("FailedEntryCount: got %v, want 6", got)
			}
			c.wantCounts(url, "1/0/0")
		},
		"a call has one to ten entries of a mebibyte together": func(c queues) {
			c.refused("events", "PutEvents", jsonObject{"Entries": []jsonObject{}}, "ValidationException", "greater than or equal to 1")
			c.refused("events", "PutEvents", jsonObject{"Entries": make([]jsonObject, 11)}, "ValidationException", "less than or equal to 10")
			c.refused("events", "PutEvents", jsonObject{"Entries": []jsonObject{{"Source": "mine", "DetailType": "T", "Detail": `{"a":"` + strings.Repeat("x", 1<<20) + `"}`}}},
				"ValidationException", "over the limit")
		},
		"an event for a bus that does not exist is accepted and lost": func(c queues) {
			if got := c.put("nowhere", "mine", `{}`)["FailedEntryCount"]; got != 0.0 {
				t.Errorf("FailedEntryCount: got %v, want 0", got)
			}
			c.refused("events", "DescribeEventBus", jsonObject{"Name": "nowhere"}, "ResourceNotFoundException", "does not exist")
		},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) { inQueueWorld(t, test) })
	}
}

func TestRules(t *testing.T) {
	cases := map[string]func(c queues){
		"a rule is described as it was put, and keeps its targets when put again": func(c queues) {
			c.create("queue")
			c.route("", "r", mine, jsonObject{"Arn": c.queueARN("queue")})
			c.events("PutRule", jsonObject{"Name": "r", "EventPattern": `{"source":["x"]}`, "Description": "d", "State": "DISABLED"})
			want := jsonObject{
				"Name": "r", "Arn": "arn:aws:events:eu-west-1:111111111111:rule/r", "EventPattern": `{"source":["x"]}`, "State": "DISABLED",
				"Description": "d", "EventBusName": "default", "CreatedBy": "111111111111",
			}
			if diff := cmp.Diff(want, c.events("DescribeRule", jsonObject{"Name": "r"})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			targets := c.events("ListTargetsByRule", jsonObject{"Rule": "r"})["Targets"]
			if diff := cmp.Diff([]any{map[string]any{"Id": "t", "Arn": c.queueARN("queue")}}, targets); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		},
		"a rule's ARN names its bus": func(c queues) {
			c.events("CreateEventBus", jsonObject{"Name": "b"})
			got := c.events("PutRule", jsonObject{"Name": "r", "EventBusName": "b", "EventPattern": mine})["RuleArn"]
			if want := "arn:aws:events:eu-west-1:111111111111:rule/b/r"; got != want {
				t.Errorf("got %v, want %s", got, want)
			}
		},
		"rules are listed by prefix and page": func(c queues) {
			for _, name := range []string{"b2", "a", "b1", "b3"} {
				c.events("PutRule", jsonObject{"Name": name, "EventPattern": mine})
			}
			var names []string
			in := jsonObject{"NamePrefix": "b", "Limit": 2}
			for more := true; more; {
				page := c.events("ListRules", in)
				for _, r := range page["Rules"].([]any) {
					names = append(names, r.(map[string]any)["Name"].(string))
				}
				in["NextToken"], more = page["NextToken"]
			}
			if diff := cmp.Diff([]string{"b1", "b2", "b3"}, names); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		},
		"a rule with targets cannot be deleted, nor a bus with rules": func(c queues) {
			c.events("CreateEventBus", jsonObject{"Name": "b"})
			c.create("queue")
			c.route("b", "r", mine, jsonObject{"Arn": c.queueARN("queue")})
			c.refused("events", "DeleteRule", jsonObject{"Name": "r", "EventBusName": "b"}, "ValidationException", "has targets")
			c.refused("events", "DeleteEventBus", jsonObject{"Name": "b"}, "ValidationException", "rules")
			c.events("RemoveTargets", jsonObject{"Rule": "r", "EventBusName": "b", "Ids": []string{"t"}})
			for range 2 {
				c.events("DeleteRule", jsonObject{"Name": "r", "EventBusName": "b"})
			}
			for range 2 {
				c.events("DeleteEventBus", jsonObject{"Name": "b"})
			}
			c.refused("events", "DeleteEventBus", jsonObject{"Name": "default"}, "ValidationException", "default")
		},
		"removing an unknown target is told": func(c queues) {
			c.events("PutRule", jsonObject{"Name": "r", "EventPattern": mine})
			if got := c.events("RemoveTargets", jsonObject{"Rule": "r", "Ids": []string{"t"}})["FailedEntryCount"]; got != 1.0 {
				t.Errorf("FailedEntryCount: got %v, want 1", got)
			}
		},
		"rules need a valid name, a pattern and a bus, and have no schedules": func(c queues) {
			c.refused("events", "PutRule", jsonObject{"Name": "a b", "EventPattern": mine}, "ValidationException", "name")
			c.refused("events", "PutRule", jsonObject{"Name": "r"}, "ValidationException", "must be specified")
			c.refused("events", "PutRule", jsonObject{"Name": "r", "ScheduleExpression": "rate(1 hour)"}, "ValidationException", "has no schedules")
			c.refused("events", "PutRule", jsonObject{"Name": "r", "EventPattern": mine, "EventBusName": "none"}, "ResourceNotFoundException", "Event bus none does not exist")
			c.refused("events", "PutTargets", jsonObject{"Rule": "none", "Targets": []jsonObject{}}, "ResourceNotFoundException", "Rule none does not exist on EventBus default")
		},
		"targets are queues of the rule's place and buses, unchanged, five at most": func(c queues) {
			c.events("PutRule", jsonObject{"Name": "r", "EventPattern": mine})
			refused := func(target jsonObject, text string) {
				target["Id"] = "t"
				c.refused("events", "PutTargets", jsonObject{"Rule": "r", "Targets": []jsonObject{target}}, "ValidationException", text)
			}
			refused(jsonObject{"Arn": "arn:aws:lambda:eu-west-1:111111111111:function:f"}, "SQS queues and event buses only")
			refused(jsonObject{"Arn": "arn:aws:sqs:us-east-1:111111111111:q"}, "account and Region")
			refused(jsonObject{"Arn": "arn:aws:sqs:eu-west-1:999999999999:q"}, "account and Region")
			refused(jsonObject{"Arn": c.queueARN("q.fifo")}, "SqsParameters must be specified")
			refused(jsonObject{"Arn": c.queueARN("q"), "InputPath": "$.detail"}, "has no InputPath")
			refused(jsonObject{"Arn": c.queueARN("q"), "DeadLetterConfig": jsonObject{"Arn": c.queueARN("d.fifo")}}, "standard queue")
			var targets []jsonObject
			for i := range 6 {
				targets = append(targets, jsonObject{"Id": fmt.Sprint(i), "Arn": c.queueARN("q")})
			}
			c.refused("events", "PutTargets", jsonObject{"Rule": "r", "Targets": targets}, "LimitExceededException", "")
			c.events("PutTargets", jsonObject{"Rule": "r", "Targets": targets[:5]})
			c.events("PutTargets", jsonObject{"Rule": "r", "Targets": targets[:5]})
			c.refused("events", "PutTargets", jsonObject{"Rule": "r", "Targets": targets[5:]}, "LimitExceededException", "")
		},
		"buses are created once, described with their policy and listed": func(c queues) {
			c.events("CreateEventBus", jsonObject{"Name": "b"})
			c.refused("events", "CreateEventBus", jsonObject{"Name": "b"}, "ResourceAlreadyExistsException", "Event bus b already exists")
			c.events("PutPermission", jsonObject{"EventBusName": "b", "Action": "events:PutEvents", "Principal": "*", "StatementId": "everyone"})
			described := c.events("DescribeEventBus", jsonObject{"Name": "arn:aws:events:eu-west-1:111111111111:event-bus/b"})
			var policy struct {
				Statement []struct{ Sid, Effect, Principal string }
			}
			if err := json.Unmarshal([]byte(described["Policy"].(string)), &policy); err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(policy.Statement); got != "[{everyone Allow *}]" {
				t.Errorf("policy: got %s", got)
			}
			var names []string
			for _, b := range c.events("ListEventBuses", nil)["EventBuses"].([]any) {
				names = append(names, b.(map[string]any)["Name"].(string))
			}
			if diff := cmp.Diff([]string{"b", "default"}, names); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			c.refused("events", "PutPermission", jsonObject{"EventBusName": "b", "Action": "events:PutEvents", "Principal": "*", "StatementId": "o",
				"Condition": jsonObject{"Type": "StringSounds", "Key": "aws:PrincipalOrgID", "Value": "o-1"}}, "ValidationException", "no operator")
		},
		"a test event needs the mandatory fields": func(c queues) {
			c.refused("events", "TestEventPattern", jsonObject{"EventPattern": mine, "Event": `{"source":"mine"}`}, "ValidationException", "mandatory field id")
			c.refused("events", "TestEventPattern", jsonObject{"EventPattern": mine, "Event": `nonsense`}, "ValidationException", "not a JSON object")
		},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) { inQueueWorld(t, test) })
	}
}

func TestAmazonsOwnEvents(t *testing.T) {
	for times := range 3 {
		t.Run(fmt.Sprintf("a notification arrives %d times when Notify says so", times), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := New(Options{Notify: func([]byte) int { return times }})
				c := queues{t, w, "111111111111", "eu-west-1"}
				url := c.create("queue")
				c.route("", "r", `{"source":["aws.ec2"]}`, jsonObject{"Arn": c.queueARN("queue")})
				event := []byte(`{"source":"aws.ec2","detail":{}}`)
				w.step(func(now time.Time) { w.events.publishEBS(c.account, c.region, now, event) })
				if got := len(c.receive(url, 10)); got != times {
					t.Errorf("got %d messages, want %d", got, times)
				}
			})
		})
	}
}

func TestOnEvent(t *testing.T) {
	t.Run("a listener hears of every event at every bus, in order, before the call is answered", func(t *testing.T) {
		inQueueWorld(t, func(c queues) {
			var heard []string
			c.w.OnEvent(func(account, region, bus string, event []byte) {
				var e struct{ Source string }
				if err := json.Unmarshal(event, &e); err != nil {
					t.Error(err)
				}
				heard = append(heard, strings.Join([]string{account, region, bus, e.Source}, " "))
			})
			c.events("CreateEventBus", jsonObject{"Name": "b"})
			c.route("", "r", mine, jsonObject{"Arn": "arn:aws:events:eu-west-1:111111111111:event-bus/b"})
			c.put("", "mine", `{}`)
			c.put("b", "other", `{}`)
			want := []string{"111111111111 eu-west-1 default mine", "111111111111 eu-west-1 b mine", "111111111111 eu-west-1 b other"}
			if diff := cmp.Diff(want, heard); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	})
	t.Run("a listener may use the world, and what it puts is heard later", func(t *testing.T) {
		inQueueWorld(t, func(c queues) {
			var heard []string
			c.w.OnEvent(func(_, _, _ string, event []byte) {
				var e struct{ Source string }
				if err := json.Unmarshal(event, &e); err != nil {
					t.Error(err)
				}
				if len(heard) < 3 {
					c.put("", e.Source+"'", `{}`)
				}
				heard = append(heard, e.Source)
			})
			c.put("", "a", `{}`)
			if diff := cmp.Diff([]string{"a", "a'", "a''", "a'''"}, heard); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	})
	t.Run("listeners hear one event at a time, however many callers there are", func(t *testing.T) {
		inQueueWorld(t, func(c queues) {
			var calling, heard int
			c.w.OnEvent(func(_, _, _ string, _ []byte) {
				calling++
				time.Sleep(time.Millisecond)
				if calling--; calling != 0 {
					t.Error("two calls at once")
				}
				heard++
			})
			var callers sync.WaitGroup
			for range 10 {
				callers.Go(func() {
					entries := slices.Repeat([]jsonObject{{"Source": "mine", "DetailType": "T", "Detail": "{}"}}, 10)
					if err := c.w.Do(context.Background(), c.account, c.region, "events", "PutEvents", jsonObject{"Entries": entries}, nil); err != nil {
						t.Error(err)
					}
				})
			}
			callers.Wait()
			time.Sleep(time.Second)
			if heard != 100 {
				t.Errorf("heard %d, want 100", heard)
			}
		})
	})
}

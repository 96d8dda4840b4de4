package sim

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEventsAuthorization(t *testing.T) {
	const (
		bus    = "arn:aws:events:eu-west-1:222222222222:event-bus/default"
		rule   = "arn:aws:events:eu-west-1:222222222222:rule/r"
		denied = "AccessDeniedException"
	)
	entry := func(source string) object {
		return object{"Source": source, "DetailType": "T", "Detail": "{}"}
	}
	put := object{"Entries": []object{entry("mine")}}
	target := func(role string) object {
		return object{"Rule": "r", "Targets": []object{{"Id": "t", "Arn": "arn:aws:events:us-east-1:222222222222:event-bus/home", "RoleArn": role}}}
	}
	const forwarder = "arn:aws:iam::222222222222:role/forwarder"
	tests := []struct {
		name      string
		role      []string
		bus       []string // statements of the bus's policy
		caller    string
		operation string
		in        object
		want      string
	}{
		{name: "put on the bus", role: []string{may("events:PutEvents", bus)}, operation: "PutEvents", in: put},
		{name: "put on another bus", role: []string{may("events:PutEvents", bus+"2")}, operation: "PutEvents", in: put, want: denied},
		{name: "put from this source", role: []string{may("events:PutEvents", "*", `{"StringEquals":{"events:source":"mine","events:detail-type":"T"}}`)}, operation: "PutEvents", in: put},
		{name: "put from two sources, one not allowed", role: []string{may("events:PutEvents", "*", `{"StringEquals":{"events:source":"mine"}}`)}, operation: "PutEvents", in: object{"Entries": []object{entry("mine"), entry("yours")}}, want: denied},
		{name: "put by the bus's policy", bus: []string{`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:role/role-1"},"Action":"events:PutEvents","Resource":"` + bus + `"}`}, operation: "PutEvents", in: put},
		{name: "the root, denied by the bus", bus: []string{`{"Effect":"Deny","Principal":"*","Action":"events:PutEvents","Resource":"` + bus + `"}`}, caller: vault, operation: "PutEvents", in: put, want: denied},
		{name: "another account by its organisation", bus: []string{`{"Effect":"Allow","Principal":"*","Action":"events:PutEvents","Resource":"` + bus + `","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-ours"}}}`},
			caller: owner, operation: "PutEvents", in: object{"Entries": []object{{"EventBusName": bus, "Source": "mine", "DetailType": "T", "Detail": "{}"}}}},
		{name: "another account of no organisation", bus: []string{`{"Effect":"Allow","Principal":"*","Action":"events:PutEvents","Resource":"` + bus + `","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-ours"}}}`},
			caller: stranger, operation: "PutEvents", in: object{"Entries": []object{{"EventBusName": bus, "Source": "mine", "DetailType": "T", "Detail": "{}"}}}, want: denied},
		{name: "describe the bus", role: []string{may("events:DescribeEventBus", bus)}, operation: "DescribeEventBus", in: object{}},
		{name: "describe the rule", role: []string{may("events:DescribeRule", rule)}, operation: "DescribeRule", in: object{"Name": "r"}},
		{name: "describe another", role: []string{may("events:DescribeRule", rule+"2")}, operation: "DescribeRule", in: object{"Name": "r"}, want: denied},
		{name: "another call's field is no way around", role: []string{may("events:DescribeRule", rule+"2")}, operation: "DescribeRule", in: object{"Name": "r", "Rule": "r2"}, want: denied},
		{name: "the rule of targets", role: []string{may("events:ListTargetsByRule", rule, `{"StringEquals":{"events:creatorAccount":"222222222222"}}`)}, operation: "ListTargetsByRule", in: object{"Rule": "r"}},
		{name: "a field of another type is no way around", operation: "DescribeRule", in: object{"Name": "r", "RoleArn": 7}, want: "SerializationException"},
		{name: "a rule for these sources", role: []string{may("events:PutRule", rule, `{"ForAllValues:StringEquals":{"events:source":["mine"]},"Null":{"events:source":"false"}}`)}, operation: "PutRule", in: object{"Name": "r", "EventPattern": mine}},
		{name: "a rule for others", role: []string{may("events:PutRule", rule, `{"ForAllValues:StringEquals":{"events:source":["mine"]}}`)}, operation: "PutRule", in: object{"Name": "r", "EventPattern": `{"source":["aws.ec2"]}`}, want: denied},
		{name: "a target and its role", role: []string{may("events:PutTargets", rule), may("iam:PassRole", forwarder, `{"StringEquals":{"iam:PassedToService":"events.amazonaws.com"}}`)}, operation: "PutTargets", in: target(forwarder)},
		{name: "a target, and a role that may not be passed", role: []string{may("events:PutTargets", rule)}, operation: "PutTargets", in: target(forwarder), want: denied},
		{name: "only these targets", role: []string{may("events:PutTargets", rule, `{"ForAllValues:ArnLike":{"events:TargetArn":"arn:aws:sqs:*:*:*"}}`)}, operation: "PutTargets", in: target(""), want: denied},
		{name: "listing takes *", role: []string{may("events:ListRules", rule)}, operation: "ListRules", in: object{}, want: denied},
	}
	for _, test := range tests {
		bubble(t, test.name, Options{Organizations: map[string]string{owner: "o-ours", vault: "o-ours"}}, func(l *lab) {
			key := l.role(test.role...)
			if test.caller != "" {
				key = test.caller
			}
			c := queues{l.t, l.w, vault, west}
			c.events("PutRule", jsonObject{"Name": "r", "EventPattern": mine})
			if len(test.bus) > 0 {
				c.events("PutPermission", jsonObject{"Policy": permit(test.bus...)})
			}
			code, message := l.refusal(t.Context(), key, west, "events", test.operation, test.in)
			if code != test.want {
				t.Errorf("got %s: %s, want %s", code, message, test.want)
			}
		})
	}
}

// TestDeliveryIsAuthorized: a queue takes from EventBridge what its policy and
// that of its key let it; what it refuses goes to the dead-letter queue, if that
// takes it.
func TestDeliveryIsAuthorized(t *testing.T) {
	const queueARN = "arn:aws:sqs:eu-west-1:222222222222:q"
	takes := func(principal, condition string) string {
		return permit(`{"Effect":"Allow","Principal":` + principal + `,"Action":"sqs:SendMessage","Resource":"*","Condition":{` + condition + `}}`)
	}
	const events = `{"Service":"events.amazonaws.com"}`
	bySource := func(arn string) string { return takes(events, `"ArnEquals":{"aws:SourceArn":"`+arn+`"}`) }
	tests := []struct {
		name         string
		queue, dead  string // policies
		key          string // statements of the key's policy; "": not encrypted
		managed      bool   // under aws/sqs
		in, diverted string
		lost         map[string]int
	}{
		{name: "from the rule", queue: bySource("arn:aws:events:eu-west-1:222222222222:rule/r"), in: "1/0/0", diverted: "0/0/0"},
		{name: "from the account", queue: takes(events, `"StringEquals":{"aws:SourceAccount":"222222222222"}`), in: "1/0/0", diverted: "0/0/0"},
		{name: "from the organisation", queue: takes(events, `"StringEquals":{"aws:SourceOrgID":"o-ours","aws:ResourceOrgID":"o-ours"},"Bool":{"aws:PrincipalIsAWSService":true}`), in: "1/0/0", diverted: "0/0/0"},
		{name: "from anyone, on the rule's behalf", queue: takes(`"*"`, `"ArnLike":{"aws:SourceArn":"arn:aws:events:*:222222222222:rule/*"}`), in: "1/0/0", diverted: "0/0/0"},
		{name: "from another rule", queue: bySource("arn:aws:events:eu-west-1:222222222222:rule/s"), dead: takes(events, ``), in: "0/0/0", diverted: "1/0/0"},
		{name: "no policy", dead: takes(events, ``), in: "0/0/0", diverted: "1/0/0"},
		{name: "for the account", queue: takes(`{"AWS":"222222222222"}`, ``), dead: takes(events, ``), in: "0/0/0", diverted: "1/0/0"},
		{name: "no policy on either", in: "0/0/0", diverted: "0/0/0", lost: map[string]int{"arn:aws:events:eu-west-1:222222222222:rule/r": 1}},
		{name: "TLS", queue: permit(`{"Effect":"Allow","Principal":`+events+`,"Action":"sqs:SendMessage","Resource":"*"}`, `{"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`), in: "1/0/0", diverted: "0/0/0"},
		{name: "a key that lets it", queue: takes(events, ``), key: `{"Effect":"Allow","Principal":` + events + `,"Action":["kms:GenerateDataKey","kms:Decrypt"],"Resource":"*","Condition":{"StringEquals":{"aws:SourceAccount":"222222222222"}}}`, in: "1/0/0", diverted: "0/0/0"},
		{name: "a key that lets it half", queue: takes(events, ``), dead: takes(events, ``), key: `{"Effect":"Allow","Principal":` + events + `,"Action":"kms:Decrypt","Resource":"*"}`, in: "0/0/0", diverted: "1/0/0"},
		{name: "a key for the account", queue: takes(events, ``), dead: takes(events, ``), key: `{"Effect":"Allow","Principal":{"AWS":"333333333333"},"Action":"kms:*","Resource":"*"}`, in: "0/0/0", diverted: "1/0/0"},
		{name: "aws/sqs", queue: takes(events, ``), dead: takes(events, ``), managed: true, in: "0/0/0", diverted: "1/0/0"},
	}
	for _, test := range tests {
		bubble(t, test.name, Options{Organizations: map[string]string{vault: "o-ours"}}, func(l *lab) {
			c := queues{l.t, l.w, vault, west}
			set := []string{"Policy", test.queue}
			switch {
			case test.key != "":
				set = append(set, "KmsMasterKeyId", l.newKey(vault, west, policyFor(vault, test.key)))
			case test.managed:
				set = append(set, "KmsMasterKeyId", sqsAlias)
			}
			url, dead := c.create("q", set...), c.create("dead", "Policy", test.dead)
			c.events("PutRule", jsonObject{"Name": "r", "EventPattern": mine})
			c.events("PutTargets", jsonObject{"Rule": "r", "Targets": []jsonObject{{"Id": "t", "Arn": queueARN, "DeadLetterConfig": jsonObject{"Arn": c.queueARN("dead")}}}})
			c.put("", "mine", `{}`)
			c.wantCounts(url, test.in)
			c.wantCounts(dead, test.diverted)
			if test.diverted == "1/0/0" {
				l.want("code", *c.receive(dead, 1)[0].MessageAttributes["ERROR_CODE"].StringValue, "NO_PERMISSIONS")
			}
			want := test.lost
			if want == nil {
				want = map[string]int{}
			}
			if diff := cmp.Diff(want, l.w.Lost()); diff != "" {
				t.Errorf("lost (-want +got):\n%s", diff)
			}
		})
	}
}

// TestForwardingIsAuthorized: a rule puts events on a bus elsewhere as its
// target's role.
func TestForwardingIsAuthorized(t *testing.T) {
	const (
		home  = "arn:aws:events:us-east-1:222222222222:event-bus/home"
		rule  = "arn:aws:events:eu-west-1:222222222222:rule/r"
		trust = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"ArnEquals":{"aws:SourceArn":"` + rule + `"}}}}`
	)
	tests := []struct {
		name   string
		added  bool
		policy []string
		trust  string
		bus    []string
		want   string
	}{
		{name: "a role that may, and trusts EventBridge", added: true, policy: []string{may("events:PutEvents", home, `{"StringEquals":{"events:source":"mine","aws:RequestedRegion":"us-east-1"}}`)}, trust: trust, want: "1/0/0"},
		{name: "a role for another bus", added: true, policy: []string{may("events:PutEvents", home+"2")}, trust: trust, want: "0/0/0"},
		{name: "a role without policies", added: true, trust: trust, want: "0/0/0"},
		{name: "a role that trusts nobody", added: true, policy: []string{may("events:PutEvents", "*")}, want: "0/0/0"},
		{name: "a role that trusts another service", added: true, policy: []string{may("events:PutEvents", "*")}, trust: `{"Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}`, want: "0/0/0"},
		{name: "a role that a bus denies", added: true, policy: []string{may("events:PutEvents", "*")}, trust: trust, bus: []string{`{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::222222222222:role/forwarder"},"Action":"events:PutEvents","Resource":"*"}`}, want: "0/0/0"},
		{name: "a role that nobody added", want: "1/0/0"},
	}
	for _, test := range tests {
		bubble(t, test.name, Options{}, func(l *lab) {
			c := queues{l.t, l.w, vault, west}
			far := queues{l.t, l.w, vault, east}
			far.events("CreateEventBus", jsonObject{"Name": "home"})
			if len(test.bus) > 0 {
				far.events("PutPermission", jsonObject{"EventBusName": "home", "Policy": permit(test.bus...)})
			}
			url := far.create("q")
			far.route("home", "all", mine, jsonObject{"Arn": far.queueARN("q")})
			if test.added {
				var policies []string
				if len(test.policy) > 0 {
					policies = append(policies, permit(test.policy...))
				}
				if _, err := l.w.AddRole(vault, "forwarder", policies...); err != nil {
					t.Fatal(err)
				}
			}
			if test.trust != "" {
				if err := l.w.TrustRole(vault, "forwarder", test.trust); err != nil {
					t.Fatal(err)
				}
			}
			dead := c.create("dead")
			c.route("", "r", mine, jsonObject{"Arn": home, "RoleArn": "arn:aws:iam::222222222222:role/forwarder", "DeadLetterConfig": jsonObject{"Arn": c.queueARN("dead")}})
			c.put("", "mine", `{}`)
			far.wantCounts(url, test.want)
			if test.want == "0/0/0" {
				l.want("code", *c.receive(dead, 1)[0].MessageAttributes["ERROR_CODE"].StringValue, "NO_PERMISSIONS")
			}
		})
	}
}

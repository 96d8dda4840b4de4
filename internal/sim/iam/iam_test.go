package iam

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	account  = "222222222222"
	other    = "111111111111"
	resource = "arn:aws:sqs:eu-west-1:222222222222:orders"
)

var session = Session(account, "copier", "copier")

// statement is a statement that allows everything, with what is given instead.
func statement(fields ...string) string {
	all := map[string]string{"Effect": `"Allow"`, "Action": `"*"`, "Resource": `"*"`}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		if rest, not := strings.CutPrefix(name, "Not"); not {
			delete(all, rest)
		}
		all[name] = value
		if value == "" {
			delete(all, name)
		}
	}
	var parts []string
	for name, value := range all {
		parts = append(parts, fmt.Sprintf("%q:%s", name, value))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func document(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

func parse(t *testing.T, kind Kind, text string) *Policy {
	t.Helper()
	p, err := Parse(kind, text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return p
}

// TestMatching is about actions, resources and conditions: whether one
// statement of a role's policy allows a request.
func TestMatching(t *testing.T) {
	const (
		action   = "ec2:CopySnapshot"
		snapshot = "arn:aws:ec2:us-east-1::snapshot/*"
		named    = "arn:aws:ec2:us-east-1::snapshot/snap-1"
	)
	keys := Keys{}
	keys.Set("aws:PrincipalAccount", account)
	keys.Set("aws:RequestedRegion", "us-east-1")
	keys.Set("aws:SecureTransport", "true")
	keys.Set("aws:SourceArn", "arn:aws:events:us-east-1:222222222222:rule/home/shares")
	keys.Set("aws:CurrentTime", "2026-11-23T10:00:00Z")
	keys.Set("aws:RequestTag/Owner", "Team-A")
	keys.Set("aws:TagKeys", "Owner", "cost")
	keys.Set("ec2:VolumeSize", "8")
	keys.Set("ec2:Owner", other)
	when := func(condition string) string { return statement("Condition={" + condition + "}") }
	tests := []struct {
		name      string
		statement string
		resource  string
		want      bool
	}{
		{"everything", statement(), named, true},
		{"the action in another case", statement(`Action="EC2:copysnapshot"`), named, true},
		{"a wildcard in the action", statement(`Action=["sqs:*","ec2:C?pySnap*"]`), named, true},
		{"another action", statement(`Action="ec2:CopyImage"`), named, false},
		{"another service", statement(`Action="ebs:*"`), named, false},
		{"an action as a prefix only", statement(`Action="ec2:Copy"`), named, false},
		{"not another action", statement(`NotAction="ec2:DeleteSnapshot"`), named, true},
		{"not this action", statement(`NotAction=["s3:*","ec2:Copy*"]`), named, false},

		{"the resource itself", statement(`Resource="` + named + `"`), named, true},
		{"the resource in another case", statement(`Resource="arn:aws:ec2:us-east-1::snapshot/SNAP-1"`), named, false},
		{"a new snapshot is the literal *", statement(`Resource="` + snapshot + `"`), snapshot, true},
		{"snap-* is no new snapshot", statement(`Resource="arn:aws:ec2:*::snapshot/snap-*"`), snapshot, false},
		{"snap-* is a source", statement(`Resource="arn:aws:ec2:*::snapshot/snap-*"`), named, true},
		{"an ARN with an account is no snapshot's", statement(`Resource="arn:aws:ec2:us-east-1:222222222222:snapshot/*"`), named, false},
		{"nor a new one's", statement(`Resource="arn:aws:ec2:us-east-1:222222222222:snapshot/*"`), snapshot, false},
		{"any account is no account too", statement(`Resource="arn:aws:ec2:us-east-1:*:snapshot/*"`), named, true},
		{"another Region", statement(`Resource="arn:aws:ec2:us-east-2::snapshot/*"`), named, false},
		{"one character", statement(`Resource="arn:aws:ec2:us-east-?::snapshot/snap-?"`), named, true},
		{"a question mark is no colon", statement(`Resource="arn:aws:logs:us-east-1:222222222222:log-group?x"`), "arn:aws:logs:us-east-1:222222222222:log-group:x", false},
		{"a star amid a segment stays in it", statement(`Resource="arn:aws:sqs:eu*1:222222222222:q"`), "arn:aws:sqs:eu-west-1:999999999999:x1:222222222222:q", false},
		{"a star at a segment's end goes beyond", statement(`Resource="arn:aws:logs:us-east-1:222222222222:log-group*"`), "arn:aws:logs:us-east-1:222222222222:log-group:x", true},
		{"also when more follows", statement(`Resource="arn:aws:logs:us-east-1:*:x"`), "arn:aws:logs:us-east-1:222222222222:log-group:x", true},
		{"not another resource", statement(`NotResource="arn:aws:ec2:us-east-1::snapshot/snap-2"`), named, true},
		{"not this resource", statement(`NotResource="arn:aws:ec2:*::snapshot/*"`), named, false},
		{"a variable in the resource", statement(`Resource="arn:aws:sqs:${aws:RequestedRegion}:${aws:PrincipalAccount}:*"`), "arn:aws:sqs:us-east-1:222222222222:q", true},
		{"a variable with another value", statement(`Resource="arn:aws:sqs:us-east-1:${aws:PrincipalAccount}:*"`), "arn:aws:sqs:us-east-1:999999999999:q", false},
		{"a variable without a value", statement(`Resource="arn:aws:sqs:us-east-1:${aws:SourceAccount}:*"`), "arn:aws:sqs:us-east-1::q", false},
		{"a variable with a default", statement(`Resource="arn:aws:sqs:us-east-1:${aws:SourceAccount, '222222222222'}:q"`), "arn:aws:sqs:us-east-1:222222222222:q", true},
		{"a star that stands for itself", statement(`Resource="arn:aws:ec2:us-east-1::snapshot/${*}"`), named, false},
		{"and matches itself", statement(`Resource="arn:aws:ec2:us-east-1::snapshot/${*}"`), snapshot, true},

		{"StringEquals", when(`"StringEquals":{"ec2:Owner":"111111111111"}`), named, true},
		{"StringEquals one of many", when(`"StringEquals":{"ec2:Owner":["333333333333","111111111111"]}`), named, true},
		{"StringEquals none", when(`"StringEquals":{"ec2:Owner":["333333333333"]}`), named, false},
		{"StringEquals minds the case", when(`"StringEquals":{"aws:RequestTag/Owner":"team-a"}`), named, false},
		{"StringEquals has no wildcards", when(`"StringEquals":{"aws:RequestTag/Owner":"Team-*"}`), named, false},
		{"StringEquals on an absent key", when(`"StringEquals":{"ec2:ParentVolume":"x"}`), named, false},
		{"a key in another case", when(`"StringEquals":{"AWS:requesttag/owner":"Team-A"}`), named, true},
		{"a variable in a condition", when(`"StringEquals":{"aws:PrincipalAccount":"${aws:PrincipalAccount}"}`), named, true},
		{"StringEqualsIfExists on an absent key", when(`"StringEqualsIfExists":{"ec2:ParentVolume":"x"}`), named, true},
		{"StringEqualsIfExists on another value", when(`"StringEqualsIfExists":{"ec2:Owner":"x"}`), named, false},
		{"StringNotEquals", when(`"StringNotEquals":{"ec2:Owner":"333333333333"}`), named, true},
		{"StringNotEquals is none of many", when(`"StringNotEquals":{"ec2:Owner":["333333333333","111111111111"]}`), named, false},
		{"StringNotEquals on an absent key", when(`"StringNotEquals":{"ec2:ParentVolume":"x"}`), named, true},
		{"StringEqualsIgnoreCase", when(`"StringEqualsIgnoreCase":{"aws:RequestTag/Owner":"TEAM-a"}`), named, true},
		{"StringNotEqualsIgnoreCase", when(`"StringNotEqualsIgnoreCase":{"aws:RequestTag/Owner":"TEAM-a"}`), named, false},
		{"StringLike", when(`"StringLike":{"aws:RequestTag/Owner":"T??m-*"}`), named, true},
		{"StringLike minds the case", when(`"StringLike":{"aws:RequestTag/Owner":"t*"}`), named, false},
		{"StringNotLike", when(`"StringNotLike":{"aws:RequestTag/Owner":"Team*"}`), named, false},
		{"StringNotLike on an absent key", when(`"StringNotLike":{"ec2:ParentVolume":"*"}`), named, true},

		{"ArnEquals with wildcards", when(`"ArnEquals":{"aws:SourceArn":"arn:aws:events:*:222222222222:rule/home/*"}`), named, true},
		{"ArnLike of another account", when(`"ArnLike":{"aws:SourceArn":"arn:aws:events:*:111111111111:rule/*"}`), named, false},
		{"ArnLike does not cross fields", when(`"ArnLike":{"aws:SourceArn":"arn:aws:events:*:rule/home/*:x:y"}`), named, false},
		{"ArnNotLike", when(`"ArnNotLike":{"aws:SourceArn":"arn:aws:events:*:*:rule/away/*"}`), named, true},
		{"ArnNotEquals on an absent key", when(`"ArnNotEquals":{"ec2:ParentVolume":"arn:aws:ec2:a:b:c"}`), named, true},
		{"ArnEquals with a variable", when(`"ArnEquals":{"aws:SourceArn":"arn:aws:events:us-east-1:${aws:PrincipalAccount}:rule/home/shares"}`), named, true},

		{"Bool", when(`"Bool":{"aws:SecureTransport":true}`), named, true},
		{"Bool as text", when(`"Bool":{"aws:SecureTransport":"False"}`), named, false},
		{"Bool on an absent key", when(`"Bool":{"kms:GrantIsForAWSResource":"false"}`), named, false},
		{"BoolIfExists on an absent key", when(`"BoolIfExists":{"kms:GrantIsForAWSResource":"true"}`), named, true},
		{"Null of an absent key", when(`"Null":{"ec2:ParentVolume":"true"}`), named, true},
		{"Null of a key that is there", when(`"Null":{"ec2:Owner":true}`), named, false},
		{"not Null", when(`"Null":{"ec2:Owner":"false"}`), named, true},

		{"NumericEquals", when(`"NumericEquals":{"ec2:VolumeSize":"8.0"}`), named, true},
		{"NumericNotEquals", when(`"NumericNotEquals":{"ec2:VolumeSize":8}`), named, false},
		{"NumericLessThan", when(`"NumericLessThan":{"ec2:VolumeSize":8}`), named, false},
		{"NumericLessThanEquals", when(`"NumericLessThanEquals":{"ec2:VolumeSize":8}`), named, true},
		{"NumericGreaterThan compares numbers", when(`"NumericGreaterThan":{"ec2:VolumeSize":"10"}`), named, false},
		{"NumericGreaterThanEquals", when(`"NumericGreaterThanEquals":{"ec2:VolumeSize":7}`), named, true},
		{"Numeric on what is no number", when(`"NumericGreaterThan":{"aws:RequestTag/Owner":0}`), named, false},
		{"DateLessThan", when(`"DateLessThan":{"aws:CurrentTime":"2026-12-01T00:00:00Z"}`), named, true},
		{"DateGreaterThan", when(`"DateGreaterThan":{"aws:CurrentTime":"2026-12-01"}`), named, false},
		{"DateEquals in seconds", when(`"DateEquals":{"aws:CurrentTime":"1795428000"}`), named, true},
		{"DateNotEquals", when(`"DateNotEquals":{"aws:CurrentTime":"2026-11-23T10:00:00Z"}`), named, false},
		{"DateLessThanEquals", when(`"DateLessThanEquals":{"aws:CurrentTime":"2026-11-23T10:00Z"}`), named, true},
		{"DateGreaterThanEquals", when(`"DateGreaterThanEquals":{"aws:CurrentTime":"2026-11-23T10:00:01Z"}`), named, false},

		{"ForAllValues: all are listed", when(`"ForAllValues:StringEquals":{"aws:TagKeys":["Owner","cost","x"]}`), named, true},
		{"ForAllValues: one is not", when(`"ForAllValues:StringEquals":{"aws:TagKeys":["Owner"]}`), named, false},
		{"ForAllValues holds for an empty set", when(`"ForAllValues:StringEquals":{"ec2:ProductCode":["x"]}`), named, true},
		{"ForAllValues not: one is listed", when(`"ForAllValues:StringNotEquals":{"aws:TagKeys":["cost"]}`), named, false},
		{"ForAnyValue", when(`"ForAnyValue:StringLike":{"aws:TagKeys":["c*"]}`), named, true},
		{"ForAnyValue: none", when(`"ForAnyValue:StringEquals":{"aws:TagKeys":["x"]}`), named, false},
		{"ForAnyValue fails for an empty set", when(`"ForAnyValue:StringEquals":{"ec2:ProductCode":["x"]}`), named, false},
		{"ForAnyValue not fails for an empty set too", when(`"ForAnyValue:StringNotEquals":{"ec2:ProductCode":["x"]}`), named, false},
		{"ForAnyValue not: one is not listed", when(`"ForAnyValue:StringNotEquals":{"aws:TagKeys":["cost"]}`), named, true},
		{"ForAnyValue with IfExists", when(`"ForAnyValue:StringEqualsIfExists":{"ec2:ProductCode":["x"]}`), named, true},
		{"many values, negated, without a set operator", when(`"StringNotEquals":{"aws:TagKeys":["cost"]}`), named, false},

		{"two operators, one not met", when(`"StringEquals":{"ec2:Owner":"111111111111"},"Bool":{"aws:SecureTransport":"false"}`), named, false},
		{"two keys, one not met", when(`"StringEquals":{"ec2:Owner":"111111111111","aws:RequestedRegion":"x"}`), named, false},
		{"an empty condition", when(``), named, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := parse(t, Identity, document(test.statement))
			r := Request{Principal: session, Action: action, Resource: test.resource, Keys: keys}
			if got := Evaluate(&r, []*Policy{p}, nil, Either).Allowed; got != test.want {
				t.Errorf("%s for %s: got %v, want %v", test.statement, test.resource, got, test.want)
			}
		})
	}
}

// TestDenials: what makes a statement apply makes a denial apply.
func TestDenials(t *testing.T) {
	keys := Keys{"aws:securetransport": {"false"}}
	insecure := statement(`Effect="Deny"`, `Condition={"Bool":{"aws:SecureTransport":"false"}}`)
	tests := []struct {
		name    string
		keys    Keys
		denial  string
		allowed bool
	}{
		{"no TLS", keys, insecure, false},
		{"TLS", Keys{"aws:securetransport": {"true"}}, insecure, true},
		{"an absent key does not deny", nil, insecure, true},
		{"a negated operator denies for want of the key", nil, statement(`Effect="Deny"`, `Condition={"StringNotEquals":{"aws:PrincipalOrgID":"o-1"}}`), false},
		{"with IfExists as well", nil, statement(`Effect="Deny"`, `Condition={"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"o-1"}}`), false},
		{"Null keeps it to those with the key", nil, statement(`Effect="Deny"`, `Condition={"StringNotEquals":{"aws:PrincipalOrgID":"o-1"},"Null":{"aws:PrincipalOrgID":"false"}}`), true},
		{"all but one action", nil, statement(`Effect="Deny"`, `NotAction="sqs:SendMessage"`), true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := parse(t, Identity, document(statement(`Sid="Open"`), test.denial))
			r := Request{Principal: session, Action: "sqs:SendMessage", Resource: resource, Keys: test.keys}
			got := Evaluate(&r, []*Policy{p}, nil, Either)
			want := Decision{Allowed: true, By: []Grounds{{0, 0, "Open"}}}
			if !test.allowed {
				want = Decision{Denied: true, By: []Grounds{{0, 1, ""}}}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestEvaluation is about principals: who allows what, and whose word it takes.
func TestEvaluation(t *testing.T) {
	root, stranger, service := Root(account), Session(other, "reader", "s"), Service("events.amazonaws.com")
	to := func(principal string) string { return statement("Principal=" + principal) }
	not := func(principal string) string { return statement(`Effect="Deny"`, "Principal="+principal) }
	const (
		ours     = `{"AWS":"222222222222"}`
		oursRoot = `{"AWS":"arn:aws:iam::222222222222:root"}`
		role     = `{"AWS":"arn:aws:iam::222222222222:role/copier"}`
		another  = `{"AWS":"arn:aws:iam::222222222222:role/other"}`
		itsName  = `{"AWS":"arn:aws:sts::222222222222:assumed-role/copier/copier"}`
		theirs   = `{"AWS":"arn:aws:iam::111111111111:root"}`
		reader   = `{"AWS":"arn:aws:iam::111111111111:role/reader"}`
		events   = `{"Service":"events.amazonaws.com"}`
	)
	open, shut := statement(), statement(`Effect="Deny"`)
	tests := []struct {
		name      string
		principal Principal
		identity  string // one statement, "" for none
		resource  string // statements, "" for no policy
		authority Authority
		want      string // "allowed", "denied", "identity", "resource"
	}{
		{"a root", root, "", "", Either, "allowed"},
		{"a root, its account denied", root, "", not(ours), Either, "denied"},
		{"a root, everyone denied", root, "", not(`"*"`), Either, "denied"},
		{"a root, one role denied", root, "", not(role), Either, "allowed"},
		{"a role without policies", session, "", "", Either, "identity"},
		{"a role with a policy", session, open, "", Either, "allowed"},
		{"a role, denied by itself", session, shut, to(role), Either, "denied"},
		{"a role, allowed by the resource", session, "", to(role), Either, "allowed"},
		{"a session, allowed by the resource", session, "", to(itsName), Either, "allowed"},
		{"everyone, allowed by the resource", session, "", to(`"*"`), Either, "allowed"},
		{"everyone, in the other form", session, "", to(`{"AWS":"*"}`), Either, "allowed"},
		{"another role, allowed by the resource", session, "", to(another), Either, "identity"},
		{"its account, allowed by the resource", session, "", to(oursRoot), Either, "identity"},
		{"its account denied", session, open, not(oursRoot), Either, "denied"},
		{"another role denied", session, open, not(another), Either, "allowed"},
		{"a role of another account, by itself", stranger, open, "", Either, "resource"},
		{"a role of another account, by the resource", stranger, "", to(reader), Either, "identity"},
		{"a role of another account, by both", stranger, open, to(reader), Either, "allowed"},
		{"a role of another account, through its account", stranger, open, to(theirs), Either, "allowed"},
		{"a role of another account, everyone allowed", stranger, "", to(`"*"`), Either, "identity"},
		{"a root of another account", Root(other), "", to(theirs), Either, "allowed"},
		{"a root of another account stands for its roles", Root(other), "", to(reader), Either, "allowed"},
		{"a root of another account, unnamed", Root(other), "", to(ours), Either, "resource"},

		{"a key without a policy for anyone", root, "", to(theirs), ResourceFirst, "resource"},
		{"a key left to the account", root, "", to(oursRoot), ResourceFirst, "allowed"},
		{"a key left to the account, a role without policies", session, "", to(oursRoot), ResourceFirst, "identity"},
		{"a key left to the account, a role with one", session, open, to(oursRoot), ResourceFirst, "allowed"},
		{"a key for the role", session, "", to(role), ResourceFirst, "allowed"},
		{"a key for another role", session, open, to(another), ResourceFirst, "resource"},
		{"a key for everyone", session, "", to(`{"AWS":"*"}`), ResourceFirst, "allowed"},
		{"a key of another account left to ours", stranger, open, to(theirs), ResourceFirst, "allowed"},
		{"a key of another account left to ours, a role without policies", stranger, "", to(theirs), ResourceFirst, "identity"},
		{"a key of another account for the role alone", stranger, "", to(reader), ResourceFirst, "identity"},

		{"a service", service, "", to(events), Either, "allowed"},
		{"a service that nobody names", service, "", to(ours), Either, "resource"},
		{"a service, without a policy", service, "", "", Either, "resource"},
		{"another service", service, "", to(`{"Service":"sns.amazonaws.com"}`), Either, "resource"},
		{"a service among everyone", service, "", to(`"*"`), Either, "allowed"},
		{"a service denied", service, "", to(`"*"`) + "," + not(events), Either, "denied"},
		{"an account denied is no service", service, "", to(events) + "," + not(ours), Either, "allowed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := Request{Principal: test.principal, Action: "sqs:SendMessage", Resource: resource, Owner: account}
			var identity []*Policy
			if test.identity != "" {
				identity = append(identity, parse(t, Identity, document(test.identity)))
			}
			var theirs *Policy
			if test.resource != "" {
				theirs = parse(t, Resource, document(test.resource))
			}
			d := Evaluate(&r, identity, theirs, test.authority)
			got := map[Lack]string{LackIdentity: "identity", LackResource: "resource"}[d.Lack]
			switch {
			case d.Allowed:
				got = "allowed"
			case d.Denied:
				got = "denied"
			}
			if got != test.want {
				t.Errorf("got %s (%+v), want %s", got, d, test.want)
			}
		})
	}
}

func TestGroundsNameEveryStatement(t *testing.T) {
	first := parse(t, Identity, document(statement(`Sid="A"`), statement(`Sid="B"`, `Action="s3:*"`)))
	second := parse(t, Identity, document(statement(`Sid="C"`, `Action="s3:*"`), statement(`Sid="D"`, `Action="sqs:*"`)))
	queue := parse(t, Resource, document(statement(`Sid="E e"`, `Principal="*"`)))
	r := Request{Principal: session, Action: "sqs:SendMessage", Resource: resource, Owner: account}
	want := Decision{Allowed: true, By: []Grounds{{0, 0, "A"}, {1, 1, "D"}, {ResourcePolicy, 0, "E e"}}}
	if diff := cmp.Diff(want, Evaluate(&r, []*Policy{first, second}, queue, Either)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOlderVersionHasNoVariables(t *testing.T) {
	for version, want := range map[string]bool{`"2012-10-17"`: true, `"2008-10-17"`: false} {
		p := parse(t, Resource, `{"Version":`+version+`,"Id":"x","Statement":`+
			statement(`Principal="*"`, `Condition={"StringEquals":{"aws:PrincipalAccount":"${aws:PrincipalAccount}"}}`)+`}`)
		r := Request{Principal: session, Action: "sqs:SendMessage", Resource: resource, Keys: Keys{"aws:principalaccount": {account}}}
		if got := Evaluate(&r, nil, p, Either).Allowed; got != want {
			t.Errorf("version %s: got %v, want %v", version, got, want)
		}
	}
}

package iam

import (
	"strings"
	"testing"
)

func TestParseRefuses(t *testing.T) {
	when := func(condition string) string { return document(statement("Condition={" + condition + "}")) }
	tests := []struct {
		name string
		kind Kind
		text string
		want string // in the error
	}{
		{"nothing", Identity, ``, "ends too early"},
		{"half a document", Identity, `{"Version":"2012-10-17"`, "ends too early"},
		{"no JSON", Identity, `{x}`, "not JSON"},
		{"a list", Identity, `[]`, "not a JSON object"},
		{"more than a document", Identity, document(statement()) + "{}", "there is more"},
		{"an unknown element", Identity, `{"Version":"2012-10-17","Statements":[]}`, "Version, Id and Statement only"},
		{"a version that is none", Identity, `{"Version":"2020-01-01","Statement":[]}`, "neither 2012-10-17 nor"},
		{"an older version of a role's policy", Identity, `{"Version":"2008-10-17","Statement":[` + statement() + `]}`, `Version must be "2012-10-17"`},
		{"no version of a role's policy", Identity, `{"Statement":[` + statement() + `]}`, "Version must be"},
		{"no statement", Identity, `{"Version":"2012-10-17"}`, "Statement: it is missing"},
		{"no statements", Identity, document(), "the list is empty"},
		{"a statement that is none", Identity, document(`7`), "not a JSON object"},
		{"an element twice", Identity, document(`{"Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*"}`), "Effect stands there twice"},
		{"an unknown element of a statement", Identity, document(statement(`Actions="*"`)), "Actions: a statement has no such element"},
		{"no effect", Identity, document(statement(`Effect=`)), "Effect is missing"},
		{"another effect", Identity, document(statement(`Effect="allow"`)), "neither Allow nor Deny"},
		{"no action", Identity, document(statement(`Action=`)), "one of Action and NotAction"},
		{"both kinds of action", Identity, document(`{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}`), "one of Action and NotAction"},
		{"an action without a service", Identity, document(statement(`Action="CopySnapshot"`)), "not like service:Action"},
		{"no actions", Identity, document(statement(`Action=[]`)), "the list is empty"},
		{"an action that is a number", Identity, document(statement(`Action=[1]`)), "1 is not a string"},
		{"no resource", Identity, document(statement(`Resource=`)), "one of Resource and NotResource"},
		{"a resource that is no ARN", Identity, document(statement(`Resource="orders"`)), "nor an ARN of six fields"},
		{"half an ARN", Identity, document(statement(`Resource="arn:aws:sqs:eu-west-1"`)), "nor an ARN of six fields"},
		{"an ARN of any service", Identity, document(statement(`Resource="arn:aws:*:*:*:*"`)), "names its service"},
		{"a variable without an end", Identity, document(statement(`Resource="arn:aws:sqs:::${aws:PrincipalAccount"`)), "closing brace"},
		{"a variable that is no key", Identity, document(statement(`Resource="arn:aws:sqs:::${account}"`)), "no condition key"},
		{"a default without quotes", Identity, document(statement(`Resource="arn:aws:sqs:::${aws:userid, x}"`)), "single quotes"},
		{"a principal of a role's policy", Identity, document(statement(`Principal="*"`)), "a policy of a role has none"},
		{"a Sid twice", Identity, document(statement(`Sid="A"`), statement(`Sid="A"`)), "an earlier statement has it"},
		{"a Sid with a space", Identity, document(statement(`Sid="A B"`)), "other characters"},

		{"no principal", Resource, document(statement()), "Principal is missing"},
		{"NotPrincipal", Resource, document(statement(`NotPrincipal="*"`)), "not simulated"},
		{"a principal in text", Resource, document(statement(`Principal="222222222222"`)), "only * can stand alone"},
		{"a principal with a wildcard", Resource, document(statement(`Principal={"AWS":"arn:aws:iam::222222222222:role/*"}`)), "neither *, an account nor"},
		{"a principal of another kind", Resource, document(statement(`Principal={"Account":"222222222222"}`)), "principal type"},
		{"a service that is none", Resource, document(statement(`Principal={"Service":"events"}`)), "is no service"},
		{"nobody", Resource, document(statement(`Principal={}`)), "names nobody"},
		{"a resource in a trust policy", Trust, document(statement(`Principal="*"`)), "a trust policy has none"},
		{"NotAction in a key policy", Key, document(statement(`Principal="*"`, `NotAction="kms:*"`)), "neither NotAction nor NotResource"},

		{"an operator that is none", Identity, when(`"StringMatches":{"aws:userid":"x"}`), `no operator "StringMatches"`},
		{"an operator in another case", Identity, when(`"stringEquals":{"aws:userid":"x"}`), "no operator"},
		{"an operator that is not simulated", Identity, when(`"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}`), "no operator"},
		{"a set operator that is none", Identity, when(`"ForSomeValues:StringEquals":{"aws:userid":"x"}`), "no operator"},
		{"NullIfExists", Identity, when(`"NullIfExists":{"aws:userid":"true"}`), "Null takes neither"},
		{"ForAllValues:Null", Identity, when(`"ForAllValues:Null":{"aws:userid":"true"}`), "Null takes neither"},
		{"a key without a prefix", Identity, when(`"StringEquals":{"userid":"x"}`), "no condition key"},
		{"a key twice, in another case", Identity, when(`"StringEquals":{"aws:userid":"x","aws:UserId":"y"}`), "stands there twice"},
		{"no values", Identity, when(`"StringEquals":{"aws:userid":[]}`), "the list is empty"},
		{"a value that is an object", Identity, when(`"StringEquals":{"aws:userid":[{}]}`), "neither text, number nor boolean"},
		{"a truth that is none", Identity, when(`"Bool":{"aws:SecureTransport":"yes"}`), "neither true nor false"},
		{"a number that is none", Identity, when(`"NumericEquals":{"ec2:VolumeSize":"big"}`), "not a number"},
		{"a date that is none", Identity, when(`"DateLessThan":{"aws:CurrentTime":"soon"}`), "not a date"},
		{"an ARN that is none", Identity, when(`"ArnLike":{"aws:SourceArn":"*"}`), "not an ARN of six fields"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse(test.kind, test.text)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "parse policy: ") {
				t.Errorf("%s: got %v, want parse policy: … %s", test.text, err, test.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(document(statement(`Sid="A"`, `Condition={"ForAnyValue:StringLikeIfExists":{"aws:TagKeys":["a*","${aws:userid, 'x'}"]}}`)))
	f.Add(document(statement(`Principal={"AWS":["*"],"Service":"events.amazonaws.com"}`, `NotAction="a:b"`)))
	f.Fuzz(func(t *testing.T, text string) {
		for _, kind := range []Kind{Identity, Resource, Key, Trust} {
			p, err := Parse(kind, text)
			if err != nil {
				continue
			}
			// Whatever parses can be asked, and a policy alone never allows a
			// stranger.
			r := Request{Principal: Session("333333333333", "r", "s"), Action: "sqs:SendMessage", Resource: resource, Owner: account}
			d := Decision{}
			if kind == Identity {
				d = Evaluate(&r, []*Policy{p}, nil, Either)
			} else {
				d = Evaluate(&r, nil, p, Either)
			}
			if d.Allowed {
				t.Errorf("%s: one policy alone allows another account's role", text)
			}
		}
	})
}

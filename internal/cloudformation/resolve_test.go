package cloudformation

import (
	"strings"
	"testing"
)

// around is a template whose output O is the value, with things to refer to.
func around(value string) string {
	return `{"Parameters":{
			"Text":{"Type":"String","Default":"hello"},
			"Many":{"Type":"CommaDelimitedList","Default":"a, b,c"},
			"Asked":{"Type":"String"},
			"BootstrapVersion":{"Type":"AWS::SSM::Parameter::Value<String>","Default":"/cdk-bootstrap/hnb659fds/version"}},
		"Mappings":{"M":{"us-east-1":{"size":3}}},
		"Conditions":{
			"Yes":{"Fn::Equals":[{"Ref":"AWS::Region"},"us-east-1"]},
			"No":{"Fn::Not":[{"Condition":"Yes"}]},
			"Both":{"Fn::And":[{"Condition":"Yes"},{"Condition":"No"}]},
			"Either":{"Fn::Or":[{"Condition":"No"},{"Condition":"Yes"}]},
			"Round":{"Fn::Not":[{"Condition":"About"}]},"About":{"Condition":"Round"},
			"Odd":{"Fn::Xor":[true,false]}},
		"Resources":{
			"Q":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"q"}},
			"Absent":{"Type":"AWS::SQS::Queue","Condition":"No"},
			"Policy":{"Type":"AWS::SNS::TopicPolicy"}},
		"Outputs":{"O":{"Value":` + value + `},"None":{"Value":"x","Condition":"No"}}}`
}

func TestFunctions(t *testing.T) {
	for value, want := range map[string]string{
		`{"Ref":"AWS::AccountId"}`: account,
		`{"Ref":"AWS::Region"}`:    region,
		`{"Fn::Sub":"arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${Text}"}`:        "arn:aws:iam::222222222222:role/hello",
		`{"Fn::Sub":["${a}/${ Text }/${!aws:username}",{"a":{"Ref":"AWS::URLSuffix"}}]}`: "amazonaws.com/hello/${aws:username}",
		`{"Fn::Sub":"open ${ end"}`:     "open ${ end",
		`{"Fn::Sub":"${Q.QueueName}!"}`: "q!",
		`{"Ref":"AWS::StackName"}`:      "s",
		`{"Ref":"Text"}`:                "hello",
		`{"Ref":"Q"}`:                   "https://sqs.us-east-1.amazonaws.com/222222222222/q",
		`{"Fn::GetAtt":["Q","Arn"]}`:    "arn:aws:sqs:us-east-1:222222222222:q",
		`{"Fn::GetAtt":"Q.QueueUrl"}`:   "https://sqs.us-east-1.amazonaws.com/222222222222/q",
		`{"Fn::Join":["-",["a",{"Ref":"AWS::NoValue"},{"Ref":"Text"},1,true]]}`:                    "a-hello-1-true",
		`{"Fn::Join":["+",{"Ref":"Many"}]}`:                                                        "a+b+c",
		`{"Fn::Select":["1",{"Fn::Split":["|","bus|rule"]}]}`:                                      "rule",
		`{"Fn::Select":[0,["x","y"]]}`:                                                             "x",
		`{"Fn::FindInMap":["M",{"Ref":"AWS::Region"},"size"]}`:                                     "3",
		`{"Fn::If":["Yes","then",{"Ref":"Nobody"}]}`:                                               "then",
		`{"Fn::If":["Both","then",{"Fn::If":["Either","or",""]}]}`:                                 "or",
		`{"Fn::Join":["",[{"Fn::If":["No",{"Fn::GetAtt":["Absent","Arn"]},"without"]}," ",true]]}`: "without true",
	} {
		_, d, err := deploy(t, "s", around(value))
		if err != nil {
			t.Errorf("%s: %v", value, err)
			continue
		}
		if got := d.Outputs["s"]["O"]; got != want {
			t.Errorf("%s: got %q, want %q", value, got, want)
		}
		if _, has := d.Outputs["s"]["None"]; has {
			t.Errorf("%s: the output None is there, against its condition", value)
		}
	}
}

func TestFunctionsThatAreRefused(t *testing.T) {
	for value, want := range map[string]string{
		`{"Ref":"Nobody"}`:                     "Ref: there is no parameter or resource Nobody",
		`{"Ref":["Q"]}`:                        "Ref: it takes a name",
		`{"Ref":"Asked"}`:                      "Ref: the parameter Asked has no default, and nobody gives it a value",
		`{"Ref":"BootstrapVersion"}`:           "Ref: the parameter BootstrapVersion has its value in Systems Manager, which is not simulated",
		`{"Ref":"Absent"}`:                     "Ref: Absent is not made: its condition No does not hold",
		`{"Ref":"Policy"}`:                     "Ref: Policy, of type AWS::SNS::TopicPolicy, stands for nothing in the simulation",
		`{"Fn::GetAtt":["Q","Colour"]}`:        "Fn::GetAtt: Q, of type AWS::SQS::Queue, has no attribute Colour in the simulation",
		`{"Fn::GetAtt":["Q"]}`:                 "Fn::GetAtt: it takes a resource and the name of an attribute",
		`{"Fn::Sub":"${Nobody.Arn}"}`:          "Fn::Sub: ${Nobody.Arn}: there is no parameter or resource Nobody",
		`{"Fn::Sub":"${Many}"}`:                "Fn::Sub: ${Many}: it is not one string",
		`{"Fn::Sub":1}`:                        "Fn::Sub: it takes a string, or a string and an object of values",
		`{"Fn::Join":["",[{"Ref":"Nobody"}]]}`: "Fn::Join: 1: 0: Ref: there is no parameter or resource Nobody",
		`{"Fn::Join":["",[["a"]]]}`:            "Fn::Join: [a] is not a string",
		`{"Fn::Join":"a"}`:                     "Fn::Join: it takes a separator and a list",
		`{"Fn::Split":["","a"]}`:               "Fn::Split: it takes a separator and a string",
		`{"Fn::Select":[2,["a"]]}`:             "Fn::Select: there is no item 2 among [a]",
		`{"Fn::FindInMap":["M","eu","size"]}`:  "Fn::FindInMap: there is no M.eu.size",
		`{"Fn::ImportValue":"n"}`:              `Fn::ImportValue: no stack before this one exports "n" in account 222222222222 and us-east-1`,
		`{"Fn::If":["Sometimes","a","b"]}`:     "Fn::If: there is no condition Sometimes",
		`{"Fn::If":["Round","a","b"]}`:         "Fn::If: condition Round: condition About: conditions need each other in a circle: Round -> About -> Round",
		`{"Fn::If":["Odd","a","b"]}`:           "Fn::If: condition Odd: map[Fn::Xor:[true false]] is none of",
		`{"Fn::If":["Yes"]}`:                   "Fn::If: it takes a condition and two values",
		`["a"]`:                                "[a] is not a string",
	} {
		got := failure(t, around(value))
		if rest, found := strings.CutPrefix(got, "s.template.json: Outputs: O: "); !found || !strings.Contains(rest, want) {
			t.Errorf("%s: got %q\nwant %q", value, got, want)
		}
	}
}

func TestImportsFromAnotherStack(t *testing.T) {
	_, d := mustDeploy(t,
		"first", resources(`"Q":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"q"}}`, `"Out":{"Value":{"Fn::GetAtt":["Q","Arn"]},"Export":{"Name":{"Fn::Sub":"${AWS::StackName}:Q"}}}`),
		"second", `{"Outputs":{"In":{"Value":{"Fn::ImportValue":"first:Q"}}}}`)
	if got, want := d.Outputs["second"]["In"], "arn:aws:sqs:us-east-1:222222222222:q"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

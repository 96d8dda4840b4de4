package cloudformation

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"snapferry/internal/sim"
)

// wire talks to CloudFormation in a world whose resources it sees.
type wire struct {
	*testing.T
	w *sim.World
}

func newWire(t *testing.T) wire { return wire{t, sim.New(sim.Options{Templates: NewStacks})} }

type fields map[string]string

// call makes a call to CloudFormation; the error is "" or "Code: message".
func (w wire) call(action string, in fields, out any) string {
	w.Helper()
	form := url.Values{}
	for name, value := range in {
		form.Set(name, value)
	}
	err := w.w.Do(w.Context(), account, region, "cloudformation", action, form, out)
	if e, is := errors.AsType[*sim.Error](err); is {
		return e.Code + ": " + e.Message
	}
	if err != nil {
		w.Fatal(err)
	}
	return ""
}

type stackStatus struct {
	Status  string `xml:"DescribeStacksResult>Stacks>member>StackStatus"`
	Outputs []struct {
		OutputKey, OutputValue string
	} `xml:"DescribeStacksResult>Stacks>member>Outputs>member"`
}

// deploy brings a stack to a template and returns its status, and the reasons of
// failures.
func (w wire) deploy(stack, template string, more ...string) (status, reasons string) {
	w.Helper()
	in := fields{"StackName": stack, "ChangeSetName": "set", "ChangeSetType": "UPDATE", "TemplateBody": template, "Capabilities.member.1": "CAPABILITY_NAMED_IAM"}
	var before stackStatus
	if w.call("DescribeStacks", fields{"StackName": stack}, &before) != "" {
		in["ChangeSetType"] = "CREATE"
	}
	for i := 0; i+1 < len(more); i += 2 {
		in[more[i]] = more[i+1]
	}
	if problem := w.call("CreateChangeSet", in, nil); problem != "" {
		return "", problem
	}
	if problem := w.call("ExecuteChangeSet", fields{"StackName": stack, "ChangeSetName": "set"}, nil); problem != "" {
		var set struct {
			Reason string `xml:"DescribeChangeSetResult>StatusReason"`
		}
		w.call("DescribeChangeSet", fields{"StackName": stack, "ChangeSetName": "set"}, &set)
		w.call("DeleteChangeSet", fields{"StackName": stack, "ChangeSetName": "set"}, nil)
		return "", set.Reason
	}
	var after stackStatus
	w.call("DescribeStacks", fields{"StackName": stack}, &after)
	var events struct {
		Events []struct{ LogicalResourceId, ResourceStatus, ResourceStatusReason string } `xml:"DescribeStackEventsResult>StackEvents>member"`
	}
	w.call("DescribeStackEvents", fields{"StackName": stack}, &events)
	for _, e := range events.Events {
		if strings.HasSuffix(e.ResourceStatus, "_FAILED") {
			reasons += e.LogicalResourceId + ": " + e.ResourceStatusReason + "\n"
		}
	}
	return after.Status, reasons
}

func (w wire) want(what, got, want string) {
	w.Helper()
	if got != want {
		w.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// changes are what a change set would do: "Modify Queue VisibilityTimeout".
func (w wire) changes(stack, template string) []string {
	w.Helper()
	if problem := w.call("CreateChangeSet", fields{"StackName": stack, "ChangeSetName": "look", "TemplateBody": template, "Capabilities.member.1": "CAPABILITY_NAMED_IAM"}, nil); problem != "" {
		w.Fatal(problem)
	}
	var set struct {
		Changes []struct {
			Action, LogicalResourceId, Replacement string
			Details                                []struct {
				Name string `xml:"Target>Name"`
			} `xml:"Details>member"`
		} `xml:"DescribeChangeSetResult>Changes>member>ResourceChange"`
	}
	w.call("DescribeChangeSet", fields{"StackName": stack, "ChangeSetName": "look"}, &set)
	w.call("DeleteChangeSet", fields{"StackName": stack, "ChangeSetName": "look"}, nil)
	var all []string
	for _, c := range set.Changes {
		line := c.Action + " " + c.LogicalResourceId
		if c.Replacement == "True" {
			line += " anew"
		}
		for _, d := range c.Details {
			line += " " + d.Name
		}
		all = append(all, line)
	}
	return all
}

// attribute is an attribute of a queue, "" if there is no queue.
func (w wire) attribute(queue, name string) string {
	w.Helper()
	var at struct {
		QueueURL string `json:"QueueUrl"`
	}
	if w.w.Do(w.Context(), account, region, "sqs", "GetQueueUrl", fields{"QueueName": queue}, &at) != nil {
		return ""
	}
	var out struct{ Attributes map[string]string }
	if err := w.w.Do(w.Context(), account, region, "sqs", "GetQueueAttributes", map[string]any{"QueueUrl": at.QueueURL, "AttributeNames": []string{"All"}}, &out); err != nil {
		w.Fatal(err)
	}
	return out.Attributes[name]
}

// queueTemplate is in YAML, as the CDK's command line sends templates.
func queueTemplate(name, timeout string) string {
	return `
Description: a queue
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: ` + name + `
      VisibilityTimeout: ` + timeout + `
  Allow:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues:
        - Ref: Queue
      PolicyDocument:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Principal: "*"
            Action: sqs:SendMessage
            Resource:
              Fn::GetAtt:
                - Queue
                - Arn
Outputs:
  Where:
    Value:
      Fn::GetAtt: Queue.Arn
    Export:
      Name: where
`
}

func TestStackOfQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		status, reasons := w.deploy("a", queueTemplate("one", "40"))
		w.want("create", status+reasons, "CREATE_COMPLETE")
		w.want("the queue", w.attribute("one", "VisibilityTimeout"), "40")
		if policy := w.attribute("one", "Policy"); !strings.Contains(policy, `"arn:aws:sqs:us-east-1:222222222222:one"`) {
			t.Errorf("its policy is %s", policy)
		}
		if got := w.changes("a", queueTemplate("one", "50")); !slices.Equal(got, []string{"Modify Queue VisibilityTimeout"}) {
			t.Errorf("changes: %q", got)
		}
		_, reasons = w.deploy("a", queueTemplate("one", "40"))
		w.want("no change", reasons, "The submitted information didn't contain changes. Submit different information to create a change set.")
		status, reasons = w.deploy("a", queueTemplate("one", "50"))
		w.want("update", status+reasons, "UPDATE_COMPLETE")
		w.want("the queue is changed", w.attribute("one", "VisibilityTimeout"), "50")
		// A name stands for another resource: made first, and the old one goes.
		if got := w.changes("a", queueTemplate("two", "50")); !slices.Equal(got, []string{"Modify Queue anew QueueName", "Modify Allow PolicyDocument Queues"}) &&
			!slices.Equal(got, []string{"Modify Queue anew QueueName"}) {
			t.Errorf("changes: %q", got)
		}
		status, reasons = w.deploy("a", queueTemplate("two", "50"))
		w.want("replace", status+reasons, "UPDATE_COMPLETE")
		w.want("the old one", w.attribute("one", "VisibilityTimeout"), "")
		w.want("the new one", w.attribute("two", "VisibilityTimeout"), "50")
		// Another stack can't have the name, nor the export.
		status, reasons = w.deploy("b", queueTemplate("two", "50"))
		w.want("twice", status+" "+reasons, "ROLLBACK_COMPLETE Queue: Resource of type 'AWS::SQS::Queue' with identifier 'two' already exists.\n")
		w.want("what was there stays", w.attribute("two", "VisibilityTimeout"), "50")
		w.want("delete", w.call("DeleteStack", fields{"StackName": "a"}, nil), "")
		w.want("the queue is gone", w.attribute("two", "VisibilityTimeout"), "")
		// SQS keeps a name for a minute, which ends a deployment that comes too soon.
		w.call("DeleteStack", fields{"StackName": "b"}, nil)
		status, reasons = w.deploy("b", queueTemplate("two", "50"))
		if status != "ROLLBACK_COMPLETE" || !strings.Contains(reasons, "You must wait 60 seconds") {
			t.Errorf("too soon: %s %s", status, reasons)
		}
		time.Sleep(time.Minute)
		w.call("DeleteStack", fields{"StackName": "b"}, nil)
		status, reasons = w.deploy("b", queueTemplate("two", "50"))
		w.want("a minute later", status+reasons, "CREATE_COMPLETE")
	})
}

// TestRollback: a change that fails half way is taken back, whatever it did.
func TestRollback(t *testing.T) {
	w := newWire(t)
	role := func(action string) string {
		return `"Role":{"Type":"AWS::IAM::Role","Properties":{"RoleName":"r","AssumeRolePolicyDocument":{"Statement":{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"sts:AssumeRole"}},
			"Policies":[{"PolicyName":"p","PolicyDocument":{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"` + action + `","Resource":"*"}}}]}}`
	}
	rule := func(pattern string) string {
		return `"Rule":{"Type":"AWS::Events::Rule","Properties":{"Name":"rule","EventPattern":{"source":["` + pattern + `"]}}}`
	}
	queue := func(timeout string) string {
		return `"Queue":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"q","VisibilityTimeout":` + timeout + `}}`
	}
	template := func(resources ...string) string { return `{"Resources":{` + strings.Join(resources, ",") + `}}` }
	may := func(action string) bool {
		var who struct {
			Key string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
		}
		if err := w.w.Do(t.Context(), account, region, "sts", "AssumeRole", url.Values{"RoleArn": {"arn:aws:iam::222222222222:role/r"}, "RoleSessionName": {"me"}}, &who); err != nil {
			t.Fatal(err)
		}
		return w.w.Do(t.Context(), who.Key, region, "sqs", action, fields{}, nil) == nil
	}
	pattern := func() string {
		var out struct{ EventPattern string }
		if err := w.w.Do(t.Context(), account, region, "events", "DescribeRule", fields{"Name": "rule"}, &out); err != nil {
			t.Fatal(err)
		}
		return out.EventPattern
	}
	status, reasons := w.deploy("a", template(role("sqs:ListQueues"), rule("one"), queue("40")))
	w.want("create", status+reasons, "CREATE_COMPLETE")
	if !may("ListQueues") {
		t.Error("the role may not list queues")
	}
	// Zz comes last, and names a queue that is not there.
	broken := `"Zz":{"Type":"AWS::SQS::QueuePolicy","DependsOn":["Role","Rule","Queue","More"],"Properties":{"Queues":["https://sqs.us-east-1.amazonaws.com/222222222222/none"],"PolicyDocument":{}}}`
	more := `"More":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"more"}}`
	status, reasons = w.deploy("a", template(role("sqs:GetQueueUrl"), rule("two"), queue("50"), more, broken))
	if status != "UPDATE_ROLLBACK_COMPLETE" || !strings.HasPrefix(reasons, "Zz: set the policy of") {
		t.Errorf("a change that fails: %s %s", status, reasons)
	}
	if !may("ListQueues") {
		t.Error("the role has not its policy back")
	}
	w.want("the rule is as it was", pattern(), `{"source":["one"]}`)
	w.want("so is the queue", w.attribute("q", "VisibilityTimeout"), "40")
	w.want("the new queue is gone", w.attribute("more", "VisibilityTimeout"), "")
	// And the stack can be changed afterwards.
	status, _ = w.deploy("a", template(role("sqs:GetQueueUrl"), rule("two"), queue("50")))
	w.want("again", status, "UPDATE_COMPLETE")
	w.want("the rule is changed", pattern(), `{"source":["two"]}`)
	if may("ListQueues") {
		t.Error("the role has its old policy still")
	}
	w.want("delete", w.call("DeleteStack", fields{"StackName": "a"}, nil), "")
	if err := w.w.Do(t.Context(), account, region, "events", "DescribeRule", fields{"Name": "rule"}, nil); err == nil {
		t.Error("the rule is still there")
	}
}

// TestWhatStays: what has the deletion policy Retain outlives its stack, and a
// stack can take it over, if it is asked to.
func TestWhatStays(t *testing.T) {
	w := newWire(t)
	const logs = `{"Resources":{"Logs":{"Type":"AWS::Logs::LogGroup","DeletionPolicy":"RetainExceptOnCreate","Properties":{"LogGroupName":"/aws/lambda/f"}},"Top":{"Type":"AWS::SNS::Topic"}}}`
	status, reasons := w.deploy("a", logs)
	w.want("create", status+reasons, "CREATE_COMPLETE")
	w.call("DeleteStack", fields{"StackName": "a"}, nil)
	status, reasons = w.deploy("a", logs)
	w.want("again", status+" "+reasons, "ROLLBACK_COMPLETE Logs: Resource of type 'AWS::Logs::LogGroup' with identifier '/aws/lambda/f' already exists.\n")
	w.call("DeleteStack", fields{"StackName": "a"}, nil)
	status, reasons = w.deploy("a", strings.Replace(logs, "RetainExceptOnCreate", "Delete", 1), "ImportExistingResources", "true")
	w.want("taken over by a stack that would delete it", status+" "+reasons, "ROLLBACK_COMPLETE Logs: Resource of type 'AWS::Logs::LogGroup' with identifier '/aws/lambda/f' already exists.\n")
	w.call("DeleteStack", fields{"StackName": "a"}, nil)
	status, reasons = w.deploy("a", logs, "ImportExistingResources", "true")
	w.want("taken over", status+reasons, "CREATE_COMPLETE")
	status, reasons = w.deploy("b", logs, "ImportExistingResources", "true")
	w.want("taken from a stack", status+" "+reasons, "ROLLBACK_COMPLETE Logs: Resource of type 'AWS::Logs::LogGroup' with identifier '/aws/lambda/f' already exists.\n")
}

func TestTemplatesOnTheWire(t *testing.T) {
	w := newWire(t)
	for name, test := range map[string]struct{ template, want string }{
		"an unknown type":     {`{"Resources":{"A":{"Type":"AWS::EC2::VPC"},"B":{"Type":"Custom::X"}}}`, "ValidationError: Template format error: Unrecognized resource types: [AWS::EC2::VPC, Custom::X]"},
		"nothing":             {`{"Resources":{}}`, "ValidationError: Template format error: At least one Resources member must be defined."},
		"a short form":        {"Resources:\n  A:\n    Type: AWS::SNS::Topic\n    Properties:\n      TopicName: !Ref B\n", "ValidationError: Template format error: line 5: !Ref: write the function in its long form"},
		"an anchor":           {"Resources:\n  A: &a\n    Type: AWS::SNS::Topic\n  B: *a\n", "ValidationError: Template format error: line 4: anchors are not simulated: write the value out"},
		"twice":               {"Resources:\n  A:\n    Type: AWS::SNS::Topic\n  A:\n    Type: AWS::SNS::Topic\n", `ValidationError: Template format error: line 2: "A" stands there twice in one object`},
		"a value not taken":   {`{"Parameters":{"P":{"Type":"String","Default":"x","AllowedPattern":"[a-w]+"}},"Resources":{"A":{"Type":"AWS::SNS::Topic"}}}`, "Parameter 'P' must match pattern ^(?:[a-w]+)$"},
		"an unknown property": {`{"Resources":{"A":{"Type":"AWS::SQS::Queue","Properties":{"Colour":"red"}}}}`, "A: Colour: the property is not simulated"},
	} {
		status, reasons := w.deploy("a", test.template)
		if !strings.HasPrefix(reasons, test.want) {
			t.Errorf("%s: got %s %q, want %q", name, status, reasons, test.want)
		}
		w.call("DeleteStack", fields{"StackName": "a"}, nil)
	}
}

// TestBoundaryOnTheWire: a role's boundary is changed in place, by another policy or
// by another document of its own; a policy that bounds a role stays.
func TestBoundaryOnTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		policies := func(a, b string) string {
			return resources(`
				"A":{"Type":"AWS::IAM::ManagedPolicy","Properties":{"ManagedPolicyName":"a","PolicyDocument":` + one(a) + `}},
				"B":{"Type":"AWS::IAM::ManagedPolicy","Properties":{"ManagedPolicyName":"b","PolicyDocument":` + one(b) + `}}`)
		}
		role := func(path, boundary string) string {
			return resources(`"Role":{"Type":"AWS::IAM::Role","Properties":{"RoleName":"worker","Path":"` + path + `",` + lambdaMay + `,
				"PermissionsBoundary":"arn:aws:iam::222222222222:policy/` + boundary + `","Policies":[{"PolicyName":"inline","PolicyDocument":` + one("*") + `}]}}`)
		}
		may := func(action string) bool {
			return w.w.Permit(sim.ServiceAct{Service: "lambda.amazonaws.com", Account: account, Region: region,
				RoleARN: "arn:aws:iam::222222222222:role/acme/worker", Action: action, Resource: "*"}) == nil
		}
		deploy := func(stack, template, want string) {
			t.Helper()
			if status, reasons := w.deploy(stack, template); status != want {
				t.Fatalf("%s: got %s, want %s: %s", stack, status, want, reasons)
			}
		}
		check := func(what string, sqs, kms bool) {
			t.Helper()
			if got, want := [2]bool{may("sqs:ListQueues"), may("kms:ListKeys")}, [2]bool{sqs, kms}; got != want {
				t.Errorf("%s: SQS and KMS are allowed: got %v, want %v", what, got, want)
			}
		}
		deploy("policies", policies("sqs:*", "kms:*"), "CREATE_COMPLETE")
		deploy("role", role("/acme/", "a"), "CREATE_COMPLETE")
		check("bounded by a", true, false)
		deploy("role", role("/acme/", "b"), "UPDATE_COMPLETE")
		check("bounded by b", false, true)
		deploy("policies", policies("sqs:*", "*"), "UPDATE_COMPLETE")
		check("b allows more", true, true)
		deploy("role", role("/acme/", "c"), "UPDATE_ROLLBACK_COMPLETE")
		check("bounded by what is not there", true, true)
		deploy("role", role("/other/", "b"), "UPDATE_ROLLBACK_COMPLETE")
		w.call("DeleteStack", fields{"StackName": "policies"}, nil)
		var after stackStatus
		w.call("DescribeStacks", fields{"StackName": "policies"}, &after)
		w.want("a policy that bounds a role", after.Status, "DELETE_FAILED")
	})
}

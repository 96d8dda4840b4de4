package cloudformation

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestQueues(t *testing.T) {
	world, d := mustDeploy(t, "s", resources(`
		"Key":{"Type":"AWS::KMS::Key","Properties":{"EnableKeyRotation":true}},
		"Standard":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"standard","KmsMasterKeyId":{"Fn::GetAtt":["Key","Arn"]},"KmsDataKeyReusePeriodSeconds":300,
			"VisibilityTimeout":360,"MessageRetentionPeriod":1209600,"DelaySeconds":1,"ReceiveMessageWaitTimeSeconds":20,"MaximumMessageSize":2048,"FifoQueue":false,
			"RedrivePolicy":{"deadLetterTargetArn":{"Fn::GetAtt":["Dead","Arn"]},"maxReceiveCount":5},"Tags":[{"Key":"Application","Value":"snapferry"}]}},
		"Dead":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"dead","SqsManagedSseEnabled":true,"RedriveAllowPolicy":{"redrivePermission":"allowAll"}}},
		"Fifo":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"orders.fifo","FifoQueue":true,"ContentBasedDeduplication":true,"DeduplicationScope":"messageGroup","FifoThroughputLimit":"perMessageGroupId"}},
		"Policy":{"Type":"AWS::SQS::QueuePolicy","Properties":{"Queues":[{"Ref":"Standard"}],"PolicyDocument":{"Version":"2012-10-17","Statement":[
			{"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":{"Fn::GetAtt":["Standard","Arn"]},"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}}},
		"Unnamed":{"Type":"AWS::SQS::Queue"},
		"UnnamedFifo":{"Type":"AWS::SQS::Queue","Properties":{"FifoQueue":true}}`,
		`"Key":{"Value":{"Fn::GetAtt":["Key","Arn"]}}`, `"Unnamed":{"Value":{"Fn::GetAtt":["Unnamed","QueueName"]}}`,
		`"UnnamedFifo":{"Value":{"Fn::GetAtt":["UnnamedFifo","QueueName"]}}`))
	attributes := func(name string, names ...string) map[string]string {
		var answer struct{ Attributes map[string]string }
		do(t, world, "sqs", "GetQueueAttributes", map[string]any{"QueueUrl": queueURL(region, account, name), "AttributeNames": names}, &answer)
		return answer.Attributes
	}
	want := map[string]string{
		"KmsMasterKeyId": d.Outputs["s"]["Key"], "KmsDataKeyReusePeriodSeconds": "300", "VisibilityTimeout": "360", "MessageRetentionPeriod": "1209600",
		"DelaySeconds": "1", "ReceiveMessageWaitTimeSeconds": "20", "MaximumMessageSize": "2048", "SqsManagedSseEnabled": "false",
		"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:222222222222:dead","maxReceiveCount":5}`,
		"Policy": `{"Statement":[{"Action":"sqs:*","Condition":{"Bool":{"aws:SecureTransport":"false"}},"Effect":"Deny","Principal":"*",` +
			`"Resource":"arn:aws:sqs:us-east-1:222222222222:standard"}],"Version":"2012-10-17"}`,
	}
	var names []string
	for name := range want {
		names = append(names, name)
	}
	if diff := cmp.Diff(want, attributes("standard", names...)); diff != "" {
		t.Errorf("standard (-want +got):\n%s", diff)
	}
	want = map[string]string{"SqsManagedSseEnabled": "true", "RedriveAllowPolicy": `{"redrivePermission":"allowAll"}`}
	if diff := cmp.Diff(want, attributes("dead", "SqsManagedSseEnabled", "RedriveAllowPolicy", "KmsMasterKeyId")); diff != "" {
		t.Errorf("dead (-want +got):\n%s", diff)
	}
	want = map[string]string{"FifoQueue": "true", "ContentBasedDeduplication": "true", "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
	if diff := cmp.Diff(want, attributes("orders.fifo", "FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit")); diff != "" {
		t.Errorf("orders.fifo (-want +got):\n%s", diff)
	}
	var tags struct{ Tags map[string]string }
	do(t, world, "sqs", "ListQueueTags", map[string]any{"QueueUrl": queueURL(region, account, "standard")}, &tags)
	if diff := cmp.Diff(map[string]string{"Application": "snapferry"}, tags.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	for output, ending := range map[string]string{"Unnamed": "", "UnnamedFifo": ".fifo"} {
		if got := d.Outputs["s"][output]; !strings.HasPrefix(got, "s-"+output+"-") || !strings.HasSuffix(got, ending) {
			t.Errorf("a queue without a name: got %q, want s-%s-…%s", got, output, ending)
		}
	}
}

func TestBusesAndRules(t *testing.T) {
	world, d := mustDeploy(t, "s", resources(`
		"Bus":{"Type":"AWS::Events::EventBus","Properties":{"Name":"own","Description":"ours","Policy":{"Version":"2012-10-17","Statement":[
			{"Sid":"friends","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"events:PutEvents","Resource":{"Fn::Sub":"arn:aws:events:${AWS::Region}:${AWS::AccountId}:event-bus/own"}}]}}},
		"Queue":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"q"}},
		"OnOwn":{"Type":"AWS::Events::Rule","Properties":{"Name":"r","EventBusName":{"Ref":"Bus"},"EventPattern":{"source":["aws.ec2"]},"State":"DISABLED",
			"Targets":[{"Id":"Target0","Arn":{"Fn::GetAtt":["Queue","Arn"]},"DeadLetterConfig":{"Arn":{"Fn::GetAtt":["Queue","Arn"]}},"RetryPolicy":{"MaximumRetryAttempts":3}}]}},
		"OnDefault":{"Type":"AWS::Events::Rule","Properties":{"Name":"d","Description":"two","EventPattern":{"source":["a"]},
			"Targets":[{"Id":"home","Arn":"arn:aws:events:eu-west-2:222222222222:event-bus/own","RoleArn":"arn:aws:iam::222222222222:role/forwarder"}]}}`,
		`"OnOwn":{"Value":{"Ref":"OnOwn"}}`, `"OnDefault":{"Value":{"Ref":"OnDefault"}}`, `"Arn":{"Value":{"Fn::GetAtt":["OnOwn","Arn"]}}`, `"Bus":{"Value":{"Fn::GetAtt":["Bus","Arn"]}}`))
	want := map[string]string{
		"OnOwn": "own|r", "OnDefault": "d", "Arn": "arn:aws:events:us-east-1:222222222222:rule/own/r", "Bus": "arn:aws:events:us-east-1:222222222222:event-bus/own",
	}
	if diff := cmp.Diff(want, d.Outputs["s"]); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
	var bus struct{ Description, Policy string }
	do(t, world, "events", "DescribeEventBus", map[string]any{"Name": "own"}, &bus)
	if bus.Description != "ours" || !strings.Contains(bus.Policy, `"Sid":"friends"`) {
		t.Errorf("bus: got %+v", bus)
	}
	var rule struct{ EventPattern, State string }
	do(t, world, "events", "DescribeRule", map[string]any{"Name": "r", "EventBusName": "own"}, &rule)
	if rule.EventPattern != `{"source":["aws.ec2"]}` || rule.State != "DISABLED" {
		t.Errorf("rule: got %+v", rule)
	}
	var targets struct{ Targets []map[string]any }
	do(t, world, "events", "ListTargetsByRule", map[string]any{"Rule": "r", "EventBusName": "own"}, &targets)
	wantTargets := []map[string]any{{"Id": "Target0", "Arn": "arn:aws:sqs:us-east-1:222222222222:q",
		"DeadLetterConfig": map[string]any{"Arn": "arn:aws:sqs:us-east-1:222222222222:q"}, "RetryPolicy": map[string]any{"MaximumRetryAttempts": 3.0}}}
	if diff := cmp.Diff(wantTargets, targets.Targets); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
	do(t, world, "events", "ListTargetsByRule", map[string]any{"Rule": "d"}, &targets)
	if got := targets.Targets[0]["RoleArn"]; got != "arn:aws:iam::222222222222:role/forwarder" {
		t.Errorf("the forwarder's role: got %v", got)
	}
}

func TestKeys(t *testing.T) {
	world, d := mustDeploy(t, "s", resources(`
		"Key":{"Type":"AWS::KMS::Key","Properties":{"Description":"of events","Enabled":false,"PendingWindowInDays":7,"KeyPolicy":{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Principal":{"AWS":{"Fn::Join":["",["arn:",{"Ref":"AWS::Partition"},":iam::222222222222:root"]]}},"Action":"kms:*","Resource":"*"}]}}},
		"Alias":{"Type":"AWS::KMS::Alias","Properties":{"AliasName":"alias/transport","TargetKeyId":{"Fn::GetAtt":["Key","KeyId"]}}}`,
		`"Key":{"Value":{"Ref":"Key"}}`, `"Alias":{"Value":{"Ref":"Alias"}}`))
	var described struct {
		KeyMetadata struct{ KeyId, KeyState, Description string }
	}
	do(t, world, "kms", "DescribeKey", map[string]any{"KeyId": "alias/transport"}, &described)
	key := described.KeyMetadata
	if key.KeyId != d.Outputs["s"]["Key"] || key.KeyState != "Disabled" || key.Description != "of events" || d.Outputs["s"]["Alias"] != "alias/transport" {
		t.Errorf("got %+v, outputs %v", key, d.Outputs)
	}
	var policy struct{ Policy string }
	do(t, world, "kms", "GetKeyPolicy", map[string]any{"KeyId": key.KeyId, "PolicyName": "default"}, &policy)
	if want := `{"Statement":[{"Action":"kms:*","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Resource":"*"}],"Version":"2012-10-17"}`; policy.Policy != want {
		t.Errorf("policy: got %s\nwant %s", policy.Policy, want)
	}
}

// one is a statement that allows an action on everything.
func one(action string) string {
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"` + action + `","Resource":"*"}}`
}

const lambdaMay = `"AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

func TestRolesAndTheirPolicies(t *testing.T) {
	world, d := mustDeploy(t, "s", resources(`
		"Shared":{"Type":"AWS::IAM::ManagedPolicy","Properties":{"PolicyDocument":`+one("sqs:ListQueues")+`}},
		"Role":{"Type":"AWS::IAM::Role","Properties":{"RoleName":"worker","Path":"/",`+lambdaMay+`,"MaxSessionDuration":3600,
			"Policies":[{"PolicyName":"inline","PolicyDocument":`+one("kms:ListKeys")+`}],"ManagedPolicyArns":[{"Ref":"Shared"}]}},
		"Attached":{"Type":"AWS::IAM::Policy","Properties":{"PolicyName":"attached","PolicyDocument":`+one("events:ListEventBuses")+`,"Roles":[{"Ref":"Role"}]}},
		"Further":{"Type":"AWS::IAM::ManagedPolicy","Properties":{"ManagedPolicyName":"further","PolicyDocument":`+one("ec2:DescribeRegions")+`,"Roles":["worker"]},"DependsOn":"Role"}`,
		`"Id":{"Value":{"Fn::GetAtt":["Role","RoleId"]}}`, `"Further":{"Value":{"Ref":"Further"}}`))
	role := d.Roles[0]
	var names []string
	for _, p := range role.Policies {
		names = append(names, strings.TrimRight(p.Name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
	}
	if diff := cmp.Diff([]string{"inline", "s-Shared-", "attached", "further"}, names); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
	if got := d.Outputs["s"]["Id"]; !strings.HasPrefix(got, "AROA") {
		t.Errorf("RoleId: got %q", got)
	}
	if got, want := d.Outputs["s"]["Further"], "arn:aws:iam::222222222222:policy/further"; got != want {
		t.Errorf("Ref of a managed policy: got %q, want %q", got, want)
	}
	for _, may := range [][2]string{{"sqs", "ListQueues"}, {"kms", "ListKeys"}, {"events", "ListEventBuses"}} {
		if err := world.Do(t.Context(), role.AccessKeyID, region, may[0], may[1], nil, nil); err != nil {
			t.Errorf("the role can't: %v", err)
		}
	}
	err := world.Do(t.Context(), role.AccessKeyID, region, "sqs", "CreateQueue", map[string]any{"QueueName": "q"}, nil)
	if err == nil || !strings.Contains(err.Error(), "User: arn:aws:sts::222222222222:assumed-role/worker/worker is not authorized to perform: sqs:CreateQueue") {
		t.Errorf("what no policy allows: got %v", err)
	}
}

// TestPathsAndBoundaries: paths are in the ARNs of roles and managed policies, and a
// boundary bounds the role.
func TestPathsAndBoundaries(t *testing.T) {
	world, d := mustDeploy(t, "s", resources(`
		"Bound":{"Type":"AWS::IAM::ManagedPolicy","Properties":{"ManagedPolicyName":"bound","Path":"/acme/","PolicyDocument":`+one("sqs:*")+`}},
		"Role":{"Type":"AWS::IAM::Role","Properties":{"RoleName":"worker","Path":"/acme/backup/",`+lambdaMay+`,"PermissionsBoundary":{"Ref":"Bound"},
			"Policies":[{"PolicyName":"inline","PolicyDocument":`+one("*")+`}]}},
		"F":{"Type":"AWS::Lambda::Function","Properties":{"FunctionName":"f","Role":{"Fn::GetAtt":["Role","Arn"]}}}`,
		`"Bound":{"Value":{"Ref":"Bound"}}`, `"Role":{"Value":{"Ref":"Role"}}`, `"Arn":{"Value":{"Fn::GetAtt":["Role","Arn"]}}`))
	want := map[string]string{"Bound": "arn:aws:iam::222222222222:policy/acme/bound", "Role": "worker", "Arn": "arn:aws:iam::222222222222:role/acme/backup/worker"}
	if diff := cmp.Diff(want, d.Outputs["s"]); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
	role := d.Roles[0]
	if role.ARN != want["Arn"] || role.Boundary != want["Bound"] {
		t.Errorf("got %+v", role)
	}
	if err := world.Do(t.Context(), role.AccessKeyID, region, "sqs", "ListQueues", nil, nil); err != nil {
		t.Errorf("what role and boundary allow: %v", err)
	}
	err := world.Do(t.Context(), role.AccessKeyID, region, "kms", "ListKeys", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "because no permissions boundary allows the kms:ListKeys action") {
		t.Errorf("what the boundary does not allow: got %v", err)
	}
}

// manyPolicies are managed policies of the role.
func manyPolicies(n int) string {
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, `,"P%[1]d":{"Type":"AWS::IAM::ManagedPolicy","Properties":{"ManagedPolicyName":"p%[1]d","PolicyDocument":%[2]s,"Roles":[{"Ref":"Role"}]}}`, i, one("sqs:*"))
	}
	return all.String()
}

func TestPropertiesThatAreRefused(t *testing.T) {
	role := `"Role":{"Type":"AWS::IAM::Role","Properties":{"RoleName":"worker",` + lambdaMay + `}}`
	function := func(more string) string {
		return role + `,"F":{"Type":"AWS::Lambda::Function","Properties":{"FunctionName":"f","Role":{"Fn::GetAtt":["Role","Arn"]}` + more + `}}`
	}
	mapped := func(permissions, properties string) string {
		return `"Role":{"Type":"AWS::IAM::Role","Properties":{"RoleName":"worker",` + lambdaMay + `,"Policies":[{"PolicyName":"p","PolicyDocument":` + one(permissions) + `}]}},
			"F":{"Type":"AWS::Lambda::Function","Properties":{"FunctionName":"f","Role":{"Fn::GetAtt":["Role","Arn"]},"Timeout":60}},
			"Q":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"q"}},
			"Map":{"Type":"AWS::Lambda::EventSourceMapping","Properties":{"FunctionName":{"Ref":"F"},"EventSourceArn":{"Fn::GetAtt":["Q","Arn"]}` + properties + `}}`
	}
	schedule := func(trusted, expression string) string {
		return role + `,"Scheduler":{"Type":"AWS::IAM::Role","Properties":{"AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"` + trusted + `"},"Action":"sts:AssumeRole"}}}},
			"S":{"Type":"AWS::Scheduler::Schedule","Properties":{"ScheduleExpression":"` + expression + `","FlexibleTimeWindow":{"Mode":"OFF"},
			"Target":{"Arn":"arn:aws:lambda:us-east-1:222222222222:function:f","RoleArn":{"Fn::GetAtt":["Scheduler","Arn"]}}}}`
	}
	for name, test := range map[string]struct{ body, want string }{
		"a dead-letter queue of another kind": {`"D":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"d.fifo","FifoQueue":true}},
			"Q":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"q","RedrivePolicy":{"deadLetterTargetArn":{"Fn::GetAtt":["D","Arn"]},"maxReceiveCount":3}}}`,
			"Q (AWS::SQS::Queue): create queue q: CreateQueue: InvalidParameterValueException (400): "},
		"a number that is none":        {`"Q":{"Type":"AWS::SQS::Queue","Properties":{"VisibilityTimeout":[1]}}`, "Q (AWS::SQS::Queue): VisibilityTimeout: [1] is not a string"},
		"a rule's target":              {`"R":{"Type":"AWS::Events::Rule","Properties":{"Name":"r","EventPattern":{"source":["a"]},"Targets":[{"Id":"f","Arn":"arn:aws:lambda:us-east-1:222222222222:function:f"}]}}`, "R (AWS::Events::Rule): set the targets of rule r: PutTargets: "},
		"a rule's bus":                 {`"R":{"Type":"AWS::Events::Rule","Properties":{"Name":"r","EventBusName":"none","EventPattern":{"source":["a"]}}}`, "R (AWS::Events::Rule): create rule r: PutRule: ResourceNotFoundException (400): Event bus none does not exist."},
		"a key of several Regions":     {`"K":{"Type":"AWS::KMS::Key","Properties":{"MultiRegion":true}}`, "K (AWS::KMS::Key): MultiRegion: the simulated KMS has no multi-Region keys"},
		"a key that nobody can change": {`"K":{"Type":"AWS::KMS::Key","Properties":{"KeyPolicy":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"kms:Decrypt","Resource":"*"}]}}}`, "K (AWS::KMS::Key): create key: CreateKey: MalformedPolicyDocumentException (400): The new key policy will not allow you to update the key policy in the future."},
		"a role with a boundary":       {`"R":{"Type":"AWS::IAM::Role","Properties":{` + lambdaMay + `,"PermissionsBoundary":"arn:aws:iam::aws:policy/x"}}`, "R (AWS::IAM::Role): PermissionsBoundary: no template has the policy arn:aws:iam::aws:policy/x: deploy a template that makes it before this one, or give its document"},
		"a role with a path":           {`"R":{"Type":"AWS::IAM::Role","Properties":{` + lambdaMay + `,"Path":"service"}}`, "R (AWS::IAM::Role): Path: service is no path: it begins and ends with / and has up to 512 characters"},
		"a policy of Amazon's":         {`"R":{"Type":"AWS::IAM::Role","Properties":{` + lambdaMay + `,"ManagedPolicyArns":["arn:aws:iam::aws:policy/PowerUserAccess"]}}`, "R (AWS::IAM::Role): ManagedPolicyArns: no template has the policy arn:aws:iam::aws:policy/PowerUserAccess: write its statements"},
		"a policy of nobody":           {`"P":{"Type":"AWS::IAM::Policy","Properties":{"PolicyName":"p","PolicyDocument":` + one("sqs:*") + `,"Roles":["nobody"]}}`, "P (AWS::IAM::Policy): attach policy p: no template has the role nobody"},
		"a policy that IAM refuses":    {role + `,"P":{"Type":"AWS::IAM::Policy","Properties":{"PolicyName":"p","PolicyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:*"}]},"Roles":[{"Ref":"Role"}]}}`, "P (AWS::IAM::Policy): attach policy p: add a policy to role worker: parse policy: statement 1: it takes one of Resource and NotResource"},
		"too long a trust policy": {strings.Replace(role, `"sts:AssumeRole"`, `["sts:AssumeRole","`+strings.Repeat("x", 2000)+`"]`, 1),
			"Role (AWS::IAM::Role): AssumeRolePolicyDocument: it has 2135 characters, and IAM's quota ACLSizePerRole is 2048"},
		"too long a managed policy": {`"P":{"Type":"AWS::IAM::ManagedPolicy","Properties":{"PolicyDocument":` + one("sqs:"+strings.Repeat("x", 6144)) + `}}`,
			"P (AWS::IAM::ManagedPolicy): PolicyDocument: it has 6230 characters, and IAM's quota PolicySize is 6144"},
		"too much in all of a role's own policies": {role + `,"P1":{"Type":"AWS::IAM::Policy","Properties":{"PolicyName":"p1","PolicyDocument":` + one("sqs:"+strings.Repeat("x", 6000)) + `,"Roles":[{"Ref":"Role"}]}},
			"P2":{"Type":"AWS::IAM::Policy","Properties":{"PolicyName":"p2","PolicyDocument":` + one("sqs:"+strings.Repeat("x", 6000)) + `,"Roles":[{"Ref":"Role"}]}}`,
			"P2 (AWS::IAM::Policy): attach policy p2: maximum policy size of 10240 bytes exceeded for role worker: it would have 12172: move statements to a managed policy"},
		"too many managed policies":     {role + manyPolicies(11), "P9 (AWS::IAM::ManagedPolicy): attach policy p9: cannot exceed quota for PoliciesPerRole: 10, for role worker"},
		"a role that exists":            {role + `,"Twin":{"Type":"AWS::IAM::Role","Properties":{"RoleName":"worker",` + lambdaMay + `}}`, "Twin (AWS::IAM::Role): add role worker: account 222222222222 has it already"},
		"a function's memory":           {function(`,"MemorySize":64`), "F (AWS::Lambda::Function): MemorySize: 64 is not a whole number from 128 to 10240"},
		"a function's time-out":         {function(`,"Timeout":1000`), "F (AWS::Lambda::Function): Timeout: 1000 is not a whole number from 1 to 900"},
		"a variable of Lambda's own":    {function(`,"Environment":{"Variables":{"AWS_REGION":"us-east-1"}}`), "F (AWS::Lambda::Function): Environment.Variables.AWS_REGION: Lambda sets this variable itself"},
		"too large an environment":      {function(`,"Environment":{"Variables":{"TEXT":"` + strings.Repeat("x", 4093) + `"}}`), "F (AWS::Lambda::Function): Environment.Variables: they have 4097 bytes and Lambda takes 4096"},
		"an unknown part of a property": {function(`,"Environment":{"Variable":{}}`), "F (AWS::Lambda::Function): Environment.Variable: the property is not simulated"},
		"a role that does not trust Lambda": {strings.ReplaceAll(function(""), "lambda.amazonaws.com", "ec2.amazonaws.com"),
			"F (AWS::Lambda::Function): create function f: the role defined for the function cannot be assumed by Lambda: AssumeRole: AccessDenied (403): "},
		"a mapping without permission": {mapped("sqs:Receive*", ""),
			"Map (AWS::Lambda::EventSourceMapping): map arn:aws:sqs:us-east-1:222222222222:q to function f: the function execution role does not have permissions to call DeleteMessage on SQS: "},
		"a queue that is impatient": {mapped("sqs:*", ""),
			"Map (AWS::Lambda::EventSourceMapping): map arn:aws:sqs:us-east-1:222222222222:q to function f: queue visibility timeout: 30s is less than function timeout: 1m0s"},
		"a mapping's concurrency": {mapped("sqs:*", `,"ScalingConfig":{"MaximumConcurrency":1}`), "Map (AWS::Lambda::EventSourceMapping): ScalingConfig.MaximumConcurrency: 1 is not a whole number from 2 to 1000"},
		"a mapping's batch":       {mapped("sqs:*", `,"BatchSize":100`), "Map (AWS::Lambda::EventSourceMapping): BatchSize: more than 10 take a MaximumBatchingWindowInSeconds of 1 at least"},
		"a filter":                {mapped("sqs:*", `,"FilterCriteria":{}`), "Map (AWS::Lambda::EventSourceMapping): FilterCriteria: the property is not simulated"},
		"a schedule's expression": {schedule("scheduler.amazonaws.com", "rate(1 hours)"), `S (AWS::Scheduler::Schedule): ScheduleExpression: "rate(1 hours)" is not like rate(1 hour)`},
		"a schedule's role":       {schedule("lambda.amazonaws.com", "rate(1 hour)"), "S (AWS::Scheduler::Schedule): create schedule s-S-"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, want := failure(t, resources(test.body)), "s.template.json: "+test.want; !strings.HasPrefix(got, want) {
				t.Errorf("got %q\nwant %q", got, want)
			}
		})
	}
	if got, want := failure(t, resources(schedule("scheduler.amazonaws.com", "rate(1 hour)"))), "connect schedule s-S-"; !strings.HasPrefix(got, want) {
		t.Errorf("a schedule without its function: got %q\nwant %q", got, want)
	}
}

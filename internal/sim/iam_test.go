package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// permit is a policy of a role: statements as JSON.
func permit(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

// may is a statement that allows actions, separated by spaces, on a resource; a
// condition may follow.
func may(actions, resource string, condition ...string) string {
	return policyStatement("Allow", actions, resource, condition)
}

func mayNot(actions, resource string, condition ...string) string {
	return policyStatement("Deny", actions, resource, condition)
}

func policyStatement(effect, actions, resource string, condition []string) string {
	s := map[string]any{"Effect": effect, "Action": strings.Fields(actions), "Resource": resource}
	if len(condition) > 0 {
		s["Condition"] = json.RawMessage(condition[0])
	}
	text, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// role adds a role to the vault with one policy, and returns its key.
func (l *lab) role(statements ...string) string {
	l.t.Helper()
	l.roles++
	var policies []string
	if len(statements) > 0 {
		policies = append(policies, permit(statements...))
	}
	key, err := l.w.AddRole(vault, fmt.Sprintf("role-%d", l.roles), policies...)
	if err != nil {
		l.t.Fatal(err)
	}
	return key
}

// answer is what any call answers: "" or the code of its error.
func (l *lab) answer(caller, region, service, action string, in any) string {
	l.t.Helper()
	code, _ := l.refusal(context.Background(), caller, region, service, action, in)
	return code
}

func (l *lab) refusal(ctx context.Context, caller, region, service, action string, in any) (code, message string) {
	l.t.Helper()
	err := l.w.Do(ctx, caller, region, service, action, in, nil)
	var refusal *Error
	switch {
	case err == nil:
		return "", ""
	case !errors.As(err, &refusal):
		l.t.Fatalf("%s %v: %v", action, in, err)
	}
	return refusal.Code, refusal.Message
}

// TestEveryOperationIsMapped: a role's session can't come upon an operation that
// asks for nothing.
func TestEveryOperationIsMapped(t *testing.T) {
	served := map[string][]string{
		"ec2": sortedKeys(ec2Actions), "kms": sortedKeys(kmsActions), "events": sortedKeys(eventsActions), "logs": sortedKeys(logsActions),
		"sqs": append(sortedKeys(sqsActions), "ReceiveMessage"), "sts": sortedKeys(stsActions),
		// Of these the actions themselves ask, which TestNothingIsForFree and
		// TestDeployingIsNotForFree see.
		"cloudformation": nil, "s3": nil, "ssm": nil,
	}
	if diff := cmp.Diff(services, sortedKeys(served)); diff != "" {
		t.Fatalf("services (-want +got):\n%s", diff)
	}
	known := map[string][]string{
		"ec2": sortedKeys(ec2Permissions), "kms": sortedKeys(kmsPermissions), "events": sortedKeys(eventsPermissions), "logs": sortedKeys(logsPermissions),
		"sqs": sortedKeys(sqsPermissions), "sts": sortedKeys(stsPermissions),
	}
	for service, operations := range served {
		slices.Sort(operations)
		if diff := cmp.Diff(operations, known[service]); diff != "" {
			t.Errorf("%s: operations with a mapping (-want +got):\n%s", service, diff)
		}
	}
	bubble(t, "and one that were not would be refused", Options{}, func(l *lab) {
		key := l.role(may("*", "*"))
		for _, service := range services {
			if service == "s3" {
				continue // its operations have no names on the wire
			}
			var in any
			code, message := l.refusal(t.Context(), key, west, service, "FlyToMoon", in)
			l.want(service, strings.TrimSuffix(code, "Exception"), "AccessDenied")
			if !strings.Contains(message, "no IAM action") {
				t.Errorf("%s: got %s", service, message)
			}
		}
	})
}

// TestNothingIsForFree makes every operation, rightly, as a role that may do
// nothing and as one that may do everything: the first is always refused, and
// every operation asks.
func TestNothingIsForFree(t *testing.T) {
	var asked []Authorization
	bubble(t, "", Options{OnAuthorize: func(a Authorization) { asked = append(asked, a) }}, func(l *lab) {
		idle, busy := l.role(), l.role(may("*", "*"))
		key := l.newKey(vault, west, "")
		source := l.source(east)
		volume := l.newVolume(vault, west)
		snapshot := l.newSnapshot(vault, west, volume)
		image := l.ec2(vault, west, "RegisterImage", "Name", "a").get("imageId")
		c := queues{t, l.w, vault, west}
		q, dead := c.create("q"), c.create("dead")
		deadARN := c.queueARN("dead")
		c.sqs("SetQueueAttributes", jsonObject{"QueueUrl": q, "Attributes": jsonObject{"RedrivePolicy": `{"deadLetterTargetArn":"` + deadARN + `","maxReceiveCount":1}`}})
		c.send(q, "a")
		c.send(q, "b")
		handles := c.receive(q, 2)
		c.events("PutRule", jsonObject{"Name": "r", "EventPattern": mine})
		grant := l.kms(vault, west, "CreateGrant", object{"KeyId": key, "GranteePrincipal": owner, "Operations": []string{"Decrypt"}})["GrantId"]
		if err := l.w.TrustRole(vault, "role-2", `{"Statement":{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"sts:AssumeRole"}}`); err != nil {
			t.Fatal(err)
		}
		parameters := map[string]any{
			"ec2:CreateVolume":              []string{"AvailabilityZone", west + "a", "Size", "1"},
			"ec2:DeleteVolume":              []string{"VolumeId", volume},
			"ec2:CreateSnapshot":            []string{"VolumeId", volume},
			"ec2:CopySnapshot":              []string{"SourceRegion", east, "SourceSnapshotId", source},
			"ec2:DeleteSnapshot":            []string{"SnapshotId", snapshot},
			"ec2:CreateTags":                []string{"ResourceId.1", snapshot, "Tag.1.Key", "a", "Tag.1.Value", "b"},
			"ec2:DeleteTags":                []string{"ResourceId.1", snapshot},
			"ec2:ModifySnapshotAttribute":   []string{"SnapshotId", snapshot, "CreateVolumePermission.Add.1.UserId", owner},
			"ec2:DescribeSnapshotAttribute": []string{"SnapshotId", snapshot, "Attribute", "createVolumePermission"},
			"ec2:ResetSnapshotAttribute":    []string{"SnapshotId", snapshot, "Attribute", "createVolumePermission"},
			"ec2:LockSnapshot":              []string{"SnapshotId", snapshot, "LockMode", "governance", "LockDuration", "1"},
			"ec2:UnlockSnapshot":            []string{"SnapshotId", snapshot},
			"ec2:ModifySnapshotTier":        []string{"SnapshotId", snapshot, "StorageTier", "archive"},
			"ec2:RegisterImage":             []string{"Name", "b"},
			"ec2:DeregisterImage":           []string{"ImageId", image},
			"ec2:ModifyEbsDefaultKmsKeyId":  []string{"KmsKeyId", key},

			"kms:DescribeKey": object{"KeyId": key}, "kms:GetKeyPolicy": object{"KeyId": key}, "kms:PutKeyPolicy": object{"KeyId": key, "Policy": policyFor(vault)},
			"kms:EnableKey": object{"KeyId": key}, "kms:DisableKey": object{"KeyId": key}, "kms:ScheduleKeyDeletion": object{"KeyId": key},
			"kms:CancelKeyDeletion": object{"KeyId": key}, "kms:CreateAlias": object{"AliasName": "alias/a", "TargetKeyId": key}, "kms:DeleteAlias": object{"AliasName": "alias/a"},
			"kms:CreateGrant": object{"KeyId": key, "GranteePrincipal": owner, "Operations": []string{"Decrypt"}}, "kms:ListGrants": object{"KeyId": key},
			"kms:RevokeGrant": object{"KeyId": key, "GrantId": grant},

			"sqs:CreateQueue": object{"QueueName": "n"}, "sqs:DeleteQueue": object{"QueueUrl": q}, "sqs:GetQueueUrl": object{"QueueName": "q"},
			"sqs:GetQueueAttributes": object{"QueueUrl": q}, "sqs:SetQueueAttributes": object{"QueueUrl": q, "Attributes": object{"DelaySeconds": "0"}},
			"sqs:PurgeQueue": object{"QueueUrl": q}, "sqs:TagQueue": object{"QueueUrl": q, "Tags": object{"a": "b"}}, "sqs:UntagQueue": object{"QueueUrl": q, "TagKeys": []string{"a"}},
			"sqs:ListQueueTags": object{"QueueUrl": q}, "sqs:SendMessage": object{"QueueUrl": q, "MessageBody": "a"},
			"sqs:SendMessageBatch":   object{"QueueUrl": q, "Entries": []object{{"Id": "a", "MessageBody": "a"}}},
			"sqs:ReceiveMessage":     object{"QueueUrl": q},
			"sqs:DeleteMessage":      object{"QueueUrl": q, "ReceiptHandle": handles[0].ReceiptHandle},
			"sqs:DeleteMessageBatch": object{"QueueUrl": q, "Entries": []object{{"Id": "a", "ReceiptHandle": handles[0].ReceiptHandle}}},
			"sqs:ChangeMessageVisibility": object{"QueueUrl": q, "ReceiptHandle": handles[1].ReceiptHandle,
				"VisibilityTimeout": 9},
			"sqs:ChangeMessageVisibilityBatch": object{"QueueUrl": q, "Entries": []object{{"Id": "a", "ReceiptHandle": handles[1].ReceiptHandle, "VisibilityTimeout": 9}}},
			"sqs:ListDeadLetterSourceQueues":   object{"QueueUrl": dead},
			"sqs:StartMessageMoveTask":         object{"SourceArn": deadARN, "MaxNumberOfMessagesPerSecond": 1}, "sqs:ListMessageMoveTasks": object{"SourceArn": deadARN},

			"events:PutEvents":      object{"Entries": []object{{"Source": "mine", "DetailType": "T", "Detail": "{}"}}},
			"events:CreateEventBus": object{"Name": "b"}, "events:DeleteEventBus": object{"Name": "b"}, "events:DescribeEventBus": object{},
			"events:PutPermission":    object{"Action": "events:PutEvents", "Principal": "*", "StatementId": "s"},
			"events:RemovePermission": object{"StatementId": "s"},
			"events:PutRule":          object{"Name": "r", "EventPattern": mine}, "events:DescribeRule": object{"Name": "r"}, "events:EnableRule": object{"Name": "r"},
			"events:DisableRule": object{"Name": "r"}, "events:DeleteRule": object{"Name": "r"},
			"events:PutTargets": object{"Rule": "r", "Targets": []object{{"Id": "t", "Arn": c.queueARN("q")}}}, "events:RemoveTargets": object{"Rule": "r", "Ids": []string{"t"}},
			"events:ListTargetsByRule": object{"Rule": "r"}, "events:TestEventPattern": object{"EventPattern": mine, "Event": `{}`},

			"sts:AssumeRole": []string{"RoleArn", "arn:aws:iam::222222222222:role/role-2", "RoleSessionName", "again"},
		}
		operations := map[string][]string{
			"ec2": sortedKeys(ec2Permissions), "kms": sortedKeys(kmsPermissions), "events": sortedKeys(eventsPermissions), "logs": sortedKeys(logsPermissions),
			"sqs": sortedKeys(sqsPermissions), "sts": sortedKeys(stsPermissions),
		}
		for service, names := range operations {
			for _, name := range names {
				operation := service + ":" + name
				if operation == "sqs:CancelMessageMoveTask" || operation == "sts:GetCallerIdentity" {
					continue // below
				}
				in := parameters[operation]
				if pairs, form := in.([]string); form {
					in = params(pairs)
				}
				code := l.answer(idle, west, service, name, in)
				switch strings.TrimSuffix(code, "Exception") {
				case "UnauthorizedOperation", "AccessDenied":
				default:
					t.Errorf("%s by a role that may do nothing: got %q", operation, code)
				}
				asked = nil
				l.answer(busy, west, service, name, in)
				permission := operation
				if service == "sqs" {
					permission = "sqs:" + sqsPermissions[name]
				}
				if !slices.ContainsFunc(asked, func(a Authorization) bool { return a.Action == permission && a.Allowed }) {
					t.Errorf("%s by a role that may do everything: it asked %+v, want %s", operation, asked, permission)
				}
			}
		}
		l.want("GetCallerIdentity", l.answer(idle, west, "sts", "GetCallerIdentity", nil), "")
	})
}

// TestGrantedByWhat: the record tells of each decision who asked for what, and
// all statements it rests on.
func TestGrantedByWhat(t *testing.T) {
	var asked []Authorization
	bubble(t, "", Options{OnAuthorize: func(a Authorization) {
		a.Keys = nil // which TestReadingsOfCopies looks at
		asked = append(asked, a)
	}}, func(l *lab) {
		queue := queueKey{vault, west, "q"}
		c := queues{t, l.w, vault, west}
		url := c.create("q", "Policy", permit(`{"Sid":"no plain","Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`))
		key, err := l.w.AddRole(vault, "copier", permit(may("ec2:*", "*")), permit(`{"Sid":"Send","Effect":"Allow","Action":"sqs:SendMessage","Resource":"*"}`))
		if err != nil {
			t.Fatal(err)
		}
		asked = nil
		in := object{"QueueUrl": url, "MessageBody": "a"}
		l.answer(key, west, "sqs", "SendMessage", in)
		l.answer(key, west, "sqs", "ReceiveMessage", in)
		l.refusal(Insecurely(t.Context()), key, west, "sqs", "SendMessage", in)
		l.answer(vault, west, "sqs", "SendMessage", in)
		const role, session = "arn:aws:iam::222222222222:role/copier", "arn:aws:sts::222222222222:assumed-role/copier/copier"
		want := []Authorization{
			{Principal: session, Role: role, Action: "sqs:SendMessage", Resource: queue.arn(), Allowed: true, By: []PolicyStatement{{role, 1, 0, "Send"}}},
			{Principal: session, Role: role, Action: "sqs:ReceiveMessage", Resource: queue.arn()},
			{Principal: session, Role: role, Action: "sqs:SendMessage", Resource: queue.arn(), Denied: true, By: []PolicyStatement{{queue.arn(), 0, 0, "no plain"}}},
			{Principal: "arn:aws:iam::222222222222:root", Action: "sqs:SendMessage", Resource: queue.arn(), Allowed: true},
		}
		if diff := cmp.Diff(want, asked); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestRootCostsNothing: storms are of plain accounts, who must not pay for the
// roles.
func TestRootCostsNothing(t *testing.T) {
	w := New(Options{})
	c := &ec2Call{call: &call{account: vault, region: west, service: "ec2", action: "DescribeSnapshots", caller: caller{account: vault}, form: url.Values{}}, ec2: w.ec2}
	if n := testing.AllocsPerRun(100, func() {
		if problem := c.permitted(); problem != nil {
			t.Fatal(problem)
		}
	}); n != 0 {
		t.Errorf("EC2: got %v allocations, want none", n)
	}
	queue := queueKey{vault, west, "q"}
	if n := testing.AllocsPerRun(100, func() {
		if problem := w.sqs.authorize(c.call, time.Time{}, queue, "SendMessage"); problem != nil {
			t.Fatal(problem)
		}
	}); n != 0 {
		t.Errorf("SQS: got %v allocations, want none", n)
	}
}

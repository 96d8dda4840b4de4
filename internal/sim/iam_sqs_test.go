package sim

import (
	"strings"
	"testing"
)

func TestSQSAuthorization(t *testing.T) {
	const (
		queueARN = "arn:aws:sqs:eu-west-1:222222222222:q"
		tls      = `{"Sid":"tls","Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`
	)
	url := "http://sim/222222222222/q"
	send := object{"QueueUrl": url, "MessageBody": "a"}
	to := func(principal, actions string) string {
		return `{"Effect":"Allow","Principal":` + principal + `,"Action":["` + strings.Join(strings.Fields(actions), `","`) + `"],"Resource":"` + queueARN + `"}`
	}
	tests := []struct {
		name      string
		role      []string // statements
		queue     []string // statements of the queue's policy
		caller    string   // default: the role
		operation string
		in        object
		insecure  bool
		want      string
	}{
		{name: "its own policy", role: []string{may("sqs:SendMessage", queueARN)}, operation: "SendMessage", in: send},
		{name: "another queue", role: []string{may("sqs:SendMessage", queueARN+"2")}, operation: "SendMessage", in: send, want: "AccessDeniedException"},
		{name: "a queue that is not there", role: []string{may("sqs:SendMessage", queueARN+"*")}, operation: "SendMessage", in: object{"QueueUrl": url + "2", "MessageBody": "a"}, want: "QueueDoesNotExist"},
		{name: "a queue that is not there, not allowed", role: []string{may("sqs:SendMessage", queueARN)}, operation: "SendMessage", in: object{"QueueUrl": url + "2", "MessageBody": "a"}, want: "AccessDeniedException"},
		{name: "a batch by the single action", role: []string{may("sqs:SendMessage", queueARN)}, operation: "SendMessageBatch", in: object{"QueueUrl": url, "Entries": []object{{"Id": "a", "MessageBody": "a"}}}},
		{name: "a batch by the batch's name", role: []string{may("sqs:SendMessageBatch", queueARN)}, operation: "SendMessageBatch", in: object{"QueueUrl": url, "Entries": []object{{"Id": "a", "MessageBody": "a"}}}, want: "AccessDeniedException"},
		{name: "a batch of deletions", role: []string{may("sqs:DeleteMessage", queueARN)}, operation: "DeleteMessageBatch", in: object{"QueueUrl": url, "Entries": []object{{"Id": "a", "ReceiptHandle": "x"}}}},
		{name: "a batch of changes", role: []string{may("sqs:ChangeMessageVisibility", queueARN)}, operation: "ChangeMessageVisibilityBatch", in: object{"QueueUrl": url, "Entries": []object{{"Id": "a", "ReceiptHandle": "x"}}}},
		{name: "the queue's policy alone", queue: []string{to(`{"AWS":"arn:aws:iam::222222222222:role/role-1"}`, "sqs:ReceiveMessage")}, operation: "ReceiveMessage", in: object{"QueueUrl": url}},
		{name: "the queue's policy for the account", queue: []string{to(`{"AWS":"222222222222"}`, "sqs:*")}, operation: "SendMessage", in: send, want: "AccessDeniedException"},
		{name: "TLS", role: []string{may("sqs:*", "*")}, queue: []string{tls}, operation: "SendMessage", in: send},
		{name: "no TLS", role: []string{may("sqs:*", "*")}, queue: []string{tls}, operation: "SendMessage", in: send, insecure: true, want: "AccessDeniedException"},
		{name: "no TLS, the root", queue: []string{tls}, caller: vault, operation: "SendMessage", in: send, insecure: true, want: "AccessDeniedException"},
		{name: "the root with TLS", queue: []string{tls}, caller: vault, operation: "SendMessage", in: send},
		{name: "another account", caller: stranger, operation: "SendMessage", in: send, want: "AccessDeniedException"},
		{name: "another account that is let in", queue: []string{to(`{"AWS":"333333333333"}`, "sqs:SendMessage")}, caller: stranger, operation: "SendMessage", in: send},
		{name: "another account, for another action", queue: []string{to(`{"AWS":"333333333333"}`, "sqs:SendMessage")}, caller: stranger, operation: "ReceiveMessage", in: object{"QueueUrl": url}, want: "AccessDeniedException"},
		{name: "another account asks for the URL", queue: []string{to(`{"AWS":"333333333333"}`, "sqs:GetQueueUrl")}, caller: stranger, operation: "GetQueueUrl", in: object{"QueueName": "q", "QueueOwnerAWSAccountId": vault}},
		{name: "another account never deletes", queue: []string{to(`{"AWS":"333333333333"}`, "sqs:*")}, caller: stranger, operation: "DeleteQueue", in: object{"QueueUrl": url}, want: "AccessDeniedException"},
		{name: "making one with tags", role: []string{may("sqs:CreateQueue", "*", `{"StringEquals":{"aws:RequestTag/team":"a"}}`), may("sqs:TagQueue", "*")}, operation: "CreateQueue", in: object{"QueueName": "new", "tags": object{"team": "a"}}},
		{name: "making one with tags, without TagQueue", role: []string{may("sqs:CreateQueue", "*")}, operation: "CreateQueue", in: object{"QueueName": "new", "tags": object{"team": "a"}}, want: "AccessDeniedException"},
		{name: "making one without the tags", role: []string{may("sqs:CreateQueue", "*", `{"StringEquals":{"aws:RequestTag/team":"a"}}`)}, operation: "CreateQueue", in: object{"QueueName": "new"}, want: "AccessDeniedException"},
		{name: "by the queue's tags", role: []string{may("sqs:PurgeQueue", "*", `{"StringEquals":{"aws:ResourceTag/team":"b"}}`)}, operation: "PurgeQueue", in: object{"QueueUrl": url}},
		{name: "untagging one key", role: []string{may("sqs:UntagQueue", "*", `{"ForAllValues:StringEquals":{"aws:TagKeys":["x"]}}`)}, operation: "UntagQueue", in: object{"QueueUrl": url, "TagKeys": []string{"team"}}, want: "AccessDeniedException"},
		{name: "listing takes *", role: []string{may("sqs:ListQueues", queueARN)}, operation: "ListQueues", in: object{}, want: "AccessDeniedException"},
		{name: "listing", role: []string{may("sqs:ListQueues", "*")}, operation: "ListQueues", in: object{}},
		{name: "redriving takes both queues", role: []string{may("sqs:StartMessageMoveTask sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes", queueARN), may("sqs:SendMessage", queueARN+"-source")}, operation: "StartMessageMoveTask", in: object{"SourceArn": queueARN}},
		{name: "redriving without sending", role: []string{may("sqs:StartMessageMoveTask sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes", queueARN)}, operation: "StartMessageMoveTask", in: object{"SourceArn": queueARN}, want: "AccessDeniedException"},
		{name: "redriving without receiving", role: []string{may("sqs:StartMessageMoveTask sqs:DeleteMessage sqs:GetQueueAttributes", queueARN), may("sqs:SendMessage", "*")}, operation: "StartMessageMoveTask", in: object{"SourceArn": queueARN, "DestinationArn": queueARN + "-source"}, want: "AccessDeniedException"},
		{name: "listing tasks", role: []string{may("sqs:ListMessageMoveTasks sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes", queueARN)}, operation: "ListMessageMoveTasks", in: object{"SourceArn": queueARN}},
	}
	for _, test := range tests {
		bubble(t, test.name, Options{}, func(l *lab) {
			key := l.role(test.role...)
			if test.caller != "" {
				key = test.caller
			}
			c := queues{l.t, l.w, vault, west}
			c.create("q")
			c.sqs("TagQueue", jsonObject{"QueueUrl": url, "Tags": jsonObject{"team": "b"}})
			c.create("q-source", "RedrivePolicy", `{"deadLetterTargetArn":"`+queueARN+`","maxReceiveCount":1}`)
			if len(test.queue) > 0 {
				c.sqs("SetQueueAttributes", jsonObject{"QueueUrl": url, "Attributes": jsonObject{"Policy": permit(test.queue...)}})
			}
			ctx := t.Context()
			if test.insecure {
				ctx = Insecurely(ctx)
			}
			code, message := l.refusal(ctx, key, west, "sqs", test.operation, test.in)
			if code != test.want {
				t.Errorf("got %s: %s, want %s", code, message, test.want)
			}
		})
	}
	bubble(t, "cancelling a task is asked for, too", Options{}, func(l *lab) {
		c := queues{l.t, l.w, vault, west}
		dead := c.create("q")
		c.create("q-source", "RedrivePolicy", `{"deadLetterTargetArn":"`+queueARN+`","maxReceiveCount":1}`)
		c.send(dead, "a")
		c.send(dead, "b")
		in := c.sqs("StartMessageMoveTask", jsonObject{"SourceArn": queueARN, "DestinationArn": queueARN + "-source", "MaxNumberOfMessagesPerSecond": 1})
		l.want("by one who may not", l.answer(l.role(), west, "sqs", "CancelMessageMoveTask", in), "AccessDeniedException")
		l.want("by one who may", l.answer(l.role(may("sqs:*", queueARN)), west, "sqs", "CancelMessageMoveTask", in), "")
	})
	bubble(t, "a denial says who, what and why", Options{}, func(l *lab) {
		queues{l.t, l.w, vault, west}.create("q")
		_, message := l.refusal(t.Context(), l.role(), west, "sqs", "SendMessage", send)
		l.want("message", message, "User: arn:aws:sts::222222222222:assumed-role/role-1/role-1 is not authorized to perform: sqs:SendMessage on resource: "+
			queueARN+" because no identity-based policy allows the sqs:SendMessage action")
	})
	bubble(t, "a policy that is none is refused", Options{}, func(l *lab) {
		c := queues{l.t, l.w, vault, west}
		c.refused("sqs", "CreateQueue", jsonObject{"QueueName": "q", "Attributes": jsonObject{"Policy": permit(may("sqs:*", "*"))}}, "InvalidAttributeValue", "Principal is missing")
	})
}

// TestEncryptedQueues: whoever sends and receives needs the queue's key.
func TestEncryptedQueues(t *testing.T) {
	whole := may("sqs:*", "*")
	via := `{"StringEquals":{"kms:ViaService":"sqs.eu-west-1.amazonaws.com"}}`
	tests := []struct {
		name          string
		role          []string
		send, receive string
	}{
		{"with the key", []string{whole, may("kms:GenerateDataKey kms:Decrypt", "arn:aws:kms:*:222222222222:key/*", via)}, "", ""},
		{"without GenerateDataKey", []string{whole, may("kms:Decrypt", "*")}, "KmsAccessDenied", ""},
		{"without Decrypt", []string{whole, may("kms:GenerateDataKey", "*")}, "KmsAccessDenied", "KmsAccessDenied"},
		{"without the key", []string{whole}, "KmsAccessDenied", "KmsAccessDenied"},
	}
	for _, test := range tests {
		bubble(t, test.name, Options{}, func(l *lab) {
			role := l.role(test.role...)
			c := queues{l.t, l.w, vault, west}
			url := c.create("q", "KmsMasterKeyId", l.newKey(vault, west, ""))
			l.want("send", l.answer(role, west, "sqs", "SendMessage", object{"QueueUrl": url, "MessageBody": "a"}), test.send)
			l.want("send a batch", l.answer(role, west, "sqs", "SendMessageBatch", object{"QueueUrl": url, "Entries": []object{{"Id": "a", "MessageBody": "a"}}}), test.send)
			l.want("receive", l.answer(role, west, "sqs", "ReceiveMessage", object{"QueueUrl": url}), test.receive)
			l.want("the root", l.answer(vault, west, "sqs", "ReceiveMessage", object{"QueueUrl": url}), "")
		})
	}
	bubble(t, "aws/sqs takes nothing of the account's own", Options{}, func(l *lab) {
		url := queues{l.t, l.w, vault, west}.create("q", "KmsMasterKeyId", "alias/aws/sqs")
		l.want("send", l.answer(l.role(whole), west, "sqs", "SendMessage", object{"QueueUrl": url, "MessageBody": "a"}), "")
	})
	bubble(t, "redriving takes the keys of both queues", Options{}, func(l *lab) {
		c := queues{l.t, l.w, vault, west}
		dead, back := l.newKey(vault, west, ""), l.newKey(vault, west, "")
		c.create("dead", "KmsMasterKeyId", dead)
		c.create("q", "KmsMasterKeyId", back, "RedrivePolicy", `{"deadLetterTargetArn":"`+c.queueARN("dead")+`","maxReceiveCount":1}`)
		redrive := func(statements ...string) string {
			return l.answer(l.role(append(statements, whole)...), west, "sqs", "StartMessageMoveTask", object{"SourceArn": c.queueARN("dead")})
		}
		l.want("neither", redrive(), "KmsAccessDenied")
		l.want("the first", redrive(may("kms:Decrypt", dead)), "KmsAccessDenied")
		l.want("both", redrive(may("kms:Decrypt", dead), may("kms:GenerateDataKey kms:Decrypt", back)), "")
	})
	bubble(t, "a key that is gone or closed", Options{}, func(l *lab) {
		c := queues{l.t, l.w, vault, west}
		send := func(name, key string) string {
			url := c.create(name, "KmsMasterKeyId", key)
			return l.answer(vault, west, "sqs", "SendMessage", object{"QueueUrl": url, "MessageBody": "a"})
		}
		disabled, doomed := l.newKey(vault, west, ""), l.newKey(vault, west, "")
		l.kms(vault, west, "DisableKey", object{"KeyId": disabled})
		l.kms(vault, west, "ScheduleKeyDeletion", object{"KeyId": doomed})
		l.want("disabled", send("a", disabled), "KmsDisabled")
		l.want("doomed", send("b", doomed), "KmsInvalidState")
		l.want("gone", send("c", "alias/none"), "KmsNotFound")
	})
}

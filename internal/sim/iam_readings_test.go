package sim

import (
	"cmp"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// TestReadingsOfCopies: what a copy across accounts and Regions is authorised
// for, in each reading. A line is what is asked, with ec2:Owner,
// aws:ResourceAccount and ec2:Encrypted; - is a key that is absent.
func TestReadingsOfCopies(t *testing.T) {
	recorded := []string{
		"CopySnapshot eu-west-1 * - vault -", "CreateTags eu-west-1 * - vault -",
		"CopySnapshot us-east-1 snap owner owner true", "CopySnapshot eu-west-1 snap owner owner true"}
	tests := []struct {
		name    string
		reading Readings
		more    []string // parameters of the request
		want    []string
	}{
		{name: "as recorded", want: recorded},
		{name: "as recorded, encryption asked for", more: []string{"Encrypted", "true"},
			want: append([]string{"CopySnapshot eu-west-1 * - vault true"}, recorded[1:]...)},
		{name: "a presigned copy", reading: Readings{PresignedCopy: true}, want: []string{
			recorded[0], recorded[1], "CopySnapshot us-east-1 * - vault -", "CreateTags us-east-1 * - vault -", recorded[2], recorded[3]}},
		{name: "the source in its own Region", reading: Readings{SourceARN: SourceARNSource}, want: []string{recorded[0], recorded[1], recorded[2]}},
		{name: "the source in the copy's Region", reading: Readings{SourceARN: SourceARNDestination}, want: []string{recorded[0], recorded[1], recorded[3]}},
		{name: "the copy has an owner", reading: Readings{NewOwner: true}, want: []string{
			"CopySnapshot eu-west-1 * vault vault -", "CreateTags eu-west-1 * vault vault -", recorded[2], recorded[3]}},
		{name: "the copy has no account", reading: Readings{NoNewAccount: true}, want: []string{
			"CopySnapshot eu-west-1 * - - -", "CreateTags eu-west-1 * - - -", recorded[2], recorded[3]}},
		{name: "the source has only an owner", reading: Readings{SourceOwner: SourceOwnerOwner}, want: []string{
			recorded[0], recorded[1], "CopySnapshot us-east-1 snap owner - true", "CopySnapshot eu-west-1 snap owner - true"}},
		{name: "the source has only an account", reading: Readings{SourceOwner: SourceOwnerAccount}, want: []string{
			recorded[0], recorded[1], "CopySnapshot us-east-1 snap - owner true", "CopySnapshot eu-west-1 snap - owner true"}},
		{name: "encryption as asked", reading: Readings{NewEncrypted: NewEncryptedAsked},
			want: append([]string{"CopySnapshot eu-west-1 * - vault false"}, recorded[1:]...)},
		{name: "encryption as it comes", reading: Readings{NewEncrypted: NewEncryptedResult},
			want: append([]string{"CopySnapshot eu-west-1 * - vault true"}, recorded[1:]...)},
		{name: "no word of encryption", reading: Readings{NewEncrypted: NewEncryptedAbsent}, more: []string{"Encrypted", "true"}, want: recorded},
	}
	for _, test := range tests {
		var asked []string
		listening := false
		key := func(a Authorization, name string) string {
			return cmp.Or(strings.NewReplacer(vault, "vault", owner, "owner").Replace(strings.Join(a.Keys[name], ",")), "-")
		}
		listen := func(a Authorization) {
			if !listening {
				return
			}
			arn := strings.Split(a.Resource, ":")
			if name := strings.TrimPrefix(arn[5], "snapshot/"); name == "*" {
				arn[5] = "*"
				for _, region := range []string{"aws:requestedregion", "ec2:region"} {
					if got := key(a, region); got != arn[3] {
						t.Errorf("%s: the copy in %s is asked for with %s %s", test.name, arn[3], region, got)
					}
				}
			} else {
				arn[5] = "snap"
			}
			asked = append(asked, strings.Join([]string{strings.TrimPrefix(a.Action, "ec2:"), arn[3], arn[5],
				key(a, "ec2:owner"), key(a, "aws:resourceaccount"), key(a, "ec2:encrypted")}, " "))
		}
		bubble(t, test.name, Options{Readings: test.reading, OnAuthorize: listen}, func(l *lab) {
			id := l.source(east, "Encrypted", "true", "KmsKeyId", l.newKey(owner, east, ""))
			role := l.role(may("ec2:*", "*"))
			listening = true
			l.want("code", l.code(role, west, "CopySnapshot", taggedCopy(east, id, append(test.more, "DryRun", "true")...)...), "DryRunOperation")
			if diff := gocmp.Diff(test.want, asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

// TestReadingsWithinARegion: a copy that crosses no Region is asked for once in
// every reading.
func TestReadingsWithinARegion(t *testing.T) {
	for _, reading := range []Readings{{}, {PresignedCopy: true}, {SourceARN: SourceARNDestination}, {SourceARN: SourceARNSource}} {
		asked := 0
		bubble(t, "one Region", Options{Readings: reading, OnAuthorize: func(a Authorization) {
			if a.Role != "" {
				asked++
			}
		}}, func(l *lab) {
			id := l.source(east)
			l.want("code", l.code(l.role(may("ec2:*", "*")), east, "CopySnapshot", taggedCopy(east, id, "DryRun", "true")...), "DryRunOperation")
			l.want("questions", asked, 3)
		})
	}
}

// TestReadingsOfDeliveries: what EventBridge delivers to, and what it tells a
// queue's key.
func TestReadingsOfDeliveries(t *testing.T) {
	const fromAccount = `,"Condition":{"StringEquals":{"aws:SourceAccount":"222222222222"}}`
	tests := []struct {
		name         string
		reading      Readings
		own          bool   // the queue has a key of its own
		condition    string // in its policy
		open         bool   // the dead-letter queue is not encrypted
		in, diverted string
		lost         int
	}{
		{name: "SQS's own key", in: "1/0/0", diverted: "0/0/0"},
		{name: "SQS's own key, closed", reading: Readings{ClosedQueues: true}, in: "0/0/0", diverted: "0/0/0", lost: 1},
		{name: "SQS's own key, closed, and an open dead-letter queue", reading: Readings{ClosedQueues: true}, open: true, in: "0/0/0", diverted: "1/0/0"},
		{name: "a key of its own", reading: Readings{ClosedQueues: true}, own: true, in: "1/0/0", diverted: "0/0/0"},
		{name: "a key that asks for the account", own: true, condition: fromAccount, in: "1/0/0", diverted: "0/0/0"},
		{name: "a key that asks for the account, which is not told", reading: Readings{NoKeySource: true}, own: true, condition: fromAccount, in: "0/0/0", diverted: "1/0/0"},
		{name: "a key that asks for nothing, and nothing is told", reading: Readings{NoKeySource: true}, own: true, in: "1/0/0", diverted: "0/0/0"},
	}
	for _, test := range tests {
		bubble(t, test.name, Options{Readings: test.reading}, func(l *lab) {
			c := queues{l.t, l.w, vault, west}
			attributes := []string{}
			if test.own {
				key := l.newKey(vault, west, policyFor(vault, `{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":["kms:Decrypt","kms:GenerateDataKey"],"Resource":"*"`+test.condition+`}`))
				attributes = append(attributes, "KmsMasterKeyId", key)
			}
			url := c.create("q", attributes...)
			dead := c.create("dead")
			if test.open {
				c.sqs("SetQueueAttributes", jsonObject{"QueueUrl": dead, "Attributes": jsonObject{"SqsManagedSseEnabled": "false"}})
			}
			c.admit(c.queueARN("q"))
			c.admit(c.queueARN("dead"))
			c.route("", "r", mine, jsonObject{"Arn": c.queueARN("q"), "DeadLetterConfig": jsonObject{"Arn": c.queueARN("dead")}})
			c.put("", "mine", `{}`)
			c.wantCounts(url, test.in)
			c.wantCounts(dead, test.diverted)
			l.want("lost", l.w.Lost()["arn:aws:events:eu-west-1:222222222222:rule/r"], test.lost)
		})
	}
}

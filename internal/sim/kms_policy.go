package sim

import (
	"time"

	"snapferry/internal/sim/iam"
)

// parseKeyPolicy reads a key policy.
func parseKeyPolicy(text string) (*iam.Policy, *apiError) {
	policy, err := iam.Parse(iam.Key, text)
	if err != nil {
		return nil, badRequest("MalformedPolicyDocumentException", "%v", err)
	}
	return policy, nil
}

// changeableBy says whether a new key's policy lets the account change it
// again. The key's ARN is not known yet: within a key policy * means the key.
func changeableBy(policy *iam.Policy, account string) bool {
	r := iam.Request{
		Principal: iam.Root(account), Action: "kms:PutKeyPolicy", Owner: account,
		Keys: iam.Keys{"kms:calleraccount": {account}},
	}
	return iam.Evaluate(&r, nil, policy, iam.ResourceFirst).Allowed
}

// defaultKeyPolicy leaves the key to the account, whose root may do everything,
// and whose roles may do what their policies say.
func defaultKeyPolicy(account string) string {
	return `{"Version":"2012-10-17","Id":"key-default-1","Statement":[{"Sid":"Enable IAM User Permissions","Effect":"Allow",` +
		`"Principal":{"AWS":"arn:aws:iam::` + account + `:root"},"Action":"kms:*","Resource":"*"}]}`
}

// managedKey is a key that AWS manages for a service.
type managedKey struct {
	title       string // "EBS"
	endpoint    string // "ec2"
	description string
}

// managedKeys are those that there are, one per account and Region, by alias.
var managedKeys = map[string]managedKey{
	ebsAlias: {"EBS", "ec2", "Default key that protects my EBS volumes when no other key is defined"},
	sqsAlias: {"SQS", "sqs", "Default key that protects my SQS messages when no other key is defined"},
}

// policy lets the service use the key for the account's own sake, and nobody
// change it.
func (m managedKey) policy(p place) string {
	return `{"Version":"2012-10-17","Id":"auto-` + m.endpoint + `-2","Statement":[{"Sid":"Allow access through ` + m.title + ` for all principals in the account that are authorized to use ` + m.title + `",` +
		`"Effect":"Allow","Principal":{"AWS":"*"},"Action":["kms:Encrypt","kms:Decrypt","kms:ReEncrypt*","kms:GenerateDataKey*","kms:CreateGrant","kms:DescribeKey"],` +
		`"Resource":"*","Condition":{"StringEquals":{"kms:CallerAccount":"` + p.account + `","kms:ViaService":"` + m.endpoint + `.` + p.region + `.amazonaws.com"}}},` +
		`{"Sid":"Allow direct access to key metadata to the account","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + p.account + `:root"},` +
		`"Action":["kms:Describe*","kms:Get*","kms:List*","kms:RevokeGrant"],"Resource":"*"}]}`
}

// managed is the key that AWS manages under an alias in a place. It comes into
// being when it is first needed.
func (k *kms) managed(p place, name string, now time.Time) *kmsKey {
	if alias := k.aliases[aliasKey{p, name}]; alias != nil {
		return alias.key
	}
	m := managedKeys[name]
	text := m.policy(p)
	policy, problem := parseKeyPolicy(text)
	if problem != nil {
		panic("sim: the policy of " + name + ": " + problem.Message)
	}
	key := k.add(p, now, text, policy)
	key.managed = true
	key.description = m.description
	k.setAlias(p, name, key, now)
	return key
}

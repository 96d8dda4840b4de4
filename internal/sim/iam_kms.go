package sim

import (
	"maps"
	"strconv"
	"strings"
	"time"

	"snapferry/internal/sim/iam"
)

// kmsAsk is a question to a key: may this caller do that with you?
type kmsAsk struct {
	by     caller
	region string
	action string // "CreateGrant"
	// via is the service that asks on the caller's behalf, such as
	// ec2.eu-west-1.amazonaws.com, or "" when the caller asks itself.
	via        string
	operations []string // that a grant is to allow
	insecure   bool
	source     iam.Keys // what a service that asks for itself does it for
}

// forEBS is what EBS asks of a key when the caller uses it in the Region.
func forEBS(by caller, region, action string) kmsAsk {
	return kmsAsk{by: by, region: region, action: action, via: "ec2." + region + ".amazonaws.com"}
}

// aboutGrants are the actions that have the condition key
// kms:GrantIsForAWSResource.
var aboutGrants = map[string]bool{"CreateGrant": true, "ListGrants": true, "RevokeGrant": true}

// ask is the question to IAM. A key's policy, or one of its grants, has to allow
// what is asked; where they leave it to the caller's account, or the caller is
// of another account than the key, its own policies have to as well. Amazon's
// documents leave open whether a grant across accounts does without those.
func (k *kms) ask(key *kmsKey, q kmsAsk) *ask {
	keys := iam.Keys{
		"kms:keyspec":         {"SYMMETRIC_DEFAULT"},
		"kms:keyusage":        {"ENCRYPT_DECRYPT"},
		"kms:keyorigin":       {"AWS_KMS"},
		"kms:multiregion":     {"false"},
		"kms:resourcealiases": k.aliasesOf(key),
	}
	if q.by.service == "" {
		keys.Set("kms:CallerAccount", q.by.account)
	}
	if q.via != "" {
		keys.Set("kms:ViaService", q.via)
		keys.Set("aws:ViaAWSService", "true")
	}
	if aboutGrants[q.action] {
		keys.Set("kms:GrantIsForAWSResource", strconv.FormatBool(q.via != ""))
	}
	if len(q.operations) > 0 {
		keys.Set("kms:GrantOperations", q.operations...)
	}
	maps.Copy(keys, q.source)
	return &ask{
		by: q.by, action: "kms:" + q.action, resource: key.arn, owner: key.account, policy: key.grounds,
		authority: iam.ResourceFirst, region: q.region, insecure: q.insecure, keys: keys,
	}
}

// allows says whether the key may be used like that.
func (k *kms) allows(key *kmsKey, q kmsAsk, now time.Time) bool {
	return k.w.decide(now, k.ask(key, q)).Allowed
}

func (k *kms) aliasesOf(key *kmsKey) []string {
	var names []string
	for _, name := range k.names[key.place] {
		if k.aliases[aliasKey{key.place, name}].key == key {
			names = append(names, name)
		}
	}
	return names
}

// settle makes one policy of the key's own and of its grants, which allow what
// they allow besides it and forbid nothing.
func (key *kmsKey) settle() {
	grounds := *key.policy
	for _, g := range key.grants {
		grounds.Statements = append(grounds.Statements[:len(grounds.Statements):len(grounds.Statements)], g.policy.Statements...)
	}
	key.grounds = &grounds
}

// grantPolicy is a grant as a policy.
func grantPolicy(id, grantee string, operations []string) (*iam.Policy, error) {
	kind := "AWS"
	if strings.HasSuffix(grantee, ".amazonaws.com") {
		kind = "Service"
	}
	actions := `"kms:` + strings.Join(operations, `","kms:`) + `"`
	return iam.Parse(iam.Key, `{"Version":"2012-10-17","Statement":{"Sid":"grant `+id+`","Effect":"Allow","Principal":{"`+kind+`":`+
		strconv.Quote(grantee)+`},"Action":[`+actions+`],"Resource":"*"}}`)
}

// authorize asks about something that no key decides on.
func (k *kms) authorize(c *kmsCall, resource string) *apiError {
	if k.w.unquestioned(c.caller, nil) {
		return nil
	}
	a := c.ask("kms:"+c.action, resource)
	a.keys.Set("kms:CallerAccount", c.account)
	if d := k.w.decide(c.now, a); !d.Allowed {
		return badRequest("AccessDeniedException", "%s", a.refusal(d))
	}
	return nil
}

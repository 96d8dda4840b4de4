package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// kmsAsk is a question to a key: may this account do that with you?
type kmsAsk struct {
	account string
	action  string // "CreateGrant"
	// via is the service that asks on the account's behalf, such as
	// ec2.eu-west-1.amazonaws.com, or "" when the account asks itself.
	via string
}

// forEBS is what EBS asks of a key when the account uses it in the Region.
func forEBS(account, region, action string) kmsAsk {
	return kmsAsk{account: account, action: action, via: "ec2." + region + ".amazonaws.com"}
}

// allows says whether the key's policy, or one of its grants, lets the account
// do that. Identities within an account are not told apart: what a role of an
// account may do, the account may do.
func (key *kmsKey) allows(ask kmsAsk) bool {
	allowed, forbidden := key.policy.judge(ask, key.arn)
	if forbidden {
		return false
	}
	return allowed || slices.ContainsFunc(key.grants, func(g *kmsGrant) bool { return g.allows(ask) })
}

// keyPolicy is the statements of a key policy.
type keyPolicy []keyStatement

type keyStatement struct {
	Sid          string
	Effect       string
	Principal    keyPrincipal
	Action       oneOrMany
	Resource     oneOrMany
	Condition    map[string]map[string]oneOrMany
	NotPrincipal json.RawMessage
	NotAction    json.RawMessage
	NotResource  json.RawMessage
}

// judge says whether a statement of the policy allows what is asked, and
// whether one forbids it.
func (p keyPolicy) judge(ask kmsAsk, arn string) (allowed, forbidden bool) {
	for i := range p {
		s := &p[i]
		if !s.Principal.includes(ask.account) || !s.applies(ask, arn) {
			continue
		}
		if s.Effect == "Allow" {
			allowed = true
		} else {
			forbidden = true
		}
	}
	return allowed, forbidden
}

func (s *keyStatement) applies(ask kmsAsk, arn string) bool {
	action := strings.ToLower("kms:" + ask.action)
	if !slices.ContainsFunc(s.Action, func(pattern string) bool { return wildcard(strings.ToLower(pattern), action) }) {
		return false
	}
	// Within a key policy "*" is the key itself.
	if !slices.ContainsFunc(s.Resource, func(pattern string) bool { return pattern == "*" || wildcard(pattern, arn) }) {
		return false
	}
	for operator, conditions := range s.Condition {
		for name, values := range conditions {
			if !ask.meets(operator, name, values) {
				return false
			}
		}
	}
	return true
}

// meets says whether a condition holds. One that the simulation does not know
// does not.
func (ask kmsAsk) meets(operator, name string, values oneOrMany) bool {
	var is string
	switch strings.ToLower(name) {
	case "kms:grantisforawsresource":
		// The key exists only for the calls about grants.
		if !strings.HasSuffix(ask.action, "Grant") && !strings.HasSuffix(ask.action, "Grants") {
			return false
		}
		is = fmt.Sprint(ask.via != "")
	case "kms:viaservice":
		is = ask.via
	case "kms:calleraccount":
		is = ask.account
	}
	if is == "" {
		return false
	}
	return slices.ContainsFunc(values, func(value string) bool {
		switch operator {
		case "Bool":
			return strings.EqualFold(value, is)
		case "StringEquals":
			return value == is
		case "StringLike":
			return wildcard(value, is)
		}
		return false
	})
}

// keyPrincipal is who a statement is about.
type keyPrincipal struct {
	everyone bool
	accounts map[string]bool
}

func (p keyPrincipal) includes(account string) bool { return p.everyone || p.accounts[account] }

// principalARN matches the root, a role, a user or a session of an account.
var principalARN = regexp.MustCompile(`^arn:aws[a-z-]*:(?:iam|sts)::(\d{12}):(?:root|role/.+|user/.+|assumed-role/.+|federated-user/.+)$`)

// principalAccount is the account that a principal belongs to.
func principalAccount(principal string) (string, bool) {
	if accountID.MatchString(principal) {
		return principal, true
	}
	if m := principalARN.FindStringSubmatch(principal); m != nil {
		return m[1], true
	}
	return "", false
}

func (p *keyPrincipal) UnmarshalJSON(data []byte) error {
	p.accounts = map[string]bool{}
	var all string
	if json.Unmarshal(data, &all) == nil {
		if all != "*" {
			return fmt.Errorf("principal %q", all)
		}
		p.everyone = true
		return nil
	}
	var kinds map[string]oneOrMany
	if err := json.Unmarshal(data, &kinds); err != nil {
		return err
	}
	for kind, names := range kinds {
		switch kind {
		case "AWS":
		case "Service", "Federated", "CanonicalUser":
			continue // nobody whom the simulation knows
		default:
			return fmt.Errorf("principal type %q", kind)
		}
		for _, name := range names {
			account, valid := principalAccount(name)
			switch {
			case name == "*":
				p.everyone = true
			case valid:
				p.accounts[account] = true
			default:
				return fmt.Errorf("principal %q", name)
			}
		}
	}
	return nil
}

// oneOrMany is a JSON string, or a list of them; booleans and numbers count as
// strings.
type oneOrMany []string

func (o *oneOrMany) UnmarshalJSON(data []byte) error {
	var many []json.RawMessage
	if json.Unmarshal(data, &many) != nil {
		many = []json.RawMessage{data}
	}
	*o = nil
	for _, one := range many {
		one = bytes.TrimSpace(one)
		var text string
		if len(one) == 0 || one[0] == '{' || one[0] == '[' || string(one) == "null" {
			return fmt.Errorf("%s is not a string", one)
		}
		if json.Unmarshal(one, &text) != nil {
			text = string(one)
		}
		*o = append(*o, text)
	}
	return nil
}

// parseKeyPolicy reads a key policy.
func parseKeyPolicy(text string) (keyPolicy, *apiError) {
	malformed := func(format string, args ...any) (keyPolicy, *apiError) {
		return nil, badRequest("MalformedPolicyDocumentException", format, args...)
	}
	var document struct {
		Version, ID string
		Statement   json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		return malformed("This policy contains invalid Json: %v", err)
	}
	raw := bytes.TrimSpace(document.Statement)
	if len(raw) > 0 && raw[0] == '{' {
		raw = slices.Concat([]byte("["), raw, []byte("]"))
	}
	var policy keyPolicy
	if err := json.Unmarshal(raw, &policy); err != nil {
		return malformed("The statement of this policy is not valid: %v", err)
	}
	for i, s := range policy {
		switch {
		case s.NotPrincipal != nil || s.NotAction != nil || s.NotResource != nil:
			return malformed("statement %d: the simulated KMS has no NotPrincipal, NotAction and NotResource", i+1)
		case s.Effect != "Allow" && s.Effect != "Deny":
			return malformed("statement %d: Effect must be Allow or Deny", i+1)
		case s.Principal.accounts == nil || len(s.Action) == 0 || len(s.Resource) == 0:
			return malformed("statement %d: a key policy needs Principal, Action and Resource", i+1)
		}
	}
	return policy, nil
}

// wildcard matches the patterns of policies: * and ?, and no escapes.
func wildcard(pattern, text string) bool {
	var parts []globPart
	for _, char := range pattern {
		parts = append(parts, globPart{char: char, any: char == '?', many: char == '*'})
	}
	return matchGlob(parts, []rune(text))
}

// defaultKeyPolicy lets the account decide, which here lets all of it.
func defaultKeyPolicy(account string) string {
	return `{"Version":"2012-10-17","Id":"key-default-1","Statement":[{"Sid":"Enable IAM User Permissions","Effect":"Allow",` +
		`"Principal":{"AWS":"arn:aws:iam::` + account + `:root"},"Action":"kms:*","Resource":"*"}]}`
}

// ebsKeyPolicy lets EBS use the key for the account's own sake, and nobody
// change it.
func ebsKeyPolicy(p place) string {
	return `{"Version":"2012-10-17","Id":"auto-ebs-2","Statement":[{"Sid":"Allow access through EBS for all principals in the account that are authorized to use EBS",` +
		`"Effect":"Allow","Principal":{"AWS":"*"},"Action":["kms:Encrypt","kms:Decrypt","kms:ReEncrypt*","kms:GenerateDataKey*","kms:CreateGrant","kms:DescribeKey"],` +
		`"Resource":"*","Condition":{"StringEquals":{"kms:CallerAccount":"` + p.account + `","kms:ViaService":"ec2.` + p.region + `.amazonaws.com"}}},` +
		`{"Sid":"Allow direct access to key metadata to the account","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + p.account + `:root"},` +
		`"Action":["kms:Describe*","kms:Get*","kms:List*","kms:RevokeGrant"],"Resource":"*"}]}`
}

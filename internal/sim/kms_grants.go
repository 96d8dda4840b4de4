package sim

import (
	"slices"
	"time"

	"snapferry/internal/sim/iam"
)

// kmsGrant lets a principal use a key, besides the key's policy.
type kmsGrant struct {
	id         string
	name       string
	grantee    string
	retiring   string
	issuer     string
	operations []string
	created    time.Time
	policy     *iam.Policy // the same as a policy
}

// grantOperations are the operations that a grant on a symmetric key can allow.
var grantOperations = []string{
	"CreateGrant", "Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair",
	"GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo", "RetireGrant",
}

func (k *kms) createGrant(c *kmsCall) (any, *apiError) {
	var in struct {
		KeyID, GranteePrincipal, RetiringPrincipal, Name string
		Operations                                       []string
	}
	if problem := c.decode(&in); problem != nil {
		return nil, problem
	}
	if in.GranteePrincipal == "" || len(in.Operations) == 0 {
		return nil, badRequest("ValidationException", "GranteePrincipal and Operations must not be empty")
	}
	for _, operation := range in.Operations {
		if !slices.Contains(grantOperations, operation) {
			return nil, badRequest("ValidationException", "the operation %s can't be granted on a symmetric key", operation)
		}
	}
	c.operations = in.Operations
	key, problem := k.key(c, in.KeyID, "CreateGrant")
	if problem != nil {
		return nil, problem
	}
	if key.state != keyEnabled {
		return nil, invalidState(key)
	}
	g := &kmsGrant{
		id: k.w.hexID(64), name: in.Name, grantee: in.GranteePrincipal, retiring: in.RetiringPrincipal,
		issuer: c.caller.principal().ARN, operations: in.Operations, created: c.now,
	}
	var err error
	if g.policy, err = grantPolicy(g.id, g.grantee, g.operations); err != nil {
		return nil, badRequest("InvalidArnException", "GranteePrincipal %s is neither an account, the ARN of a root, role, user or session, nor a service", g.grantee)
	}
	key.grants = append(key.grants, g)
	key.settle()
	return map[string]string{"GrantId": g.id, "GrantToken": token(g.id)}, nil
}

func (k *kms) listGrants(c *kmsCall) (any, *apiError) {
	var in struct {
		KeyID, GrantID, GranteePrincipal string
		kmsPage
	}
	if problem := c.decode(&in); problem != nil {
		return nil, problem
	}
	key, problem := k.key(c, in.KeyID, "ListGrants")
	if problem != nil {
		return nil, problem
	}
	grants := slices.DeleteFunc(slices.Clone(key.grants), func(g *kmsGrant) bool {
		return in.GrantID != "" && g.id != in.GrantID || in.GranteePrincipal != "" && g.grantee != in.GranteePrincipal
	})
	from, to, next, problem := in.cut(len(grants))
	if problem != nil {
		return nil, problem
	}
	type item struct {
		KeyID             string `json:"KeyId"`
		GrantID           string `json:"GrantId"`
		Name              string `json:"Name,omitempty"`
		CreationDate      float64
		GranteePrincipal  string
		RetiringPrincipal string `json:"RetiringPrincipal,omitempty"`
		IssuingAccount    string
		Operations        []string
	}
	items := []item{}
	for _, g := range grants[from:to] {
		items = append(items, item{key.arn, g.id, g.name, kmsTime(g.created), g.grantee, g.retiring, g.issuer, g.operations})
	}
	return listed("Grants", items, next), nil
}

func (k *kms) revokeGrant(c *kmsCall) (any, *apiError) {
	var in struct{ KeyID, GrantID string }
	if problem := c.decode(&in); problem != nil {
		return nil, problem
	}
	key, problem := k.key(c, in.KeyID, "RevokeGrant")
	if problem != nil {
		return nil, problem
	}
	at := slices.IndexFunc(key.grants, func(g *kmsGrant) bool { return g.id == in.GrantID })
	if at < 0 {
		return nil, badRequest("NotFoundException", "Grant ID %s not found", in.GrantID)
	}
	key.grants = slices.Delete(key.grants, at, at+1)
	key.settle()
	return nil, nil
}

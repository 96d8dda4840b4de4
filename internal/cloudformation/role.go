package cloudformation

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// IAM's quotas (IAM user guide, "IAM and AWS STS quotas"), in characters
// without white space.
const (
	mostTrust    = 2_048  // of a role's trust policy
	mostInline   = 10_240 // of all policies of a role's own
	mostManaged  = 6_144  // of a managed policy
	mostAttached = 10     // managed policies of a role
)

func (d *deployer) createRole(ctx context.Context, p *properties) (made, error) {
	name := d.name(p.text("RoleName"), 64)
	trust := p.document("AssumeRolePolicyDocument")
	switch {
	case trust == "":
		p.problem("AssumeRolePolicyDocument", "the property is missing")
	case len(trust) > mostTrust:
		p.problem("AssumeRolePolicyDocument", "it has %d characters, and IAM's quota ACLSizePerRole is %d", len(trust), mostTrust)
	}
	path, boundary := d.path(p), d.boundary(p)
	var policies []Policy
	for _, policy := range p.groups("Policies") {
		policies = append(policies, Policy{Name: policy.required("PolicyName"), Document: policy.document("PolicyDocument")})
		policy.leftovers()
	}
	for _, arn := range p.texts("ManagedPolicyArns") {
		policy, known := d.policyAt(arn)
		if !known {
			p.problem("ManagedPolicyArns", "no template has the policy %s: write its statements into a policy of the role", arn)
		}
		policies = append(policies, policy)
	}
	// What a role is called by people, how long a session of its may last, and
	// its tags decide nothing here.
	p.ignore("Description", "MaxSessionDuration", "Tags")
	if err := p.end(); err != nil {
		return made{}, err
	}
	key, err := d.world.AddRole(d.stack.Account, path+name)
	if err != nil {
		return made{}, err
	}
	if err := d.world.TrustRole(d.stack.Account, name, trust); err != nil {
		return made{}, err
	}
	if err := d.world.BoundRole(d.stack.Account, name, boundary.Document); err != nil {
		return made{}, err
	}
	var caller struct {
		ID string `xml:"GetCallerIdentityResult>UserId"`
	}
	if err := d.world.Do(ctx, key, d.stack.Region, "sts", "GetCallerIdentity", url.Values{}, &caller); err != nil {
		return made{}, fmt.Errorf("find the id of role %s: %w", name, err)
	}
	id, _, _ := strings.Cut(caller.ID, ":")
	role := &Role{Account: d.stack.Account, Name: name, ARN: arnOf("iam", "", d.stack.Account, "role"+path+name), AccessKeyID: key, Boundary: boundary.ARN}
	d.done.Roles = append(d.done.Roles, role)
	for _, policy := range policies {
		if err := d.attach(policy, name); err != nil {
			return made{}, err
		}
	}
	return made{ref: name, attributes: map[string]string{"Arn": role.ARN, "RoleId": id}}, nil
}

// pathForm is what IAM takes as the path of a role or a policy (API reference,
// CreateRole).
var pathForm = regexp.MustCompile(`^/([!-.0-~]+/)*$`)

// path is the path of a role or a managed policy, which is in its ARN.
func (d *deployer) path(p *properties) string {
	path := cmp.Or(p.text("Path"), "/")
	if !pathForm.MatchString(path) || len(path) > 512 {
		p.problem("Path", "%s is no path: it begins and ends with / and has up to 512 characters", path)
	}
	return path
}

// boundary is the managed policy that bounds a role; without one it is empty.
func (d *deployer) boundary(p *properties) Policy {
	arn := p.text("PermissionsBoundary")
	policy, known := d.policyAt(arn)
	switch {
	case arn == "" || known:
	case d.bounds != "":
		return Policy{Name: arn, ARN: arn, Document: d.bounds}
	default:
		p.problem("PermissionsBoundary", "no template has the policy %s: deploy a template that makes it before this one, or give its document", arn)
	}
	return policy
}

// policyAt finds a managed policy: a template's, or one that AWS manages.
func (d *deployer) policyAt(arn string) (Policy, bool) {
	if policy, known := d.managed[arn]; known {
		return policy, true
	}
	return awsManaged(arn)
}

// attach gives a policy to roles of the stack's account that templates have made.
func (d *deployer) attach(policy Policy, roles ...string) error {
	for _, name := range roles {
		at := slices.IndexFunc(d.done.Roles, func(r *Role) bool { return r.Account == d.stack.Account && r.Name == name })
		if at < 0 {
			return fmt.Errorf("attach policy %s: no template has the role %s", policy.Name, name)
		}
		role := d.done.Roles[at]
		if err := role.fits(policy); err != nil {
			return fmt.Errorf("attach policy %s: %w", policy.Name, err)
		}
		if err := d.world.AddRolePolicy(d.stack.Account, name, policy.Document); err != nil {
			return fmt.Errorf("attach policy %s: %w", policy.Name, err)
		}
		role.Policies = append(role.Policies, policy)
	}
	return nil
}

// fits says whether IAM lets the role have one more policy.
func (r *Role) fits(policy Policy) error {
	inline, attached := 0, 0
	for _, p := range append(slices.Clone(r.Policies), policy) {
		if p.ARN != "" {
			attached++
		} else {
			inline += len(p.Document)
		}
	}
	switch {
	case inline > mostInline:
		return fmt.Errorf("maximum policy size of %d bytes exceeded for role %s: it would have %d: move statements to a managed policy", mostInline, r.Name, inline)
	case attached > mostAttached:
		return fmt.Errorf("cannot exceed quota for PoliciesPerRole: %d, for role %s", mostAttached, r.Name)
	}
	return nil
}

func (d *deployer) createPolicy(_ context.Context, p *properties) (made, error) {
	policy, roles := Policy{Name: p.required("PolicyName"), Document: p.document("PolicyDocument")}, p.texts("Roles")
	if err := p.end(); err != nil {
		return made{}, err
	}
	return made{ref: policy.Name}, d.attach(policy, roles...)
}

func (d *deployer) createManagedPolicy(_ context.Context, p *properties) (made, error) {
	policy := Policy{Name: d.name(p.text("ManagedPolicyName"), 128), Document: p.document("PolicyDocument")}
	policy.ARN = arnOf("iam", "", d.stack.Account, "policy"+d.path(p)+policy.Name)
	if size := len(policy.Document); size > mostManaged {
		p.problem("PolicyDocument", "it has %d characters, and IAM's quota PolicySize is %d", size, mostManaged)
	}
	roles := p.texts("Roles")
	p.ignore("Description")
	if err := p.end(); err != nil {
		return made{}, err
	}
	d.managed[policy.ARN] = policy
	return made{ref: policy.ARN, attributes: map[string]string{"PolicyArn": policy.ARN}}, d.attach(policy, roles...)
}

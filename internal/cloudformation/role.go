package cloudformation

import (
	"context"
	"fmt"
	"net/url"
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
	d.noPath(p)
	var policies []Policy
	for _, policy := range p.groups("Policies") {
		policies = append(policies, Policy{Name: policy.required("PolicyName"), Document: policy.document("PolicyDocument")})
		policy.leftovers()
	}
	for _, arn := range p.texts("ManagedPolicyArns") {
		policy, known := d.managed[arn]
		if !known {
			policy, known = awsManaged(arn)
		}
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
	key, err := d.world.AddRole(d.stack.Account, name)
	if err != nil {
		return made{}, err
	}
	if err := d.world.TrustRole(d.stack.Account, name, trust); err != nil {
		return made{}, err
	}
	var caller struct {
		ID string `xml:"GetCallerIdentityResult>UserId"`
	}
	if err := d.world.Do(ctx, key, d.stack.Region, "sts", "GetCallerIdentity", url.Values{}, &caller); err != nil {
		return made{}, fmt.Errorf("find the id of role %s: %w", name, err)
	}
	id, _, _ := strings.Cut(caller.ID, ":")
	role := &Role{Account: d.stack.Account, Name: name, ARN: arnOf("iam", "", d.stack.Account, "role/"+name), AccessKeyID: key}
	d.done.Roles = append(d.done.Roles, role)
	for _, policy := range policies {
		if err := d.attach(policy, name); err != nil {
			return made{}, err
		}
	}
	return made{ref: name, attributes: map[string]string{"Arn": role.ARN, "RoleId": id}}, nil
}

// noPath refuses a path: it would be part of the ARN, and the simulated IAM
// knows none.
func (d *deployer) noPath(p *properties) {
	if path := p.text("Path"); path != "" && path != "/" {
		p.problem("Path", "the simulated IAM has no path %s: leave it out", path)
	}
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
	policy.ARN = arnOf("iam", "", d.stack.Account, "policy/"+policy.Name)
	if size := len(policy.Document); size > mostManaged {
		p.problem("PolicyDocument", "it has %d characters, and IAM's quota PolicySize is %d", size, mostManaged)
	}
	roles := p.texts("Roles")
	d.noPath(p)
	p.ignore("Description")
	if err := p.end(); err != nil {
		return made{}, err
	}
	d.managed[policy.ARN] = policy
	return made{ref: policy.ARN, attributes: map[string]string{"PolicyArn": policy.ARN}}, d.attach(policy, roles...)
}

package cloudformation

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

func (d *deployer) createRole(ctx context.Context, p *properties) (made, error) {
	name := d.name(p.text("RoleName"), 64)
	trust := p.document("AssumeRolePolicyDocument")
	if trust == "" {
		p.problem("AssumeRolePolicyDocument", "the property is missing")
	}
	d.noPath(p)
	var policies []Policy
	for _, policy := range p.groups("Policies") {
		policies = append(policies, Policy{policy.required("PolicyName"), policy.document("PolicyDocument")})
		policy.leftovers()
	}
	for _, arn := range p.texts("ManagedPolicyArns") {
		policy, known := d.managed[arn]
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
		if err := d.world.AddRolePolicy(d.stack.Account, name, policy.Document); err != nil {
			return fmt.Errorf("attach policy %s: %w", policy.Name, err)
		}
		d.done.Roles[at].Policies = append(d.done.Roles[at].Policies, policy)
	}
	return nil
}

func (d *deployer) createPolicy(_ context.Context, p *properties) (made, error) {
	policy, roles := Policy{p.required("PolicyName"), p.document("PolicyDocument")}, p.texts("Roles")
	if err := p.end(); err != nil {
		return made{}, err
	}
	return made{ref: policy.Name}, d.attach(policy, roles...)
}

func (d *deployer) createManagedPolicy(_ context.Context, p *properties) (made, error) {
	policy := Policy{d.name(p.text("ManagedPolicyName"), 128), p.document("PolicyDocument")}
	roles := p.texts("Roles")
	d.noPath(p)
	p.ignore("Description")
	if err := p.end(); err != nil {
		return made{}, err
	}
	arn := arnOf("iam", "", d.stack.Account, "policy/"+policy.Name)
	d.managed[arn] = policy
	return made{ref: arn, attributes: map[string]string{"PolicyArn": arn}}, d.attach(policy, roles...)
}

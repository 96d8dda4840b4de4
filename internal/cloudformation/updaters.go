package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// updater changes a resource in place, and returns what it is then.
type updater func(d *deployer, ctx context.Context, before, after *part) (made, error)

// updaters are for types whose resources hold something that would be lost
// otherwise, or that others hold on to.
var updaters = map[string]updater{
	"AWS::SQS::Queue":       (*deployer).updateQueue,
	"AWS::Logs::LogGroup":   (*deployer).updateLogGroup,
	"AWS::Events::EventBus": (*deployer).updateBus,
	"AWS::KMS::Key":         (*deployer).updateKey,
	"AWS::IAM::Role":        (*deployer).updateRole,
	"AWS::IAM::ManagedPolicy": func(d *deployer, _ context.Context, before, after *part) (made, error) {
		if diff := changed(before.values, after.values); !slices.Equal(diff, []string{"PolicyDocument"}) {
			return made{}, fmt.Errorf("the simulation changes the document of a managed policy only, not %v", diff)
		}
		p := newProperties(after.values)
		policy := d.managed[before.made.ref]
		policy.Document = p.document("PolicyDocument")
		d.managed[policy.ARN] = policy
		for _, r := range d.done.Roles {
			if r.Boundary == policy.ARN {
				if err := d.world.BoundRole(r.Account, r.Name, policy.Document); err != nil {
					return made{}, err
				}
			}
			for i := range r.Policies {
				if r.Policies[i].ARN == policy.ARN {
					r.Policies[i] = policy
					if err := d.rewrite(r); err != nil {
						return made{}, err
					}
				}
			}
		}
		return before.made, nil
	},
	"AWS::S3::Bucket": func(d *deployer, ctx context.Context, before, after *part) (made, error) {
		return before.made, d.encryptBucket(ctx, newProperties(after.values))
	},
}

func (d *deployer) updateQueue(ctx context.Context, before, after *part) (made, error) {
	attributes := map[string]string{}
	old, next := newProperties(before.values), newProperties(after.values)
	if old.yes("FifoQueue", false) != next.yes("FifoQueue", false) {
		return made{}, fmt.Errorf("the simulation does not replace a queue by a FIFO queue: give it another name")
	}
	read := func(p *properties, name string) string {
		if name == "RedrivePolicy" || name == "RedriveAllowPolicy" {
			return p.document(name)
		}
		return p.text(name)
	}
	for _, name := range append([]string{"RedrivePolicy", "RedriveAllowPolicy"}, queueAttributes...) {
		was, is := read(old, name), read(next, name)
		if was == is {
			continue
		}
		if is == "" && !slices.Contains([]string{"RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId"}, name) {
			return made{}, fmt.Errorf("%s: the simulation does not take the attribute back: write its default", name)
		}
		attributes[name] = is
	}
	if len(attributes) == 0 { // tags, which decide nothing
		return before.made, nil
	}
	in := map[string]any{"QueueUrl": before.made.ref, "Attributes": attributes}
	return before.made, d.do(ctx, "sqs", "SetQueueAttributes", in, nil)
}

func (d *deployer) updateBus(ctx context.Context, before, after *part) (made, error) {
	in := map[string]any{"EventBusName": before.made.ref, "RemoveAllPermissions": true}
	policy := newProperties(after.values).document("Policy")
	action := "RemovePermission"
	if policy != "" {
		action, in = "PutPermission", map[string]any{"EventBusName": before.made.ref, "Policy": policy}
	}
	return before.made, d.do(ctx, "events", action, in, nil)
}

func (d *deployer) updateKey(ctx context.Context, before, after *part) (made, error) {
	for _, name := range changed(before.values, after.values) {
		switch name {
		case "KeyPolicy":
			in := map[string]any{"KeyId": before.made.ref, "PolicyName": "default", "Policy": newProperties(after.values).document(name)}
			if err := d.do(ctx, "kms", "PutKeyPolicy", in, nil); err != nil {
				return made{}, err
			}
		case "Description", "EnableKeyRotation", "RotationPeriodInDays", "PendingWindowInDays", "Tags":
		default:
			return made{}, fmt.Errorf("%s: the simulation does not change it of a key", name)
		}
	}
	return before.made, nil
}

// updateRole writes a role's trust, policies and boundary anew. Policies that other
// resources attach to it stay.
func (d *deployer) updateRole(_ context.Context, before, after *part) (made, error) {
	at := slices.IndexFunc(d.done.Roles, func(r *Role) bool { return r.ARN == before.made.attributes["Arn"] })
	if at < 0 {
		return made{}, fmt.Errorf("no template has made the role %s", before.made.ref)
	}
	role := d.done.Roles[at]
	if slices.Contains(changed(before.values, after.values), "Path") {
		return made{}, fmt.Errorf("Path: the simulation does not move a role: give it another name")
	}
	next := newProperties(after.values)
	boundary := d.boundary(next)
	if err := errors.Join(*next.problems...); err != nil {
		return made{}, err
	}
	own := func(values map[string]any) (all []Policy, err error) {
		p := newProperties(values)
		for _, policy := range p.groups("Policies") {
			all = append(all, Policy{Name: policy.required("PolicyName"), Document: policy.document("PolicyDocument")})
		}
		for _, arn := range p.texts("ManagedPolicyArns") {
			policy, known := d.policyAt(arn)
			if !known {
				return nil, fmt.Errorf("ManagedPolicyArns: no template has the policy %s", arn)
			}
			all = append(all, policy)
		}
		return all, nil
	}
	was, err := own(before.values)
	if err != nil {
		return made{}, err
	}
	is, err := own(after.values)
	if err != nil {
		return made{}, err
	}
	for _, p := range role.Policies {
		if !slices.Contains(was, p) {
			is = append(is, p)
		}
	}
	role.Policies = nil
	for _, p := range is {
		if err := role.fits(p); err != nil {
			return made{}, err
		}
		role.Policies = append(role.Policies, p)
	}
	if err := d.rewrite(role); err != nil {
		return made{}, err
	}
	if err := d.world.BoundRole(role.Account, role.Name, boundary.Document); err != nil {
		return made{}, err
	}
	role.Boundary = boundary.ARN
	return before.made, d.world.TrustRole(role.Account, role.Name, next.document("AssumeRolePolicyDocument"))
}

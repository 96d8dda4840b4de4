package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"snapferry/internal/sim"
)

// remover deletes a resource of a type; nil is for one of which nothing is there
// but a record.
type remover func(*deployer, context.Context, *part) error

func (r remover) do(d *deployer, ctx context.Context, p *part) error {
	d.done.Idle = slices.DeleteFunc(d.done.Idle, func(i Idle) bool { return i.Stack == d.stack.Name && i.ID == p.id })
	if r == nil {
		return nil
	}
	return r(d, ctx, p)
}

// removers delete resources, by their type.
var removers = map[string]remover{
	"AWS::SQS::Queue": func(d *deployer, ctx context.Context, p *part) error {
		return gone(d.do(ctx, "sqs", "DeleteQueue", map[string]any{"QueueUrl": p.made.ref}, nil), "QueueDoesNotExist")
	},
	"AWS::SQS::QueuePolicy": func(d *deployer, ctx context.Context, p *part) error {
		for _, queue := range newProperties(p.values).texts("Queues") {
			in := map[string]any{"QueueUrl": queue, "Attributes": map[string]string{"Policy": ""}}
			if err := gone(d.do(ctx, "sqs", "SetQueueAttributes", in, nil), "QueueDoesNotExist"); err != nil {
				return err
			}
		}
		return nil
	},
	"AWS::Logs::LogGroup": func(d *deployer, ctx context.Context, p *part) error {
		return gone(d.do(ctx, "logs", "DeleteLogGroup", map[string]any{"logGroupName": p.made.ref}, nil), "ResourceNotFoundException")
	},
	"AWS::Events::EventBus": func(d *deployer, ctx context.Context, p *part) error {
		return d.do(ctx, "events", "DeleteEventBus", map[string]any{"Name": p.made.ref}, nil)
	},
	"AWS::Events::Rule": (*deployer).removeRule,
	"AWS::KMS::Key": func(d *deployer, ctx context.Context, p *part) error {
		days := newProperties(p.values).number("PendingWindowInDays", 30, 7, 30)
		return d.do(ctx, "kms", "ScheduleKeyDeletion", map[string]any{"KeyId": p.made.ref, "PendingWindowInDays": days}, nil)
	},
	"AWS::KMS::Alias": func(d *deployer, ctx context.Context, p *part) error {
		return d.do(ctx, "kms", "DeleteAlias", map[string]any{"AliasName": p.made.ref}, nil)
	},
	"AWS::IAM::Role": func(d *deployer, _ context.Context, p *part) error {
		d.done.Roles = slices.DeleteFunc(d.done.Roles, func(r *Role) bool { return r.ARN == p.made.attributes["Arn"] })
		return d.world.RemoveRole(d.stack.Account, p.made.ref)
	},
	"AWS::IAM::Policy": func(d *deployer, _ context.Context, p *part) error {
		return d.detach(func(q Policy) bool { return q.ARN == "" && q.Name == p.made.ref }, newProperties(p.values).texts("Roles"))
	},
	"AWS::IAM::ManagedPolicy": func(d *deployer, _ context.Context, p *part) error {
		for _, r := range d.done.Roles {
			if r.Boundary == p.made.ref || !slices.Contains(newProperties(p.values).texts("Roles"), r.Name) && slices.ContainsFunc(r.Policies, func(q Policy) bool { return q.ARN == p.made.ref }) {
				return fmt.Errorf("cannot delete a policy attached to entities: role %s", r.Name)
			}
		}
		delete(d.managed, p.made.ref)
		return d.detach(func(q Policy) bool { return q.ARN == p.made.ref }, newProperties(p.values).texts("Roles"))
	},
	"AWS::Lambda::Function": func(d *deployer, _ context.Context, p *part) error {
		d.done.Functions = slices.DeleteFunc(d.done.Functions, func(f Function) bool { return f.ARN == p.made.attributes["Arn"] })
		return nil
	},
	"AWS::Lambda::EventSourceMapping": func(d *deployer, _ context.Context, p *part) error {
		queue := newProperties(p.values).text("EventSourceArn")
		for arn, sources := range d.sources {
			d.sources[arn] = slices.DeleteFunc(sources, func(s EventSource) bool { return s.QueueARN == queue })
		}
		return nil
	},
	"AWS::Scheduler::Schedule": func(d *deployer, _ context.Context, p *part) error {
		for arn, schedules := range d.planned {
			d.planned[arn] = slices.DeleteFunc(schedules, func(s Schedule) bool { return s.ARN() == p.made.attributes["Arn"] })
		}
		return nil
	},
	"AWS::S3::Bucket":       (*deployer).removeBucket,
	"AWS::S3::BucketPolicy": (*deployer).removeBucketPolicy,
	"AWS::SSM::Parameter": func(d *deployer, ctx context.Context, p *part) error {
		return gone(d.do(ctx, "ssm", "DeleteParameter", map[string]any{"Name": p.made.ref}, nil), "ParameterNotFound")
	},
}

// gone takes the absence of what is to be deleted for success.
func gone(err error, code string) error {
	if e, is := errors.AsType[*sim.Error](err); is && strings.HasSuffix(e.Code, code) {
		return nil
	}
	return err
}

func (d *deployer) removeRule(ctx context.Context, p *part) error {
	name, in := p.made.ref, map[string]any{}
	if bus, rule, onBus := strings.Cut(name, "|"); onBus {
		name, in["EventBusName"] = rule, bus
	}
	var ids []string
	for _, target := range newProperties(p.values).groups("Targets") {
		ids = append(ids, target.text("Id"))
	}
	if in["Rule"] = name; len(ids) > 0 {
		in["Ids"] = ids
		if err := d.do(ctx, "events", "RemoveTargets", in, nil); err != nil {
			return err
		}
	}
	delete(in, "Rule")
	delete(in, "Ids")
	in["Name"] = name
	return d.do(ctx, "events", "DeleteRule", in, nil)
}

// detach takes policies from roles.
func (d *deployer) detach(is func(Policy) bool, roles []string) error {
	for _, r := range d.done.Roles {
		if r.Account != d.stack.Account || !slices.Contains(roles, r.Name) {
			continue
		}
		r.Policies = slices.DeleteFunc(r.Policies, is)
		if err := d.rewrite(r); err != nil {
			return err
		}
	}
	return nil
}

// rewrite gives a role the policies that are on record.
func (d *deployer) rewrite(r *Role) error {
	var documents []string
	for _, p := range r.Policies {
		documents = append(documents, p.Document)
	}
	return d.world.SetRolePolicies(r.Account, r.Name, documents...)
}

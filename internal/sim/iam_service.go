package sim

import (
	"fmt"
	"strings"
	"time"

	"snapferry/internal/sim/iam"
)

// AddRolePolicy gives a role one more policy, with the same rules as AddRole. It
// counts after those that the role has.
func (w *World) AddRolePolicy(account, name, policy string) error {
	p, err := iam.Parse(iam.Identity, policy)
	if err != nil {
		return fmt.Errorf("add a policy to role %s: %w", name, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.roles[roleKey{account, name}]
	if r == nil {
		return fmt.Errorf("add a policy to role %s: account %s has no such role: add it first", name, account)
	}
	r.policies = append(r.policies, p)
	return nil
}

// ServiceAct is something that a service which is not simulated does under a
// role that somebody has given it: Lambda polls a queue, Scheduler invokes a
// function.
type ServiceAct struct {
	Service         string // scheduler.amazonaws.com
	Account, Region string // for which and in which it acts
	SourceARN       string // of what it acts for: aws:SourceArn
	RoleARN         string
	// Action and Resource are what it does then; without an Action it only takes
	// the role on.
	Action, Resource string
}

// Permit says whether a service may act so: the role has to trust it, and the
// role's policies to allow what it does.
func (w *World) Permit(act ServiceAct) (err error) {
	w.step(func(now time.Time) { err = w.permit(now, act) })
	return err
}

func (w *World) permit(now time.Time, act ServiceAct) error {
	source := ruleSource{arn: act.SourceARN, account: act.Account, region: act.Region}
	r := w.roleAt(act.RoleARN)
	assume := &ask{by: caller{service: act.Service}, action: "sts:AssumeRole", resource: act.RoleARN, region: act.Region, keys: source.keys()}
	setOrganization(assume.keys, w, act.Account)
	if problem := w.mayAssume(now, assume, r); problem != nil {
		return &Error{Action: "AssumeRole", Code: problem.Code, Message: problem.Message, Status: problem.Status}
	}
	if act.Action == "" {
		return nil
	}
	name, _, _ := strings.Cut(act.Service, ".")
	a := &ask{
		by:     caller{account: r.account, session: &session{role: r, name: name, principal: r.session(name)}},
		action: act.Action, resource: act.Resource, region: act.Region, keys: iam.Keys{},
	}
	if fields := strings.SplitN(act.Resource, ":", 6); len(fields) == 6 {
		a.owner = fields[4]
	}
	if d := w.decide(now, a); !d.Allowed {
		_, operation, _ := strings.Cut(act.Action, ":")
		return &Error{Action: operation, Code: "AccessDenied", Message: a.refusal(d), Status: 403}
	}
	return nil
}

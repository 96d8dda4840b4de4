package sim

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"snapferry/internal/sim/iam"
)

// FullAWSAccess is the service control policy that AWS Organizations attaches to
// every account by itself.
const FullAWSAccess = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// ControlAccount attaches service control policies to an account, in the place of
// those that it has: JSON documents. What is not given is not attached, so that
// FullAWSAccess has to be among them, unless others allow what is to be allowed:
// service control policies only bound. Without any an account is not bound, as
// outside an organisation.
//
// They bind every principal of the account, its root included, wherever the
// resource is, and what services do under its roles; not service-linked roles,
// not services that act for themselves, not other accounts' principals, and
// nothing in the accounts of Options.Managers (AWS Organizations user guide, "SCP
// effects on permissions"). There are no organizational units here: attach their
// policies to the account, where no list of allowances needs a level of its own.
func (w *World) ControlAccount(account string, policies ...string) error {
	if !accountID.MatchString(account) {
		return fmt.Errorf("control account: %q is not an account: 12 digits", account)
	}
	var controls []*iam.Policy
	for i, text := range policies {
		p, err := iam.Parse(iam.ServiceControl, text)
		if err != nil {
			return fmt.Errorf("control account %s: policy %d: %w", account, i+1, err)
		}
		controls = append(controls, p)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.controls, account)
	if len(controls) > 0 {
		w.controls[account] = controls
	}
	return nil
}

// controlled are the service control policies that bind principals of an account.
func (w *World) controlled(account string) []*iam.Policy {
	for _, manager := range w.options.Managers {
		if manager == account {
			return nil
		}
	}
	return w.controls[account]
}

// Question is one for IAM about an act that World need not serve on the wire.
type Question struct {
	// Caller is an account, for its root, or an access key id, as for Do.
	Caller string
	Region string
	// Action and Resource are such as "lambda:UpdateFunctionCode" and the ARN of
	// what it is about, or "*".
	Action, Resource string
	// Keys are condition keys besides those that every request has.
	Keys map[string][]string
}

// Authorize says whether the caller may do what is asked, by service control
// policies, its own policies and, where the resource is a queue, a bus, a key or
// a role of this world, the resource's policy. Nothing is done. A refusal is an
// *Error with Amazon's sentence. That the resource exists is not asked for.
func (w *World) Authorize(q Question) (err error) {
	c := &call{account: q.Caller, region: q.Region, accessKey: q.Caller}
	if !accountID.MatchString(q.Caller) {
		c.account = ""
	}
	if problem := w.identify(c); problem != nil {
		return &Error{Action: q.Action, Code: problem.Code, Message: problem.Message, Status: problem.Status}
	}
	if c.account == "" {
		return fmt.Errorf("authorize %s: caller %q is neither an account nor an access key id that AddRole or AssumeRole returned", q.Action, q.Caller)
	}
	w.step(func(now time.Time) {
		a := c.ask(q.Action, q.Resource)
		w.setPolicy(a, now)
		for key, values := range q.Keys {
			a.keys.Set(key, values...)
		}
		if d := w.decide(now, a); !d.Allowed {
			err = &Error{Action: q.Action, Code: "AccessDenied", Message: a.refusal(d), Status: http.StatusForbidden}
		}
	})
	return err
}

// setPolicy gives a question the owner and the policy of its resource.
func (w *World) setPolicy(a *ask, now time.Time) {
	fields := strings.SplitN(a.resource, ":", 6)
	if len(fields) < 6 {
		return
	}
	a.owner = fields[4]
	switch fields[2] {
	case "sqs":
		if key, valid := parseQueueARN(a.resource); valid {
			if q := w.sqs.queues[key]; q != nil && !(key.account != a.by.account && sqsAtHome[strings.TrimPrefix(a.action, "sqs:")]) {
				a.policy = q.policy
			}
		}
	case "events":
		if key, valid := parseBusARN(a.resource); valid {
			if b := w.events.buses[key]; b != nil {
				a.policy = b.policy
			}
		}
	case "kms":
		if key := w.kms.find(fields[4], fields[3], a.resource, now); key != nil {
			a.policy, a.authority = key.grounds, iam.ResourceFirst
		}
	case "iam":
		if r := w.roleAt(a.resource); r != nil && a.action == "sts:AssumeRole" {
			a.policy, a.authority = r.trust, iam.ResourceFirst
		}
	}
}

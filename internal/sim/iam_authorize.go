package sim

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"snapferry/internal/sim/iam"
)

// Authorization is one decision about what somebody wanted to do, as
// Options.OnAuthorize is told of it. A call may take several.
type Authorization struct {
	Principal string // the ARN of a root or of a role's session, or a service
	Role      string // the role's ARN, "" when the principal is no role
	Action    string // "ec2:CopySnapshot"
	Resource  string // an ARN, or "*"
	Allowed   bool
	Denied    bool // by a statement with the effect Deny
	Advisory  bool // nothing hangs on the answer
	// Keys are the request's condition keys, by their names in lower case. They
	// are the world's: do not change them.
	Keys map[string][]string
	// By are all statements that deny, or else all that allow; of a request that
	// nothing allows there are none. A root is allowed without any. Service
	// control policies allow nothing, and where they deny, only they are named.
	By []PolicyStatement
}

// PolicyStatement is the place of a statement.
type PolicyStatement struct {
	// Of is the ARN of the role, or of the resource, whose policy it is in, or the
	// account whose service control policy.
	Of        string
	Policy    int // index among the policies given to AddRole or ControlAccount; 0 for a resource, -1 for the role's boundary
	Statement int // index within the policy
	Sid       string
}

// ask is a question to IAM.
type ask struct {
	by       caller
	action   string // "ec2:CopySnapshot"
	resource string
	// owner is the account whose resource it is as far as policies go; "" means
	// the caller's own. EC2's resources count as the caller's: what is shared
	// with an account is shared by other means than policies.
	owner string
	// belongsTo is the account that the resource really belongs to, if owner
	// does not say.
	belongsTo string
	noAccount bool // aws:ResourceAccount is absent
	policy    *iam.Policy
	authority iam.Authority
	region    string // of the call
	insecure  bool   // the call came without TLS
	advisory  bool   // the answer decides nothing
	keys      iam.Keys
}

// unquestioned says whether a root may act within its account without that
// anybody has to be asked: most calls are such, and cost nothing.
func (w *World) unquestioned(by caller, policy *iam.Policy) bool {
	return by.isRoot() && w.options.OnAuthorize == nil && (policy == nil || !policy.Denies) && len(w.controlled(by.account)) == 0
}

// decide answers an ask; call it within a step.
func (w *World) decide(now time.Time, a *ask) iam.Decision {
	r := iam.Request{Principal: a.by.principal(), Action: a.action, Resource: a.resource, Owner: a.owner, Keys: w.globalKeys(now, a)}
	d := iam.Evaluate(&r, a.by.policies(), a.policy, a.authority)
	if boundary := a.by.boundary(); boundary != nil {
		d = iam.Bound(&r, boundary, a.policy, d)
	}
	if controls := w.controlled(r.Principal.Account); len(controls) > 0 && r.Principal.Controllable() {
		d = iam.Control(&r, controls, d)
	}
	if told := w.options.OnAuthorize; told != nil {
		record := Authorization{
			Principal: r.Principal.ARN, Role: r.Principal.Role, Action: a.action, Resource: a.resource,
			Allowed: d.Allowed, Denied: d.Denied, Advisory: a.advisory, Keys: r.Keys,
		}
		for _, g := range d.By {
			s := PolicyStatement{Of: r.Principal.Role, Policy: g.Policy, Statement: g.Statement, Sid: g.Sid}
			switch {
			case d.Control:
				s.Of = r.Principal.Account
			case g.Policy == iam.ResourcePolicy:
				s.Of, s.Policy = a.resource, 0
			case g.Policy == iam.BoundaryPolicy:
				s.Policy = -1
			}
			record.By = append(record.By, s)
		}
		told(record)
	}
	return d
}

// globalKeys adds the condition keys that every request has (IAM user guide,
// "AWS global condition context keys").
func (w *World) globalKeys(now time.Time, a *ask) iam.Keys {
	keys := a.keys
	if keys == nil {
		keys = iam.Keys{}
	}
	keys["aws:requestedregion"] = []string{a.region}
	keys["aws:currenttime"] = []string{now.UTC().Format(time.RFC3339)}
	keys["aws:epochtime"] = []string{strconv.FormatInt(now.Unix(), 10)}
	keys["aws:securetransport"] = []string{strconv.FormatBool(!a.insecure)}
	keys["aws:principalisawsservice"] = []string{strconv.FormatBool(a.by.service != "")}
	if _, set := keys["aws:viaawsservice"]; !set {
		keys["aws:viaawsservice"] = []string{"false"}
	}
	owner := cmp.Or(a.belongsTo, a.owner)
	if owner == "" && a.resource != "*" {
		owner = a.by.account
	}
	if owner != "" && !a.noAccount {
		keys["aws:resourceaccount"] = []string{owner}
		if org := w.options.Organizations[owner]; org != "" {
			keys["aws:resourceorgid"] = []string{org}
		}
	}
	if a.by.service != "" {
		keys["aws:principalservicename"] = []string{a.by.service}
		return keys
	}
	p := a.by.principal()
	keys["aws:principalaccount"] = []string{p.Account}
	keys["aws:principalarn"], keys["aws:principaltype"], keys["aws:userid"] = []string{p.ARN}, []string{"Account"}, []string{p.Account}
	// A session's key has the role's ARN, not the session's.
	if s := a.by.session; s != nil {
		keys["aws:principalarn"], keys["aws:principaltype"] = []string{p.Role}, []string{"AssumedRole"}
		keys["aws:userid"] = []string{s.role.uniqueID() + ":" + s.name}
	}
	if org := w.options.Organizations[p.Account]; org != "" {
		keys["aws:principalorgid"] = []string{org}
	}
	return keys
}

// refusal is Amazon's sentence about a request that was not allowed.
func (a *ask) refusal(d iam.Decision) string {
	text := "User: " + a.by.principal().ARN + " is not authorized to perform: " + a.action + " on resource: " + a.resource
	kind, boundary := "identity-based policy", len(d.By) > 0 && d.By[0].Policy == iam.BoundaryPolicy
	switch {
	case d.Control || d.Lack == iam.LackControl:
		kind = "service control policy"
	case d.Lack == iam.LackBoundary || d.Denied && boundary:
		kind = "permissions boundary"
	case d.Lack == iam.LackResource || len(d.By) > 0 && d.By[0].Policy == iam.ResourcePolicy:
		kind = "resource-based policy"
	}
	if d.Denied {
		article := "a "
		if strings.HasPrefix(kind, "identity") {
			article = "an "
		}
		return text + " with an explicit deny in " + article + kind
	}
	return text + " because no " + kind + " allows the " + a.action + " action"
}

// ask begins a question of the call's caller about a resource of its own.
func (c *call) ask(action, resource string) *ask {
	return &ask{by: c.caller, action: action, resource: resource, region: c.region, insecure: c.insecure, keys: iam.Keys{}}
}

// setTags sets aws:RequestTag/<key> and aws:TagKeys. Without tags both are
// absent.
func (a *ask) setTags(tags map[string]string) {
	if len(tags) == 0 {
		return
	}
	for _, key := range sortedKeys(tags) {
		a.keys.Set("aws:RequestTag/"+key, tags[key])
	}
	a.keys.Set("aws:TagKeys", sortedKeys(tags)...)
}

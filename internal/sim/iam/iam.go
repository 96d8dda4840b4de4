// Package iam is the policy language of AWS Identity and Access Management:
// documents are parsed once, strictly, and then asked whether a request is
// allowed. It follows the "IAM JSON policy elements reference" and "Policy
// evaluation logic" of the IAM user guide. It knows no service: who asks, about
// what and with which condition keys is the caller's to say.
package iam

import "strings"

// Request is one question: may this principal do that to this resource?
type Request struct {
	Principal Principal
	Action    string // "ec2:CopySnapshot"
	Resource  string // an ARN, or "*" for actions that name no resource
	Owner     string // the resource's account; "" counts as the principal's own
	Keys      Keys
}

// Principal is who asks. Without Role and Service it is the root of Account.
type Principal struct {
	Account string
	ARN     string // as messages name it: of the root, or of a role's session
	Role    string // the role's ARN
	Service string // "events.amazonaws.com"
}

// Root is the root of an account. It may do everything that its account may. A
// statement of a resource's policy that allows some role or user of the account
// allows it too: a root stands for whoever acts in its account.
func Root(account string) Principal {
	return Principal{Account: account, ARN: "arn:aws:iam::" + account + ":root"}
}

// Session is a session of a role, "copier", or "acme/backup/copier" with its path:
// the ARN of a session has the name alone (IAM user guide, "IAM identifiers").
func Session(account, role, session string) Principal {
	name := role[strings.LastIndexByte(role, '/')+1:]
	return Principal{
		Account: account,
		ARN:     "arn:aws:sts::" + account + ":assumed-role/" + name + "/" + session,
		Role:    "arn:aws:iam::" + account + ":role/" + role,
	}
}

// Service is a service that acts for itself.
func Service(name string) Principal { return Principal{ARN: name, Service: name} }

// IsRoot says whether p is the root of an account.
func (p *Principal) IsRoot() bool { return p.Role == "" && p.Service == "" }

// Keys are the condition keys of a request. Names count in any case; a key
// without values counts as absent.
type Keys map[string][]string

// Set gives a key its values.
func (k Keys) Set(name string, values ...string) { k[strings.ToLower(name)] = values }

// Authority says what it takes to be allowed within one account.
type Authority int

const (
	// Either is the usual: the policies of the principal or that of the resource
	// allow it.
	Either Authority = iota
	// ResourceFirst is for KMS keys and for roles that are to be assumed: the
	// resource's policy has to allow the principal, or to leave it to the
	// principal's account, and then the principal's policies allow it.
	ResourceFirst
)

// Grounds.Policy of policies that are none of the principal's.
const (
	ResourcePolicy = -1 // the policy of the resource
	BoundaryPolicy = -2 // the principal's permissions boundary
)

// Grounds is a statement that allowed or denied a request.
type Grounds struct {
	Policy    int // index among the principal's policies, ResourcePolicy or BoundaryPolicy
	Statement int // index within the policy
	Sid       string
}

// Lack says what was missing from a request that nothing denied.
type Lack int

// What can be missing.
const (
	LackNothing  Lack = iota
	LackIdentity      // no policy of the principal allows it
	LackResource      // the resource's policy does not allow it
	LackBoundary      // the principal's permissions boundary does not allow it
	LackControl       // no service control policy of the account allows it
)

// Decision is the answer to a Request.
type Decision struct {
	Allowed bool
	Denied  bool // by a statement with the effect Deny
	// Control says that service control policies deny: By counts among them.
	Control bool
	Lack    Lack
	// By are all statements that apply: those that deny if there are any, else
	// those that allow. A root is allowed without any.
	By []Grounds
}

// Evaluate decides: a denial anywhere wins; else it takes an allowance, within
// an account as authority says, across accounts by both sides.
func Evaluate(r *Request, identity []*Policy, resource *Policy, authority Authority) Decision {
	var allowedBy, deniedBy []Grounds
	own := r.Principal.IsRoot()
	for i, p := range identity {
		for j := range p.Statements {
			s := &p.Statements[j]
			switch {
			case !s.applies(r):
			case s.Deny:
				deniedBy = append(deniedBy, Grounds{i, j, s.Sid})
			default:
				own = true
				allowedBy = append(allowedBy, Grounds{i, j, s.Sid})
			}
		}
	}
	theirs := nobody
	if resource != nil {
		for j := range resource.Statements {
			s := &resource.Statements[j]
			as := s.principal.names(&r.Principal, s.Deny)
			switch {
			case as == nobody || !s.applies(r):
			case s.Deny:
				deniedBy = append(deniedBy, Grounds{ResourcePolicy, j, s.Sid})
			default:
				theirs = max(theirs, as)
				allowedBy = append(allowedBy, Grounds{ResourcePolicy, j, s.Sid})
			}
		}
	}
	if len(deniedBy) > 0 {
		return Decision{Denied: true, By: deniedBy}
	}
	if lack := missing(r, own, theirs, authority); lack != LackNothing {
		return Decision{Lack: lack}
	}
	return Decision{Allowed: true, By: allowedBy}
}

// missing says which side has not allowed what it has to.
func missing(r *Request, own bool, theirs naming, authority Authority) Lack {
	across := r.Owner != "" && r.Owner != r.Principal.Account
	switch {
	case r.Principal.Service != "":
		if theirs < itself {
			return LackResource
		}
		return LackNothing
	case across || authority == ResourceFirst:
		switch {
		case theirs == nobody:
			return LackResource
		case !own && (across || theirs < itself):
			return LackIdentity
		}
		return LackNothing
	case !own && theirs < itself:
		return LackIdentity
	}
	return LackNothing
}

package iam

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
)

// naming is how a statement names a principal, in the order of their weight.
type naming int

const (
	nobody    naming = iota
	byAccount        // its account: which leaves the rest to the account's policies
	itself           // itself, or everyone
	asSession        // this very session of a role
)

// principalElement is who a statement of a resource's policy is about.
type principalElement struct {
	everyone bool
	accounts []string
	arns     []namedPrincipal
	services []string
}

type namedPrincipal struct{ arn, account string }

var (
	accountID = regexp.MustCompile(`^\d{12}$`)
	rootARN   = regexp.MustCompile(`^arn:aws[a-z-]*:iam::(\d{12}):root$`)
	// identityARN matches a role, a user or a session of an account.
	identityARN = regexp.MustCompile(`^arn:aws[a-z-]*:(?:iam|sts)::(\d{12}):(?:role/[^*?]+|user/[^*?]+|assumed-role/[^*?]+|federated-user/[^*?]+)$`)
	serviceName = regexp.MustCompile(`^[a-z0-9.-]+\.amazonaws\.com(\.cn)?$`)
)

// names says how the element names p. Denials of one identity do not reach the
// root that may stand for it.
func (e *principalElement) names(p *Principal, deny bool) naming {
	switch {
	case p.Role != "" && slices.ContainsFunc(e.arns, func(n namedPrincipal) bool { return n.arn == p.ARN }):
		return asSession
	case e.everyone:
		return itself
	case p.Service != "":
		if slices.Contains(e.services, p.Service) {
			return itself
		}
		return nobody
	case slices.ContainsFunc(e.arns, func(n namedPrincipal) bool {
		return n.arn == p.ARN || n.arn == p.Role || p.IsRoot() && !deny && n.account == p.Account
	}):
		return itself
	case slices.Contains(e.accounts, p.Account):
		if p.IsRoot() {
			return itself
		}
		return byAccount
	}
	return nobody
}

// add takes one value of the kind AWS.
func (e *principalElement) add(name string) error {
	switch {
	case name == "*":
		e.everyone = true
		return nil
	case accountID.MatchString(name):
		e.accounts = append(e.accounts, name)
		return nil
	}
	if m := rootARN.FindStringSubmatch(name); m != nil {
		e.accounts = append(e.accounts, m[1])
		return nil
	}
	if m := identityARN.FindStringSubmatch(name); m != nil {
		e.arns = append(e.arns, namedPrincipal{name, m[1]})
		return nil
	}
	return fmt.Errorf("principal %q is neither *, an account nor the ARN of a root, role, user or session", name)
}

func parsePrincipal(raw json.RawMessage) (*principalElement, error) {
	e := &principalElement{}
	var all string
	if json.Unmarshal(raw, &all) == nil {
		if all != "*" {
			return nil, fmt.Errorf("principal %q: only * can stand alone", all)
		}
		e.everyone = true
		return e, nil
	}
	kinds, err := object(raw)
	if err != nil {
		return nil, fmt.Errorf("principal: %w", err)
	}
	if len(kinds) == 0 {
		return nil, fmt.Errorf("principal: it names nobody")
	}
	for _, kind := range kinds {
		names, err := texts(kind.value)
		if err != nil {
			return nil, fmt.Errorf("principal %s: %w", kind.name, err)
		}
		for _, name := range names {
			switch kind.name {
			case "AWS":
				err = e.add(name)
			case "Service":
				if !serviceName.MatchString(name) {
					err = fmt.Errorf("principal %q is no service", name)
				}
				e.services = append(e.services, name)
			case "Federated", "CanonicalUser": // nobody who calls here
			default:
				err = fmt.Errorf("principal type %q is none of AWS, Service, Federated and CanonicalUser", kind.name)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return e, nil
}

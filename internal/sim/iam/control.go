package iam

import "strings"

// serviceLinked is in the ARN of every role that a service made for itself.
// Service control policies do not bind such roles (AWS Organizations user guide,
// "Tasks and entities not restricted by SCPs").
const serviceLinked = ":role/aws-service-role/"

// Controllable says whether service control policies of the principal's account
// bind it. They bind roots, users and roles; not services that act for
// themselves, and not service-linked roles.
func (p *Principal) Controllable() bool {
	return p.Service == "" && !strings.Contains(p.Role, serviceLinked)
}

// Control bounds a decision by the service control policies of the principal's
// account. They give nothing: a denial among them wins over everything, and
// where none of them allows the request it is refused whatever else allows it.
// A decision that they leave alone comes back as it was.
func Control(r *Request, controls []*Policy, d Decision) Decision {
	allowed := false
	var deniedBy []Grounds
	for i, p := range controls {
		for j := range p.Statements {
			s := &p.Statements[j]
			switch {
			case !s.applies(r):
			case s.Deny:
				deniedBy = append(deniedBy, Grounds{i, j, s.Sid})
			default:
				allowed = true
			}
		}
	}
	switch {
	case len(deniedBy) > 0:
		return Decision{Denied: true, Control: true, By: deniedBy}
	case !allowed && !d.Denied:
		return Decision{Lack: LackControl}
	}
	return d
}

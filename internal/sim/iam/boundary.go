package iam

// Bound bounds a decision by the principal's permissions boundary. A boundary gives
// nothing: a denial in it wins, and where it does not allow the request, the
// principal's policies and a resource's policy that names the role allow it in
// vain. Only a resource's policy in the same account that names the very session of
// a role is not bounded (IAM user guide, "Policy evaluation for requests within a
// single account", "Permissions boundaries for IAM entities").
func Bound(r *Request, boundary, resource *Policy, d Decision) Decision {
	if d.Denied {
		return d
	}
	allowed := false
	var deniedBy []Grounds
	for j := range boundary.Statements {
		s := &boundary.Statements[j]
		switch {
		case !s.applies(r):
		case s.Deny:
			deniedBy = append(deniedBy, Grounds{BoundaryPolicy, j, s.Sid})
		default:
			allowed = true
		}
	}
	switch {
	case len(deniedBy) > 0:
		return Decision{Denied: true, By: deniedBy}
	case d.Allowed && !allowed && !sessionAllowed(r, resource):
		return Decision{Lack: LackBoundary}
	}
	return d
}

// sessionAllowed says whether the policy of a resource of the principal's account
// allows the request to the session by its own ARN.
func sessionAllowed(r *Request, resource *Policy) bool {
	if resource == nil || r.Owner != "" && r.Owner != r.Principal.Account {
		return false
	}
	for j := range resource.Statements {
		s := &resource.Statements[j]
		if !s.Deny && s.principal.names(&r.Principal, false) == asSession && s.applies(r) {
			return true
		}
	}
	return false
}

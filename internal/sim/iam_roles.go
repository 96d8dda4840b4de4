package sim

import (
	"fmt"
	"maps"

	"snapferry/internal/sim/iam"
)

// SetRolePolicies gives a role other policies than it has, with the same rules as
// AddRole. Sessions of the role have them from then on.
func (w *World) SetRolePolicies(account, name string, policies ...string) error {
	var parsed []*iam.Policy
	for i, text := range policies {
		p, err := iam.Parse(iam.Identity, text)
		if err != nil {
			return fmt.Errorf("set the policies of role %s: policy %d: %w", name, i+1, err)
		}
		parsed = append(parsed, p)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.roles[roleKey{account, name}]
	if r == nil {
		return fmt.Errorf("set the policies of role %s: account %s has no such role: add it first", name, account)
	}
	r.policies = parsed
	return nil
}

// BoundRole gives a role a permissions boundary in the place of the one that it
// has: a JSON document, "" for none. It gives nothing: what the role may do must be
// allowed by its policies and by the boundary.
func (w *World) BoundRole(account, name, policy string) error {
	var boundary *iam.Policy
	if policy != "" {
		var err error
		if boundary, err = iam.Parse(iam.Identity, policy); err != nil {
			return fmt.Errorf("bound role %s: %w", name, err)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.roles[roleKey{account, name}]
	if r == nil {
		return fmt.Errorf("bound role %s: account %s has no such role: add it first", name, account)
	}
	r.boundary = boundary
	return nil
}

// RemoveRole deletes a role; its sessions end.
func (w *World) RemoveRole(account, name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.roles[roleKey{account, name}]
	if r == nil {
		return fmt.Errorf("remove role %s: account %s has no such role", name, account)
	}
	delete(w.roles, roleKey{account, name})
	maps.DeleteFunc(w.sessions, func(_ string, s *session) bool { return s.role == r })
	return nil
}

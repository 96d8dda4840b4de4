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
	r := w.roles[roleARN(account, name)]
	if r == nil {
		return fmt.Errorf("set the policies of role %s: account %s has no such role: add it first", name, account)
	}
	r.policies = parsed
	return nil
}

// RemoveRole deletes a role; its sessions end.
func (w *World) RemoveRole(account, name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.roles[roleARN(account, name)]
	if r == nil {
		return fmt.Errorf("remove role %s: account %s has no such role", name, account)
	}
	delete(w.roles, r.arn)
	maps.DeleteFunc(w.sessions, func(_ string, s *session) bool { return s.role == r })
	return nil
}

package blueprint

import "snapferry/internal/policy"

// New is the blueprint for settings and the policies that are packaged with the
// functions, whose hash is policy.Hash of the files; or everything that keeps
// them from going together.
func New(settings Settings, policies []policy.Policy, hash string) (Blueprint, []policy.Problem) {
	return Blueprint{Settings: settings}, nil
}

package policy

import (
	"fmt"
	"slices"

	"snapferry/internal/snapshot"
)

// Reason is what decided whether a policy wants a snapshot.
type Reason int

// The reasons, in the order in which they are looked at. The zero Reason is
// none of them, so that an empty Verdict never asks for a copy.
const (
	Matches Reason = iota + 1
	OwnCopy
	OwnerNotListed
	Disabled
	DescriptionDiffers
)

// Verdict is Match's answer, with what it takes to explain it.
type Verdict struct {
	Reason      Reason
	Policy      string
	Owner       string
	Description string
	Filter      string
}

// OK says whether the snapshot is to be copied.
func (v Verdict) OK() bool { return v.Reason == Matches }

// String is the reason in one line for logs and reports.
func (v Verdict) String() string {
	switch v.Reason {
	case Matches:
		return fmt.Sprintf("policy %s lists owner %s, and description %s matches %s",
			v.Policy, v.Owner, quote(v.Description), quote(v.Filter))
	case OwnCopy:
		return fmt.Sprintf("policy %s does not copy what snapferry made or marked itself", v.Policy)
	case Disabled:
		return fmt.Sprintf("policy %s is disabled", v.Policy)
	case OwnerNotListed:
		return fmt.Sprintf("policy %s does not list owner %s", v.Policy, quote(v.Owner))
	case DescriptionDiffers:
		return fmt.Sprintf("policy %s wants descriptions that match %s, not %s",
			v.Policy, quote(v.Filter), quote(v.Description))
	}
	return "no verdict"
}

// Match says whether the policy wants a copy of s. It trusts the owner and the
// description as EC2 shows them, never as an event tells them. A snapshot with
// an order tag is a copy of snapferry's own: nobody but the account that looks
// can have set the tags that it sees.
func (p Policy) Match(s snapshot.Snapshot) Verdict {
	return Verdict{
		Reason:      p.reason(s),
		Policy:      p.Name,
		Owner:       s.Owner,
		Description: s.Description,
		Filter:      p.Filter.String(),
	}
}

func (p Policy) reason(s snapshot.Snapshot) Reason {
	_, ordered := s.Tags[snapshot.TagOrder]
	switch {
	case ordered:
		return OwnCopy
	case !slices.Contains(p.Owners, s.Owner):
		return OwnerNotListed
	case !p.Enabled:
		return Disabled
	case !p.Filter.Match(s.Description):
		return DescriptionDiffers
	}
	return Matches
}

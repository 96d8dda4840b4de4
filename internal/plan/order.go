// Package plan owns the decisions: what to order, whether to copy, what to
// delete. Each is a pure function of policies, what EC2 shows and the time, and
// returns values that carry their reasons, also for what is left alone. It calls
// nothing; internal/reactor acts on what it decides.
package plan

import (
	"errors"
	"fmt"
	"time"

	"snapferry/internal/policy"
	"snapferry/internal/snapshot"
)

// Order is the wish to copy one source under one policy into one Region. It
// says nothing of how: encryption, tags and retention are the policy's at the
// time of the copy.
type Order struct {
	Policy string       `json:"policy"`
	Source snapshot.Ref `json:"source"`
	Target string       `json:"target"`
	// Facts are what EC2 showed of the source when it was ordered. Once the
	// source has completed, none of them can change any more.
	Facts Facts `json:"facts"`
	// Shared is when the source was shared, as the event says; zero when it was
	// found otherwise. It is for people only.
	Shared time.Time `json:"shared,omitzero"`
	// NotBefore is when to try the order again; zero is at once.
	NotBefore time.Time `json:"notBefore,omitzero"`
	// Missed counts the looks in a row at which EC2 did not show the source.
	Missed int `json:"missed,omitempty"`
	// Denial is set once EC2 has refused the copy for a reason that somebody
	// must mend, or has failed to answer for an hour.
	Denial *Denial `json:"denial,omitempty"`
}

// Facts are the parts of a snapshot.Snapshot that an order carries.
type Facts struct {
	Owner       string         `json:"owner"`
	Volume      string         `json:"volume"`
	Description string         `json:"description,omitempty"`
	State       snapshot.State `json:"state"`
	Encrypted   bool           `json:"encrypted,omitempty"`
	Started     time.Time      `json:"started"`
}

// Denial is the history of an order that EC2 does not carry out.
type Denial struct {
	Cause string    `json:"cause"` // what people were told
	Since time.Time `json:"since"` // when people were told first
}

// FactsOf takes from a snapshot what an order carries.
func FactsOf(s snapshot.Snapshot) Facts {
	return Facts{Owner: s.Owner, Volume: s.Volume, Description: s.Description, State: s.State, Encrypted: s.Encrypted, Started: s.Started}
}

// snapshot is the source as the order knows it.
func (o Order) snapshot() snapshot.Snapshot {
	return snapshot.Snapshot{Ref: o.Source, Owner: o.Facts.Owner, Volume: o.Facts.Volume, Description: o.Facts.Description,
		State: o.Facts.State, Encrypted: o.Facts.Encrypted, Started: o.Facts.Started}
}

// Lineage is what the source is a point in time of: orders of one lineage wait
// for each other, as EC2 itself makes copies of one lineage wait.
func (o Order) Lineage() string { return o.snapshot().Lineage() }

// Key names the order within its target Region.
func (o Order) Key() string { return snapshot.OrderKey(o.Policy, o.Source.ID) }

// Group is what orders must be worked on one at a time.
func (o Order) Group() string { return o.Policy + "/" + o.Lineage() }

func (o Order) String() string { return o.Key() + " to " + o.Target }

// Wish is an order, or the reason why a source is not ordered under a policy.
type Wish struct {
	// Order is what to order. When Skip is set it has no Target, and no Policy
	// when no policy knows the source's owner.
	Order Order
	Skip  bool
	// Reason is one sentence, set either way.
	Reason string
}

// Orders decides what to order of a source: one order per rule of each policy
// that it matches, and one Skip per policy that lists its owner and still does
// not match. A source that no policy is interested in is one Skip.
//
//	owner listed | policy enabled | description matches | wish
//	no           |                |                     | skip, once for all policies
//	yes          | no             |                     | skip
//	yes          | yes            | no                  | skip
//	yes          | yes            | yes                 | an order per rule
func Orders(source snapshot.Snapshot, policies []policy.Policy) []Wish {
	var wishes []Wish
	order := Order{Source: source.Ref, Facts: FactsOf(source)}
	for _, p := range policies {
		verdict := p.Match(source)
		order.Policy, order.Target = p.Name, ""
		switch verdict.Reason {
		case policy.OwnerNotListed:
			continue
		case policy.OwnCopy:
			return []Wish{{Order: Order{Source: source.Ref, Facts: FactsOf(source)}, Skip: true, Reason: verdict.String()}}
		case policy.Matches:
		default:
			wishes = append(wishes, Wish{Order: order, Skip: true, Reason: verdict.String()})
			continue
		}
		if reason := uncopyable(source); reason != "" {
			wishes = append(wishes, Wish{Order: order, Skip: true, Reason: reason})
			continue
		}
		for _, rule := range p.Rules {
			order.Target = rule.Region
			wishes = append(wishes, Wish{Order: order, Reason: verdict.String()})
		}
	}
	if len(wishes) == 0 {
		return []Wish{{
			Order:  Order{Source: source.Ref, Facts: FactsOf(source)},
			Skip:   true,
			Reason: fmt.Sprintf("no policy lists account %s as an owner", source.Owner),
		}}
	}
	return wishes
}

// uncopyable says why EC2 will never copy source, or nothing.
func uncopyable(source snapshot.Snapshot) string {
	switch {
	case source.Tier == snapshot.Archive:
		return "the source is archived: EC2 can't copy it until its owner restores it"
	case source.State == snapshot.Failed:
		return fmt.Sprintf("the source itself failed: %s", source.StateMessage)
	case !source.Healthy():
		return fmt.Sprintf("the source is in state %q", source.State)
	}
	return ""
}

// Check says what is missing from an order that comes from outside.
func (o Order) Check() error {
	switch {
	case o.Policy == "":
		return errors.New("the order has no policy")
	case !snapshot.LooksLikeID(o.Source.ID) || !snapshot.LooksLikeRegion(o.Source.Region):
		return fmt.Errorf("the order's source %s is not a snapshot in a Region", o.Source)
	case !snapshot.LooksLikeRegion(o.Target):
		return fmt.Errorf("the order's target %q is not a Region", o.Target)
	case o.Facts.Owner == "" || o.Facts.State == "" || o.Facts.Started.IsZero():
		return errors.New("the order lacks facts of its source: owner, state or started")
	}
	return nil
}

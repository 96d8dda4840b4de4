// Package policy owns the policy documents: it reads the JSON of Amazon Data
// Lifecycle Manager's cross-account copy event policies into a Policy, says
// everything that is wrong with a document at once, and decides whether a
// policy wants a snapshot. It never looks at a clock, the environment or AWS,
// and no file but those that Load and ReadDir are given.
package policy

import "slices"

// Policy says which shared snapshots to copy, and how.
type Policy struct {
	// Name is the document's file name without .json. It goes into tags and
	// into SQS deduplication ids.
	Name        string
	Description string
	Enabled     bool     // State
	Owners      []string // SnapshotOwner: the accounts that may share
	Filter      Filter   // DescriptionRegex
	Action      string   // the name of the one action
	Rules       []Rule   // CrossRegionCopy, a Region each
}

// Rule is one entry of CrossRegionCopy: what becomes of a snapshot in one
// target Region.
type Rule struct {
	Region            string
	Encrypted         bool
	KeyARN            string // "" is the Region's default key for EBS
	Retention         Retention
	Tags              map[string]string // TagsToAdd
	CompletionMinutes int32             // CompletionDurationMinutes; 0 is a standard copy
}

// Retention is how long a copy is kept. The zero Retention keeps it for ever.
type Retention struct {
	Interval int
	Unit     Unit
	// MinimumCount is how many copies of a lineage stay, however old they are.
	MinimumCount int
}

// Unit is the unit of a Retention, in DLM's words.
type Unit string

// The units that DLM knows.
const (
	Days   Unit = "DAYS"
	Weeks  Unit = "WEEKS"
	Months Unit = "MONTHS"
	Years  Unit = "YEARS"
)

// Rule is the rule for a target Region, if there is one.
func (p Policy) Rule(region string) (Rule, bool) {
	for _, rule := range p.Rules {
		if rule.Region == region {
			return rule, true
		}
	}
	return Rule{}, false
}

// Accounts are the source accounts that policies name, enabled or not: each
// once, in order.
func Accounts(policies []Policy) []string {
	var accounts []string
	for _, p := range policies {
		accounts = append(accounts, p.Owners...)
	}
	slices.Sort(accounts)
	return slices.Compact(accounts)
}

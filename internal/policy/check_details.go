package policy

import (
	"slices"
	"unicode/utf8"
)

// shareSnapshot is the one EventType there is.
const shareSnapshot = "shareSnapshot"

// Limits of DLM.
const (
	maxOwners = 50
	maxFilter = 1000
	maxAction = 120
)

// details reads PolicyDetails.
func (c *checker) details(n node, p *Policy) {
	tolerated := append(slices.Concat(scheduleFields, defaultFields), "PolicyLanguage")
	if !c.fields(n, detailsFields, tolerated...) {
		return
	}
	c.oneOf(c.required(n, "PolicyType", `"EVENT_BASED_POLICY"`), "EVENT_BASED_POLICY")
	if language := n.get("PolicyLanguage"); !empty(language) {
		c.oneOf(language, "STANDARD")
	}
	for _, name := range scheduleFields {
		if f := n.get(name); !empty(f) {
			c.report(f, "belongs to policies that make snapshots, not to an EVENT_BASED_POLICY: remove it")
		}
	}
	c.eventSource(c.required(n, "EventSource", `{"Type": "MANAGED_CWE", "Parameters": { … }}`), p)
	c.actions(c.required(n, "Actions", `[{"Name": "…", "CrossRegionCopy": [ … ]}]`), p)
}

func (c *checker) eventSource(n node, p *Policy) {
	if !c.fields(n, []string{"Type", "Parameters"}) {
		return
	}
	c.oneOf(c.required(n, "Type", `"MANAGED_CWE"`), "MANAGED_CWE")
	parameters := c.required(n, "Parameters", `{"EventType": "shareSnapshot", "SnapshotOwner": [ … ], "DescriptionRegex": ".*"}`)
	if !c.fields(parameters, []string{"EventType", "SnapshotOwner", "DescriptionRegex"}) {
		return
	}
	c.oneOf(c.required(parameters, "EventType", `"shareSnapshot"`), shareSnapshot)
	p.Owners = c.owners(c.required(parameters, "SnapshotOwner", `["111111111111"], the accounts that may share,`))
	p.Filter = c.filter(c.required(parameters, "DescriptionRegex", `".*"`))
}

func (c *checker) owners(n node) []string {
	const fix = "write the account as a string of 12 digits, leading zeros kept"
	if !c.is(n, list, `["111111111111"], the accounts that may share`) {
		return nil
	}
	switch count := len(n.items); {
	case count == 0:
		c.report(n, "is empty, so that nothing would be copied: list the accounts that may share")
	case count > maxOwners:
		c.report(n, "has %d accounts: keep at most %d, and put the others into another policy", count, maxOwners)
	}
	var owners []string
	seen := make(map[string]bool)
	for _, item := range n.items {
		switch {
		case item.kind == number:
			c.report(item, "is a number: %s", fix)
		case !c.is(item, text, `"111111111111"`):
		case !isAccount(item.text):
			c.report(item, "is not an account id: %s", fix)
		case seen[item.text]:
			c.report(item, "is listed twice: remove one")
		default:
			seen[item.text] = true
			owners = append(owners, item.text)
		}
	}
	return owners
}

func (c *checker) filter(n node) Filter {
	if !c.is(n, text, "") {
		return Filter{}
	}
	switch length := utf8.RuneCountInString(n.text); {
	case length == 0:
		c.report(n, `is empty, which matches only snapshots without a description: write ".*" for all, or "^$" if you mean that`)
		return Filter{}
	case length > maxFilter:
		c.report(n, "has %d characters: shorten it to %d, or split the policy in two", length, maxFilter)
		return Filter{}
	}
	filter, err := ParseFilter(n.text)
	if err != nil {
		c.report(n, "%v", err)
	}
	return filter
}

func (c *checker) actions(n node, p *Policy) {
	if !c.is(n, list, `[{"Name": "…", "CrossRegionCopy": [ … ]}]`) {
		return
	}
	switch count := len(n.items); {
	case count == 0:
		c.report(n, "is empty: add the one action, with Name and CrossRegionCopy")
	case count > 1:
		c.report(n, "has %d actions: keep one, as DLM does, and put its rules together or write another policy", count)
	}
	for _, item := range n.items {
		if !c.fields(item, []string{"Name", "CrossRegionCopy"}) {
			continue
		}
		p.Action, _ = c.text(c.required(item, "Name", `"Copy to London"`), maxAction, isWords,
			"write some of the characters 0-9 A-Z a-z space _ -")
		p.Rules = c.rules(c.required(item, "CrossRegionCopy", `[{"Target": "eu-west-2", "EncryptionConfiguration": {"Encrypted": true}}]`))
	}
}

package policy

import "slices"

// wanted is what every refusal of another kind of policy ends with.
const wanted = "leave it to DLM; snapferry reads cross-account copy event policies only (PolicyType EVENT_BASED_POLICY, EventType shareSnapshot)"

// otherTypes are the types of DLM policies that are not for snapferry.
var otherTypes = map[string]string{
	"EBS_SNAPSHOT_MANAGEMENT": "a policy that makes snapshots on a schedule",
	"IMAGE_MANAGEMENT":        "a policy that makes AMIs on a schedule",
}

// foreign says whether the details are those of another kind of policy. It then
// has reported that in one sentence: what else is wrong with the document by
// the rules of this kind would only distract.
func (c *checker) foreign(details node) bool {
	if details.kind != object {
		return false
	}
	return c.ofDefaultPolicy(details) || c.ofOtherType(details) || c.ofOtherEvent(details)
}

func (c *checker) ofDefaultPolicy(n node) bool {
	for _, f := range n.fields {
		simplified := f.name == "PolicyLanguage" && f.text == "SIMPLIFIED"
		if simplified || slices.Contains(defaultFields, f.name) && !empty(f.node) {
			c.report(f.node, "belongs to a default policy of DLM, which makes snapshots or AMIs of its own: %s", wanted)
			return true
		}
	}
	return false
}

func (c *checker) ofOtherType(details node) bool {
	n := details.get("PolicyType")
	if n.kind == absent && !like(details, detailsFields...) {
		c.report(n, "is missing, which makes the document a policy of type EBS_SNAPSHOT_MANAGEMENT: %s", wanted)
		return true
	}
	what, other := otherTypes[n.text]
	if other {
		c.report(n, "is %s: %s", what, wanted)
	}
	return other
}

func (c *checker) ofOtherEvent(details node) bool {
	n := details.get("EventSource").get("Parameters").get("EventType")
	if n.kind != text || n.text == shareSnapshot || nearest(n.text, []string{shareSnapshot}) != "" {
		return false
	}
	c.report(n, "is another event than the sharing of a snapshot: %s", wanted)
	return true
}

// empty says whether a field says no more than if it were missing.
func empty(n node) bool {
	switch n.kind {
	case absent, null:
		return true
	case boolean:
		return n.text == "false"
	case text:
		return n.text == ""
	case list:
		return len(n.items) == 0
	case object:
		return len(n.fields) == 0
	}
	return false
}

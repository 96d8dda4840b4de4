package policy

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"snapferry/internal/snapshot"
)

// Limits of EC2, except for maxMinimum, which is snapferry's own.
const (
	maxTags       = 40 // of EC2's 50: a copy's mark takes up to 10
	maxTagKey     = 128
	maxTagValue   = 256
	completionGap = 15 // minutes
	maxCompletion = 48 * 60
	maxMinimum    = 1000
)

// hundredYears is the longest retention, in each unit.
var hundredYears = map[Unit]int{Days: 36500, Weeks: 5200, Months: 1200, Years: 100}

func (c *checker) rules(n node) []Rule {
	if !c.is(n, list, `[{"Target": "eu-west-2", "EncryptionConfiguration": {"Encrypted": true}}]`) {
		return nil
	}
	if len(n.items) == 0 {
		c.report(n, "is empty, so that nothing would be copied: add a rule for each target Region")
	}
	var rules []Rule
	targets := make(map[string]string) // Region to the path of its rule
	home := Rule{}
	for _, item := range n.items {
		rule := c.rule(item)
		rules = append(rules, rule)
		if rule.Region == "" {
			continue
		}
		target := item.get("Target")
		if home.Region == "" {
			home = rule
		}
		if first, twice := targets[rule.Region]; twice {
			c.report(target, "is the Target of %s already: keep one rule for each Region", first)
		} else if partition := partitions[rule.Region]; partition != partitions[home.Region] {
			c.report(target, "is in partition %s, but %s is in %s: an account has Regions of one partition; put the rule into a policy of an account there",
				partition, home.Region, partitions[home.Region])
		}
		targets[rule.Region] = item.path
	}
	return rules
}

func (c *checker) rule(n node) Rule {
	known := []string{"Target", "EncryptionConfiguration", "RetainRule", "TagsToAdd", "CompletionDurationMinutes"}
	if !c.fields(n, known, "CopyTags", "LockRule") {
		return Rule{}
	}
	var rule Rule
	rule.Region = c.region(c.required(n, "Target", `"eu-west-2"`))
	rule.Encrypted, rule.KeyARN = c.encryption(c.required(n, "EncryptionConfiguration", `{"Encrypted": true}`), rule.Region)
	c.notNull(n, "RetainRule", `write {"Interval": 3, "IntervalUnit": "DAYS"}, or remove it to keep copies for ever`)
	rule.Retention = c.retention(n.get("RetainRule"))
	rule.Tags = c.tagsToAdd(n.get("TagsToAdd"))
	rule.CompletionMinutes = c.completion(n.get("CompletionDurationMinutes"))
	if copyTags := n.get("CopyTags"); copyTags.kind != absent {
		if on, ok := c.boolean(copyTags); on && ok {
			c.unsupported(copyTags)
		}
	}
	c.unsupported(n.get("LockRule"))
	return rule
}

// region is the name of a Region that exists, or "".
func (c *checker) region(n node) string {
	if !c.is(n, text, `a Region such as "eu-west-2"`) {
		return ""
	}
	fault := RegionFault(n.text)
	if fault == "" {
		return n.text
	}
	if strings.Contains(n.text, "*") {
		fault = "has a wildcard: write a rule for each target Region"
	}
	c.report(n, "%s", fault)
	return ""
}

func (c *checker) encryption(n node, region string) (encrypted bool, keyARN string) {
	if !c.fields(n, []string{"Encrypted", "CmkArn"}) {
		return false, ""
	}
	encrypted, known := c.boolean(c.required(n, "Encrypted", "true"))
	c.notNull(n, "CmkArn", "remove it for the Region's default key, or write "+keyForm(region))
	key := n.get("CmkArn")
	if key.kind != absent && known && !encrypted {
		c.report(key, "is a key for copies that are not encrypted: write \"Encrypted\": true, or remove CmkArn")
		return false, ""
	}
	return encrypted, c.key(key, region)
}

// retention reads RetainRule. A copy without one is kept for ever.
func (c *checker) retention(n node) Retention {
	if !c.fields(n, []string{"Interval", "IntervalUnit", "MinimumCount"}) {
		return Retention{}
	}
	var r Retention
	unit, _ := c.oneOf(c.required(n, "IntervalUnit", `"DAYS"`), string(Days), string(Weeks), string(Months), string(Years))
	r.Unit = Unit(unit)
	longest, ok := hundredYears[r.Unit]
	if !ok {
		longest = hundredYears[Days]
	}
	r.Interval, _ = c.integer(c.required(n, "Interval", "3"), 1, longest)
	r.MinimumCount, _ = c.integer(n.get("MinimumCount"), 1, maxMinimum)
	return r
}

func (c *checker) completion(n node) int32 {
	minutes, ok := c.integer(n, completionGap, maxCompletion)
	if ok && minutes%completionGap != 0 {
		c.report(n, "is not a multiple of %d minutes: write %d", completionGap, minutes-minutes%completionGap+completionGap)
	}
	return int32(minutes)
}

func (c *checker) tagsToAdd(n node) map[string]string {
	if !c.is(n, list, `[{"Key": "…", "Value": "…"}]`) {
		return nil
	}
	if len(n.items) > maxTags {
		c.report(n, "has %d tags: keep at most %d; snapferry needs the rest of EC2's 50", len(n.items), maxTags)
	}
	var tags map[string]string
	for _, item := range n.items {
		if !c.fields(item, []string{"Key", "Value"}) {
			continue
		}
		key := c.tagKey(c.required(item, "Key", `"…"`))
		value := c.tagValue(c.required(item, "Value", `"…"`))
		if hasControl(value) {
			c.report(item.get("Value"), "has a control character, such as a line break: remove it from the value")
		}
		if _, twice := tags[key]; twice && key != "" {
			c.report(item.get("Key"), "is the key of two tags: keep one")
		}
		if tags == nil {
			tags = make(map[string]string)
		}
		tags[key] = value
	}
	return tags
}

func (c *checker) tagKey(n node) string {
	if !c.is(n, text, "") {
		return ""
	}
	switch length := utf8.RuneCountInString(n.text); {
	case length == 0:
		c.report(n, "is empty: write a key")
	case length > maxTagKey:
		c.report(n, "has %d characters: shorten the key to %d", length, maxTagKey)
	case hasControl(n.text):
		c.report(n, "has a control character: remove it from the key")
	case snapshot.Reserved(n.text):
		c.report(n, "starts with aws: or %s, which are reserved: choose another key", snapshot.Prefix)
	default:
		return n.text
	}
	return ""
}

func hasControl(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) }

func (c *checker) tagValue(n node) string {
	if c.is(n, text, "") && utf8.RuneCountInString(n.text) > maxTagValue {
		c.report(n, "has %d characters: shorten the value to %d", utf8.RuneCountInString(n.text), maxTagValue)
	}
	return n.text
}

package policy

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

const maxARN = 2048

// key is the ARN of a KMS key for copies in region, which is "" when the rule's
// Target is wrong.
func (c *checker) key(n node, region string) string {
	if !c.is(n, text, `an ARN, `+keyForm(region)) {
		return ""
	}
	if fault := keyFault(n.text, region); fault != "" {
		c.report(n, "%s", fault)
		return ""
	}
	return n.text
}

// keyFault says what is wrong with a key's ARN, and the fix; "" is nothing.
func keyFault(arn, region string) string {
	form := keyForm(region)
	switch {
	case arn == "":
		return "is empty: remove CmkArn for the Region's default key, or write " + form
	case utf8.RuneCountInString(arn) > maxARN:
		return fmt.Sprintf("has more than %d characters: write %s", maxARN, form)
	case strings.HasPrefix(arn, "alias/"):
		return "is an alias, and an alias may come to mean another key: write the key's own ARN, " + form
	}
	part := strings.SplitN(arn, ":", 6)
	if len(part) != 6 || part[0] != "arn" || part[2] != "kms" {
		if isKeyID(arn) {
			return "is a key id, not an ARN: write " + form
		}
		return "is not the ARN of a KMS key: write " + form
	}
	partition, place, account, resource := part[1], part[3], part[4], part[5]
	if strings.HasPrefix(resource, "alias/") {
		return "is the ARN of an alias, and an alias may come to mean another key: write the key's own ARN, " + form
	}
	id, found := strings.CutPrefix(resource, "key/")
	switch {
	case !found || !isKeyName(id):
		return "is not the ARN of a KMS key: write " + form
	case !isAccount(account):
		return "has an account that is not 12 digits: write " + form
	case region == "":
		return "" // the rule's Target is reported, and nothing to compare with
	case place != region:
		return fmt.Sprintf("is a key in %s, but the copies are made in %s: write the ARN of a key there, %s", quote(place), region, form)
	case partition != partitions[region]:
		return fmt.Sprintf("is in partition %s, but %s is in %s: write %s", quote(partition), region, partitions[region], form)
	}
	return ""
}

// keyForm is the form of a key's ARN for a Region.
func keyForm(region string) string {
	if region == "" {
		return "arn:aws:kms:REGION:ACCOUNT:key/KEY-ID"
	}
	return "arn:" + partitions[region] + ":kms:" + region + ":ACCOUNT:key/KEY-ID"
}

package blueprint

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"snapferry/internal/policy"
)

// DefaultQualifier is the CDK's own.
const DefaultQualifier = "hnb659fds"

// maxPrefix leaves the longest name, that of a forwarder's role, within IAM's 64
// characters in every Region.
const maxPrefix = 20

// maxExtraTags are fewer than the 50 that AWS takes: CloudFormation adds its own.
const maxExtraTags = 40

// Forms of what AWS takes. A stack's name has no other characters than these,
// and begins with a letter.
var (
	prefixPattern   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*-$`)
	pathPattern     = regexp.MustCompile(`^/([A-Za-z0-9+=,.@_-]+/)*$`)
	boundaryPattern = regexp.MustCompile(`^([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,128}$`)
	managedPattern  = regexp.MustCompile(`^arn:aws[a-z-]*:iam::aws:policy/[A-Za-z0-9+=,.@_/-]+$`)
	// qualifierPattern is stricter than the CDK: the qualifier is in a bucket's name.
	qualifierPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,9}$`)
	// tagPattern is what IAM takes, the strictest of the services that are
	// deployed (IAM user guide, "Rules for tagging in IAM and AWS STS").
	tagPattern = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+@-]*$`)
)

// conventions reads what an organisation asks for.
func (s *Settings) conventions(n policy.Value) {
	read(&s.NamePrefix, n.Get("namePrefix"), namePrefix)
	read(&s.IAMPath, n.Get("iamPath"), iamPath)
	read(&s.Boundary, n.Get("permissionsBoundary"), boundary)
	read(&s.Tags, n.Get("tags"), extraTags)
	read(&s.Qualifier, n.Get("bootstrapQualifier"), func(v policy.Value) (string, bool) {
		return v.Text(10, qualifierPattern, "write what was given to cdk bootstrap --qualifier: up to 10 lower case letters, digits and hyphens")
	})
}

func iamPath(n policy.Value) (string, bool) {
	text, ok := n.Text(512, pathPattern, "write a path such as /acme/backup/, with a slash at either end")
	for _, reserved := range []string{"/aws-service-role/", "/aws-reserved/"} {
		if ok && strings.HasPrefix(text, reserved) {
			n.Report("begins with %s, which IAM keeps for itself: write another path", reserved)
			return "", false
		}
	}
	return text, ok
}

func namePrefix(n policy.Value) (string, bool) {
	text, ok := n.Text(maxPrefix, prefixPattern, "write letters, digits and hyphens, a letter first and a hyphen last, such as acme-")
	if ok && strings.Contains(strings.ToLower(text), Application) {
		n.Report("contains %s, which comes after it in every name: leave it out", Application)
		return "", false
	}
	return text, ok
}

// boundary reads a policy's name. The ARN of a customer's own policy would be
// that of one account, and roles are made in several.
func boundary(n policy.Value) (string, bool) {
	const fix = "write the name of a managed policy that every account has, such as acme-boundary or acme/boundary with its path, or the ARN of an AWS managed policy"
	text, ok := n.Text(512, regexp.MustCompile(`.`), fix)
	if ok && !boundaryPattern.MatchString(text) && !managedPattern.MatchString(text) {
		n.Report("is neither a policy's name nor the ARN of an AWS managed policy: %s", fix)
		return "", false
	}
	return text, ok
}

// extraTags reads the tags for everything.
func extraTags(n policy.Value) (map[string]string, bool) {
	const example = `{"CostCenter": "1234"}`
	keys, values := n.Entries(example)
	if len(keys) > maxExtraTags {
		n.Report("has %d tags: keep at most %d, because AWS allows 50 and adds some", len(keys), maxExtraTags)
	}
	all := map[string]string{}
	for i, key := range keys {
		switch length := utf8.RuneCountInString(key); {
		case length == 0 || length > maxTagKey || !tagPattern.MatchString(key):
			values[i].Report("has a key that IAM does not take: use 1 to %d letters, digits, spaces and _.:/=+-@", maxTagKey)
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			values[i].Report("has a key that begins with aws:, which AWS keeps for itself: write another")
		case strings.EqualFold(key, "Application"):
			values[i].Report("is snapferry's own tag: its value is always %q; remove it", Application)
		case slices.ContainsFunc(keys[:i], func(other string) bool { return strings.EqualFold(other, key) }):
			values[i].Report("has a key that differs from another in case alone, which IAM takes for the same: remove one")
		case strings.HasPrefix(key, Application+":"):
			values[i].Report("has a key that begins with %s:, like the marks on copies: write another", Application)
		default:
			const fix = "write the tag's value in letters, digits, spaces and _.:/=+-@"
			switch value, ok := values[i].Text(maxTagValue, tagPattern, fix); {
			case ok && strings.HasPrefix(strings.ToLower(value), "aws:"):
				values[i].Report("begins with aws:, which AWS keeps for itself: write another value")
			case ok:
				all[key] = value
			}
		}
	}
	return all, n.Present()
}

// boundaryIn is the ARN of the permissions boundary in an account, "" for none.
func (d deployment) boundaryIn(account string) string {
	if d.Boundary == "" || strings.HasPrefix(d.Boundary, "arn:") {
		return d.Boundary
	}
	return fmt.Sprintf("arn:%s:iam::%s:policy/%s", d.partition, account, d.Boundary)
}

// roleARN is the ARN of a role that is deployed in an account.
func (d deployment) roleARN(account, name string) string {
	return fmt.Sprintf("arn:%s:iam::%s:role%s%s", d.partition, account, d.IAMPath, name)
}

// TagKeys are those of Tags, sorted.
func (c Conventions) TagKeys() []string { return slices.Sorted(maps.Keys(c.Tags)) }

package blueprint

import (
	"maps"
	"regexp"
	"strings"
	"testing"

	"snapferry/internal/sim/iam"
)

// TestServiceControlPolicy: the policy that docs/deploy.md proposes keeps
// everybody off the copies and is in nobody's way who has to do with them. A
// service control policy takes away and gives nothing, so that it is tried
// beside one that allows everything.
func TestServiceControlPolicy(t *testing.T) {
	_, doc, _ := strings.Cut(string(contents(t, "../../docs/deploy.md")), "\n## Security\n")
	block := regexp.MustCompile("(?s)```json\n(.*?)```").FindStringSubmatch(doc)
	if block == nil {
		t.Fatal("docs/deploy.md has no policy")
	}
	var policies []*iam.Policy
	for _, text := range []string{block[1], `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}`} {
		p, err := iam.Parse(iam.Identity, text)
		if err != nil {
			t.Fatal(err)
		}
		policies = append(policies, p)
	}
	const made = "arn:aws:ec2:eu-west-2::snapshot/snap-0123456789abcdef0"
	const making = "arn:aws:ec2:eu-west-2::snapshot/*"
	copied := map[string]string{"aws:ResourceTag/snapferry:order": "nightly/snap-0123456789abcdef0"}
	tagging := func(key string, more map[string]string) map[string]string {
		keys := map[string]string{"aws:TagKeys": key}
		maps.Copy(keys, more)
		return keys
	}
	for name, test := range map[string]struct {
		role, action, resource string
		keys                   map[string]string
		allowed                bool
	}{
		"expire deletes a copy":               {"snapferry-expire", "ec2:DeleteSnapshot", made, copied, true},
		"an administrator deletes a copy":     {"Admin", "ec2:DeleteSnapshot", made, copied, false},
		"so does the backup administrator":    {"BackupAdmin", "ec2:DeleteSnapshot", made, copied, false},
		"copy deletes a copy":                 {"snapferry-copy", "ec2:DeleteSnapshot", made, copied, false},
		"an administrator deletes another":    {"Admin", "ec2:DeleteSnapshot", made, nil, true},
		"copy marks what it makes":            {"snapferry-copy", "ec2:CreateTags", making, tagging("snapferry:order", nil), true},
		"copy notes that an end was told":     {"snapferry-copy", "ec2:CreateTags", made, tagging("snapferry:settled", copied), true},
		"an administrator moves an expiry":    {"Admin", "ec2:CreateTags", made, tagging("snapferry:expires", copied), false},
		"an administrator marks a snapshot":   {"Admin", "ec2:CreateTags", made, tagging("snapferry:order", nil), false},
		"an administrator tags a snapshot":    {"Admin", "ec2:CreateTags", made, tagging("Name", nil), true},
		"an administrator takes a hold off":   {"Admin", "ec2:DeleteTags", made, tagging("snapferry:hold", copied), false},
		"an administrator takes all tags off": {"Admin", "ec2:DeleteTags", made, copied, false},
		"expire tags a copy":                  {"snapferry-expire", "ec2:CreateTags", made, tagging("snapferry:expires", copied), false},
		"the backup administrator holds":      {"BackupAdmin", "ec2:CreateTags", made, tagging("snapferry:hold", copied), true},
		"and takes the hold off":              {"BackupAdmin", "ec2:DeleteTags", made, tagging("snapferry:hold", copied), true},
		"an administrator shares a copy":      {"Admin", "ec2:ModifySnapshotAttribute", made, copied, false},
		"an administrator deletes a key":      {"Admin", "kms:ScheduleKeyDeletion", keyARN("eu-west-2", target, 1), nil, false},
		"copy copies":                         {"snapferry-copy", "ec2:CopySnapshot", making, tagging("snapferry:order", nil), true},
	} {
		request := iam.Request{Principal: iam.Session(target, test.role, "someone"), Action: test.action, Resource: test.resource, Keys: iam.Keys{}}
		request.Keys.Set("aws:PrincipalArn", request.Principal.Role)
		for key, value := range test.keys {
			request.Keys.Set(key, value)
		}
		if got := iam.Evaluate(&request, policies, nil, iam.Either).Allowed; got != test.allowed {
			t.Errorf("%s: allowed %v, want %v", name, got, test.allowed)
		}
	}
}

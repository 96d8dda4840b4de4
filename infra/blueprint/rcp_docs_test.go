package blueprint

import (
	"regexp"
	"strings"
	"testing"

	"snapferry/internal/sim/iam"
)

// TestResourceControlPolicy: with the exception that docs/deploy.md shows, the
// perimeter of a source's organisation lets the copy function's role through to a
// key, and nobody else from outside. A resource control policy only takes away:
// it is tried as a key's policy, beside a statement that allows everything.
func TestResourceControlPolicy(t *testing.T) {
	_, section, _ := strings.Cut(string(contents(t, "../../docs/deploy.md")), "\n## Resource control policies of the source's organisation\n")
	block := regexp.MustCompile("(?s)```json\n(.*?)```").FindStringSubmatch(section)
	if block == nil {
		t.Fatal("docs/deploy.md has no policy")
	}
	const allowed = `"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"},`
	perimeter, err := iam.Parse(iam.Resource, strings.Replace(block[1], `"Statement": [`, allowed, 1))
	if err != nil {
		t.Fatal(err)
	}
	everything, err := iam.Parse(iam.Identity, `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	key := keyARN("us-east-1", "111111111111", 1)
	for name, test := range map[string]struct {
		by   iam.Principal
		keys map[string]string
		want bool
	}{
		"the copy function":                {iam.Session(target, "snapferry-copy", "snapferry-copy"), map[string]string{"aws:PrincipalOrgID": "o-z9y8x7w6v5"}, true},
		"it, from no organisation":         {iam.Session(target, "snapferry-copy", "snapferry-copy"), nil, true},
		"another role of that account":     {iam.Session(target, "Admin", "someone"), map[string]string{"aws:PrincipalOrgID": "o-z9y8x7w6v5"}, false},
		"a role of that name elsewhere":    {iam.Session("999999999999", "snapferry-copy", "someone"), nil, false},
		"a role of the organisation":       {iam.Session("333333333333", "Admin", "someone"), map[string]string{"aws:PrincipalOrgID": "o-a1b2c3d4e5"}, true},
		"EBS, which decrypts by its grant": {iam.Service("ec2.amazonaws.com"), map[string]string{"aws:PrincipalIsAWSService": "true"}, true},
	} {
		request := iam.Request{Principal: test.by, Action: "kms:CreateGrant", Resource: key, Keys: iam.Keys{}}
		if test.by.Role != "" {
			request.Keys.Set("aws:PrincipalArn", test.by.Role)
			request.Keys.Set("aws:PrincipalIsAWSService", "false")
		}
		for key, value := range test.keys {
			request.Keys.Set(key, value)
		}
		if got := iam.Evaluate(&request, []*iam.Policy{everything}, perimeter, iam.Either).Allowed; got != test.want {
			t.Errorf("%s: allowed %v, want %v", name, got, test.want)
		}
	}
}

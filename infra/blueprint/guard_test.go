package blueprint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// guarded is the guard for deployers and operators of some names.
func guarded(t *testing.T, deployers, operators []string) (*Guard, []string) {
	t.Helper()
	s, policies := organisation(1, 1, 1, 2)
	s.Guard = GuardSettings{Deployers: deployers, Operators: operators}
	s.complete()
	b, problems := New(s, policies, "hash")
	var texts []string
	for _, p := range problems {
		texts = append(texts, p.String())
	}
	return b.Guard, texts
}

// roleNames are n names with a path such as IAM Identity Center's.
func roleNames(kind string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_%s%03d_0123456789abcdef", kind, i)
	}
	return names
}

// TestGuardFits: whatever the names, no policy is larger than Organizations takes
// and no statement is lost; what there is no room for is a problem that names the
// fix.
func TestGuardFits(t *testing.T) {
	for _, test := range []struct {
		name                 string
		deployers, operators []string
		policies             int // 0: there is no room
	}{
		{name: "one deployer", deployers: []string{"Deploy"}, policies: 2},
		{name: "and an operator", deployers: []string{"Deploy"}, operators: []string{"BackupOperator"}, policies: 3},
		{name: "two and two of Identity Center's", deployers: roleNames("BackupDeployment", 2), operators: roleNames("BackupOperator", 2), policies: 4},
		{name: "the most deployers of Identity Center's", deployers: roleNames("BackupDeployment", 8), policies: 4},
		{name: "one more", deployers: roleNames("BackupDeployment", 9)},
		{name: "the most operators of Identity Center's", deployers: []string{"Deploy"}, operators: roleNames("BackupOperator", 5), policies: 4},
		{name: "too many for any statement", deployers: roleNames("BackupDeployment", 60)},
	} {
		t.Run(test.name, func(t *testing.T) {
			guard, problems := guarded(t, test.deployers, test.operators)
			if test.policies == 0 {
				const fix = "name fewer deployers and operators, or roles with shorter names and paths"
				if len(problems) != 1 || !strings.HasPrefix(problems[0], "settings.json: $.guard: ") || !strings.HasSuffix(problems[0], fix) {
					t.Errorf("problems %q, want one that ends with the fix", problems)
				}
				return
			}
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			var sids []string
			for _, p := range guard.Policies {
				if n := len(p.JSON()); n > 5120 {
					t.Errorf("%s has %d characters", p.Name, n)
				}
				for _, s := range p.Statements {
					sids = append(sids, s.Sid)
				}
			}
			if len(guard.Policies) != test.policies || test.policies > 4 {
				t.Errorf("%d policies, want %d", len(guard.Policies), test.policies)
			}
			var want []string
			for _, s := range newDeployment(Settings{Account: target, HomeRegion: "us-east-1", Guard: GuardSettings{Deployers: test.deployers, Operators: test.operators}}, nil, "").guardStatements() {
				want = append(want, s.Sid)
			}
			slices.Sort(sids)
			slices.Sort(want)
			if !slices.Equal(sids, want) || len(want) < 9 {
				t.Errorf("statements %q, want %q", sids, want)
			}
		})
	}
}

// TestNoGuard: nobody gets one who does not ask for it.
func TestNoGuard(t *testing.T) {
	if guard, problems := guarded(t, nil, nil); guard != nil || len(problems) > 0 {
		t.Errorf("guard %+v, problems %q", guard, problems)
	}
}

// TestGuardForOlderOrganizations: every statement denies, and has what service
// control policies took before September 2025 too.
func TestGuardForOlderOrganizations(t *testing.T) {
	action := regexp.MustCompile(`^[a-z0-9]+:[A-Za-z]+\*?$`)
	guard, _ := guarded(t, []string{"Deploy"}, []string{"BackupOperator"})
	for _, p := range guard.Policies {
		for _, s := range p.Statements {
			if !s.Deny || len(s.Principals) > 0 || len(s.Resources) == 0 || len(s.Conditions) == 0 || (len(s.Actions) == 0) == (len(s.NotActions) == 0) {
				t.Errorf("%s: %+v", s.Sid, s)
			}
			for _, a := range append(s.Actions, s.NotActions...) {
				if !action.MatchString(a) {
					t.Errorf("%s: action %s has a wildcard elsewhere than at its end", s.Sid, a)
				}
			}
		}
	}
}

// TestGuardExempts: a principal is exempted by an ARN without wildcards, but for
// the forwarders, and RolesStay has nobody else make or change any of them.
func TestGuardExempts(t *testing.T) {
	guard, _ := guarded(t, []string{"ci/Deploy"}, []string{"BackupOperator"})
	var protected []string
	exempt := map[string]bool{}
	for _, p := range guard.Policies {
		for _, s := range p.Statements {
			if s.Sid == "RolesStay" {
				protected = s.Resources
			}
			for _, arn := range s.Conditions["ArnNotEquals"]["aws:PrincipalArn"] {
				exempt[arn] = true
			}
		}
	}
	const forwarders = "arn:aws:iam::222222222222:role/snapferry-forwarder-*"
	for arn := range exempt {
		if strings.ContainsAny(arn, "*?") && arn != forwarders {
			t.Errorf("%s is exempted, whoever it is", arn)
		}
		if !slices.ContainsFunc(protected, func(pattern string) bool {
			prefix, open := strings.CutSuffix(pattern, "*")
			return arn == pattern || open && strings.HasPrefix(arn, prefix)
		}) {
			t.Errorf("%s is exempted, and anybody may make or change it", arn)
		}
	}
	if len(exempt) != 3+2+4+1 {
		t.Errorf("%d principals are exempted: %v", len(exempt), exempt)
	}
}

package blueprint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"snapferry/internal/policy"
)

var (
	// rolePattern is a role's name, with its path and its ARN's beginning if they
	// are given. A wildcard would exempt roles that are yet to be made.
	rolePattern   = regexp.MustCompile(`^(arn:aws[a-z-]*:iam::[0-9]{12}:role/)?([\w+=,.@-]+/)*[\w+=,.@-]{1,64}$`)
	targetPattern = regexp.MustCompile(`^([0-9]{12}|ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})$`)
)

func (s *Settings) guard(n policy.Value) {
	if !n.Fields("deployers", "operators", "target") {
		return
	}
	deployers := n.Required("deployers", `["Deploy"]`)
	if deployers.Empty() {
		deployers.Report("is empty, so that nobody could deploy again: list the roles of the target account that deploy")
	}
	s.Guard.Deployers = guardRoles(deployers)
	s.Guard.Operators = guardRoles(n.Get("operators"))
	read(&s.Guard.Target, n.Get("target"), func(v policy.Value) (string, bool) {
		return v.Text(68, targetPattern, "write the target account, or the id of a unit with it alone, such as ou-a1b2-c3d4e5f6")
	})
}

func guardRoles(n policy.Value) []string {
	roles := texts(n, `["Deploy"]`, func(v policy.Value) (string, bool) {
		return v.Text(612, rolePattern, "write a role's name, with its path if it has one, or its ARN; wildcards would let in whom nobody meant")
	})
	slices.Sort(roles)
	return roles
}

// checkGuard says what in the guard's settings does not go together, and leaves
// the roles without what their ARNs have in common.
func (s Settings) checkGuard(report func(path, value, format string, args ...any)) {
	partition, _ := policy.Partition(s.HomeRegion)
	own := fmt.Sprintf("arn:%s:iam::%s:role/", partition, s.Account)
	named := map[string]bool{}
	for _, list := range []struct {
		name  string
		roles []string
	}{{"deployers", s.Guard.Deployers}, {"operators", s.Guard.Operators}} {
		for _, role := range list.roles {
			path, value := "$.guard."+list.name, fmt.Sprintf("%q", role)
			name := strings.TrimPrefix(role, own)
			base := name[strings.LastIndexByte(name, '/')+1:]
			// IAM does not tell names apart by case alone.
			same := strings.ToLower(name)
			switch {
			case strings.HasPrefix(name, "arn:"):
				report(path, value, "is no role of the target account: the guard binds no others, write a role of %s", s.Account)
			case strings.HasPrefix(name, "role/") || strings.HasPrefix(name, "user/"):
				report(path, value, "begins with %s, which is no part of a role's path: write %s", name[:5], name[5:])
			case strings.HasPrefix(base, "cdk-"+s.Qualifier+"-"):
				report(path, value, "is a role of cdk bootstrap, which the guard exempts by itself: remove it")
			case strings.HasPrefix(base, s.NamePrefix+Application+"-"):
				report(path, value, "has a name of snapferry's own roles: remove it, or name the role otherwise")
			case named[same]:
				report(path, value, "is listed twice: a role is a deployer or an operator, remove one")
			}
			named[same] = true
		}
	}
	if target := s.Guard.Target; isAccount(target) && target != s.Account {
		report("$.guard.target", fmt.Sprintf("%q", target), "is not the target account: write %q, or a unit with it alone", s.Account)
	}
}

// complete sets what follows from the other settings.
func (g *GuardSettings) complete(account string) {
	if len(g.Deployers) == 0 {
		return
	}
	if g.Target == "" {
		g.Target = account
	}
	for _, roles := range [][]string{g.Deployers, g.Operators} {
		for i, role := range roles {
			if _, name, whole := strings.Cut(role, ":role/"); whole {
				roles[i] = name
			}
		}
		slices.Sort(roles)
	}
}

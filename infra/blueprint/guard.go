package blueprint

import (
	"fmt"
	"slices"
	"strings"
)

// Guard is the service control policies that keep everybody of the target account
// off what snapferry made there, administrators and the account's root included:
// all but the roles that they exempt. They are the organisation's: its management
// account, or a member that it has delegated its policies to, attaches them.
type Guard struct {
	Account string // which is guarded
	// Region is where CloudFormation makes them: they are in none, and their
	// service is in this one.
	Region   string
	Target   string // the account, or a unit with it alone
	Policies []ControlPolicy
}

// ControlPolicy is one service control policy.
type ControlPolicy struct {
	Name        string
	Description string
	Statements  []Statement
}

// GuardSettings are for the guard; without Deployers there is none. Roles are
// those of the target account, with their paths: "team/Deploy".
type GuardSettings struct {
	Deployers []string
	Operators []string
	Target    string
}

// What AWS Organizations takes ("Quotas and service limits for AWS Organizations":
// all characters count, white space too if the policy is saved with it).
const (
	maxControl = 5_120 // characters of a service control policy
	// maxControls leaves one of the five that an account can have to
	// FullAWSAccess. Where a quota was raised since, this holds all the more.
	maxControls = 4
)

// guard is nil where the settings ask for none.
func (d deployment) guard() *Guard {
	if len(d.Guard.Deployers) == 0 {
		return nil
	}
	g := &Guard{
		Account: d.Account,
		Region:  map[string]string{"aws": "us-east-1", "aws-cn": "cn-northwest-1", "aws-us-gov": "us-gov-west-1"}[d.partition],
		Target:  d.Guard.Target,
	}
	if g.Region == "" {
		g.Region = d.HomeRegion
	}
	for _, s := range d.guardStatements() {
		fits := func(p ControlPolicy) bool { return size(append(slices.Clone(p.Statements), s)) <= maxControl }
		if i := slices.IndexFunc(g.Policies, fits); i >= 0 {
			g.Policies[i].Statements = append(g.Policies[i].Statements, s)
			continue
		}
		n := len(g.Policies) + 1
		g.Policies = append(g.Policies, ControlPolicy{
			Name:        fmt.Sprintf("%s-guard-%s-%d", d.app, d.Account, n),
			Description: fmt.Sprintf("snapferry: keeps the copies in account %s, and what makes and expires them (%d)", d.Account, n),
			Statements:  []Statement{s},
		})
	}
	return g
}

// fault says that Organizations has no room for the guard; "" is that it has.
func (g *Guard) fault() string {
	const fix = "name fewer deployers and operators, or roles with shorter names and paths"
	for _, p := range g.Policies {
		if n := size(p.Statements); n > maxControl {
			return fmt.Sprintf("needs a statement of %d characters, %s, and a service control policy has %d: %s", n, p.Statements[0].Sid, maxControl, fix)
		}
	}
	if n := len(g.Policies); n > maxControls {
		return fmt.Sprintf("takes %d service control policies, and an account has room for %d beside FullAWSAccess: %s", n, maxControls, fix)
	}
	return ""
}

// JSON is the policy as it is attached: without white space, which would count.
func (p ControlPolicy) JSON() []byte { return JSON(p.Statements...) }

// bootstrapRoles are the roles of `cdk bootstrap` through which the home stack is
// deployed. The others, for lookups and images, are not used.
func (d deployment) bootstrapRoles() []string {
	var arns []string
	for _, what := range []string{"cfn-exec", "deploy", "file-publishing"} {
		arns = append(arns, d.guardedRole(fmt.Sprintf("cdk-%s-%s-role-%s-%s", d.Qualifier, what, d.Account, d.HomeRegion)))
	}
	return arns
}

// guardedRole is the ARN of a role of the target account that the settings name
// with its path.
func (d deployment) guardedRole(role string) string {
	return fmt.Sprintf("arn:%s:iam::%s:role/%s", d.partition, d.Account, strings.TrimPrefix(role, "/"))
}

func (d deployment) roleARNs(roles []string) []string {
	arns := make([]string, len(roles))
	for i, role := range roles {
		arns[i] = d.guardedRole(role)
	}
	return arns
}

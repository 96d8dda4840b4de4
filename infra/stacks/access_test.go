package stacks

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snapferry/infra/blueprint"
)

// allowance is one statement of a template's policies.
type allowance struct {
	Sid, Effect string
	Action      []string
	Resource    []any
	Principal   map[string]any
	Condition   map[string]any
}

func statementsIn(document any) []allowance {
	var all []allowance
	for _, s := range list(at(document, "Statement")) {
		sid, _ := at(s, "Sid").(string)
		effect, _ := at(s, "Effect").(string)
		principal, _ := at(s, "Principal").(map[string]any)
		condition, _ := at(s, "Condition").(map[string]any)
		all = append(all, allowance{sid, effect, words(at(s, "Action")), list(at(s, "Resource")), principal, condition})
	}
	return all
}

// permissions is what the roles of a template allow, by role.
func permissions(in template) map[string][]allowance {
	roles := make(map[string][]allowance)
	for _, id := range in.of("AWS::IAM::Role") {
		p := in.Resources[id].Properties
		for _, policy := range list(p["Policies"]) {
			roles[id] = append(roles[id], statementsIn(at(policy, "PolicyDocument"))...)
		}
		for _, ref := range list(p["ManagedPolicyArns"]) {
			roles[id] = append(roles[id], statementsIn(in.Resources[refersTo(ref)].Properties["PolicyDocument"])...)
		}
	}
	return roles
}

// TestWhoMayDelete: in the target account only expire deletes snapshots, and only
// those with a mark and without a hold.
func TestWhoMayDelete(t *testing.T) {
	for name, d := range deployments {
		var deleters []string
		for stack, in := range d.target {
			for role, statements := range permissions(in) {
				for _, s := range statements {
					if s.Effect != "Allow" || !slices.Contains(s.Action, "ec2:DeleteSnapshot") {
						continue
					}
					deleters = append(deleters, stack+" "+role)
					for key, absent := range map[string]string{
						"aws:ResourceTag/snapferry:order":   "false",
						"aws:ResourceTag/snapferry:expires": "false",
						"aws:ResourceTag/snapferry:hold":    "true",
					} {
						if got := at(s.Condition, "Null", key); !cmp.Equal(got, any(absent)) {
							t.Errorf("%s: %s may delete with %s absent: %v, want %s", name, role, key, got, absent)
						}
					}
				}
			}
		}
		if want := []string{d.stack("home") + " ExpireRole"}; !cmp.Equal(deleters, want) {
			t.Errorf("%s: snapshots may be deleted by %v, want %v", name, deleters, want)
		}
	}
}

// TestWhatNobodyMay: acts that would cost backups or give them away are in no
// role of the target account.
func TestWhatNobodyMay(t *testing.T) {
	for name, d := range deployments {
		for stack, in := range d.target {
			for role, statements := range permissions(in) {
				for _, s := range statements {
					for _, action := range s.Action {
						service, verb, _ := strings.Cut(action, ":")
						for _, bad := range []string{"Delete", "Modify", "Put", "Disable", "Schedule", "Revoke", "Unlock", "Pass", "Attach", "Update", "Untag", "Purge"} {
							if strings.HasPrefix(verb, bad) && !slices.Contains([]string{
								"ec2:DeleteSnapshot", "sqs:DeleteMessage", "events:PutEvents", "logs:PutLogEvents",
								"xray:PutTraceSegments", "xray:PutTelemetryRecords",
							}, action) {
								t.Errorf("%s: %s of %s may do %s", name, role, stack, action)
							}
						}
						if service == "iam" || service == "sts" || service == "s3" {
							t.Errorf("%s: %s of %s may do %s", name, role, stack, action)
						}
					}
				}
			}
		}
	}
}

// wildcards are the actions with an asterisk that roles may have: DLM's guide has
// them (step 4), and each stands for two actions that copying may need.
var wildcards = []string{"kms:ReEncrypt*", "kms:GenerateDataKey*"}

// TestNoWildcards: actions are named, and resources too unless the blueprint has
// a reason.
func TestNoWildcards(t *testing.T) {
	each(t, func(t *testing.T, d deployment, in template) {
		roles := rolesOf(d.blueprint)
		for id, statements := range permissions(in) {
			name, ok := in.Resources[id].Properties["RoleName"].(string)
			if !ok { // in a StackSet, where it differs by Region
				name = at(in.Resources[id].Properties["RoleName"], "Fn::Sub").(string)
			}
			planned, ok := roles[name]
			if !ok || len(planned.Statements) != len(statements) {
				t.Errorf("%s, %q, has %d statements and the blueprint %d", id, name, len(statements), len(planned.Statements))
				continue
			}
			for i, s := range statements {
				for _, action := range s.Action {
					if strings.Contains(action, "*") && !slices.Contains(wildcards, action) {
						t.Errorf("%s may do %s", id, action)
					}
				}
				if slices.Contains(s.Resource, any("*")) && planned.Statements[i].Reason == "" {
					t.Errorf("%s may do %v to anything, and the blueprint has no reason why", id, s.Action)
				}
				if s.Effect == "Allow" && len(s.Resource) == 0 {
					t.Errorf("%s: statement %s has no resource", id, s.Sid)
				}
			}
		}
	})
}

// rolesOf is the roles of a blueprint, by name.
func rolesOf(b blueprint.Blueprint) map[string]blueprint.Role {
	all := []blueprint.Role{b.Home.Scheduler}
	for _, f := range b.Home.Functions {
		all = append(all, f.Role)
	}
	for _, f := range b.Forwarders {
		for _, r := range f.Rules {
			if r.Role != nil {
				all = append(all, *r.Role)
			}
		}
	}
	sources := b.Sources
	if b.StackSet != nil {
		sources = append(sources, b.StackSet.Source)
	}
	for _, s := range sources {
		all = append(all, s.Lifecycle)
	}
	roles := make(map[string]blueprint.Role)
	for _, r := range all {
		roles[r.Name] = r
	}
	return roles
}

// TestServicesActForUs: a service takes on a role, or uses a key, only on behalf
// of this very account.
func TestServicesActForUs(t *testing.T) {
	each(t, func(t *testing.T, d deployment, in template) {
		check := func(id string, document any) {
			for _, s := range statementsIn(document) {
				services := list(at(s.Principal, "Service"))
				// Lambda gives no source account when it takes on a function's role.
				if len(services) == 0 || cmp.Equal(services, []any{"lambda.amazonaws.com"}) {
					continue
				}
				if at(s.Condition, "StringEquals", "aws:SourceAccount") == nil {
					t.Errorf("%s lets in %v on behalf of anybody", id, services)
				}
			}
		}
		for _, id := range in.of("AWS::IAM::Role") {
			check(id, in.Resources[id].Properties["AssumeRolePolicyDocument"])
		}
		for _, id := range in.of("AWS::KMS::Key") {
			check(id, in.Resources[id].Properties["KeyPolicy"])
		}
		for _, kind := range []string{"AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"} {
			for _, id := range in.of(kind) {
				for _, s := range statementsIn(in.Resources[id].Properties["PolicyDocument"]) {
					if s.Effect == "Allow" && at(s.Condition, "StringEquals", "aws:SourceAccount") == nil &&
						at(s.Condition, "ArnEquals", "aws:SourceArn") == nil && at(s.Condition, "ArnLike", "aws:SourceArn") == nil &&
						at(s.Condition, "StringEquals", "aws:SourceArn") == nil {
						t.Errorf("%s lets in %v on behalf of anybody", id, s.Principal)
					}
				}
			}
		}
	})
}

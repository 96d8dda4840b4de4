package sim

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"snapferry/internal/sim/iam"
)

// Templates is the half of CloudFormation that knows templates and resources. The
// half in this package knows stacks, change sets, events and the wire, and asks
// nothing of a template but this. All methods are called without the world's
// lock, and never concurrently.
type Templates interface {
	// Read reads a template in JSON or YAML. The error is CloudFormation's about a
	// template that it does not take: a type that is not simulated is one.
	Read(template string) (TemplateSummary, error)
	// Plan says what Apply would do, and does nothing. An error is one that
	// CloudFormation finds before it begins.
	Plan(order StackOrder) (StackPlan, error)
	// Apply makes the resources of a stack what its template says, and reports
	// each step. On an error it has undone what it did, and reported that too.
	Apply(ctx context.Context, order StackOrder, report func(ResourceStep)) ([]StackOutput, error)
	// Delete deletes the resources of a stack, and forgets it. On an error the
	// stack keeps those that are left.
	Delete(ctx context.Context, stackID string, report func(ResourceStep)) error
}

// StackOrder is what CloudFormation is asked for one stack.
type StackOrder struct {
	ID, Name, Account, Region string
	Template                  string
	Parameters                map[string]string
	// Import takes over resources that exist under a name of the template
	// (ImportExistingResources).
	Import bool
}

// TemplateSummary is what a template says about itself.
type TemplateSummary struct {
	Description string
	Parameters  []TemplateParameter
	Types       []string // of all resources, each once, sorted
	Resources   int
	// Capabilities that have to be acknowledged, and why.
	Capabilities []string
	Reason       string
}

// TemplateParameter is one parameter of a template.
type TemplateParameter struct {
	Key, Type, Description string
	Default                *string
}

// StackPlan is what an order would change.
type StackPlan struct {
	Changes []ResourceChange
	Outputs bool // of the stack change
}

// Actions of a ResourceChange.
const (
	ChangeAdd    = "Add"
	ChangeModify = "Modify"
	ChangeRemove = "Remove"
	ChangeImport = "Import"
)

// ResourceChange is one line of a change set.
type ResourceChange struct {
	Action      string
	ID, Type    string
	PhysicalID  string // "" before the resource exists
	Replacement bool
	Properties  []string // that change, sorted
}

// ResourceStep is something that happened to a resource.
type ResourceStep struct {
	ID, PhysicalID, Type string
	Status               string // CREATE_IN_PROGRESS, CREATE_COMPLETE, ...
	Reason               string
}

// StackOutput is one output of a stack.
type StackOutput struct{ Key, Value, Description, Export string }

// cloudformation is AWS CloudFormation as the CDK's command line and `aws
// cloudformation` use it: stacks that change sets make, change and import
// into. An operation is over when the call that starts it is answered.
type cloudformation struct {
	w         *World
	templates Templates            // nil: there is no CloudFormation
	stacks    map[place][]*cfStack // in the order of their making, deleted ones too
	// busy makes operations on resources one after the other: they call the
	// other services, so that the world's lock can't be held.
	busy sync.Mutex
}

func newCloudFormation(w *World) *cloudformation {
	f := &cloudformation{w: w, stacks: map[place][]*cfStack{}}
	if w.options.Templates != nil {
		f.templates = w.options.Templates(w)
	}
	return f
}

// cfCall is a call to CloudFormation.
type cfCall struct{ *call }

func (c *cfCall) place() place { return place{c.account, c.region} }

// cfAction is an operation, and the parameters that it takes: others would be
// passed over, which must not happen. Names are compared up to the first dot.
type cfAction struct {
	takes string
	serve func(*cloudformation, context.Context, *cfCall) (any, *apiError)
}

var cfActions = map[string]cfAction{
	"CreateChangeSet": {"StackName ChangeSetName ChangeSetType TemplateBody TemplateURL UsePreviousTemplate Parameters Capabilities RoleARN NotificationARNs Tags ClientToken Description IncludeNestedStacks ImportExistingResources DeploymentConfig",
		(*cloudformation).createChangeSet},
	"DescribeChangeSet":           {"StackName ChangeSetName NextToken IncludePropertyValues", (*cloudformation).describeChangeSet},
	"ListChangeSets":              {"StackName NextToken", (*cloudformation).listChangeSets},
	"ExecuteChangeSet":            {"StackName ChangeSetName ClientRequestToken DisableRollback", (*cloudformation).executeChangeSet},
	"DeleteChangeSet":             {"StackName ChangeSetName", (*cloudformation).deleteChangeSet},
	"DeleteStack":                 {"StackName RoleARN ClientRequestToken DeploymentConfig", (*cloudformation).deleteStack},
	"UpdateTerminationProtection": {"StackName EnableTerminationProtection", (*cloudformation).updateTerminationProtection},
	"DescribeStacks":              {"StackName NextToken", (*cloudformation).describeStacks},
	"ListStacks":                  {"NextToken StackStatusFilter", (*cloudformation).listStacks},
	"DescribeStackEvents":         {"StackName NextToken", (*cloudformation).describeStackEvents},
	"DescribeStackResources":      {"StackName LogicalResourceId", (*cloudformation).describeStackResources},
	"ListStackResources":          {"StackName NextToken", (*cloudformation).listStackResources},
	"ListExports":                 {"NextToken", (*cloudformation).listExports},
	"GetTemplate":                 {"StackName ChangeSetName TemplateStage", (*cloudformation).getTemplate},
	"GetTemplateSummary":          {"StackName TemplateBody TemplateURL", (*cloudformation).getTemplateSummary},
	"ValidateTemplate":            {"TemplateBody TemplateURL", (*cloudformation).validateTemplate},
}

func (f *cloudformation) serve(ctx context.Context, c *call) (any, *apiError) {
	action, known := cfActions[c.action]
	if !known {
		return nil, unknownAction(c)
	}
	if f.templates == nil {
		return nil, c.unknown("this simulated AWS has no CloudFormation: nothing in it reads templates (Options.Templates)")
	}
	takes := strings.Fields(action.takes)
	for _, name := range sortedKeys(c.form) {
		first, _, _ := strings.Cut(name, ".")
		if first != "Action" && first != "Version" && !slices.Contains(takes, first) {
			return nil, validation("the simulated CloudFormation does not take the parameter %s of %s", first, c.action)
		}
	}
	body, problem := action.serve(f, ctx, &cfCall{c})
	if problem != nil {
		return nil, problem
	}
	return ec2Reply{Body: body}, nil
}

// validation is the error that CloudFormation has for nearly everything.
func validation(format string, args ...any) *apiError {
	return badRequest("ValidationError", format, args...)
}

// may asks IAM whether the caller may do what it does to a stack: the one that
// is there or, with its name, one that is to be.
func (f *cloudformation) may(now time.Time, c *cfCall, s *cfStack, name string, keys ...string) *apiError {
	resource := "arn:aws:cloudformation:" + c.region + ":" + c.account + ":stack/" + name + "/*"
	switch {
	case s != nil:
		resource = s.id
	case name == "":
		resource = "*"
	case strings.HasPrefix(name, "arn:"):
		resource = name
	}
	a := c.ask("cloudformation:"+c.action, resource)
	a.owner = c.account
	for i := 0; i+1 < len(keys); i += 2 {
		if keys[i+1] != "" {
			a.keys.Set(keys[i], keys[i+1])
		}
	}
	return f.w.allowed(now, a)
}

// allowed is AccessDenied, as most services put it, unless IAM allows it.
func (w *World) allowed(now time.Time, a *ask) *apiError {
	if d := w.decide(now, a); !d.Allowed {
		return &apiError{Status: 403, Code: "AccessDenied", Message: a.refusal(d)}
	}
	return nil
}

// serviceRole refuses a role that CloudFormation can't take on, and a caller that
// may not pass it. A role that does not exist and one that trusts somebody else
// get one answer
// (https://github.com/aws-amplify/amplify-backend/pull/2325 quotes it).
func (f *cloudformation) serviceRole(now time.Time, c *cfCall, arn string, passed bool) *apiError {
	if arn == "" {
		return nil
	}
	if !roleForm.MatchString(arn) {
		return validation("%s is not a valid RoleARN", arn)
	}
	if passed {
		a := c.ask("iam:PassRole", arn)
		a.keys.Set("iam:PassedToService", "cloudformation.amazonaws.com")
		if problem := f.w.allowed(now, a); problem != nil {
			return problem
		}
	}
	r := f.w.roleAt(arn)
	if r == nil || r.account != c.account {
		return validation("Role %s is invalid or cannot be assumed", arn)
	}
	assume := &ask{by: caller{service: "cloudformation.amazonaws.com"}, action: "sts:AssumeRole", resource: arn, region: c.region, keys: iam.Keys{}}
	if f.w.mayAssume(now, assume, r) != nil {
		return validation("Role %s is invalid or cannot be assumed", arn)
	}
	return nil
}

var roleForm = regexp.MustCompile(`^arn:aws:iam::\d{12}:role/.+$`)

package sim

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// words are templates of words: each is a resource of the type Word. Fail can't
// be made, Stuck can't be deleted, Role wants a capability, and Nonsense is no
// template.
type words map[string][]string // by stack

func newWords(*World) Templates { return words{} }

func (ws words) Read(text string) (TemplateSummary, error) {
	names := strings.Fields(text)
	if slices.Contains(names, "Nonsense") {
		return TemplateSummary{}, errors.New("it makes no sense")
	}
	s := TemplateSummary{Description: "words", Resources: len(names), Types: []string{"Word"}}
	if slices.Contains(names, "Role") {
		s.Capabilities, s.Reason = []string{"CAPABILITY_NAMED_IAM"}, "a role"
	}
	if slices.Contains(names, "Parameter") {
		s.Parameters = []TemplateParameter{{Key: "Must", Type: "String"}, {Key: "May", Type: "String", Default: new("may")}}
	}
	return s, nil
}

func (ws words) Plan(o StackOrder) (p StackPlan, err error) {
	for _, name := range strings.Fields(o.Template) {
		if !slices.Contains(ws[o.ID], name) {
			p.Changes = append(p.Changes, ResourceChange{Action: ChangeAdd, ID: name, Type: "Word"})
		}
	}
	for _, name := range ws[o.ID] {
		if !slices.Contains(strings.Fields(o.Template), name) {
			p.Changes = append(p.Changes, ResourceChange{Action: ChangeRemove, ID: name, Type: "Word", PhysicalID: "w-" + name})
		}
	}
	return p, nil
}

func (ws words) Apply(_ context.Context, o StackOrder, report func(ResourceStep)) ([]StackOutput, error) {
	for _, name := range strings.Fields(o.Template) {
		if slices.Contains(ws[o.ID], name) {
			continue
		}
		report(ResourceStep{ID: name, Type: "Word", Status: "CREATE_IN_PROGRESS"})
		if name == "Fail" {
			report(ResourceStep{ID: name, Type: "Word", Status: "CREATE_FAILED", Reason: "it failed"})
			report(ResourceStep{Reason: "The following resource(s) failed to create: [Fail]."})
			return nil, errors.New("failed")
		}
		report(ResourceStep{ID: name, PhysicalID: "w-" + name, Type: "Word", Status: "CREATE_COMPLETE"})
	}
	ws[o.ID] = strings.Fields(o.Template)
	return []StackOutput{{Key: "Count", Value: fmt.Sprint(len(ws[o.ID])), Export: "count-" + o.Name}}, nil
}

func (ws words) Delete(_ context.Context, id string, report func(ResourceStep)) error {
	if slices.Contains(ws[id], "Stuck") {
		return errors.New("[Stuck]")
	}
	for _, name := range ws[id] {
		report(ResourceStep{ID: name, PhysicalID: "w-" + name, Type: "Word", Status: stackDeleted})
	}
	delete(ws, id)
	return nil
}

// stackLab makes calls to CloudFormation.
type stackLab struct {
	*testing.T
	w      *World
	caller string
}

func inStacks(t *testing.T) stackLab {
	return stackLab{t, New(Options{Templates: newWords}), vault}
}

// ask makes a call and returns its answer, or its error as "Code: message".
func (s stackLab) ask(action string, pairs ...string) (element, string) {
	s.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	var answer element
	err := s.w.Do(s.Context(), s.caller, west, "cloudformation", action, form, &answer)
	if e, is := errors.AsType[*Error](err); is {
		return answer, e.Code + ": " + e.Message
	}
	if err != nil {
		s.Fatal(err)
	}
	return answer, ""
}

func (s stackLab) must(action string, pairs ...string) element {
	s.Helper()
	answer, problem := s.ask(action, pairs...)
	if problem != "" {
		s.Fatalf("%s %q: %s", action, pairs, problem)
	}
	return answer
}

// deploy makes a change set and executes it.
func (s stackLab) deploy(kind, name, template string, more ...string) {
	s.Helper()
	set := s.must("CreateChangeSet", append([]string{"StackName", name, "ChangeSetName", "set", "ChangeSetType", kind, "TemplateBody", template}, more...)...)
	s.must("ExecuteChangeSet", "StackName", name, "ChangeSetName", set.get("CreateChangeSetResult/Id"))
}

func (s stackLab) status(name string) string {
	s.Helper()
	return s.must("DescribeStacks", "StackName", name).get("DescribeStacksResult/Stacks/member/StackStatus")
}

func (s stackLab) resources(name string) []string {
	s.Helper()
	var all []string
	for _, r := range s.must("ListStackResources", "StackName", name).all("ListStackResourcesResult/StackResourceSummaries/member") {
		all = append(all, r.get("LogicalResourceId")+" "+r.get("PhysicalResourceId")+" "+r.get("ResourceStatus"))
	}
	return all
}

func TestStackIsMadeChangedAndDeleted(t *testing.T) {
	s := inStacks(t)
	set := s.must("CreateChangeSet", "StackName", "a", "ChangeSetName", "first", "ChangeSetType", "CREATE", "TemplateBody", "One Two",
		"Tags.member.1.Key", "k", "Tags.member.1.Value", "v", "ImportExistingResources", "true", "Description", "d")
	id := set.get("CreateChangeSetResult/StackId")
	if want := "arn:aws:cloudformation:eu-west-1:222222222222:stack/a/"; !strings.HasPrefix(id, want) {
		t.Errorf("the stack's id is %s, want %s...", id, want)
	}
	if got := s.status("a"); got != inReview {
		t.Errorf("with a change set only the stack is in %s", got)
	}
	described := s.must("DescribeChangeSet", "StackName", "a", "ChangeSetName", "first")
	for path, want := range map[string]string{
		"Status": "CREATE_COMPLETE", "ExecutionStatus": "AVAILABLE", "ImportExistingResources": "true", "Description": "d", "Tags/member/Key": "k",
		"Changes/member/ResourceChange/Action": "Add", "Changes/member/ResourceChange/LogicalResourceId": "One",
	} {
		if got := described.get("DescribeChangeSetResult/" + path); got != want {
			t.Errorf("the change set's %s is %q, want %q", path, got, want)
		}
	}
	s.must("ExecuteChangeSet", "ChangeSetName", set.get("CreateChangeSetResult/Id"), "ClientRequestToken", "token")
	if diff := cmp.Diff([]string{"One w-One CREATE_COMPLETE", "Two w-Two CREATE_COMPLETE"}, s.resources("a")); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
	s.deploy("UPDATE", "a", "Two Three", "Tags.member.1.Key", "k", "Tags.member.1.Value", "w")
	stack := s.must("DescribeStacks", "StackName", id)
	for path, want := range map[string]string{
		"StackStatus": "UPDATE_COMPLETE", "Description": "words", "Tags/member/Value": "w", "Outputs/member/OutputValue": "2", "Outputs/member/ExportName": "count-a",
		"EnableTerminationProtection": "false",
	} {
		if got := stack.get("DescribeStacksResult/Stacks/member/" + path); got != want {
			t.Errorf("the stack's %s is %q, want %q", path, got, want)
		}
	}
	if got := s.must("GetTemplate", "StackName", "a").get("GetTemplateResult/TemplateBody"); got != "Two Three" {
		t.Errorf("the template is %q", got)
	}
	if got := s.must("ListExports").get("ListExportsResult/Exports/member/Name"); got != "count-a" {
		t.Errorf("exported is %q", got)
	}
	var events []string
	var last time.Time
	for _, e := range slices.Backward(s.must("DescribeStackEvents", "StackName", "a").all("DescribeStackEventsResult/StackEvents/member")) {
		events = append(events, e.get("LogicalResourceId")+" "+e.get("ResourceStatus"))
		at, err := time.Parse(time.RFC3339, e.get("Timestamp"))
		if err != nil || !at.After(last) {
			t.Errorf("%s is at %v, the one before at %v: %v", events[len(events)-1], at, last, err)
		}
		last = at
	}
	want := []string{
		"a REVIEW_IN_PROGRESS", "a CREATE_IN_PROGRESS", "One CREATE_IN_PROGRESS", "One CREATE_COMPLETE", "Two CREATE_IN_PROGRESS", "Two CREATE_COMPLETE", "a CREATE_COMPLETE",
		"a UPDATE_IN_PROGRESS", "Three CREATE_IN_PROGRESS", "Three CREATE_COMPLETE", "a UPDATE_COMPLETE",
	}
	if diff := cmp.Diff(want, events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	s.must("UpdateTerminationProtection", "StackName", "a", "EnableTerminationProtection", "true")
	if _, problem := s.ask("DeleteStack", "StackName", "a"); !strings.Contains(problem, "cannot be deleted while TerminationProtection is enabled") {
		t.Errorf("deleting a protected stack: %s", problem)
	}
	s.must("UpdateTerminationProtection", "StackName", "a", "EnableTerminationProtection", "false")
	for range 2 {
		s.must("DeleteStack", "StackName", "a")
	}
	if _, problem := s.ask("DescribeStacks", "StackName", "a"); problem != "ValidationError: Stack with id a does not exist" {
		t.Errorf("a deleted stack, by name: %s", problem)
	}
	if got := s.status(id); got != stackDeleted {
		t.Errorf("a deleted stack, by id, is in %s", got)
	}
}

func TestStackThatFails(t *testing.T) {
	s := inStacks(t)
	s.deploy("CREATE", "a", "One Fail")
	if got := s.status("a"); got != rolledBack {
		t.Errorf("the new stack is in %s", got)
	}
	_, problem := s.ask("CreateChangeSet", "StackName", "a", "ChangeSetName", "set", "TemplateBody", "One")
	if !strings.HasSuffix(problem, "is in ROLLBACK_COMPLETE state and can not be updated.") {
		t.Errorf("changing what was rolled back: %s", problem)
	}
	s.must("DeleteStack", "StackName", "a")
	s.deploy("CREATE", "a", "One")
	s.deploy("UPDATE", "a", "One Fail")
	if got := s.status("a"); got != "UPDATE_ROLLBACK_COMPLETE" {
		t.Errorf("the changed stack is in %s", got)
	}
	if got := s.must("GetTemplate", "StackName", "a").get("GetTemplateResult/TemplateBody"); got != "One" {
		t.Errorf("after a change that failed the template is %q", got)
	}
	s.deploy("UPDATE", "a", "One Stuck")
	s.must("DeleteStack", "StackName", "a")
	if got := s.status("a"); got != deletionFailed {
		t.Errorf("the stack that can't be deleted is in %s", got)
	}
}

func TestChangeSetsThatAreRefused(t *testing.T) {
	s := inStacks(t)
	s.deploy("CREATE", "there", "One")
	long := strings.Repeat("x", maxTemplateBody+1)
	many := strings.Repeat("w ", maxResources+1)
	role := func(name string) string { return "arn:aws:iam::222222222222:role/" + name }
	for name, service := range map[string]string{"trusting": "cloudformation.amazonaws.com", "other": "lambda.amazonaws.com"} {
		if _, err := s.w.AddRole(vault, name); err != nil {
			t.Fatal(err)
		}
		if err := s.w.TrustRole(vault, name, `{"Statement":{"Effect":"Allow","Principal":{"Service":"`+service+`"},"Action":"sts:AssumeRole"}}`); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name  string
		pairs []string
		want  string
	}{
		{"no template", nil, "ValidationError: Either Template URL or Template Body must be specified."},
		{"too long", []string{"TemplateBody", long}, "ValidationError: 1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to 51200"},
		{"too many", []string{"TemplateBody", many}, "ValidationError: Template format error: Number of resources, 501, is greater than maximum allowed, 500"},
		{"nonsense", []string{"TemplateBody", "Nonsense"}, "ValidationError: Template format error: it makes no sense"},
		{"a capability", []string{"TemplateBody", "Role", "Capabilities.member.1", "CAPABILITY_IAM"}, "InsufficientCapabilitiesException: Requires capabilities : [CAPABILITY_NAMED_IAM]"},
		{"with the capability", []string{"TemplateBody", "Role", "Capabilities.member.1", "CAPABILITY_NAMED_IAM"}, ""},
		{"a role that is not there", []string{"TemplateBody", "One", "RoleARN", role("cdk-hnb659fds-cfn-exec-role")},
			"ValidationError: Role arn:aws:iam::222222222222:role/cdk-hnb659fds-cfn-exec-role is invalid or cannot be assumed"},
		{"a role that trusts another service", []string{"TemplateBody", "One", "RoleARN", role("other")}, "ValidationError: Role arn:aws:iam::222222222222:role/other is invalid or cannot be assumed"},
		{"a role that can be assumed", []string{"TemplateBody", "One", "RoleARN", role("trusting")}, ""},
		{"no role at all", []string{"TemplateBody", "One", "RoleARN", "trusting"}, "ValidationError: trusting is not a valid RoleARN"},
		{"a parameter without a value", []string{"TemplateBody", "Parameter"}, "ValidationError: Parameters: [Must] must have values"},
		{"a parameter that is not there", []string{"TemplateBody", "One", "Parameters.member.1.ParameterKey", "X", "Parameters.member.1.ParameterValue", "y"}, "ValidationError: Parameters: [X] do not exist in the template"},
		{"with its parameters", []string{"TemplateBody", "Parameter", "Parameters.member.1.ParameterKey", "Must", "Parameters.member.1.ParameterValue", "y"}, ""},
		{"a file that is not there", []string{"TemplateURL", "https://s3.eu-west-1.amazonaws.com/bucket/key"}, "ValidationError: S3 error: The specified bucket does not exist"},
		{"a file elsewhere", []string{"TemplateURL", "https://example.com/key"}, "ValidationError: S3 error: Domain name specified in https://example.com/key is not a valid S3 domain"},
		{"made twice", []string{"StackName", "there", "TemplateBody", "One"}, "ValidationError: Stack [there] already exists and cannot be created again with the changeSet [set]."},
		{"changed before it is made", []string{"ChangeSetType", "UPDATE", "TemplateBody", "One"}, "ValidationError: Stack [new] does not exist"},
		{"a bad name", []string{"StackName", "-", "TemplateBody", "One"}, "ValidationError: 1 validation error detected: Value '-' at 'stackName'"},
		{"what the simulation does not know", []string{"TemplateBody", "One", "OnStackFailure", "DELETE"}, "ValidationError: the simulated CloudFormation does not take the parameter OnStackFailure of CreateChangeSet"},
		{"another mode", []string{"TemplateBody", "One", "DeploymentConfig.Mode", "EXPRESS"}, "ValidationError: the simulated CloudFormation deploys in the mode STANDARD, not EXPRESS"},
	} {
		t.Run(test.name, func(t *testing.T) {
			pairs := append([]string{"StackName", "new", "ChangeSetName", "set", "ChangeSetType", "CREATE"}, test.pairs...)
			_, problem := s.ask("CreateChangeSet", pairs...)
			if test.want == "" && problem != "" || !strings.HasPrefix(problem, test.want) {
				t.Errorf("got %q, want %q", problem, test.want)
			}
			s.must("DeleteStack", "StackName", "new")
		})
	}
	s.must("CreateChangeSet", "StackName", "there", "ChangeSetName", "again", "TemplateBody", "One")
	again := s.must("DescribeChangeSet", "StackName", "there", "ChangeSetName", "again")
	if got := again.get("DescribeChangeSetResult/Status") + ": " + again.get("DescribeChangeSetResult/StatusReason"); got != "FAILED: "+noChanges {
		t.Errorf("a change set without changes: %s", got)
	}
	if _, problem := s.ask("ExecuteChangeSet", "StackName", "there", "ChangeSetName", "again"); !strings.HasPrefix(problem, "InvalidChangeSetStatus: ") {
		t.Errorf("executing it: %s", problem)
	}
	if _, problem := s.ask("CreateChangeSet", "StackName", "there", "ChangeSetName", "again", "TemplateBody", "One"); problem != "AlreadyExistsException: ChangeSet again already exists" {
		t.Errorf("making it twice: %s", problem)
	}
	if _, problem := s.ask("ExecuteChangeSet", "StackName", "there", "ChangeSetName", "again", "DisableRollback", "true"); !strings.HasPrefix(problem, "ValidationError: the simulated CloudFormation rolls back") {
		t.Errorf("executing without rolling back: %s", problem)
	}
	s.must("DeleteChangeSet", "StackName", "there", "ChangeSetName", "again")
	if _, problem := s.ask("DescribeChangeSet", "StackName", "there", "ChangeSetName", "again"); problem != "ChangeSetNotFound: ChangeSet [again] does not exist" {
		t.Errorf("a change set that is gone: %s", problem)
	}
}

// TestServiceRoleOfStack: a stack keeps its role, and can't be deleted without it.
func TestServiceRoleOfStack(t *testing.T) {
	s := inStacks(t)
	const role = "arn:aws:iam::222222222222:role/service"
	if _, err := s.w.AddRole(vault, "service"); err != nil {
		t.Fatal(err)
	}
	if err := s.w.TrustRole(vault, "service", `{"Statement":{"Effect":"Allow","Principal":{"Service":"cloudformation.amazonaws.com"},"Action":"sts:AssumeRole"}}`); err != nil {
		t.Fatal(err)
	}
	s.deploy("CREATE", "a", "One", "RoleARN", role)
	if got := s.must("DescribeStacks", "StackName", "a").get("DescribeStacksResult/Stacks/member/RoleARN"); got != role {
		t.Errorf("the stack's role is %q", got)
	}
	if err := s.w.RemoveRole(vault, "service"); err != nil {
		t.Fatal(err)
	}
	for _, pairs := range [][]string{{}, {"RoleARN", role}} {
		if _, problem := s.ask("DeleteStack", append(pairs, "StackName", "a")...); problem != "ValidationError: Role "+role+" is invalid or cannot be assumed" {
			t.Errorf("deleting with the role gone: %q", problem)
		}
	}
	if got := s.status("a"); got != "CREATE_COMPLETE" {
		t.Errorf("the stack is in %s", got)
	}
}

// TestNoTemplates: a world without anything that reads templates has no
// CloudFormation.
func TestNoTemplates(t *testing.T) {
	s := stackLab{t, New(Options{}), vault}
	if _, problem := s.ask("DescribeStacks"); !strings.HasPrefix(problem, "InvalidAction: this simulated AWS has no CloudFormation") {
		t.Errorf("got %s", problem)
	}
}

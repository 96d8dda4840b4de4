package sim

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cfChangeSet is what a stack would become.
type cfChangeSet struct {
	name, id, kind    string // kind is CREATE or UPDATE
	status, execution string
	reason            string
	description       string
	order             StackOrder
	summary           TemplateSummary
	tags              [][2]string
	topics            []string
	capabilities      []string
	role              string
	nested, imports   bool
	changes           []ResourceChange
	created           time.Time
}

// noChanges is why a change set without changes fails. Tools know it by its words
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets-create.html).
const noChanges = "The submitted information didn't contain changes. Submit different information to create a change set."

var (
	stackName     = regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]{0,127}$`)
	changeSetName = stackName
)

func noChangeSet(name string) *apiError {
	return &apiError{Status: 404, Code: "ChangeSetNotFound", Message: fmt.Sprintf("ChangeSet [%s] does not exist", name)}
}

func (s *cfStack) changeSetNamed(name string) *cfChangeSet {
	for _, set := range s.changeSets {
		if set.name == name || set.id == name {
			return set
		}
	}
	return nil
}

// members is a list among the parameters: Capabilities.member.1 and so on.
func (c *cfCall) members(name string) []string {
	var all []string
	for i := 1; c.form.Has(fmt.Sprintf("%s.member.%d", name, i)); i++ {
		all = append(all, c.form.Get(fmt.Sprintf("%s.member.%d", name, i)))
	}
	return all
}

func (c *cfCall) tags() [][2]string {
	var all [][2]string
	for i := 1; c.form.Has(fmt.Sprintf("Tags.member.%d.Key", i)); i++ {
		all = append(all, [2]string{c.form.Get(fmt.Sprintf("Tags.member.%d.Key", i)), c.form.Get(fmt.Sprintf("Tags.member.%d.Value", i))})
	}
	return all
}

// parameters are the values that a call gives, or leaves as they are, for those
// that the template has; each without a default needs one.
func (c *cfCall) parameters(declared []TemplateParameter, before map[string]string) (map[string]string, *apiError) {
	given := map[string]string{}
	var unknown, missing []string
	for i := 1; c.form.Has(fmt.Sprintf("Parameters.member.%d.ParameterKey", i)); i++ {
		prefix := fmt.Sprintf("Parameters.member.%d.", i)
		key := c.form.Get(prefix + "ParameterKey")
		value := c.form.Get(prefix + "ParameterValue")
		if c.form.Get(prefix+"UsePreviousValue") == "true" {
			old, has := before[key]
			if !has {
				return nil, validation("Invalid input for parameter key %s. Cannot specify usePreviousValue as true for a parameter key not in the previous template", key)
			}
			value = old
		}
		if !slices.ContainsFunc(declared, func(p TemplateParameter) bool { return p.Key == key }) {
			unknown = append(unknown, key)
		}
		given[key] = value
	}
	for _, p := range declared {
		switch _, has := given[p.Key]; {
		case has:
		case p.Default != nil:
			given[p.Key] = *p.Default
		default:
			missing = append(missing, p.Key)
		}
	}
	switch {
	case len(unknown) > 0:
		return nil, validation("Parameters: [%s] do not exist in the template", strings.Join(unknown, ", "))
	case len(missing) > 0:
		return nil, validation("Parameters: [%s] must have values", strings.Join(missing, ", "))
	}
	return given, nil
}

// acknowledged refuses a template with IAM resources unless the caller said that
// it knows. CAPABILITY_NAMED_IAM covers both
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html).
func acknowledged(needs, given []string) *apiError {
	for _, need := range needs {
		if !slices.Contains(given, need) && !slices.Contains(given, "CAPABILITY_NAMED_IAM") {
			return badRequest("InsufficientCapabilitiesException", "Requires capabilities : [%s]", need)
		}
	}
	return nil
}

func (f *cloudformation) createChangeSet(_ context.Context, c *cfCall) (reply any, problem *apiError) {
	name, setName, kind := c.form.Get("StackName"), c.form.Get("ChangeSetName"), c.form.Get("ChangeSetType")
	if kind == "" {
		kind = "UPDATE"
	}
	switch mode := c.form.Get("DeploymentConfig.Mode"); {
	case !changeSetName.MatchString(setName):
		return nil, validation("1 validation error detected: Value '%s' at 'changeSetName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*", setName)
	case kind != "CREATE" && kind != "UPDATE":
		return nil, validation("the simulated CloudFormation has change sets of the types CREATE and UPDATE, not %s", kind)
	case mode != "" && mode != "STANDARD":
		return nil, validation("the simulated CloudFormation deploys in the mode STANDARD, not %s", mode)
	case c.form.Get("UsePreviousTemplate") == "true":
		return nil, validation("the simulated CloudFormation takes a template with each change set, not UsePreviousTemplate")
	case kind == "CREATE" && !stackName.MatchString(name):
		return nil, validation("1 validation error detected: Value '%s' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*", name)
	}
	f.w.step(func(now time.Time) {
		problem = f.may(now, c, f.find(c, name), name, "cloudformation:ChangeSetName", setName, "cloudformation:RoleArn", c.form.Get("RoleARN"), "cloudformation:TemplateUrl", c.form.Get("TemplateURL"))
	})
	if problem != nil {
		return nil, problem
	}
	text, summary, problem := f.template(c)
	if problem != nil {
		return nil, problem
	}
	set := &cfChangeSet{
		name: setName, kind: kind, status: "CREATE_COMPLETE", execution: "AVAILABLE", description: c.form.Get("Description"), summary: summary,
		tags: c.tags(), topics: c.members("NotificationARNs"), capabilities: c.members("Capabilities"),
		nested: c.form.Get("IncludeNestedStacks") == "true", imports: c.form.Get("ImportExistingResources") == "true",
	}
	if problem := acknowledged(summary.Capabilities, set.capabilities); problem != nil {
		return nil, problem
	}
	var s *cfStack
	f.w.step(func(now time.Time) { s, problem = f.begin(now, c, set, name) })
	if problem != nil {
		return nil, problem
	}
	if set.order.Parameters, problem = c.parameters(summary.Parameters, s.parameters); problem != nil {
		f.w.step(func(time.Time) { f.forget(s) })
		return nil, problem
	}
	set.order.ID, set.order.Name, set.order.Account, set.order.Region = s.id, s.name, c.account, c.region
	set.order.Template, set.order.Import = text, set.imports
	f.busy.Lock()
	plan, err := f.templates.Plan(set.order)
	f.busy.Unlock()
	f.w.step(func(now time.Time) {
		set.changes = plan.Changes
		switch {
		case err != nil:
			set.status, set.execution, set.reason = "FAILED", "UNAVAILABLE", err.Error()
		case kind == "UPDATE" && len(plan.Changes) == 0 && !plan.Outputs && slices.Equal(set.tags, s.tags) && slices.Equal(set.topics, s.topics):
			set.status, set.execution, set.reason = "FAILED", "UNAVAILABLE", noChanges
		}
		s.changeSets = append(s.changeSets, set)
	})
	return struct{ Id, StackId string }{set.id, s.id}, nil
}

// begin finds the stack of a new change set, or makes one that is in review.
func (f *cloudformation) begin(now time.Time, c *cfCall, set *cfChangeSet, name string) (*cfStack, *apiError) {
	s := f.find(c, name)
	switch {
	case set.kind == "CREATE" && s != nil && s.status != inReview:
		return nil, validation("Stack [%s] already exists and cannot be created again with the changeSet [%s].", name, set.name)
	case set.kind == "UPDATE" && s == nil:
		return nil, noSuchStack(name)
	case set.kind == "UPDATE" && (s.status == rolledBack || s.status == deletionFailed || s.status == stackDeleted || s.status == inReview || strings.HasSuffix(s.status, "_IN_PROGRESS")):
		return nil, validation("Stack:%s is in %s state and can not be updated.", s.id, s.status)
	case s != nil && s.changeSetNamed(set.name) != nil:
		return nil, badRequest("AlreadyExistsException", "ChangeSet %s already exists", set.name)
	}
	set.role = c.form.Get("RoleARN")
	if set.role == "" && s != nil {
		set.role = s.role
	}
	if problem := f.serviceRole(now, c, set.role, c.form.Get("RoleARN") != ""); problem != nil {
		return nil, problem
	}
	if s == nil {
		s = &cfStack{place: c.place(), name: name, created: now}
		s.id = "arn:aws:cloudformation:" + c.region + ":" + c.account + ":stack/" + name + "/" + f.w.uuid()
		f.stacks[c.place()] = append(f.stacks[c.place()], s)
		f.settle(now, s, inReview, "User Initiated", c.form.Get("ClientToken"))
	}
	set.id = "arn:aws:cloudformation:" + c.region + ":" + c.account + ":changeSet/" + set.name + "/" + f.w.uuid()
	set.created = now
	return s, nil
}

// forget takes a stack back that a change set began and that has no other.
func (f *cloudformation) forget(s *cfStack) {
	if s.status == inReview && len(s.changeSets) == 0 {
		f.stacks[s.place] = slices.DeleteFunc(f.stacks[s.place], func(other *cfStack) bool { return other == s })
	}
}

// aboutSet serves an operation on a change set, which its ARN alone names too.
func (f *cloudformation) aboutSet(c *cfCall, serve func(*cfStack, *cfChangeSet) (any, *apiError)) (any, *apiError) {
	name := c.form.Get("ChangeSetName")
	if c.form.Get("StackName") == "" && strings.HasPrefix(name, "arn:") {
		f.w.step(func(time.Time) {
			for _, s := range f.stacks[c.place()] {
				if s.changeSetNamed(name) != nil {
					c.form.Set("StackName", s.id)
				}
			}
		})
	}
	return f.about(c, noSuchStack, func(s *cfStack) (any, *apiError) {
		set := s.changeSetNamed(name)
		if set == nil && c.action != "DeleteChangeSet" {
			return nil, noChangeSet(name)
		}
		return serve(s, set)
	})
}

type changeItem struct {
	Type           string
	ResourceChange resourceChangeItem
}

type resourceChangeItem struct {
	PolicyAction       string `xml:",omitempty"`
	Action             string
	LogicalResourceId  string
	PhysicalResourceId string `xml:",omitempty"`
	ResourceType       string
	Replacement        string         `xml:",omitempty"`
	Scope              []string       `xml:"Scope>member"`
	Details            []changeDetail `xml:"Details>member"`
}

type changeDetail struct {
	Target struct {
		Attribute, Name    string
		RequiresRecreation string
	}
	Evaluation, ChangeSource string
}

func (r ResourceChange) item() changeItem {
	item := resourceChangeItem{Action: r.Action, LogicalResourceId: r.ID, PhysicalResourceId: r.PhysicalID, ResourceType: r.Type}
	if r.Action == ChangeModify {
		item.Replacement, item.Scope = "False", []string{"Properties"}
		recreation := "Never"
		if r.Replacement {
			item.Replacement, item.PolicyAction, recreation = "True", "ReplaceAndDelete", "Always"
		}
		for _, name := range r.Properties {
			d := changeDetail{Evaluation: "Static", ChangeSource: "DirectModification"}
			d.Target.Attribute, d.Target.Name, d.Target.RequiresRecreation = "Properties", name, recreation
			item.Details = append(item.Details, d)
		}
	}
	return changeItem{"Resource", item}
}

func (f *cloudformation) describeChangeSet(_ context.Context, c *cfCall) (any, *apiError) {
	return f.aboutSet(c, func(s *cfStack, set *cfChangeSet) (any, *apiError) {
		var a struct {
			ChangeSetName, ChangeSetId, StackId, StackName string
			Description                                    string        `xml:",omitempty"`
			Parameters                                     []cfParameter `xml:"Parameters>member"`
			CreationTime, ExecutionStatus, Status          string
			StatusReason                                   string   `xml:",omitempty"`
			NotificationARNs                               []string `xml:"NotificationARNs>member"`
			RollbackConfiguration                          struct{}
			Capabilities                                   []string     `xml:"Capabilities>member"`
			Tags                                           []cfTag      `xml:"Tags>member"`
			Changes                                        []changeItem `xml:"Changes>member"`
			NextToken                                      string       `xml:",omitempty"`
			IncludeNestedStacks, ImportExistingResources   bool
		}
		a.ChangeSetName, a.ChangeSetId, a.StackId, a.StackName, a.Description = set.name, set.id, s.id, s.name, set.description
		a.CreationTime, a.ExecutionStatus, a.Status, a.StatusReason = cfTime(set.created), set.execution, set.status, set.reason
		a.NotificationARNs, a.Capabilities, a.IncludeNestedStacks, a.ImportExistingResources = set.topics, set.capabilities, set.nested, set.imports
		for _, key := range slices.Sorted(maps.Keys(set.order.Parameters)) {
			a.Parameters = append(a.Parameters, cfParameter{key, set.order.Parameters[key]})
		}
		for _, t := range set.tags {
			a.Tags = append(a.Tags, cfTag{t[0], t[1]})
		}
		var all []changeItem
		for _, change := range set.changes {
			all = append(all, change.item())
		}
		var problem *apiError
		a.Changes, a.NextToken, problem = cfPage(c, all)
		return a, problem
	})
}

func (f *cloudformation) listChangeSets(_ context.Context, c *cfCall) (any, *apiError) {
	return f.about(c, noSuchStack, func(s *cfStack) (any, *apiError) {
		type summary struct {
			StackId, StackName, ChangeSetId, ChangeSetName, ExecutionStatus, Status string
			StatusReason                                                            string `xml:",omitempty"`
			CreationTime                                                            string
			Description                                                             string `xml:",omitempty"`
			ImportExistingResources                                                 bool
		}
		var a struct {
			Summaries []summary `xml:"Summaries>member"`
			NextToken string    `xml:",omitempty"`
		}
		var all []summary
		for _, set := range s.changeSets {
			all = append(all, summary{s.id, s.name, set.id, set.name, set.execution, set.status, set.reason, cfTime(set.created), set.description, set.imports})
		}
		var problem *apiError
		a.Summaries, a.NextToken, problem = cfPage(c, all)
		return a, problem
	})
}

// deleteChangeSet succeeds as well if there is no such change set
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteChangeSet.html).
func (f *cloudformation) deleteChangeSet(_ context.Context, c *cfCall) (any, *apiError) {
	return f.aboutSet(c, func(s *cfStack, set *cfChangeSet) (any, *apiError) {
		s.changeSets = slices.DeleteFunc(s.changeSets, func(other *cfChangeSet) bool { return other == set })
		return nil, nil
	})
}

func (f *cloudformation) updateTerminationProtection(_ context.Context, c *cfCall) (any, *apiError) {
	on, err := strconv.ParseBool(c.form.Get("EnableTerminationProtection"))
	if err != nil {
		return nil, validation("1 validation error detected: Value at 'enableTerminationProtection' failed to satisfy constraint: Member must be true or false")
	}
	return f.about(c, noStack, func(s *cfStack) (any, *apiError) {
		s.protected = on
		return struct{ StackId string }{s.id}, nil
	})
}

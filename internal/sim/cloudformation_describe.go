package sim

import (
	"context"
	"slices"
	"strings"
	"time"
)

// The shapes of CloudFormation's answers, with the element names of its API
// reference (https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/).

type cfTag struct{ Key, Value string }

type cfParameter struct{ ParameterKey, ParameterValue string }

type cfOutput struct {
	OutputKey, OutputValue string
	Description            string `xml:",omitempty"`
	ExportName             string `xml:",omitempty"`
}

type stackItem struct {
	StackId, StackName          string
	ChangeSetId                 string        `xml:",omitempty"`
	Description                 string        `xml:",omitempty"`
	Parameters                  []cfParameter `xml:"Parameters>member"`
	CreationTime                string
	DeletionTime                string `xml:",omitempty"`
	LastUpdatedTime             string `xml:",omitempty"`
	RollbackConfiguration       struct{}
	StackStatus                 string
	StackStatusReason           string `xml:",omitempty"`
	DisableRollback             bool
	NotificationARNs            []string   `xml:"NotificationARNs>member"`
	Capabilities                []string   `xml:"Capabilities>member"`
	Outputs                     []cfOutput `xml:"Outputs>member"`
	RoleARN                     string     `xml:",omitempty"`
	Tags                        []cfTag    `xml:"Tags>member"`
	EnableTerminationProtection bool
	DriftInformation            struct{ StackDriftStatus string }
}

// cfTime is a time as CloudFormation writes it.
func cfTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

func (s *cfStack) item() stackItem {
	item := stackItem{
		StackId: s.id, StackName: s.name, ChangeSetId: s.changeSet, Description: s.description,
		CreationTime: cfTime(s.created), DeletionTime: cfTime(s.deleted), LastUpdatedTime: cfTime(s.updated),
		StackStatus: s.status, StackStatusReason: s.reason, NotificationARNs: s.topics, Capabilities: s.capabilities,
		RoleARN: s.role, EnableTerminationProtection: s.protected,
	}
	item.DriftInformation.StackDriftStatus = "NOT_CHECKED"
	for _, key := range sortedKeys(s.parameters) {
		item.Parameters = append(item.Parameters, cfParameter{key, s.parameters[key]})
	}
	for _, t := range s.tags {
		item.Tags = append(item.Tags, cfTag{t[0], t[1]})
	}
	for _, o := range s.outputs {
		item.Outputs = append(item.Outputs, cfOutput{o.Key, o.Value, o.Description, o.Export})
	}
	return item
}

func (f *cloudformation) describeStacks(_ context.Context, c *cfCall) (reply any, problem *apiError) {
	type answer struct {
		Stacks    []stackItem `xml:"Stacks>member"`
		NextToken string      `xml:",omitempty"`
	}
	f.w.step(func(now time.Time) {
		name := c.form.Get("StackName")
		s := f.find(c, name)
		if problem = f.may(now, c, s, name); problem != nil {
			return
		}
		if name != "" {
			if s == nil {
				problem = noStack(name)
				return
			}
			reply = answer{Stacks: []stackItem{s.item()}}
			return
		}
		var all []stackItem
		for _, s := range f.stacks[c.place()] {
			if s.status != stackDeleted {
				all = append(all, s.item())
			}
		}
		slices.Reverse(all) // the newest first
		var a answer
		a.Stacks, a.NextToken, problem = cfPage(c, all)
		reply = a
	})
	return reply, problem
}

// noStack is what most operations say of a stack that is not there; events and
// change sets say it with brackets (both are in
// https://github.com/aws/aws-cdk-cli/blob/main/packages/%40aws-cdk/toolkit-lib/lib/api,
// which tells them apart by the words).
func noStack(name string) *apiError { return validation("Stack with id %s does not exist", name) }

func noSuchStack(name string) *apiError { return validation("Stack [%s] does not exist", name) }

func (f *cloudformation) listStacks(_ context.Context, c *cfCall) (reply any, problem *apiError) {
	type summary struct {
		StackId, StackName  string
		TemplateDescription string `xml:",omitempty"`
		CreationTime        string
		LastUpdatedTime     string `xml:",omitempty"`
		DeletionTime        string `xml:",omitempty"`
		StackStatus         string
		StackStatusReason   string `xml:",omitempty"`
		DriftInformation    struct{ StackDriftStatus string }
	}
	type answer struct {
		StackSummaries []summary `xml:"StackSummaries>member"`
		NextToken      string    `xml:",omitempty"`
	}
	wanted := c.members("StackStatusFilter")
	f.w.step(func(now time.Time) {
		if problem = f.may(now, c, nil, ""); problem != nil {
			return
		}
		var all []summary
		for _, s := range f.stacks[c.place()] {
			if len(wanted) == 0 || slices.Contains(wanted, s.status) {
				one := summary{s.id, s.name, s.description, cfTime(s.created), cfTime(s.updated), cfTime(s.deleted), s.status, s.reason, struct{ StackDriftStatus string }{"NOT_CHECKED"}}
				all = append(all, one)
			}
		}
		slices.Reverse(all)
		var a answer
		a.StackSummaries, a.NextToken, problem = cfPage(c, all)
		reply = a
	})
	return reply, problem
}

func (f *cloudformation) describeStackEvents(_ context.Context, c *cfCall) (reply any, problem *apiError) {
	type event struct {
		StackId, EventId, StackName string
		LogicalResourceId           string
		PhysicalResourceId          string
		ResourceType                string
		Timestamp                   string
		ResourceStatus              string
		ResourceStatusReason        string `xml:",omitempty"`
		ClientRequestToken          string `xml:",omitempty"`
	}
	type answer struct {
		StackEvents []event `xml:"StackEvents>member"`
		NextToken   string  `xml:",omitempty"`
	}
	return f.about(c, noSuchStack, func(s *cfStack) (any, *apiError) {
		var all []event
		for _, e := range slices.Backward(s.events) {
			all = append(all, event{s.id, e.id, s.name, e.ID, e.PhysicalID, e.Type, cfTime(e.at), e.Status, e.Reason, e.token})
		}
		var a answer
		a.StackEvents, a.NextToken, problem = cfPage(c, all)
		return a, problem
	})
}

// about serves an operation on one stack that has to be there.
func (f *cloudformation) about(c *cfCall, missing func(string) *apiError, serve func(*cfStack) (any, *apiError)) (reply any, problem *apiError) {
	f.w.step(func(now time.Time) {
		name := c.form.Get("StackName")
		if name == "" {
			problem = validation("1 validation error detected: Value null at 'stackName' failed to satisfy constraint: Member must not be null")
			return
		}
		s := f.find(c, name)
		if problem = f.may(now, c, s, name); problem != nil {
			return
		}
		if s == nil {
			problem = missing(name)
			return
		}
		reply, problem = serve(s)
	})
	return reply, problem
}

type resourceItem struct {
	StackName            string `xml:",omitempty"`
	StackId              string `xml:",omitempty"`
	LogicalResourceId    string
	PhysicalResourceId   string `xml:",omitempty"`
	ResourceType         string
	Timestamp            string `xml:",omitempty"`
	LastUpdatedTimestamp string `xml:",omitempty"`
	ResourceStatus       string
	ResourceStatusReason string `xml:",omitempty"`
	DriftInformation     struct{ StackResourceDriftStatus string }
}

func (r *cfResource) item() resourceItem {
	item := resourceItem{LogicalResourceId: r.ID, PhysicalResourceId: r.PhysicalID, ResourceType: r.Type, ResourceStatus: r.Status, ResourceStatusReason: r.Reason}
	item.DriftInformation.StackResourceDriftStatus = "NOT_CHECKED"
	return item
}

func (f *cloudformation) describeStackResources(_ context.Context, c *cfCall) (any, *apiError) {
	return f.about(c, noStack, func(s *cfStack) (any, *apiError) {
		var a struct {
			StackResources []resourceItem `xml:"StackResources>member"`
		}
		wanted := c.form.Get("LogicalResourceId")
		for _, r := range s.resources {
			if wanted == "" || r.ID == wanted {
				item := r.item()
				item.StackName, item.StackId, item.Timestamp = s.name, s.id, cfTime(r.at)
				a.StackResources = append(a.StackResources, item)
			}
		}
		if wanted != "" && len(a.StackResources) == 0 {
			return nil, validation("Resource %s does not exist for stack %s", wanted, s.name)
		}
		return a, nil
	})
}

func (f *cloudformation) listStackResources(_ context.Context, c *cfCall) (any, *apiError) {
	return f.about(c, noStack, func(s *cfStack) (any, *apiError) {
		var a struct {
			StackResourceSummaries []resourceItem `xml:"StackResourceSummaries>member"`
			NextToken              string         `xml:",omitempty"`
		}
		var all []resourceItem
		for _, r := range s.resources {
			item := r.item()
			item.LastUpdatedTimestamp = cfTime(r.at)
			all = append(all, item)
		}
		var problem *apiError
		a.StackResourceSummaries, a.NextToken, problem = cfPage(c, all)
		return a, problem
	})
}

func (f *cloudformation) listExports(_ context.Context, c *cfCall) (reply any, problem *apiError) {
	type export struct{ ExportingStackId, Name, Value string }
	var a struct {
		Exports   []export `xml:"Exports>member"`
		NextToken string   `xml:",omitempty"`
	}
	f.w.step(func(now time.Time) {
		if problem = f.may(now, c, nil, ""); problem != nil {
			return
		}
		var all []export
		for _, s := range f.stacks[c.place()] {
			for _, o := range s.outputs {
				if o.Export != "" && s.status != stackDeleted {
					all = append(all, export{s.id, o.Export, o.Value})
				}
			}
		}
		slices.SortFunc(all, func(a, b export) int { return strings.Compare(a.Name, b.Name) })
		a.Exports, a.NextToken, problem = cfPage(c, all)
	})
	return a, problem
}

func (f *cloudformation) getTemplate(_ context.Context, c *cfCall) (any, *apiError) {
	return f.about(c, noStack, func(s *cfStack) (any, *apiError) {
		template := s.template
		if name := c.form.Get("ChangeSetName"); name != "" {
			set := s.changeSetNamed(name)
			if set == nil {
				return nil, noChangeSet(name)
			}
			template = set.order.Template
		}
		// A stack in review has none yet: the CDK's command line asks for it all the
		// same, and takes an empty one.
		return struct {
			TemplateBody    string
			StagesAvailable []string `xml:"StagesAvailable>member"`
		}{template, []string{"Original", "Processed"}}, nil
	})
}

package cloudformation

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"snapferry/internal/sim"
)

// Stacks makes the resources of stacks that come and go, for CloudFormation on
// the wire. Where a resource changes whose type has no updater, it is deleted and
// made anew.
type Stacks struct {
	deployer *deployer
	living   map[string]*living // by the stack's id
	// names are the custom names in use: of resources of stacks and of those that
	// a stack left behind.
	names map[customName]*named
}

var _ sim.Templates = (*Stacks)(nil)

// living is a stack with what it has.
type living struct {
	stack  *Stack
	parts  map[string]*part
	order  []string // of the parts' making
	output map[string]string
}

// part is a resource that exists.
type part struct {
	*resource
	values map[string]any // its resolved properties
	made   made
}

type customName struct {
	account, region, kind, name string
}

// named is the resource that has a custom name; without a stack nobody manages it.
type named struct {
	stack string
	part  *part
}

// NewStacks makes stacks in a world, as sim.Options.Templates.
func NewStacks(w *sim.World) sim.Templates {
	return &Stacks{deployer: newDeployer(w), living: map[string]*living{}, names: map[customName]*named{}}
}

// nameProperties are the properties that give a resource a custom name; of types
// that have none, and of those whose names are no names, nothing is kept.
var nameProperties = map[string]string{
	"AWS::CloudFormation::StackSet": "StackSetName",
	"AWS::CloudWatch::Alarm":        "AlarmName",
	"AWS::CloudWatch::Dashboard":    "DashboardName",
	"AWS::ECR::Repository":          "RepositoryName",
	"AWS::Events::EventBus":         "Name",
	"AWS::IAM::ManagedPolicy":       "ManagedPolicyName",
	"AWS::IAM::Role":                "RoleName",
	"AWS::KMS::Alias":               "AliasName",
	"AWS::Lambda::Function":         "FunctionName",
	"AWS::Logs::LogGroup":           "LogGroupName",
	"AWS::S3::Bucket":               "BucketName",
	"AWS::SNS::Topic":               "TopicName",
	"AWS::SQS::Queue":               "QueueName",
	"AWS::SSM::Parameter":           "Name",
	"AWS::Scheduler::ScheduleGroup": "Name",
}

// read reads the template of an order.
func readOrder(order sim.StackOrder) (*Stack, error) {
	t, err := readTemplate([]byte(order.Template))
	if err != nil {
		return nil, err
	}
	for _, p := range t.declared {
		value, given := order.Parameters[p.name]
		if !given {
			continue
		}
		if err := p.check(value); err != nil {
			return nil, err
		}
		t.parameters[p.name] = value
		if p.kind == "CommaDelimitedList" || p.kind == "List<Number>" {
			t.parameters[p.name] = splitList(value)
		}
	}
	return &Stack{Name: order.Name, Account: order.Account, Region: order.Region, id: order.ID, template: t}, nil
}

// check refuses a value that the parameter does not take.
func (p *parameter) check(value string) error {
	complaint := p.complaint
	switch {
	case len(p.values) > 0 && !slices.Contains(p.values, value):
		if complaint == "" {
			complaint = "must be one of " + strings.Join(p.values, ", ")
		}
	case p.pattern != nil && !p.pattern.MatchString(value):
		if complaint == "" {
			complaint = "must match pattern " + p.pattern.String()
		}
	default:
		return nil
	}
	return fmt.Errorf("Parameter '%s' %s", p.name, complaint)
}

// Read implements sim.Templates. A type that is not simulated is one that
// CloudFormation does not have.
func (s *Stacks) Read(text string) (sim.TemplateSummary, error) {
	t, err := readTemplate([]byte(text))
	if err != nil {
		return sim.TemplateSummary{}, err
	}
	summary := sim.TemplateSummary{Description: t.description, Resources: len(t.resources)}
	if len(t.resources) == 0 {
		return summary, fmt.Errorf("At least one Resources member must be defined.")
	}
	var unknown, about []string
	custom := false
	for _, id := range t.order {
		r := t.resources[id]
		_, creates := creators[r.kind]
		_, rests := idles[r.kind]
		if !creates && !rests && !slices.Contains(unknown, r.kind) {
			unknown = append(unknown, r.kind)
		}
		summary.Types = append(summary.Types, r.kind)
		if strings.HasPrefix(r.kind, "AWS::IAM::") {
			about = append(about, r.kind)
			custom = custom || r.properties[nameProperties[r.kind]] != nil
		}
	}
	if slices.Sort(unknown); len(unknown) > 0 {
		return summary, fmt.Errorf("Unrecognized resource types: [%s]", strings.Join(unknown, ", "))
	}
	slices.Sort(summary.Types)
	summary.Types = slices.Compact(summary.Types)
	if slices.Sort(about); len(about) > 0 {
		need := "CAPABILITY_IAM"
		if custom {
			need = "CAPABILITY_NAMED_IAM"
		}
		summary.Capabilities = []string{need}
		summary.Reason = "The following resource(s) require capabilities: [" + strings.Join(slices.Compact(about), ", ") + "]"
	}
	for _, p := range t.declared {
		summary.Parameters = append(summary.Parameters, sim.TemplateParameter{Key: p.name, Type: p.kind, Description: p.description, Default: p.fallback})
	}
	return summary, nil
}

// scopeOf is what names mean in a stack that has some of its resources.
func (s *Stacks) scopeOf(stack *Stack, old *living) *scope {
	here := place{stack.Account, stack.Region}
	scope := &scope{stack: stack, made: map[string]made{}, exported: func(name string) (string, bool) {
		value, exists := s.deployer.exports[here][name]
		return value, exists
	}}
	if old != nil {
		for id, p := range old.parts {
			scope.made[id] = p.made
		}
	}
	return scope
}

// Plan implements sim.Templates.
func (s *Stacks) Plan(order sim.StackOrder) (plan sim.StackPlan, err error) {
	stack, err := readOrder(order)
	if err != nil {
		return plan, err
	}
	old := s.living[order.ID]
	scope := s.scopeOf(stack, old)
	kept := map[string]bool{}
	for _, id := range stack.template.order {
		r := stack.template.resources[id]
		yes, err := scope.holds(r.condition)
		if err != nil {
			return plan, fmt.Errorf("%s: %w", id, err)
		}
		if !yes {
			continue
		}
		change := sim.ResourceChange{Action: sim.ChangeAdd, ID: id, Type: r.kind}
		before := old.part(id)
		if before == nil || before.kind != r.kind {
			if n := s.names[nameOf(stack, r)]; order.Import && n.importable(r) {
				change.Action, change.PhysicalID = sim.ChangeImport, n.part.made.ref
			}
			plan.Changes = append(plan.Changes, change)
			continue
		}
		kept[id] = true
		change.Action, change.PhysicalID = sim.ChangeModify, before.made.ref
		// What refers to something new can't be resolved yet, and changes.
		values, err := scope.properties(r)
		switch {
		case err != nil:
		case reflect.DeepEqual(values, before.values):
			continue
		default:
			change.Properties = changed(before.values, values)
		}
		change.Replacement = slices.Contains(change.Properties, nameProperties[r.kind])
		plan.Changes = append(plan.Changes, change)
	}
	if old == nil {
		return plan, nil
	}
	for _, id := range old.order {
		if p := old.parts[id]; !kept[id] {
			plan.Changes = append(plan.Changes, sim.ResourceChange{Action: sim.ChangeRemove, ID: id, Type: p.kind, PhysicalID: p.made.ref})
		}
	}
	plan.Outputs = !reflect.DeepEqual(old.stack.template.outputs, stack.template.outputs)
	return plan, nil
}

// changed names the properties that differ, sorted.
func changed(before, after map[string]any) []string {
	var names []string
	for name := range before {
		if !reflect.DeepEqual(before[name], after[name]) {
			names = append(names, name)
		}
	}
	for name := range after {
		if _, had := before[name]; !had {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (l *living) part(id string) *part {
	if l == nil {
		return nil
	}
	return l.parts[id]
}

// nameOf is the custom name that a template gives a resource, if it is a plain
// string there; the zero customName else.
func nameOf(stack *Stack, r *resource) customName {
	name, _ := r.properties[nameProperties[r.kind]].(string)
	if name == "" {
		return customName{}
	}
	return customName{stack.Account, stack.Region, r.kind, name}
}

// importable says whether a stack may take over the resource that has the name
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html):
// no stack has it, and it is to be kept.
func (n *named) importable(r *resource) bool {
	return n != nil && n.stack == "" && strings.HasPrefix(r.deletion, "Retain")
}

// outputsOf resolves a stack's outputs.
func (s *Stacks) outputsOf(scope *scope, id string) ([]sim.StackOutput, map[string]string, error) {
	var all []sim.StackOutput
	exports := map[string]string{}
	t := scope.stack.template
	for _, key := range slices.Sorted(maps.Keys(t.outputs)) {
		o := t.outputs[key]
		yes, err := scope.holds(o.condition)
		if err != nil || !yes {
			if err != nil {
				return nil, nil, fmt.Errorf("Outputs: %s: %w", key, err)
			}
			continue
		}
		resolved, err := scope.resolve([]any{o.value, o.export})
		if err != nil {
			return nil, nil, fmt.Errorf("Outputs: %s: %w", key, err)
		}
		pair, _ := resolved.([]any)
		value, ok := wordOf(pair[0])
		if !ok {
			return nil, nil, fmt.Errorf("Outputs: %s: %v is not a string", key, pair[0])
		}
		name, exported := wordOf(pair[1])
		if exported {
			here := place{scope.stack.Account, scope.stack.Region}
			if _, taken := s.deployer.exports[here][name]; taken && s.living[id].exports(name) == "" {
				return nil, nil, fmt.Errorf("Export with name %s is already exported by another stack", name)
			}
			exports[name] = value
		}
		all = append(all, sim.StackOutput{Key: key, Value: value, Description: o.description, Export: name})
	}
	return all, exports, nil
}

func (l *living) exports(name string) string {
	if l == nil {
		return ""
	}
	return l.output[name]
}

// Delete implements sim.Templates.
func (s *Stacks) Delete(ctx context.Context, id string, report func(sim.ResourceStep)) error {
	l := s.living[id]
	if l == nil {
		return nil // it never had anything
	}
	var failed []string
	for _, name := range slices.Backward(slices.Clone(l.order)) {
		if err := s.remove(ctx, l, l.parts[name], l.parts[name].deletion, report); err != nil {
			failed = append(failed, name)
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("[%s]", strings.Join(failed, ", "))
	}
	for name := range l.output {
		delete(s.deployer.exports[place{l.stack.Account, l.stack.Region}], name)
	}
	delete(s.living, id)
	return nil
}

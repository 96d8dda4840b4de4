package cloudformation

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"snapferry/internal/sim"
)

// Apply implements sim.Templates. What a template has no more, and what was
// replaced, goes last, when nothing can fail any more that would have to be
// undone.
func (s *Stacks) Apply(ctx context.Context, order sim.StackOrder, report func(sim.ResourceStep)) ([]sim.StackOutput, error) {
	stack, err := readOrder(order)
	if err != nil {
		return nil, err
	}
	old := s.living[order.ID]
	a := &application{
		Stacks: s, ctx: ctx, stack: stack, old: old, report: report, imports: order.Import, scope: s.scopeOf(stack, old),
		next: &living{stack: stack, parts: map[string]*part{}, output: map[string]string{}},
	}
	// What is not made yet must not be found.
	for id := range a.scope.made {
		if r := stack.template.resources[id]; r == nil || r.kind != old.parts[id].kind {
			delete(a.scope.made, id)
		}
	}
	outputs, err := a.run(order.ID)
	if err != nil {
		report(sim.ResourceStep{Reason: err.Error()})
		for _, undo := range slices.Backward(a.undo) {
			undo()
		}
		return nil, err
	}
	s.living[order.ID] = a.next
	a.cleanUp()
	return outputs, nil
}

// application is one Apply at work.
type application struct {
	*Stacks
	ctx       context.Context
	stack     *Stack
	old, next *living
	scope     *scope
	imports   bool
	report    func(sim.ResourceStep)
	undo      []func()
	replaced  []*part // physically new ones stand in their place
}

func (a *application) run(id string) ([]sim.StackOutput, error) {
	d := a.deployer
	d.stack, d.scope = a.stack, a.scope
	for _, name := range a.stack.template.order {
		d.resource = a.stack.template.resources[name]
		yes, err := a.scope.holds(d.resource.condition)
		if err == nil && yes {
			err = a.one(d.resource)
		}
		if err != nil {
			return nil, err
		}
	}
	outputs, exports, err := a.outputsOf(a.scope, id)
	if err != nil {
		return nil, err
	}
	here := place{a.stack.Account, a.stack.Region}
	if d.exports[here] == nil {
		d.exports[here] = map[string]string{}
	}
	if a.old != nil {
		for name := range a.old.output {
			delete(d.exports[here], name)
		}
	}
	for name, value := range exports {
		d.exports[here][name] = value
	}
	a.next.output = exports
	return outputs, nil
}

// one makes one resource what the template says.
func (a *application) one(r *resource) error {
	before := a.old.part(r.id)
	if before != nil && before.kind != r.kind {
		before = nil // another resource, which goes in the end
	}
	verb := "CREATE"
	if before != nil {
		verb = "UPDATE"
	}
	step := sim.ResourceStep{ID: r.id, Type: r.kind}
	if before != nil {
		step.PhysicalID = before.made.ref
	}
	fail := func(err error) error {
		step.Status, step.Reason = verb+"_FAILED", err.Error()
		a.report(step)
		return fmt.Errorf("The following resource(s) failed to %s: [%s].", strings.ToLower(verb), r.id)
	}
	values, err := a.scope.properties(r)
	if err != nil {
		a.report(sim.ResourceStep{ID: r.id, Type: r.kind, Status: verb + "_IN_PROGRESS"})
		return fail(err)
	}
	after := &part{resource: r, values: values}
	switch {
	case before == nil:
		if n := a.names[nameOf(a.stack, r)]; a.imports && n.importable(r) {
			verb = "IMPORT"
		}
		step.Status = verb + "_IN_PROGRESS"
		a.report(step)
		if err := a.make(after, verb == "IMPORT"); err != nil {
			return fail(err)
		}
	case reflect.DeepEqual(before.values, values):
		after.made = before.made
		a.keep(after)
		return nil
	default:
		step.Status = "UPDATE_IN_PROGRESS"
		a.report(step)
		if err := a.change(before, after); err != nil {
			return fail(err)
		}
	}
	step.PhysicalID = after.made.ref
	step.Status, step.Reason = verb+"_COMPLETE", ""
	a.report(step)
	return nil
}

func (a *application) keep(p *part) {
	a.next.parts[p.id] = p
	a.next.order = append(a.next.order, p.id)
	a.scope.made[p.id] = p.made
}

// make makes a resource, or takes over the one that has its name.
func (a *application) make(p *part, adopt bool) error {
	name := nameOf(a.stack, p.resource)
	n := a.names[name]
	switch {
	case name == (customName{}):
	case adopt:
		p.made = n.part.made
		n.stack, n.part = a.stack.id, p
		a.undo = append(a.undo, func() { n.stack = "" })
		a.keep(p)
		return nil
	case n != nil:
		return fmt.Errorf("Resource of type '%s' with identifier '%s' already exists.", p.kind, name.name)
	}
	if err := a.exists(p); err != nil {
		return err
	}
	a.deployer.resource = p.resource
	var err error
	if p.made, err = a.deployer.make(a.ctx, p.values); err != nil {
		return err
	}
	if name != (customName{}) {
		a.names[name] = &named{a.stack.id, p}
	}
	a.keep(p)
	a.undo = append(a.undo, func() {
		policy := p.deletion
		if policy == "RetainExceptOnCreate" {
			policy = "Delete"
		}
		a.remove(a.ctx, a.next, p, policy, a.report)
	})
	return nil
}

// exists refuses to make a queue that is there already: SQS itself would hand out
// the one that is there, if its attributes are the same.
func (a *application) exists(p *part) error {
	name, _ := p.values["QueueName"].(string)
	if p.kind != "AWS::SQS::Queue" || name == "" {
		return nil
	}
	if a.world().Do(a.ctx, a.stack.Account, a.stack.Region, "sqs", "GetQueueUrl", map[string]any{"QueueName": name}, nil) == nil {
		return fmt.Errorf("Resource of type '%s' with identifier '%s' already exists.", p.kind, name)
	}
	return nil
}

func (s *Stacks) world() *sim.World { return s.deployer.world }

// change makes a resource another, in place if its type can be.
func (a *application) change(before, after *part) error {
	d := a.deployer
	update, inPlace := updaters[after.kind]
	renamed := slices.Contains(changed(before.values, after.values), nameProperties[after.kind])
	d.resource = after.resource
	switch {
	case inPlace && !renamed:
		var err error
		if after.made, err = update(d, a.ctx, before, after); err != nil {
			return err
		}
		a.undo = append(a.undo, func() {
			d.stack, d.scope, d.resource = a.stack, a.scope, before.resource
			if _, err := update(d, a.ctx, after, before); err != nil {
				a.report(sim.ResourceStep{ID: before.id, PhysicalID: before.made.ref, Type: before.kind, Status: "UPDATE_FAILED", Reason: err.Error()})
			}
		})
	case renamed:
		if err := a.make(after, false); err != nil {
			return err
		}
		a.replaced = append(a.replaced, before)
		return nil
	default:
		if err := removers[after.kind].do(d, a.ctx, before); err != nil {
			return err
		}
		var err error
		after.made, err = d.make(a.ctx, after.values)
		made := err == nil
		a.undo = append(a.undo, func() {
			d.stack, d.scope, d.resource = a.stack, a.scope, before.resource
			if made {
				removers[after.kind].do(d, a.ctx, after)
			}
			d.make(a.ctx, before.values)
		})
		if err != nil {
			return err
		}
	}
	if n := a.names[nameOf(a.stack, after.resource)]; n != nil {
		n.part = after
		a.undo = append(a.undo, func() { n.part = before })
	}
	a.keep(after)
	return nil
}

// cleanUp deletes what the stack had and has no more.
func (a *application) cleanUp() {
	if a.old == nil {
		return
	}
	for _, p := range slices.Backward(a.replaced) {
		a.remove(a.ctx, nil, p, p.deletion, a.report)
	}
	for _, id := range slices.Backward(a.old.order) {
		p := a.old.parts[id]
		if now := a.next.parts[id]; now == nil || now.kind != p.kind {
			a.remove(a.ctx, nil, p, p.deletion, a.report)
		}
	}
}

// remove deletes a resource, or leaves it without a stack, and reports what it
// did. from is the stack that has it, nil for one that has it no more.
func (s *Stacks) remove(ctx context.Context, from *living, p *part, policy string, report func(sim.ResourceStep)) error {
	step := sim.ResourceStep{ID: p.id, PhysicalID: p.made.ref, Type: p.kind}
	d := s.deployer
	if from != nil {
		d.stack = from.stack
	}
	d.resource = p.resource
	name := nameOf(d.stack, p.resource)
	switch {
	case strings.HasPrefix(policy, "Retain"):
		step.Status = "DELETE_SKIPPED"
		if n := s.names[name]; n != nil {
			n.stack = ""
		}
	default:
		step.Status = "DELETE_IN_PROGRESS"
		report(step)
		if err := removers[p.kind].do(d, ctx, p); err != nil {
			step.Status, step.Reason = "DELETE_FAILED", err.Error()
			report(step)
			return err
		}
		delete(s.names, name)
		step.Status = "DELETE_COMPLETE"
	}
	if from != nil {
		delete(from.parts, p.id)
		from.order = slices.DeleteFunc(from.order, func(id string) bool { return id == p.id })
	}
	report(step)
	return nil
}

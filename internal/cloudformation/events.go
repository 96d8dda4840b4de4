package cloudformation

import (
	"context"
	"fmt"
	"strings"
)

func (d *deployer) createBus(ctx context.Context, p *properties) (made, error) {
	name := p.required("Name")
	in := map[string]any{"Name": name}
	if text := p.text("Description"); text != "" {
		in["Description"] = text
	}
	policy := p.document("Policy")
	p.ignore("Tags") // the simulated buses have none
	if err := p.end(); err != nil {
		return made{}, err
	}
	if err := d.do(ctx, "events", "CreateEventBus", in, nil); err != nil {
		return made{}, fmt.Errorf("create bus %s: %w", name, err)
	}
	if policy != "" {
		if err := d.do(ctx, "events", "PutPermission", map[string]any{"EventBusName": name, "Policy": policy}, nil); err != nil {
			return made{}, fmt.Errorf("set the policy of bus %s: %w", name, err)
		}
	}
	return made{ref: name, attributes: map[string]string{"Arn": d.arn("events", "event-bus/"+name), "Name": name}}, nil
}

func (d *deployer) createRule(ctx context.Context, p *properties) (made, error) {
	name, bus := d.name(p.text("Name"), 64), p.text("EventBusName")
	rule := map[string]any{"Name": name}
	for _, property := range []string{"Description", "State", "RoleArn", "ScheduleExpression"} {
		if text := p.text(property); text != "" {
			rule[property] = text
		}
	}
	if pattern := p.document("EventPattern"); pattern != "" {
		rule["EventPattern"] = pattern
	}
	list := []any{}
	for _, target := range p.groups("Targets") {
		list = append(list, target.values) // which EventBridge itself checks
	}
	p.ignore("Tags") // the simulated rules have none
	if err := p.end(); err != nil {
		return made{}, err
	}
	targets := map[string]any{"Rule": name, "Targets": list}
	if bus != "" {
		rule["EventBusName"], targets["EventBusName"] = bus, bus
	}
	var put struct{ RuleArn string }
	if err := d.do(ctx, "events", "PutRule", rule, &put); err != nil {
		return made{}, fmt.Errorf("create rule %s: %w", name, err)
	}
	m := made{ref: name, attributes: map[string]string{"Arn": put.RuleArn}}
	if onBus := strings.Count(put.RuleArn, "/") > 1; onBus {
		m.ref = bus + "|" + name
	}
	if len(list) == 0 {
		return m, nil
	}
	var answer struct {
		FailedEntries []struct{ TargetId, ErrorCode, ErrorMessage string }
	}
	if err := d.do(ctx, "events", "PutTargets", targets, &answer); err != nil {
		return made{}, fmt.Errorf("set the targets of rule %s: %w", name, err)
	}
	for _, f := range answer.FailedEntries {
		return made{}, fmt.Errorf("set target %s of rule %s: %s: %s", f.TargetId, name, f.ErrorCode, f.ErrorMessage)
	}
	return m, nil
}

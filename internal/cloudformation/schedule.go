package cloudformation

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"snapferry/internal/sim"
)

// ARN is the schedule's.
func (s *Schedule) ARN() string {
	return arnOf("scheduler", s.Region, s.Account, "schedule/"+s.Group+"/"+s.Name)
}

// Act is what Scheduler does under the schedule's role. It gives the ARN of the
// group as aws:SourceArn (EventBridge Scheduler user guide, "Confused deputy
// prevention").
func (s *Schedule) Act(action, resource string) sim.ServiceAct {
	return sim.ServiceAct{
		Service: "scheduler.amazonaws.com", Account: s.Account, Region: s.Region,
		SourceARN: arnOf("scheduler", s.Region, s.Account, "schedule-group/"+s.Group),
		RoleARN:   s.RoleARN, Action: action, Resource: resource,
	}
}

func (d *deployer) createSchedule(_ context.Context, p *properties) (made, error) {
	s := Schedule{
		Account: d.stack.Account, Region: d.stack.Region,
		Name:  d.name(p.text("Name"), 64),
		Group: "default",
	}
	if group := p.text("GroupName"); group != "" {
		s.Group = group
	}
	expression, err := ParseExpression(p.required("ScheduleExpression"))
	if err != nil {
		p.problem("ScheduleExpression", "%v", err)
	}
	s.Expression = expression
	if zone := p.text("ScheduleExpressionTimezone"); zone != "" && zone != "UTC" && zone != "Etc/UTC" {
		p.problem("ScheduleExpressionTimezone", "the simulation has schedules in UTC only, not in %s", zone)
	}
	switch state := p.text("State"); state {
	case "", "ENABLED":
		s.Enabled = true
	case "DISABLED":
	default:
		p.problem("State", "%s is neither ENABLED nor DISABLED", state)
	}
	target := p.group("Target")
	s.FunctionARN, s.RoleARN, s.Input = target.required("Arn"), target.required("RoleArn"), target.text("Input")
	if !strings.HasPrefix(s.FunctionARN, "arn:aws:lambda:") {
		target.problem("Arn", "%s is not a function: the simulation's schedules invoke functions only", s.FunctionARN)
	}
	if s.Input != "" && !json.Valid([]byte(s.Input)) {
		target.problem("Input", "it is not JSON")
	}
	if strings.Contains(s.Input, "<aws.scheduler.") {
		target.problem("Input", "the simulation does not fill in what Scheduler calls context attributes: leave <aws.scheduler.…> out")
	}
	letters := target.group("DeadLetterConfig")
	s.DeadLetterARN = letters.text("Arn")
	letters.leftovers()
	// An invocation is tried once, when it is due: a flexible window only says how
	// late.
	target.ignore("RetryPolicy")
	target.leftovers()
	p.ignore("Description", "FlexibleTimeWindow")
	if err := p.end(); err != nil {
		return made{}, err
	}
	if err := d.world.Permit(s.Act("", "")); err != nil {
		return made{}, fmt.Errorf("create schedule %s: the execution role must allow EventBridge Scheduler to assume it: %w", s.Name, err)
	}
	d.planned[s.FunctionARN] = append(d.planned[s.FunctionARN], s)
	return made{ref: s.Name, attributes: map[string]string{"Arn": s.ARN()}}, nil
}

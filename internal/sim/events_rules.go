package sim

import (
	"regexp"
	"strings"
	"time"
)

const (
	ruleEnabled  = "ENABLED"
	ruleDisabled = "DISABLED"
)

// rule sends the events of its bus that match to its targets.
type rule struct {
	name    string
	pattern string // as put
	matches *pattern
	state   string
	text    string // description
	roleARN string
	targets map[string]*target
}

var ruleName = regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,64}$`)

type ruleReply struct {
	Name, Arn    string
	EventPattern string
	State        string
	Description  string `json:",omitempty"`
	RoleArn      string `json:",omitempty"`
	EventBusName string
}

func (r *rule) reply(b *bus) ruleReply {
	return ruleReply{
		Name: r.name, Arn: b.key.ruleARN(r.name), EventPattern: r.pattern, State: r.state,
		Description: r.text, RoleArn: r.roleARN, EventBusName: b.key.name,
	}
}

func (e *events) putRule(c *call, now time.Time, in *struct {
	Name, EventBusName               string
	EventPattern, ScheduleExpression string
	State, Description, RoleArn      string
}) (any, *apiError) {
	b, problem := e.bus(c, now, in.EventBusName)
	if problem != nil {
		return nil, problem
	}
	switch {
	case !ruleName.MatchString(in.Name):
		return nil, invalidEvents("1 validation error detected: Value '%s' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+", in.Name)
	case in.ScheduleExpression != "":
		return nil, invalidEvents("the simulated EventBridge has no schedules: leave ScheduleExpression out and invoke the target yourself")
	case in.EventPattern == "":
		return nil, invalidEvents("Parameter(s) EventPattern or ScheduleExpression must be specified.")
	}
	state := in.State
	switch state {
	case "":
		state = ruleEnabled
	case ruleEnabled, ruleDisabled, "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS":
	default:
		return nil, invalidEvents("1 validation error detected: Value '%s' at 'state' failed to satisfy constraint", state)
	}
	matches, problem := parsePattern(in.EventPattern)
	if problem != nil {
		return nil, problem
	}
	r, exists := b.rules[in.Name]
	if !exists {
		r = &rule{name: in.Name, targets: map[string]*target{}}
		b.rules[in.Name] = r
	}
	r.pattern, r.matches, r.state, r.text, r.roleARN = in.EventPattern, matches, state, in.Description, in.RoleArn
	return map[string]string{"RuleArn": b.key.ruleARN(in.Name)}, nil
}

type ruleInput struct {
	Name, EventBusName string
}

// rule finds a rule of the caller's.
func (e *events) rule(c *call, now time.Time, bus, name string) (*bus, *rule, *apiError) {
	b, problem := e.bus(c, now, bus)
	if problem != nil {
		return nil, nil, problem
	}
	r, exists := b.rules[name]
	if !exists {
		return nil, nil, badRequest("ResourceNotFoundException", "Rule %s does not exist on EventBus %s.", name, b.key.name)
	}
	return b, r, nil
}

func (e *events) describeRule(c *call, now time.Time, in *ruleInput) (any, *apiError) {
	b, r, problem := e.rule(c, now, in.EventBusName, in.Name)
	if problem != nil {
		return nil, problem
	}
	return struct {
		ruleReply
		CreatedBy string
	}{r.reply(b), c.account}, nil
}

func (e *events) listRules(c *call, now time.Time, in *struct {
	listInput
	EventBusName string
}) (any, *apiError) {
	b, problem := e.bus(c, now, in.EventBusName)
	if problem != nil {
		return nil, problem
	}
	var names []string
	for name := range b.rules {
		if strings.HasPrefix(name, in.NamePrefix) {
			names = append(names, name)
		}
	}
	names, next, problem := in.page(names)
	if problem != nil {
		return nil, problem
	}
	reply := struct {
		Rules     []ruleReply
		NextToken string `json:",omitempty"`
	}{[]ruleReply{}, next}
	for _, name := range names {
		reply.Rules = append(reply.Rules, b.rules[name].reply(b))
	}
	return reply, nil
}

func (e *events) enableRule(c *call, now time.Time, in *ruleInput) (any, *apiError) {
	return e.switchRule(c, now, in, ruleEnabled)
}

func (e *events) disableRule(c *call, now time.Time, in *ruleInput) (any, *apiError) {
	return e.switchRule(c, now, in, ruleDisabled)
}

func (e *events) switchRule(c *call, now time.Time, in *ruleInput, state string) (any, *apiError) {
	_, r, problem := e.rule(c, now, in.EventBusName, in.Name)
	if problem != nil {
		return nil, problem
	}
	r.state = state
	return nil, nil
}

// deleteRule deletes a rule without targets; one that is gone is fine.
func (e *events) deleteRule(c *call, now time.Time, in *ruleInput) (any, *apiError) {
	b, problem := e.bus(c, now, in.EventBusName)
	if problem != nil {
		return nil, problem
	}
	if r, exists := b.rules[in.Name]; exists && len(r.targets) > 0 {
		return nil, invalidEvents("Rule can't be deleted since it has targets.")
	}
	delete(b.rules, in.Name)
	return nil, nil
}

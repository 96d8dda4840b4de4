package sim

import (
	"encoding/json"
	"slices"
	"time"

	"snapferry/internal/sim/iam"
)

// authorize asks whether the caller may make a call to EventBridge; PutEvents
// is asked for entry by entry.
func (e *events) authorize(c *call, now time.Time) *apiError {
	var in struct {
		Name, Rule, EventBusName, EventPattern, RoleArn string
		Targets                                         []struct{ Arn, RoleArn string }
	}
	about := eventsPermissions[c.action]
	if about == aboutEntries {
		return nil
	}
	if problem := readJSON(c, &in); problem != nil {
		return problem
	}
	a := c.ask("events:"+c.action, "*")
	switch about {
	case aboutBus:
		e.setBus(a, entryBus(c, in.Name))
	case aboutRule:
		e.setRule(a, entryBus(c, in.EventBusName), in.Name)
		setPattern(a, in.EventPattern)
	case aboutTargets:
		e.setRule(a, entryBus(c, in.EventBusName), in.Rule)
	}
	roles := []string{in.RoleArn}
	for _, t := range in.Targets {
		roles = append(roles, t.RoleArn)
		a.keys.Set("events:TargetArn", append(a.keys["events:targetarn"], t.Arn)...)
	}
	if problem := e.decide(now, a); problem != nil {
		return problem
	}
	return e.passRoles(c, now, roles)
}

// setBus makes a question one about a bus, or what belongs to it.
func (e *events) setBus(a *ask, key busKey) {
	a.resource, a.owner = key.arn(), key.account
	if b := e.buses[key]; b != nil {
		a.policy = b.policy
	}
}

// setRule makes a question one about a rule.
func (e *events) setRule(a *ask, key busKey, name string) {
	e.setBus(a, key)
	a.resource = key.ruleARN(name)
	if b := e.buses[key]; b != nil && b.rules[name] != nil {
		a.keys.Set("events:creatorAccount", key.account)
	}
}

// setPattern sets the condition keys about what a rule matches.
func setPattern(a *ask, text string) {
	var pattern map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &pattern) != nil {
		return
	}
	for _, field := range []string{"source", "detail-type"} {
		var values []string
		if json.Unmarshal(pattern[field], &values) == nil {
			a.keys.Set("events:"+field, values...)
		}
	}
}

func (e *events) decide(now time.Time, a *ask) *apiError {
	if a.owner == "" || a.owner == a.by.account {
		if e.w.unquestioned(a.by, a.policy) {
			return nil
		}
	}
	if d := e.w.decide(now, a); !d.Allowed {
		return badRequest("AccessDeniedException", "%s", a.refusal(d))
	}
	return nil
}

// passRoles asks whether the caller may hand roles to EventBridge.
func (e *events) passRoles(c *call, now time.Time, roles []string) *apiError {
	slices.Sort(roles)
	for _, arn := range slices.Compact(roles) {
		if arn == "" {
			continue
		}
		a := c.ask("iam:PassRole", arn)
		a.keys.Set("iam:PassedToService", eventsService)
		if problem := e.decide(now, a); problem != nil {
			return problem
		}
	}
	return nil
}

// authorizeEntry asks whether the caller may put an entry. A bus that does not
// exist takes everything, and loses it.
func (e *events) authorizeEntry(c *call, now time.Time, entry *eventEntry) *apiError {
	key := entryBus(c, entry.EventBusName)
	a := c.ask("events:PutEvents", key.arn())
	if to, exists := e.at(key, now); exists {
		a.owner, a.policy = key.account, to.policy
	}
	setEvent(a, entry.Source, entry.DetailType)
	return e.decide(now, a)
}

func setEvent(a *ask, source, detailType string) {
	if source != "" {
		a.keys.Set("events:source", source)
	}
	if detailType != "" {
		a.keys.Set("events:detail-type", detailType)
	}
}

// mayForward asks whether a rule's event may go to a bus. The target's role has
// to trust EventBridge and may put events there; the policy of a bus of another
// account has to let it, or the account itself where there is no role. A role
// that nobody added to the world counts as one that its account lets do
// everything.
func (e *events) mayForward(now time.Time, from ruleSource, roleARN string, to *bus, event []byte) *apiError {
	by := caller{account: from.account}
	if r := e.w.roleAt(roleARN); r != nil {
		assume := &ask{by: caller{service: eventsService}, action: "sts:AssumeRole", resource: r.arn, region: from.region, keys: from.keys()}
		setOrganization(assume.keys, e.w, from.account)
		if problem := e.w.mayAssume(now, assume, r); problem != nil {
			return problem
		}
		by.account = r.account
		by.session = &session{role: r, name: "events", principal: r.session("events")}
	}
	a := &ask{
		by: by, action: "events:PutEvents", resource: to.key.arn(), owner: to.key.account, policy: to.policy,
		region: to.key.region, keys: iam.Keys{},
	}
	var sent struct {
		Source     string `json:"source"`
		DetailType string `json:"detail-type"`
	}
	if json.Unmarshal(event, &sent) == nil {
		setEvent(a, sent.Source, sent.DetailType)
	}
	return e.decide(now, a)
}

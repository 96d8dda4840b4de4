package sim

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"snapferry/internal/sim/iam"
)

// busStatement is one permission of a bus's policy, as it was put.
type busStatement struct {
	sid  string
	text json.RawMessage
}

// setPolicy makes the statements the bus's policy, unless they are none.
func (b *bus) setPolicy(statements []busStatement, now time.Time) *apiError {
	text, policy := "", (*iam.Policy)(nil)
	if len(statements) > 0 {
		all := make([]json.RawMessage, len(statements))
		for i, s := range statements {
			all[i] = s.text
		}
		document, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": all})
		if err == nil {
			text = string(document)
			policy, err = iam.Parse(iam.Resource, text)
		}
		if err != nil {
			return invalidEvents("Parameter Policy is not valid. Reason: %v", err)
		}
	}
	b.statements, b.policyText, b.policy, b.modified = statements, text, policy, now
	return nil
}

func (e *events) putPermission(c *call, now time.Time, in *struct {
	EventBusName, Action, Principal, StatementID, Policy string
	Condition                                            *struct{ Type, Key, Value string }
}) (any, *apiError) {
	b, problem := e.bus(c, now, in.EventBusName)
	if problem != nil {
		return nil, problem
	}
	if in.Policy != "" {
		statements, problem := readStatements(in.Policy)
		if problem != nil {
			return nil, problem
		}
		return nil, b.setPolicy(statements, now)
	}
	s := map[string]any{"Sid": in.StatementID, "Effect": "Allow", "Action": in.Action, "Resource": b.key.arn()}
	switch {
	case in.StatementID == "":
		return nil, invalidEvents("Parameter StatementId is not valid. Reason: StatementId is a required argument.")
	case in.Action != "events:PutEvents":
		return nil, invalidEvents("Provided value in parameter 'action' is not supported.")
	case in.Principal == "*":
		s["Principal"] = "*"
	case accountID.MatchString(in.Principal):
		s["Principal"] = map[string]string{"AWS": "arn:aws:iam::" + in.Principal + ":root"}
	default:
		return nil, invalidEvents("Provided value in parameter 'principal' is not valid.")
	}
	if in.Condition != nil {
		s["Condition"] = map[string]any{in.Condition.Type: map[string]string{in.Condition.Key: in.Condition.Value}}
	}
	text, err := json.Marshal(s)
	if err != nil {
		panic("sim: marshal a statement: " + err.Error())
	}
	others := slices.DeleteFunc(slices.Clone(b.statements), func(old busStatement) bool { return old.sid == in.StatementID })
	return nil, b.setPolicy(append(others, busStatement{in.StatementID, text}), now)
}

// readStatements cuts a whole policy into its statements.
func readStatements(text string) ([]busStatement, *apiError) {
	if _, err := iam.Parse(iam.Resource, text); err != nil {
		return nil, invalidEvents("Parameter Policy is not valid. Reason: %v", err)
	}
	var policy struct{ Statement json.RawMessage }
	var all []json.RawMessage
	err := json.Unmarshal([]byte(text), &policy)
	if err == nil && json.Unmarshal(policy.Statement, &all) != nil {
		all = []json.RawMessage{policy.Statement}
	}
	statements := make([]busStatement, len(all))
	for i, raw := range all {
		var named struct{ Sid string }
		if err == nil {
			err = json.Unmarshal(raw, &named)
		}
		statements[i] = busStatement{named.Sid, raw}
	}
	if err != nil {
		return nil, invalidEvents("Parameter Policy is not valid. Reason: %v", err)
	}
	return statements, nil
}

func (e *events) removePermission(c *call, now time.Time, in *struct {
	EventBusName, StatementID string
	RemoveAllPermissions      bool
}) (any, *apiError) {
	b, problem := e.bus(c, now, in.EventBusName)
	if problem != nil {
		return nil, problem
	}
	left := slices.DeleteFunc(slices.Clone(b.statements), func(s busStatement) bool {
		return in.RemoveAllPermissions || s.sid == in.StatementID
	})
	if len(left) == len(b.statements) && !in.RemoveAllPermissions {
		return nil, badRequest("ResourceNotFoundException", "Statement %s does not exist on the event bus.", in.StatementID)
	}
	return nil, b.setPolicy(left, now)
}

func (e *events) createEventBus(c *call, now time.Time, in *struct{ Name, Description, EventSourceName string }) (any, *apiError) {
	key := busKey{c.account, c.region, in.Name}
	switch {
	case !busName.MatchString(in.Name) || strings.Contains(in.Name, "/"):
		return nil, invalidEvents("Parameter Name is not valid. Reason: it must match [.\\-_A-Za-z0-9]+.")
	case in.EventSourceName != "":
		return nil, invalidEvents("the simulated EventBridge has no partner event sources: leave EventSourceName out")
	}
	if _, exists := e.at(key, now); exists {
		return nil, badRequest("ResourceAlreadyExistsException", "Event bus %s already exists.", in.Name)
	}
	e.buses[key] = &bus{key: key, created: now, modified: now, text: in.Description, rules: map[string]*rule{}}
	return map[string]string{"EventBusArn": key.arn()}, nil
}

func (e *events) deleteEventBus(c *call, _ time.Time, in *struct{ Name string }) (any, *apiError) {
	key := entryBus(c, in.Name)
	if in.Name == "" || key.name == defaultBus || key.account != c.account || key.region != c.region {
		return nil, invalidEvents("Cannot delete event bus %s.", in.Name)
	}
	if b, exists := e.buses[key]; exists && len(b.rules) > 0 {
		return nil, invalidEvents("Cannot delete event bus %s: delete its rules first.", in.Name)
	}
	delete(e.buses, key)
	return nil, nil
}

type busReply struct {
	Name, Arn        string
	Description      string `json:",omitempty"`
	Policy           string `json:",omitempty"`
	CreationTime     float64
	LastModifiedTime float64
}

func (b *bus) reply() busReply {
	return busReply{
		Name: b.key.name, Arn: b.key.arn(), Description: b.text, Policy: b.policyText,
		CreationTime: epoch(b.created), LastModifiedTime: epoch(b.modified),
	}
}

// epoch is a time as the JSON protocol writes it.
func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func (e *events) describeEventBus(c *call, now time.Time, in *struct{ Name string }) (any, *apiError) {
	b, problem := e.bus(c, now, in.Name)
	if problem != nil {
		return nil, problem
	}
	return b.reply(), nil
}

func (e *events) listEventBuses(c *call, now time.Time, in *listInput) (any, *apiError) {
	e.at(busKey{c.account, c.region, defaultBus}, now)
	var names []string
	for key := range e.buses {
		if key.account == c.account && key.region == c.region && strings.HasPrefix(key.name, in.NamePrefix) {
			names = append(names, key.name)
		}
	}
	names, next, problem := in.page(names)
	if problem != nil {
		return nil, problem
	}
	reply := struct {
		EventBuses []busReply
		NextToken  string `json:",omitempty"`
	}{[]busReply{}, next}
	for _, name := range names {
		reply.EventBuses = append(reply.EventBuses, e.buses[busKey{c.account, c.region, name}].reply())
	}
	return reply, nil
}

// listInput is what EventBridge's listings have in common.
type listInput struct {
	NamePrefix string
	Limit      *int
	NextToken  string
}

func (in *listInput) page(names []string) ([]string, string, *apiError) {
	limit := 100
	if in.Limit != nil {
		limit = *in.Limit
	}
	if limit < 1 || limit > 100 {
		return nil, "", invalidEvents("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must be between 1 and 100", limit)
	}
	names, next, problem := pageOf(names, &limit, 100, in.NextToken)
	if problem != nil {
		return nil, "", invalidEvents("Provided token is invalid.")
	}
	return names, next, nil
}

package sim

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// statement is one permission of a bus's policy.
type statement struct {
	Sid       string          `json:"Sid,omitempty"`
	Effect    string          `json:"Effect"`
	Principal json.RawMessage `json:"Principal"`
	Action    words           `json:"Action"`
	Resource  words           `json:"Resource,omitempty"`
	Condition json.RawMessage `json:"Condition,omitempty"`
}

// words is a policy element that is one string or a list of them.
type words []string

// UnmarshalJSON takes both forms.
func (l *words) UnmarshalJSON(b []byte) error {
	var one string
	if err := json.Unmarshal(b, &one); err == nil {
		*l = words{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(l))
}

// principals are the accounts that a statement is about, "*" for everyone.
func (s *statement) principals() (accounts []string, err error) {
	var named struct{ AWS words }
	if string(s.Principal) == `"*"` {
		return []string{"*"}, nil
	}
	if err := json.Unmarshal(s.Principal, &named); err != nil {
		return nil, err
	}
	for _, p := range named.AWS {
		if part := strings.Split(p, ":"); len(part) == 6 && part[5] == "root" {
			p = part[4]
		}
		accounts = append(accounts, p)
	}
	return accounts, nil
}

// admits says whether an account may put events on b: its own always may.
func (b *bus) admits(account string) bool {
	if account == b.key.account {
		return true
	}
	allowed := false
	for _, s := range b.statements {
		accounts, _ := s.principals()
		if !slices.Contains(accounts, "*") && !slices.Contains(accounts, account) {
			continue
		}
		if !slices.ContainsFunc(s.Action, func(a string) bool { return a == "*" || a == "events:*" || a == "events:PutEvents" }) {
			continue
		}
		if s.Effect == "Deny" {
			return false
		}
		allowed = true
	}
	return allowed
}

// policy is b's resource policy as JSON, "" without one.
func (b *bus) policy() string {
	if len(b.statements) == 0 {
		return ""
	}
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": b.statements})
	if err != nil {
		panic("sim: marshal a bus policy: " + err.Error())
	}
	return string(text)
}

func (e *events) putPermission(c *call, now time.Time, in *struct {
	EventBusName, Action, Principal, StatementID, Policy string
	Condition                                            json.RawMessage
}) (any, *apiError) {
	b, problem := e.bus(c, now, in.EventBusName)
	if problem != nil {
		return nil, problem
	}
	if in.Policy != "" {
		statements, problem := parsePolicy(in.Policy)
		if problem != nil {
			return nil, problem
		}
		b.statements, b.modified = statements, now
		return nil, nil
	}
	s := statement{Sid: in.StatementID, Effect: "Allow", Action: words{in.Action}, Resource: words{b.key.arn()}, Condition: in.Condition}
	switch {
	case in.StatementID == "":
		return nil, invalidEvents("Parameter StatementId is not valid. Reason: StatementId is a required argument.")
	case in.Action != "events:PutEvents":
		return nil, invalidEvents("Provided value in parameter 'action' is not supported.")
	case in.Principal == "*":
		s.Principal = json.RawMessage(`"*"`)
	case accountID.MatchString(in.Principal):
		s.Principal = json.RawMessage(`{"AWS":"arn:aws:iam::` + in.Principal + `:root"}`)
	default:
		return nil, invalidEvents("Provided value in parameter 'principal' is not valid.")
	}
	if problem := s.check(); problem != nil {
		return nil, problem
	}
	b.statements = append(slices.DeleteFunc(b.statements, func(old statement) bool { return old.Sid == s.Sid }), s)
	b.modified = now
	return nil, nil
}

// parsePolicy reads a whole resource policy.
func parsePolicy(text string) ([]statement, *apiError) {
	var policy struct{ Statement json.RawMessage }
	var statements []statement
	err := json.Unmarshal([]byte(text), &policy)
	if err == nil {
		if err = json.Unmarshal(policy.Statement, &statements); err != nil {
			statements = make([]statement, 1)
			err = json.Unmarshal(policy.Statement, &statements[0])
		}
	}
	if err != nil {
		return nil, invalidEvents("Parameter Policy is not valid. Reason: %v", err)
	}
	for i := range statements {
		if problem := statements[i].check(); problem != nil {
			return nil, problem
		}
	}
	return statements, nil
}

func (s *statement) check() *apiError {
	if len(s.Condition) > 0 && string(s.Condition) != "null" {
		return invalidEvents("the simulated EventBridge has no organizations and evaluates no policy conditions: leave Condition out")
	}
	if _, err := s.principals(); err != nil || s.Effect != "Allow" && s.Effect != "Deny" {
		return invalidEvents("Parameter Policy is not valid. Reason: each statement needs an Effect and a Principal.")
	}
	s.Condition = nil
	return nil
}

func (e *events) removePermission(c *call, now time.Time, in *struct {
	EventBusName, StatementID string
	RemoveAllPermissions      bool
}) (any, *apiError) {
	b, problem := e.bus(c, now, in.EventBusName)
	if problem != nil {
		return nil, problem
	}
	left := slices.DeleteFunc(slices.Clone(b.statements), func(s statement) bool {
		return in.RemoveAllPermissions || s.Sid == in.StatementID
	})
	if len(left) == len(b.statements) && !in.RemoveAllPermissions {
		return nil, badRequest("ResourceNotFoundException", "Statement %s does not exist on the event bus.", in.StatementID)
	}
	b.statements, b.modified = left, now
	return nil, nil
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
		Name: b.key.name, Arn: b.key.arn(), Description: b.text, Policy: b.policy(),
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

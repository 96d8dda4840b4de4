package sim

import (
	"context"
	"regexp"
	"strings"
	"time"

	"snapferry/internal/sim/iam"
)

// events is the EventBridge of all accounts and Regions. Delivery is
// immediate: an event that is put has reached every queue it matches a rule
// for when the call is answered.
type events struct {
	w     *World
	buses map[busKey]*bus
	lost  map[string]int // by the ARN of the rule

	listeners []func(account, region, bus string, event []byte)
	heard     []arrival // not yet told to the listeners
	telling   bool
}

func newEvents(w *World) *events {
	return &events{w: w, buses: map[busKey]*bus{}, lost: map[string]int{}}
}

// busKey is where an event bus lives.
type busKey struct{ account, region, name string }

// defaultBus is the bus that every account has in every Region.
const defaultBus = "default"

func (k busKey) arn() string {
	return "arn:aws:events:" + k.region + ":" + k.account + ":event-bus/" + k.name
}

func (k busKey) ruleARN(rule string) string {
	prefix := "arn:aws:events:" + k.region + ":" + k.account + ":rule/"
	if k.name != defaultBus {
		prefix += k.name + "/"
	}
	return prefix + rule
}

// parseBusARN reads arn:aws:events:region:account:event-bus/name.
func parseBusARN(arn string) (busKey, bool) {
	part := strings.Split(arn, ":")
	if len(part) != 6 || part[0] != "arn" || part[2] != "events" || !accountID.MatchString(part[4]) {
		return busKey{}, false
	}
	name, isBus := strings.CutPrefix(part[5], "event-bus/")
	return busKey{region: part[3], account: part[4], name: name}, isBus && busName.MatchString(name) && part[3] != ""
}

// bus is one event bus.
type bus struct {
	key        busKey
	created    time.Time
	modified   time.Time
	text       string // description
	rules      map[string]*rule
	statements []busStatement
	policyText string
	policy     *iam.Policy // of the statements; nil: none
}

var busName = regexp.MustCompile(`^[/.\-_A-Za-z0-9]{1,256}$`)

var eventsActions = map[string]func(*events, *call) (any, *apiError){
	"PutEvents":         eventsStep((*events).putEvents),
	"CreateEventBus":    eventsStep((*events).createEventBus),
	"DeleteEventBus":    eventsStep((*events).deleteEventBus),
	"DescribeEventBus":  eventsStep((*events).describeEventBus),
	"ListEventBuses":    eventsStep((*events).listEventBuses),
	"PutPermission":     eventsStep((*events).putPermission),
	"RemovePermission":  eventsStep((*events).removePermission),
	"PutRule":           eventsStep((*events).putRule),
	"DescribeRule":      eventsStep((*events).describeRule),
	"ListRules":         eventsStep((*events).listRules),
	"EnableRule":        eventsStep((*events).enableRule),
	"DisableRule":       eventsStep((*events).disableRule),
	"DeleteRule":        eventsStep((*events).deleteRule),
	"PutTargets":        eventsStep((*events).putTargets),
	"RemoveTargets":     eventsStep((*events).removeTargets),
	"ListTargetsByRule": eventsStep((*events).listTargetsByRule),
	"TestEventPattern":  eventsStep((*events).testEventPattern),
}

func (e *events) serve(_ context.Context, c *call) (any, *apiError) {
	act, known := eventsActions[c.action]
	if !known {
		return nil, unknownAction(c)
	}
	return act(e, c)
}

// eventsStep makes an action that answers within one step out of a method.
func eventsStep[In any](f func(*events, *call, time.Time, *In) (any, *apiError)) func(*events, *call) (any, *apiError) {
	return func(e *events, c *call) (reply any, problem *apiError) {
		in := new(In)
		if problem := readJSON(c, in); problem != nil {
			return nil, problem
		}
		e.w.step(func(now time.Time) {
			if problem = e.authorize(c, now); problem == nil {
				reply, problem = f(e, c, now, in)
			}
		})
		return reply, problem
	}
}

// at is the bus at key, if there is one. A default bus is always there.
func (e *events) at(key busKey, now time.Time) (*bus, bool) {
	b, exists := e.buses[key]
	if !exists && key.name == defaultBus {
		b = &bus{key: key, created: now, modified: now, rules: map[string]*rule{}}
		e.buses[key] = b
	}
	return b, b != nil
}

// bus finds the caller's bus that a name or an ARN means; "" is the default.
func (e *events) bus(c *call, now time.Time, nameOrARN string) (*bus, *apiError) {
	key := busKey{c.account, c.region, nameOrARN}
	if nameOrARN == "" {
		key.name = defaultBus
	}
	if strings.HasPrefix(nameOrARN, "arn:") {
		var valid bool
		if key, valid = parseBusARN(nameOrARN); !valid {
			return nil, invalidEvents("Parameter EventBusName is not valid: %s is not an event bus's ARN", nameOrARN)
		}
		if key.account != c.account || key.region != c.region {
			return nil, badRequest("AccessDeniedException", "The event bus %s belongs to another account or Region than the call's, %s in %s.", nameOrARN, c.account, c.region)
		}
	}
	b, exists := e.at(key, now)
	if !exists {
		return nil, noBus(key.name)
	}
	return b, nil
}

func noBus(name string) *apiError {
	return badRequest("ResourceNotFoundException", "Event bus %s does not exist.", name)
}

func invalidEvents(format string, args ...any) *apiError {
	return badRequest("ValidationException", format, args...)
}

package sim

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"time"
)

// ssm is the parameters of AWS Systems Manager, of the type String: the version
// of `cdk bootstrap` is in one.
type ssm struct {
	w          *World
	parameters map[parameterKey]*parameter
}

type parameterKey struct {
	place
	name string
}

type parameter struct {
	value, description string
	version            int
	modified           time.Time
}

type ssmCall struct {
	*call
	now time.Time
}

var ssmActions = map[string]func(*ssm, *ssmCall) (any, *apiError){
	"GetParameter":    (*ssm).getParameter,
	"GetParameters":   (*ssm).getParameters,
	"PutParameter":    (*ssm).putParameter,
	"DeleteParameter": (*ssm).deleteParameter,
}

func (s *ssm) serve(_ context.Context, c *call) (reply any, problem *apiError) {
	action, known := ssmActions[c.action]
	if !known {
		return nil, unknownAction(c)
	}
	s.w.step(func(now time.Time) { reply, problem = action(s, &ssmCall{c, now}) })
	return reply, problem
}

func (c *ssmCall) decode(in any) *apiError {
	if err := json.Unmarshal(c.body, in); err != nil {
		return badRequest("SerializationException", "%v", err)
	}
	return nil
}

var parameterName = regexp.MustCompile(`^[a-zA-Z0-9_.\-/]+$`)

// find checks a parameter's name, asks IAM, and looks the parameter up: nil if it
// is not there.
func (s *ssm) find(c *ssmCall, name string) (parameterKey, *parameter, *apiError) {
	key := parameterKey{place{c.account, c.region}, name}
	if !parameterName.MatchString(name) {
		return key, nil, badRequest("ValidationException", "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive), and has letters, digits and . - _ / only.")
	}
	a := c.ask("ssm:"+c.action, key.arn())
	a.owner = c.account
	if d := s.w.decide(c.now, a); !d.Allowed {
		return key, nil, badRequest("AccessDeniedException", "%s", a.refusal(d))
	}
	return key, s.parameters[key], nil
}

func (k parameterKey) arn() string {
	return "arn:aws:ssm:" + k.region + ":" + k.account + ":parameter/" + strings.TrimPrefix(k.name, "/")
}

type parameterShape struct {
	ARN, DataType, Name, Type, Value string
	LastModifiedDate                 float64
	Version                          int
}

func (k parameterKey) shape(p *parameter) parameterShape {
	return parameterShape{k.arn(), "text", k.name, "String", p.value, float64(p.modified.UnixMilli()) / 1000, p.version}
}

func (s *ssm) getParameter(c *ssmCall) (any, *apiError) {
	var in struct{ Name string }
	if problem := c.decode(&in); problem != nil {
		return nil, problem
	}
	key, p, problem := s.find(c, in.Name)
	switch {
	case problem != nil:
		return nil, problem
	case p == nil: // Amazon says no more than the code
		return nil, badRequest("ParameterNotFound", "")
	}
	return map[string]any{"Parameter": key.shape(p)}, nil
}

func (s *ssm) getParameters(c *ssmCall) (any, *apiError) {
	var in struct{ Names []string }
	if problem := c.decode(&in); problem != nil {
		return nil, problem
	}
	found, missing := []parameterShape{}, []string{}
	for _, name := range in.Names {
		key, p, problem := s.find(c, name)
		switch {
		case problem != nil:
			return nil, problem
		case p == nil:
			missing = append(missing, name)
		default:
			found = append(found, key.shape(p))
		}
	}
	return map[string]any{"Parameters": found, "InvalidParameters": missing}, nil
}

func (s *ssm) putParameter(c *ssmCall) (any, *apiError) {
	var in struct {
		Name, Value, Type, Description string
		Overwrite                      bool
	}
	if problem := c.decode(&in); problem != nil {
		return nil, problem
	}
	key, p, problem := s.find(c, in.Name)
	switch {
	case problem != nil:
		return nil, problem
	case in.Value == "":
		return nil, badRequest("ValidationException", "1 validation error detected: Value null at 'value' failed to satisfy constraint: Member must not be null")
	case in.Type != "" && in.Type != "String":
		return nil, badRequest("UnsupportedParameterType", "the simulated Systems Manager has parameters of the type String, not %s", in.Type)
	case p != nil && !in.Overwrite:
		return nil, badRequest("ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
	case p == nil && in.Type == "":
		return nil, badRequest("ValidationException", "A parameter type is required when you create a parameter.")
	case p == nil:
		p = &parameter{}
		s.parameters[key] = p
	}
	p.value, p.description, p.modified = in.Value, in.Description, c.now
	p.version++
	return map[string]any{"Version": p.version, "Tier": "Standard"}, nil
}

func (s *ssm) deleteParameter(c *ssmCall) (any, *apiError) {
	var in struct{ Name string }
	if problem := c.decode(&in); problem != nil {
		return nil, problem
	}
	key, p, problem := s.find(c, in.Name)
	if problem == nil && p == nil {
		problem = badRequest("ParameterNotFound", "")
	}
	if problem != nil {
		return nil, problem
	}
	delete(s.parameters, key)
	return nil, nil
}

package cloudformation

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// scope is what names mean within a stack.
type scope struct {
	stack *Stack
	made  map[string]made
	// exported finds what another stack of the account and Region exports.
	exported func(name string) (string, bool)
	deciding []string // conditions that are being decided, one within the other
}

// made is a resource that exists: its Ref, and what Fn::GetAtt gives.
type made struct {
	ref        string
	attributes map[string]string
}

// noValue is AWS::NoValue: whatever it is the value of is not there.
type noValue struct{}

// resolve is a value with all its intrinsic functions carried out.
func (s *scope) resolve(value any) (any, error) {
	switch value := value.(type) {
	case map[string]any:
		if name, argument, is := intrinsic(value); is {
			result, err := s.call(name, argument)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			return result, nil
		}
		resolved := make(map[string]any, len(value))
		for _, key := range slices.Sorted(maps.Keys(value)) {
			if strings.HasPrefix(key, "Fn::") {
				return nil, fmt.Errorf("%s: a function stands alone in its object", key)
			}
			one, err := s.resolve(value[key])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
			if one != (noValue{}) {
				resolved[key] = one
			}
		}
		return resolved, nil
	case []any:
		resolved := make([]any, 0, len(value))
		for i, one := range value {
			one, err := s.resolve(one)
			if err != nil {
				return nil, fmt.Errorf("%d: %w", i, err)
			}
			if one != (noValue{}) {
				resolved = append(resolved, one)
			}
		}
		return resolved, nil
	}
	return value, nil
}

// intrinsic says whether an object is a call of a function.
func intrinsic(object map[string]any) (name string, argument any, is bool) {
	if len(object) != 1 {
		return "", nil, false
	}
	for name, argument = range object {
	}
	return name, argument, name == "Ref" || strings.HasPrefix(name, "Fn::")
}

func (s *scope) call(name string, argument any) (any, error) {
	switch name {
	case "Ref":
		id, ok := argument.(string)
		if !ok {
			return nil, fmt.Errorf("it takes a name")
		}
		return s.ref(id)
	case "Fn::GetAtt":
		return s.getAtt(argument)
	case "Fn::Sub":
		return s.sub(argument)
	case "Fn::If":
		return s.choose(argument)
	}
	f, known := functions[name]
	if !known {
		return nil, fmt.Errorf("the function is not simulated")
	}
	resolved, err := s.resolve(argument)
	if err != nil {
		return nil, err
	}
	return f(s, resolved)
}

// ref is what a name stands for: a parameter, a resource, or one of
// CloudFormation's own.
func (s *scope) ref(name string) (any, error) {
	switch name {
	case "AWS::AccountId":
		return s.stack.Account, nil
	case "AWS::Region":
		return s.stack.Region, nil
	case "AWS::Partition":
		return "aws", nil
	case "AWS::URLSuffix":
		return "amazonaws.com", nil
	case "AWS::StackName":
		return s.stack.Name, nil
	case "AWS::StackId":
		return stackARN(s.stack), nil
	case "AWS::NoValue":
		return noValue{}, nil
	}
	if value, is := s.stack.template.parameters[name]; is {
		switch value.(type) {
		case noDefault:
			return nil, fmt.Errorf("the parameter %s has no default, and nobody gives it a value", name)
		case ofSystemsManager:
			return nil, fmt.Errorf("the parameter %s has its value in Systems Manager, which is not simulated", name)
		}
		return value, nil
	}
	m, err := s.resource(name)
	if err != nil {
		return nil, err
	}
	if m.ref == "" {
		return nil, fmt.Errorf("%s, of type %s, stands for nothing in the simulation", name, s.stack.template.resources[name].kind)
	}
	return m.ref, nil
}

func (s *scope) resource(id string) (made, error) {
	m, exists := s.made[id]
	if exists {
		return m, nil
	}
	if r := s.stack.template.resources[id]; r != nil {
		return made{}, fmt.Errorf("%s is not made: its condition %s does not hold", id, r.condition)
	}
	return made{}, fmt.Errorf("there is no parameter or resource %s", id)
}

func (s *scope) getAtt(argument any) (any, error) {
	id, name, err := attribute(argument)
	if err != nil {
		return nil, err
	}
	m, err := s.resource(id)
	if err != nil {
		return nil, err
	}
	value, has := m.attributes[name]
	if !has {
		return nil, fmt.Errorf("%s, of type %s, has no attribute %s in the simulation", id, s.stack.template.resources[id].kind, name)
	}
	return value, nil
}

// attribute reads the argument of Fn::GetAtt: ["Id", "Name"] or "Id.Name".
func attribute(argument any) (id, name string, err error) {
	switch argument := argument.(type) {
	case string:
		id, name, _ = strings.Cut(argument, ".")
	case []any:
		if len(argument) == 2 {
			id, _ = argument[0].(string)
			name, _ = argument[1].(string)
		}
	}
	if id == "" || name == "" {
		return "", "", fmt.Errorf("it takes a resource and the name of an attribute")
	}
	return id, name, nil
}

func (s *scope) sub(argument any) (any, error) {
	text, own, err := substitution(argument)
	if err != nil {
		return nil, err
	}
	var problem error
	result := substitute(text, func(name string) string {
		var value any
		var err error
		id, attribute, dotted := strings.Cut(name, ".")
		switch given, is := own[name]; {
		case is:
			value, err = s.resolve(given)
		case dotted:
			value, err = s.getAtt([]any{id, attribute})
		default:
			value, err = s.ref(name)
		}
		word, ok := wordOf(value)
		if err == nil && !ok {
			err = fmt.Errorf("it is not one string")
		}
		if err != nil && problem == nil {
			problem = fmt.Errorf("${%s}: %w", name, err)
		}
		return word
	})
	return result, problem
}

// substitution reads the argument of Fn::Sub: a text, with or without values of
// its own.
func substitution(argument any) (text string, own map[string]any, err error) {
	if text, ok := argument.(string); ok {
		return text, nil, nil
	}
	if pair, ok := argument.([]any); ok && len(pair) == 2 {
		text, isText := pair[0].(string)
		own, isMap := pair[1].(map[string]any)
		if isText && isMap {
			return text, own, nil
		}
	}
	return "", nil, fmt.Errorf("it takes a string, or a string and an object of values")
}

// substitute replaces every ${name}; ${!name} stands for ${name} itself.
func substitute(text string, value func(name string) string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		b.WriteString(before)
		name, after, closed := strings.Cut(rest, "}")
		switch {
		case !found:
			return b.String()
		case !closed:
			return b.String() + "${" + rest
		case strings.HasPrefix(name, "!"):
			b.WriteString("${" + name[1:] + "}")
		default:
			b.WriteString(value(strings.TrimSpace(name)))
		}
		text = after
	}
}

func placeholders(text string) []string {
	var names []string
	substitute(text, func(name string) string {
		names = append(names, name)
		return ""
	})
	return names
}

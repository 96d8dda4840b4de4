package cloudformation

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// holds says whether a condition of the template holds; "" always does.
func (s *scope) holds(name string) (bool, error) {
	if name == "" {
		return true, nil
	}
	condition, exists := s.stack.template.conditions[name]
	if !exists {
		return false, fmt.Errorf("there is no condition %s", name)
	}
	if slices.Contains(s.deciding, name) {
		return false, fmt.Errorf("conditions need each other in a circle: %s", strings.Join(append(s.deciding, name), " -> "))
	}
	s.deciding = append(s.deciding, name)
	defer func() { s.deciding = s.deciding[:len(s.deciding)-1] }()
	yes, err := s.decide(condition)
	if err != nil {
		return false, fmt.Errorf("condition %s: %w", name, err)
	}
	return yes, nil
}

// decide carries out the functions that make a condition.
func (s *scope) decide(condition any) (bool, error) {
	object, _ := condition.(map[string]any)
	if len(object) != 1 {
		return false, fmt.Errorf("%v is not one condition", condition)
	}
	if name, ok := object["Condition"].(string); ok {
		return s.holds(name)
	}
	name, argument, _ := intrinsic(object)
	list, _ := argument.([]any)
	switch {
	case name == "Fn::Equals" && len(list) == 2:
		both, err := s.resolve(list)
		if err != nil {
			return false, fmt.Errorf("%s: %w", name, err)
		}
		pair, ok := both.([]any)
		return ok && len(pair) == 2 && reflect.DeepEqual(pair[0], pair[1]), nil
	case name == "Fn::Not" && len(list) == 1:
		yes, err := s.decide(list[0])
		return !yes, err
	case name == "Fn::And" && len(list) > 1, name == "Fn::Or" && len(list) > 1:
		for _, one := range list {
			yes, err := s.decide(one)
			if err != nil || yes == (name == "Fn::Or") {
				return yes, err
			}
		}
		return name == "Fn::And", nil
	}
	return false, fmt.Errorf("%v is none of Fn::Equals, Fn::Not, Fn::And, Fn::Or and Condition with what they take", condition)
}

// choose is Fn::If: only the value that is taken is resolved.
func (s *scope) choose(argument any) (any, error) {
	three, _ := argument.([]any)
	if len(three) != 3 {
		return nil, fmt.Errorf("it takes a condition and two values")
	}
	name, _ := three[0].(string)
	if name == "" {
		return nil, fmt.Errorf("%v is not the name of a condition", three[0])
	}
	yes, err := s.holds(name)
	if err != nil {
		return nil, err
	}
	if yes {
		return s.resolve(three[1])
	}
	return s.resolve(three[2])
}

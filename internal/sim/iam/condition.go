package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// condition is one key of one operator: it holds when the key's value in the
// request stands to one of the values as the operator says.
type condition struct {
	operator *operator
	set      setOperator
	ifExists bool
	key      string // in lower case
	values   []operand
}

type setOperator int

const (
	single setOperator = iota
	forAllValues
	forAnyValue
)

func parseConditions(raw json.RawMessage, variables bool) ([]condition, error) {
	operators, err := object(raw)
	if err != nil {
		return nil, err
	}
	var conditions []condition
	for _, o := range operators {
		of, err := parseOperator(o.name)
		if err != nil {
			return nil, err
		}
		keys, err := object(o.value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.name, err)
		}
		for _, k := range keys {
			c := of
			if c.key = strings.ToLower(k.name); !strings.Contains(c.key, ":") {
				return nil, fmt.Errorf("%s: %q is no condition key: it has no prefix such as aws:", o.name, k.name)
			}
			values, err := scalars(k.value)
			for _, value := range values {
				var v operand
				if v, err = c.operator.read(value, variables); err != nil {
					break
				}
				c.values = append(c.values, v)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", o.name, k.name, err)
			}
			if slices.ContainsFunc(conditions, c.same) {
				return nil, fmt.Errorf("%s: %s stands there twice", o.name, k.name)
			}
			conditions = append(conditions, c)
		}
	}
	return conditions, nil
}

func (c *condition) same(other condition) bool {
	return c.operator == other.operator && c.set == other.set && c.ifExists == other.ifExists && c.key == other.key
}

// parseOperator reads [ForAllValues:|ForAnyValue:]Operator[IfExists].
func parseOperator(text string) (condition, error) {
	c, name := condition{}, text
	if rest, all := strings.CutPrefix(name, "ForAllValues:"); all {
		c.set, name = forAllValues, rest
	} else if rest, anyOf := strings.CutPrefix(name, "ForAnyValue:"); anyOf {
		c.set, name = forAnyValue, rest
	}
	name, c.ifExists = strings.CutSuffix(name, "IfExists")
	c.operator = operators[name]
	switch {
	case c.operator == nil:
		return c, fmt.Errorf("there is no operator %q", text)
	case c.operator.null && (c.ifExists || c.set != single):
		return c, errors.New("Null takes neither IfExists nor a set operator")
	}
	return c, nil
}

// holds follows the IAM user guide, "Condition operators" and "Set operators for
// multivalued context keys": an absent key fails a condition, but not a negated
// one, nor one with IfExists, nor ForAllValues.
func (c *condition) holds(keys Keys) bool {
	is := keys[c.key]
	if c.operator.null {
		return slices.ContainsFunc(c.values, func(v operand) bool { return v.truth == (len(is) == 0) })
	}
	if len(is) == 0 {
		return c.set == forAllValues || c.ifExists || c.set == single && c.operator.negated
	}
	holds := func(value string) bool {
		meets := slices.ContainsFunc(c.values, func(v operand) bool { return c.operator.meets(&v, value, keys) })
		return meets != c.operator.negated
	}
	// Without a set operator a key of several values is asked for any of them or,
	// when negated, for all: a statement must not come out wider for it.
	if c.set == forAllValues || c.set == single && c.operator.negated {
		return !slices.ContainsFunc(is, func(value string) bool { return !holds(value) })
	}
	return slices.ContainsFunc(is, holds)
}

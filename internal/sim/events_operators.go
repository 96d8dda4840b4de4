package sim

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// anyValue makes a test that holds when f does for one of a field's values.
func anyValue(f func(v any) bool) test {
	return func(values []any) bool { return slices.ContainsFunc(values, f) }
}

// textTest makes a test for one of a field's strings.
func textTest(f func(s string) bool) test {
	return anyValue(func(v any) bool {
		s, isString := v.(string)
		return isString && f(s)
	})
}

// same compares values as EventBridge does: types must agree, and numbers be
// written alike: 300 is not 300.0.
func same(a, b any) bool { return a == b }

// compileTest reads one element of a pattern's array.
func compileTest(path string, v any) (test, *apiError) {
	operator, isOperator := v.(map[string]any)
	if !isOperator {
		if _, isArray := v.([]any); isArray {
			return nil, invalidPattern("an array cannot hold an array%s", within(path))
		}
		return anyValue(func(have any) bool { return same(have, v) }), nil
	}
	if len(operator) != 1 {
		return nil, invalidPattern("a match expression has exactly one operator%s", within(path))
	}
	name := sortedKeys(operator)[0]
	operand := operator[name]
	switch name {
	case "exists":
		want, isBool := operand.(bool)
		if !isBool {
			return nil, invalidPattern("exists match pattern must be either true or false%s", within(path))
		}
		return func(values []any) bool { return len(values) > 0 == want }, nil
	case "numeric":
		return compileNumeric(path, operand)
	case "anything-but":
		return compileAnythingBut(path, operand)
	}
	f, problem := compileText(path, name, operand)
	if problem != nil {
		return nil, problem
	}
	return textTest(f), nil
}

// compileText reads the operators that look at one string.
func compileText(path, name string, operand any) (func(s string) bool, *apiError) {
	fold := false
	if nested, isObject := operand.(map[string]any); isObject && (name == "prefix" || name == "suffix") && len(nested) == 1 {
		operand, fold = nested["equals-ignore-case"]
	}
	want, isString := operand.(string)
	switch name {
	case "prefix", "suffix", "equals-ignore-case", "wildcard":
		if !isString {
			return nil, invalidPattern("%s match pattern must be a string%s", name, within(path))
		}
	default:
		return nil, invalidPattern("Unrecognized match type %s%s", name, within(path))
	}
	switch {
	case name == "equals-ignore-case":
		return func(s string) bool { return strings.EqualFold(s, want) }, nil
	case name == "wildcard":
		return compileWildcard(path, want)
	case name == "prefix" && fold:
		return func(s string) bool { return len(s) >= len(want) && strings.EqualFold(s[:len(want)], want) }, nil
	case name == "prefix":
		return func(s string) bool { return strings.HasPrefix(s, want) }, nil
	case fold:
		return func(s string) bool { return len(s) >= len(want) && strings.EqualFold(s[len(s)-len(want):], want) }, nil
	}
	return func(s string) bool { return strings.HasSuffix(s, want) }, nil
}

// compileWildcard reads a string in which * is any text, \* an asterisk and
// \\ a backslash.
func compileWildcard(path, want string) (func(s string) bool, *apiError) {
	var expression strings.Builder
	expression.WriteString(`(?s)^`)
	star := false
	for rest := want; rest != ""; {
		r := rest[0]
		rest = rest[1:]
		switch {
		case r == '*' && star:
			return nil, invalidPattern("Consecutive wildcard characters%s", within(path))
		case r == '*':
			star = true
			expression.WriteString(`.*`)
			continue
		case r == '\\' && (strings.HasPrefix(rest, "*") || strings.HasPrefix(rest, `\`)):
			r = rest[0]
			rest = rest[1:]
		case r == '\\':
			return nil, invalidPattern("Invalid escape character%s", within(path))
		}
		star = false
		// Byte by byte: what is not special stays what it is, also within a
		// longer rune.
		if strings.IndexByte(`\.+*?()|[]{}^$`, r) >= 0 {
			expression.WriteByte('\\')
		}
		expression.WriteByte(r)
	}
	glob, err := regexp.Compile(expression.String() + `$`)
	if err != nil {
		return nil, invalidPattern("wildcard %q%s", want, within(path))
	}
	return glob.MatchString, nil
}

// compileNumeric reads ["=", 5] or a range such as [">", 0, "<=", 5].
func compileNumeric(path string, operand any) (test, *apiError) {
	invalid := invalidPattern("Bad numeric range%s: it is [operator, number] or [lower bound, number, upper bound, number]", within(path))
	parts, isArray := operand.([]any)
	if !isArray || len(parts) != 2 && len(parts) != 4 {
		return nil, invalid
	}
	var tests []func(float64) bool
	for i := 0; i < len(parts); i += 2 {
		operator, isString := parts[i].(string)
		number, isNumber := parts[i+1].(json.Number)
		if !isString || !isNumber {
			return nil, invalid
		}
		want, err := number.Float64()
		if err != nil {
			return nil, invalid
		}
		lower, upper := operator == ">" || operator == ">=", operator == "<" || operator == "<="
		if len(parts) == 4 && (i == 0 && !lower || i == 2 && !upper) {
			return nil, invalid
		}
		switch operator {
		case "=":
			tests = append(tests, func(n float64) bool { return n == want })
		case "<":
			tests = append(tests, func(n float64) bool { return n < want })
		case "<=":
			tests = append(tests, func(n float64) bool { return n <= want })
		case ">":
			tests = append(tests, func(n float64) bool { return n > want })
		case ">=":
			tests = append(tests, func(n float64) bool { return n >= want })
		default:
			return nil, invalidPattern("Unrecognized numeric range operator: %s%s", operator, within(path))
		}
	}
	return anyValue(func(v any) bool {
		number, isNumber := v.(json.Number)
		if !isNumber {
			return false
		}
		n, err := number.Float64()
		return err == nil && !slices.ContainsFunc(tests, func(holds func(float64) bool) bool { return !holds(n) })
	}), nil
}

// compileAnythingBut reads a value, a list of values, or one text operator
// with a string or a list of them. An absent field is not anything.
func compileAnythingBut(path string, operand any) (test, *apiError) {
	if operator, isObject := operand.(map[string]any); isObject {
		if len(operator) != 1 {
			return nil, invalidPattern("anything-but has exactly one operator%s", within(path))
		}
		name := sortedKeys(operator)[0]
		var excluded []func(string) bool
		for _, v := range listOf(operator[name]) {
			f, problem := compileText(path, name, v)
			if problem != nil {
				return nil, problem
			}
			excluded = append(excluded, f)
		}
		if len(excluded) == 0 {
			return nil, invalidPattern("Empty arrays are not allowed%s", within(path))
		}
		return anyValue(func(v any) bool {
			s, isString := v.(string)
			return !isString || !slices.ContainsFunc(excluded, func(f func(string) bool) bool { return f(s) })
		}), nil
	}
	excluded := listOf(operand)
	if len(excluded) == 0 {
		return nil, invalidPattern("Empty arrays are not allowed%s", within(path))
	}
	for _, v := range excluded {
		switch v.(type) {
		case string, json.Number:
		default:
			return nil, invalidPattern("Value of anything-but must be a string, a number or a list of them%s", within(path))
		}
	}
	return anyValue(func(v any) bool {
		return !slices.ContainsFunc(excluded, func(out any) bool { return same(v, out) })
	}), nil
}

// listOf is v itself when it is an array, else an array of v.
func listOf(v any) []any {
	if array, isArray := v.([]any); isArray {
		return array
	}
	return []any{v}
}

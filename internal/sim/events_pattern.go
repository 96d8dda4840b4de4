package sim

import (
	"bytes"
	"encoding/json"
	"slices"
)

// pattern is an event pattern: what must be true of a JSON object's fields.
type pattern struct {
	fields map[string]node
	or     []*pattern // one of them must match too, if there are any
}

// node is what a pattern says of one field: either a pattern for the object in
// it, or tests of which one must hold for a value in it.
type node struct {
	object *pattern
	tests  []test
}

// test looks at the values of a field: none when it is absent or an object,
// several when it is an array.
type test func(values []any) bool

// parsePattern reads an event pattern.
func parsePattern(text string) (*pattern, *apiError) {
	var fields map[string]any
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	if err := decoder.Decode(&fields); err != nil || fields == nil || decoder.More() {
		return nil, invalidPattern("it must be a JSON object")
	}
	return compileObject("", fields)
}

func invalidPattern(format string, args ...any) *apiError {
	return badRequest("InvalidEventPatternException", "Event pattern is not valid. Reason: "+format, args...)
}

func compileObject(path string, fields map[string]any) (*pattern, *apiError) {
	if len(fields) == 0 {
		return nil, invalidPattern("Empty objects are not allowed%s", within(path))
	}
	p := &pattern{fields: map[string]node{}}
	for _, name := range sortedKeys(fields) {
		at := name
		if path != "" {
			at = path + "." + name
		}
		var problem *apiError
		switch v := fields[name].(type) {
		case []any:
			if name == "$or" {
				p.or, problem = compileOr(path, v)
				break
			}
			p.fields[name], problem = compileLeaf(at, v)
		case map[string]any:
			var object *pattern
			object, problem = compileObject(at, v)
			p.fields[name] = node{object: object}
		default:
			problem = invalidPattern("\"%s\" must be an object or an array", at)
		}
		if problem != nil {
			return nil, problem
		}
	}
	return p, nil
}

func compileOr(path string, alternatives []any) ([]*pattern, *apiError) {
	if len(alternatives) == 0 {
		return nil, invalidPattern("Empty arrays are not allowed: $or%s", within(path))
	}
	var or []*pattern
	for _, a := range alternatives {
		fields, isObject := a.(map[string]any)
		if !isObject {
			return nil, invalidPattern("$or%s must be an array of objects", within(path))
		}
		p, problem := compileObject(path, fields)
		if problem != nil {
			return nil, problem
		}
		or = append(or, p)
	}
	return or, nil
}

func compileLeaf(path string, values []any) (node, *apiError) {
	if len(values) == 0 {
		return node{}, invalidPattern("Empty arrays are not allowed%s", within(path))
	}
	var n node
	for _, v := range values {
		t, problem := compileTest(path, v)
		if problem != nil {
			return node{}, problem
		}
		n.tests = append(n.tests, t)
	}
	return n, nil
}

// within names a place within a pattern.
func within(path string) string {
	if path == "" {
		return ""
	}
	return " in " + path
}

// match says whether an event, or an object in it, fits the pattern.
func (p *pattern) match(fields map[string]any) bool {
	for name, n := range p.fields {
		if !n.match(fields[name], has(fields, name)) {
			return false
		}
	}
	return len(p.or) == 0 || slices.ContainsFunc(p.or, func(alternative *pattern) bool { return alternative.match(fields) })
}

func has(fields map[string]any, name string) bool {
	_, present := fields[name]
	return present
}

func (n node) match(v any, present bool) bool {
	if n.object == nil {
		values := scalars(nil, v, present)
		return slices.ContainsFunc(n.tests, func(t test) bool { return t(values) })
	}
	switch v := v.(type) {
	case map[string]any:
		return n.object.match(v)
	case []any:
		// One element must fit as a whole, not some here and some there.
		return slices.ContainsFunc(v, func(element any) bool {
			object, isObject := element.(map[string]any)
			return isObject && n.object.match(object)
		})
	}
	// No object, no fields: only "exists": false can hold.
	return n.object.match(nil)
}

// scalars are the values in a field, those of arrays one by one.
func scalars(found []any, v any, present bool) []any {
	switch v := v.(type) {
	case map[string]any:
		return found
	case []any:
		for _, element := range v {
			found = scalars(found, element, true)
		}
		return found
	}
	if !present {
		return found
	}
	return append(found, v)
}

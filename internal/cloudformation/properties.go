package cloudformation

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// properties are the resolved properties of a resource, or of an object within.
// Whoever creates the resource takes what it knows; what is left is an error, and
// so is what has not the form that it was taken for.
type properties struct {
	path     string // "" or "Target."
	values   map[string]any
	taken    map[string]bool
	problems *[]error
}

func newProperties(values map[string]any) *properties {
	return &properties{values: values, taken: map[string]bool{}, problems: new([]error)}
}

func (p *properties) problem(name, format string, args ...any) {
	*p.problems = append(*p.problems, fmt.Errorf("%s%s: "+format, append([]any{p.path, name}, args...)...))
}

func (p *properties) take(name string) (any, bool) {
	p.taken[name] = true
	value, has := p.values[name]
	return value, has
}

// ignore takes properties that have no meaning in the simulation.
func (p *properties) ignore(names ...string) {
	for _, name := range names {
		p.take(name)
	}
}

// end says what went wrong, which includes every property that nobody took.
func (p *properties) end() error {
	p.leftovers()
	return errors.Join(*p.problems...)
}

func (p *properties) leftovers() {
	for _, name := range slices.Sorted(maps.Keys(p.values)) {
		if !p.taken[name] {
			p.problem(name, "the property is not simulated")
		}
	}
}

// text is a string, or a number or a boolean as CloudFormation would make one of.
func (p *properties) text(name string) string {
	value, has := p.take(name)
	if !has {
		return ""
	}
	word, ok := wordOf(value)
	if !ok {
		p.problem(name, "%v is not a string", value)
	}
	return word
}

func (p *properties) required(name string) string {
	text := p.text(name)
	if text == "" {
		p.problem(name, "the property is missing")
	}
	return text
}

func (p *properties) number(name string, fallback, from, to int) int {
	text := p.text(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < from || n > to {
		p.problem(name, "%s is not a whole number from %d to %d", text, from, to)
	}
	return n
}

func (p *properties) yes(name string, fallback bool) bool {
	switch text := p.text(name); text {
	case "":
		return fallback
	case "true", "false":
		return text == "true"
	default:
		p.problem(name, "%s is neither true nor false", text)
		return false
	}
}

func (p *properties) texts(name string) []string {
	value, has := p.take(name)
	if !has {
		return nil
	}
	words, err := wordsOf(value)
	if err != nil {
		p.problem(name, "%v", err)
	}
	return words
}

// document is an object as JSON text, "" when there is none. A string is taken
// for the JSON itself.
func (p *properties) document(name string) string {
	value, has := p.take(name)
	switch value := value.(type) {
	case string:
		return value
	case map[string]any:
		return jsonText(value)
	}
	if has {
		p.problem(name, "%v is not an object", value)
	}
	return ""
}

// group is an object within, empty when there is none.
func (p *properties) group(name string) *properties {
	value, has := p.take(name)
	object, ok := value.(map[string]any)
	if has && !ok {
		p.problem(name, "%v is not an object", value)
	}
	return &properties{path: p.path + name + ".", values: object, taken: map[string]bool{}, problems: p.problems}
}

// groups is a list of objects.
func (p *properties) groups(name string) []*properties {
	value, has := p.take(name)
	list, ok := value.([]any)
	if has && !ok {
		p.problem(name, "%v is not a list", value)
	}
	var all []*properties
	for i, one := range list {
		object, ok := one.(map[string]any)
		if !ok {
			p.problem(name, "%v is not an object", one)
		}
		all = append(all, &properties{
			path: fmt.Sprintf("%s%s.%d.", p.path, name, i), values: object, taken: map[string]bool{}, problems: p.problems,
		})
	}
	return all
}

// tags are a list of keys and values.
func (p *properties) tags(name string) map[string]string {
	tags := map[string]string{}
	for _, tag := range p.groups(name) {
		tags[tag.required("Key")] = tag.text("Value")
		tag.leftovers()
	}
	return tags
}

// jsonText is a resolved value as JSON.
func jsonText(value any) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic("cloudformation: marshal what was JSON: " + err.Error())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

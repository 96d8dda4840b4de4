package sim

import (
	"slices"
	"strings"
)

// maxFilterValues is how many values one filter may have.
const maxFilterValues = 200

// filter is one Filter.N: something matches it when it has one of the values.
type filter struct {
	name   string // "status", "tag:owner"
	exact  map[string]bool
	globs  [][]globPart
	values []string // the exact ones, in the caller's order
}

// filters reads Filter.N; known says whether the action has a filter of that
// name.
func (c *ec2Call) filters(known func(name string) bool) ([]filter, *apiError) {
	var filters []filter
	for _, prefix := range c.groups("Filter", "Name") {
		f := filter{name: c.get(prefix + "Name"), exact: map[string]bool{}}
		if !known(f.name) {
			return nil, badRequest("InvalidParameterValue", "The filter '%s' is invalid", f.name)
		}
		values := c.list(prefix + "Value")
		switch {
		case len(values) == 0:
			return nil, badRequest("InvalidParameterValue", "The filter '%s' has no values", f.name)
		case len(values) > maxFilterValues:
			return nil, badRequest("FilterLimitExceeded", "The maximum number of filter values specified on a single call is %d", maxFilterValues)
		}
		for _, value := range values {
			parts, plain := parseGlob(value)
			if plain {
				text := string(literal(parts))
				f.exact[text] = true
				f.values = append(f.values, text)
			} else {
				f.globs = append(f.globs, parts)
			}
		}
		filters = append(filters, f)
	}
	return filters, nil
}

// matches says whether the filter lets the value pass.
func (f *filter) matches(value string) bool {
	if f.exact[value] {
		return true
	}
	if len(f.globs) == 0 {
		return false
	}
	text := []rune(value)
	return slices.ContainsFunc(f.globs, func(glob []globPart) bool { return matchGlob(glob, text) })
}

// matchesTags says whether a tag filter (tag:<key> or tag-key) lets a resource
// with these tags pass; isTag is false for any other filter.
func (f *filter) matchesTags(tags map[string]string) (pass, isTag bool) {
	if f.name == "tag-key" {
		for key := range tags {
			if f.matches(key) {
				return true, true
			}
		}
		return false, true
	}
	key, isTag := strings.CutPrefix(f.name, "tag:")
	if !isTag {
		return false, false
	}
	value, has := tags[key]
	return has && f.matches(value), true
}

func isTagFilter(name string) bool {
	return name == "tag-key" || strings.HasPrefix(name, "tag:")
}

// globPart is a character of a filter value, or one of its wildcards.
type globPart struct {
	char rune
	any  bool // ?
	many bool // *
}

func (p globPart) wild() bool { return p.any || p.many }

// parseGlob reads a filter value: * stands for any characters, ? for one, and
// a backslash takes the meaning from the character after it.
func parseGlob(value string) (parts []globPart, plain bool) {
	plain = true
	escaped := false
	for _, char := range value {
		switch {
		case escaped:
			parts, escaped = append(parts, globPart{char: char}), false
		case char == '\\':
			escaped = true
		case char == '*':
			parts, plain = append(parts, globPart{many: true}), false
		case char == '?':
			parts, plain = append(parts, globPart{any: true}), false
		default:
			parts = append(parts, globPart{char: char})
		}
	}
	if escaped {
		parts = append(parts, globPart{char: '\\'})
	}
	return parts, plain
}

func literal(parts []globPart) []rune {
	text := make([]rune, len(parts))
	for i, part := range parts {
		text[i] = part.char
	}
	return text
}

// matchGlob is the usual greedy match with one point to go back to, so that it
// takes no more than the product of the two lengths.
func matchGlob(glob []globPart, text []rune) bool {
	g, t := 0, 0
	star, mark := -1, 0
	for t < len(text) {
		switch {
		case g < len(glob) && glob[g].many:
			star, mark = g, t
			g++
		case g < len(glob) && (glob[g].any || glob[g].char == text[t]):
			g++
			t++
		case star >= 0:
			mark++
			g, t = star+1, mark
		default:
			return false
		}
	}
	for g < len(glob) && glob[g].many {
		g++
	}
	return g == len(glob)
}

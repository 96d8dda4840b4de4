package sim

import (
	"slices"
	"strings"
)

// tagValues are the distinct values that listings show of one tag key to one
// viewer, so that a filter such as abc* or *xyz need not look at every resource.
// It is kept from the first such filter on.
type tagValues struct {
	forward  []string // sorted
	backward []string // the same, each written backwards; sorted
}

func (v *tagValues) add(value string) {
	v.forward = insertSorted(v.forward, value)
	v.backward = insertSorted(v.backward, reversed(value))
}

func (v *tagValues) remove(value string) {
	v.forward = removeSorted(v.forward, value)
	v.backward = removeSorted(v.backward, reversed(value))
}

// candidates are the values that begin and end as the glob does, or a few more;
// ok is false if the glob begins and ends with a wildcard.
func (v *tagValues) candidates(glob []globPart) (values []string, ok bool) {
	first := slices.IndexFunc(glob, globPart.wild)
	rest := slices.Clone(glob)
	slices.Reverse(rest)
	last := slices.IndexFunc(rest, globPart.wild)
	switch {
	case first <= 0 && last <= 0:
		return nil, false
	case first >= last:
		return startingWith(v.forward, string(literal(glob[:first]))), true
	}
	for _, value := range startingWith(v.backward, reversed(string(literal(glob[len(glob)-last:])))) {
		values = append(values, reversed(value))
	}
	return values, true
}

// rollsLike are the rolls of all resources that can pass a filter on a tag; ok is
// false if they can't be told from the others.
func (in *ec2Region) rollsLike(viewer, key string, f *filter) (rolls []*roll[*tagSheet], ok bool) {
	wanted := map[string]bool{}
	for value := range f.exact {
		wanted[value] = true
	}
	if len(f.globs) > 0 {
		values := in.valuesOf(viewer, key)
		for _, glob := range f.globs {
			candidates, ok := values.candidates(glob)
			if !ok {
				return nil, false
			}
			for _, value := range candidates {
				wanted[value] = true
			}
		}
	}
	for value := range wanted {
		if r := in.byTag[tagIndex{viewer, key, value}]; r != nil {
			rolls = append(rolls, r)
		}
	}
	return rolls, true
}

func (in *ec2Region) valuesOf(viewer, key string) *tagValues {
	at := tagIndex{viewer, key, ""}
	values := in.values[at]
	if values == nil {
		values = &tagValues{}
		in.values[at] = values
		for index := range in.byTag {
			if index.viewer == viewer && index.key == key {
				values.forward = append(values.forward, index.value)
				values.backward = append(values.backward, reversed(index.value))
			}
		}
		slices.Sort(values.forward)
		slices.Sort(values.backward)
	}
	return values
}

// tag and untag keep the indices of what listings show.
func (t *tagSheet) tag(key, value string) {
	at := tagIndex{t.viewer, key, value}
	if t.in.byTag[at] == nil {
		if values := t.in.values[tagIndex{t.viewer, key, ""}]; values != nil {
			values.add(value)
		}
	}
	rollOf(t.in.byTag, at).add(t)
}

func (t *tagSheet) untag(key, value string) {
	at := tagIndex{t.viewer, key, value}
	drop(t.in.byTag, at, t)
	if t.in.byTag[at] == nil {
		if values := t.in.values[tagIndex{t.viewer, key, ""}]; values != nil {
			values.remove(value)
		}
	}
}

func startingWith(sorted []string, prefix string) []string {
	from, _ := slices.BinarySearch(sorted, prefix)
	to := from
	for to < len(sorted) && strings.HasPrefix(sorted[to], prefix) {
		to++
	}
	return sorted[from:to]
}

func insertSorted(sorted []string, value string) []string {
	at, found := slices.BinarySearch(sorted, value)
	if found {
		return sorted
	}
	return slices.Insert(sorted, at, value)
}

func removeSorted(sorted []string, value string) []string {
	at, found := slices.BinarySearch(sorted, value)
	if !found {
		return sorted
	}
	return slices.Delete(sorted, at, at+1)
}

func reversed(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

package cloudformation

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// sort is the logical ids of the resources in an order in which each comes after
// what it refers to.
func (t *template) sort() ([]string, error) {
	for _, id := range slices.Sorted(maps.Keys(t.resources)) {
		for _, other := range t.resources[id].after {
			if t.resources[other] == nil {
				return nil, fmt.Errorf("%s: DependsOn: there is no resource %s", id, other)
			}
		}
	}
	order, err := inOrder(slices.Sorted(maps.Keys(t.resources)), func(id string) []string {
		r := t.resources[id]
		needs := append(slices.Clone(r.after), references(r.properties)...)
		return slices.DeleteFunc(needs, func(name string) bool { return t.resources[name] == nil })
	})
	if err != nil {
		return nil, fmt.Errorf("resources %w", err)
	}
	return order, nil
}

// inOrder sorts names so that each comes after what it needs, and otherwise as
// they are given. Needs that lead back to where they began are an error.
func inOrder(names []string, needs func(string) []string) ([]string, error) {
	var order, path []string
	done := map[string]bool{}
	var visit func(string) error
	visit = func(name string) error {
		if done[name] {
			return nil
		}
		if at := slices.Index(path, name); at >= 0 {
			return fmt.Errorf("need each other in a circle: %s", strings.Join(append(path[at:], name), " -> "))
		}
		path = append(path, name)
		wanted := needs(name)
		slices.Sort(wanted)
		for _, other := range wanted {
			if err := visit(other); err != nil {
				return err
			}
		}
		path = path[:len(path)-1]
		done[name] = true
		order = append(order, name)
		return nil
	}
	for _, name := range names {
		if err := visit(name); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// references are the names that a value refers to, of resources and others.
func references(value any) []string {
	var names []string
	switch value := value.(type) {
	case []any:
		for _, one := range value {
			names = append(names, references(one)...)
		}
	case map[string]any:
		for key, one := range value {
			switch key {
			case "Ref":
				if name, ok := one.(string); ok {
					names = append(names, name)
				}
			case "Fn::GetAtt":
				if id, _, err := attribute(one); err == nil {
					names = append(names, id)
				}
			case "Fn::Sub":
				text, own, err := substitution(one)
				if err == nil {
					for _, name := range placeholders(text) {
						id, _, _ := strings.Cut(name, ".")
						if _, given := own[name]; !given {
							names = append(names, id)
						}
					}
				}
				names = append(names, references(own)...)
			default:
				names = append(names, references(one)...)
			}
		}
	}
	return names
}

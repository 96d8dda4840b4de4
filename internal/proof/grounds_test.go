package proof

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// ground is a statement in the templates on which somebody may do something, or
// one action of it.
type ground struct {
	stack, resource string // the resource's logical id
	kind            string // its type
	sid             string
	action          string // that is taken away; "": the whole statement
	deny            bool

	file string
	at   []any // the way to the statement in the file: names and indexes
}

func (g ground) String() string {
	s := g.stack + " " + g.resource + " " + g.sid
	if g.action != "" {
		s += " " + g.action
	}
	return s
}

// unsimulated are types of resources whose policies nobody in the simulation
// asks, by reason.
var unsimulated = map[string]string{
	"AWS::SNS::TopicPolicy": "the simulated AWS has no SNS",
}

// grounds are all statements in a case's templates, and, of those that allow
// several actions, each action too.
func (c goldenCase) grounds(t testing.TB) (all []ground) {
	t.Helper()
	for _, stack := range c.stacks {
		template := c.decode(t, stack.File)
		resources, _ := template["Resources"].(map[string]any)
		for id, value := range sortedMap(resources) {
			resource, _ := value.(map[string]any)
			kind, _ := resource["Type"].(string)
			if unsimulated[kind] != "" {
				continue
			}
			of := ground{stack: stack.Name, resource: id, kind: kind, file: stack.File}
			statements(resource["Properties"], []any{"Resources", id, "Properties"}, func(at []any, statement map[string]any) {
				g := of
				g.at, g.deny = at, statement["Effect"] == "Deny"
				g.sid, _ = statement["Sid"].(string)
				all = append(all, g)
				if actions, several := statement["Action"].([]any); several && !g.deny {
					for _, action := range actions {
						g.action, _ = action.(string)
						all = append(all, g)
					}
				}
			})
		}
	}
	return all
}

// statements finds the policies in a part of a template.
func statements(part any, at []any, found func(at []any, statement map[string]any)) {
	switch part := part.(type) {
	case map[string]any:
		for name, value := range sortedMap(part) {
			here := append(slices.Clone(at), name)
			list, ok := value.([]any)
			if name != "Statement" || !ok {
				statements(value, here, found)
				continue
			}
			for i, one := range list {
				if s, ok := one.(map[string]any); ok {
					found(append(slices.Clone(here), i), s)
				}
			}
		}
	case []any:
		for i, value := range part {
			statements(value, append(slices.Clone(at), i), found)
		}
	}
}

// nobodyAsks is an action that nothing in the simulation asks for. A statement
// about it alone allows nothing, in a policy of any kind, and leaves the policy
// well-formed.
const nobodyAsks = "sts:GetSessionToken"

// without is the ground's template without it.
func (c goldenCase) without(t testing.TB, g ground) fstest.MapFS {
	t.Helper()
	return c.edit(t, g, func(statement map[string]any) {
		if g.action == "" {
			statement["Action"] = nobodyAsks
			return
		}
		statement["Action"] = slices.DeleteFunc(statement["Action"].([]any), func(a any) bool { return a == g.action })
	})
}

// edit is the ground's template with another statement in the place of its own.
func (c goldenCase) edit(t testing.TB, g ground, change func(statement map[string]any)) fstest.MapFS {
	t.Helper()
	template := c.decode(t, g.file)
	var part any = template
	for _, step := range g.at {
		switch step := step.(type) {
		case string:
			part = part.(map[string]any)[step]
		case int:
			part = part.([]any)[step]
		}
	}
	change(part.(map[string]any))
	data, err := json.Marshal(template)
	if err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{g.file: &fstest.MapFile{Data: data}}
}

func (c goldenCase) decode(t testing.TB, file string) map[string]any {
	t.Helper()
	var template map[string]any
	if err := json.Unmarshal(readFile(t, c.folder, file), &template); err != nil {
		t.Fatal(err)
	}
	return template
}

// Every statement of the templates is found, whatever kind of policy it is in.
func TestGroundsAreAll(t *testing.T) {
	c := goldenOf(t, "proof")
	want, got := 0, 0
	for _, s := range c.stacks {
		want += strings.Count(string(readFile(t, c.folder, s.File)), `"Effect":`)
		for _, resource := range c.decode(t, s.File)["Resources"].(map[string]any) {
			if r := resource.(map[string]any); unsimulated[fmt.Sprint(r["Type"])] != "" {
				data, err := json.Marshal(r)
				if err != nil {
					t.Fatal(err)
				}
				want -= strings.Count(string(data), `"Effect":`)
			}
		}
	}
	for _, g := range c.grounds(t) {
		if g.action == "" {
			got++
		}
	}
	if got != want || got == 0 {
		t.Errorf("found %d statements, want %d", got, want)
	}
}

package cloudformation

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// template is one template, taken apart but not resolved.
type template struct {
	description string
	parameters  map[string]any // their defaults; noDefault for those without
	declared    []parameter
	mappings    map[string]any
	conditions  map[string]any
	resources   map[string]*resource
	outputs     map[string]output
	order       []string // of the resources' logical ids
}

// resource is one resource as the template has it.
type resource struct {
	id, kind   string // kind is "AWS::SQS::Queue"
	properties map[string]any
	condition  string
	after      []string // DependsOn
	// deletion is the DeletionPolicy: what becomes of it when the stack has it no
	// more.
	deletion string
}

// parameter is a parameter as the template declares it.
type parameter struct {
	name, kind, description string
	fallback                *string
	values                  []string // that it may have; none: any
	pattern                 *regexp.Regexp
	complaint               string
}

type output struct {
	description string
	value       any
	export      any // nil: none
	condition   string
}

// noDefault is a parameter that somebody has to give a value; ofSystemsManager
// is one whose value is looked up in the account, as that of CDK's
// BootstrapVersion.
type (
	noDefault        struct{}
	ofSystemsManager struct{}
)

// sections of a template. Rules only check parameters against the account, and
// Metadata is for people and tools.
var sections = []string{"AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Mappings", "Conditions", "Resources", "Outputs", "Rules"}

// resourceKeys are what a resource may have.
var resourceKeys = []string{"Type", "Properties", "DependsOn", "Condition", "Metadata", "DeletionPolicy", "UpdateReplacePolicy", "CreationPolicy", "UpdatePolicy"}

func readTemplate(data []byte) (*template, error) {
	top, err := readDocument(data)
	if err != nil {
		return nil, err
	}
	if _, has := top["Transform"]; has {
		return nil, fmt.Errorf("Transform: macros are not simulated: give the template that they make")
	}
	if err := only(top, sections); err != nil {
		return nil, err
	}
	t := &template{parameters: map[string]any{}, resources: map[string]*resource{}, outputs: map[string]output{}}
	if t.description, err = textOf(top, "Description"); err != nil {
		return nil, err
	}
	if t.mappings, err = objectOf(top, "Mappings"); err != nil {
		return nil, err
	}
	if t.conditions, err = objectOf(top, "Conditions"); err != nil {
		return nil, err
	}
	for _, section := range []struct {
		name string
		read func(id string, body map[string]any) error
	}{{"Parameters", t.readParameter}, {"Resources", t.readResource}, {"Outputs", t.readOutput}} {
		members, err := objectOf(top, section.name)
		if err != nil {
			return nil, err
		}
		for _, id := range slices.Sorted(maps.Keys(members)) {
			body, err := objectOf(members, id)
			if err == nil {
				err = section.read(id, body)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", section.name, err)
			}
		}
	}
	if t.order, err = t.sort(); err != nil {
		return nil, fmt.Errorf("Resources: %w", err)
	}
	return t, nil
}

func (t *template) readParameter(id string, body map[string]any) error {
	kind, _ := body["Type"].(string)
	value, has := body["Default"]
	switch kind {
	case "String", "Number", "CommaDelimitedList", "List<Number>":
		if !has {
			value = noDefault{}
		}
	case "AWS::SSM::Parameter::Value<String>":
		value = ofSystemsManager{}
	default:
		return fmt.Errorf("%s: parameters of type %q are not simulated", id, kind)
	}
	if kind == "CommaDelimitedList" || kind == "List<Number>" {
		if text, ok := value.(string); ok {
			value = splitList(text)
		}
	}
	t.parameters[id] = value
	p := parameter{name: id, kind: kind}
	var err error
	if p.description, err = textOf(body, "Description"); err != nil {
		return fmt.Errorf("%s: %w", id, err)
	}
	if word, ok := wordOf(body["Default"]); ok {
		p.fallback = &word
	}
	if list, is := body["AllowedValues"]; is {
		if p.values, err = wordsOf(list); err != nil {
			return fmt.Errorf("%s: AllowedValues: %w", id, err)
		}
	}
	if pattern, _ := body["AllowedPattern"].(string); pattern != "" {
		if p.pattern, err = regexp.Compile("^(?:" + pattern + ")$"); err != nil {
			return fmt.Errorf("%s: AllowedPattern: %w", id, err)
		}
	}
	p.complaint, _ = body["ConstraintDescription"].(string)
	t.declared = append(t.declared, p)
	return nil
}

func (t *template) readResource(id string, body map[string]any) error {
	err := only(body, resourceKeys)
	r := &resource{id: id}
	if err == nil {
		r.kind, err = textOf(body, "Type")
	}
	if err == nil && r.kind == "" {
		err = fmt.Errorf("Type is missing")
	}
	if err == nil {
		r.properties, err = objectOf(body, "Properties")
	}
	if err == nil {
		r.condition, err = textOf(body, "Condition")
	}
	if err == nil {
		r.after, err = textsOf(body, "DependsOn")
	}
	if err == nil {
		r.deletion, err = textOf(body, "DeletionPolicy")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", id, err)
	}
	t.resources[id] = r
	return nil
}

func (t *template) readOutput(id string, body map[string]any) error {
	err := only(body, []string{"Description", "Value", "Export", "Condition"})
	o := output{value: body["Value"]}
	if err == nil && o.value == nil {
		err = fmt.Errorf("Value is missing")
	}
	if err == nil {
		o.condition, err = textOf(body, "Condition")
	}
	var export map[string]any
	if err == nil {
		export, err = objectOf(body, "Export")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", id, err)
	}
	o.export = export["Name"]
	o.description, _ = body["Description"].(string)
	t.outputs[id] = o
	return nil
}

// only refuses members of an object that are not among the names.
func only(object map[string]any, names []string) error {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if !slices.Contains(names, name) {
			return fmt.Errorf("%s: it is not known what this means", name)
		}
	}
	return nil
}

// objectOf is a member that is an object, or nothing.
func objectOf(object map[string]any, name string) (map[string]any, error) {
	switch value := object[name].(type) {
	case nil:
		return map[string]any{}, nil
	case map[string]any:
		return value, nil
	}
	return nil, fmt.Errorf("%s: it is not an object", name)
}

func textOf(object map[string]any, name string) (string, error) {
	switch value := object[name].(type) {
	case nil:
		return "", nil
	case string:
		return value, nil
	}
	return "", fmt.Errorf("%s: it is not a string", name)
}

// textsOf is a member that is a string or a list of them.
func textsOf(object map[string]any, name string) ([]string, error) {
	switch value := object[name].(type) {
	case nil:
		return nil, nil
	case string:
		return []string{value}, nil
	case []any:
		var all []string
		for _, one := range value {
			text, ok := one.(string)
			if !ok {
				return nil, fmt.Errorf("%s: %v is not a string", name, one)
			}
			all = append(all, text)
		}
		return all, nil
	}
	return nil, fmt.Errorf("%s: it is neither a string nor a list of them", name)
}

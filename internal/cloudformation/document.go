package cloudformation

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// readDocument reads a template in JSON or, as the CDK's command line sends it,
// in YAML, to what readObject makes of the same in JSON.
func readDocument(data []byte) (map[string]any, error) {
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		return readObject(data)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return nil, fmt.Errorf("it is neither JSON nor YAML: %w", err)
	}
	if len(document.Content) != 1 || document.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("it is not a JSON object")
	}
	value, err := fromYAML(document.Content[0])
	if err != nil {
		return nil, err
	}
	return value.(map[string]any), nil
}

func fromYAML(node *yaml.Node) (any, error) {
	at := func(format string, args ...any) error {
		return fmt.Errorf("line %d: "+format, append([]any{node.Line}, args...)...)
	}
	switch node.Kind {
	case yaml.MappingNode:
		object := map[string]any{}
		if node.Tag != "!!map" {
			return nil, at("%s: write the function in its long form", node.Tag)
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			key := node.Content[i].Value
			if _, twice := object[key]; twice {
				return nil, at("%q stands there twice in one object", key)
			}
			value, err := fromYAML(node.Content[i+1])
			if err != nil {
				return nil, err
			}
			object[key] = value
		}
		return object, nil
	case yaml.SequenceNode:
		list := []any{}
		if node.Tag != "!!seq" {
			return nil, at("%s: write the function in its long form", node.Tag)
		}
		for _, one := range node.Content {
			value, err := fromYAML(one)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		return list, nil
	case yaml.ScalarNode:
		switch node.Tag {
		case "!!str", "!!timestamp": // CloudFormation has no type for a date
			return node.Value, nil
		case "!!bool":
			var yes bool
			err := node.Decode(&yes)
			return yes, err
		case "!!int", "!!float":
			var number any
			if err := node.Decode(&number); err != nil {
				return nil, at("%w", err)
			}
			return json.Number(fmt.Sprint(number)), nil
		case "!!null":
			return nil, nil
		}
		return nil, at("%s: write the function in its long form", node.Tag)
	}
	return nil, at("anchors are not simulated: write the value out")
}

package cloudformation

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// functions are those whose argument is resolved first.
var functions = map[string]func(*scope, any) (any, error){
	"Fn::Join": func(_ *scope, argument any) (any, error) {
		pair, ok := argument.([]any)
		if !ok || len(pair) != 2 {
			return nil, fmt.Errorf("it takes a separator and a list")
		}
		separator, ok := pair[0].(string)
		if !ok {
			return nil, fmt.Errorf("the separator is not a string")
		}
		words, err := wordsOf(pair[1])
		return strings.Join(words, separator), err
	},
	"Fn::Split": func(_ *scope, argument any) (any, error) {
		pair, err := wordsOf(argument)
		if err != nil || len(pair) != 2 || pair[0] == "" {
			return nil, fmt.Errorf("it takes a separator and a string")
		}
		return anyOf(strings.Split(pair[1], pair[0])), nil
	},
	"Fn::Select": func(_ *scope, argument any) (any, error) {
		pair, ok := argument.([]any)
		if !ok || len(pair) != 2 {
			return nil, fmt.Errorf("it takes an index and a list")
		}
		list, ok := pair[1].([]any)
		at, err := strconv.Atoi(fmt.Sprint(pair[0]))
		if !ok || err != nil || at < 0 || at >= len(list) {
			return nil, fmt.Errorf("there is no item %v among %v", pair[0], pair[1])
		}
		return list[at], nil
	},
	"Fn::FindInMap": func(s *scope, argument any) (any, error) {
		keys, err := wordsOf(argument)
		if err != nil || len(keys) != 3 {
			return nil, fmt.Errorf("it takes the name of a mapping and two keys")
		}
		value := any(s.stack.template.mappings)
		for _, key := range keys {
			object, _ := value.(map[string]any)
			if value = object[key]; value == nil {
				return nil, fmt.Errorf("there is no %s", strings.Join(keys, "."))
			}
		}
		return value, nil
	},
	"Fn::ImportValue": func(s *scope, argument any) (any, error) {
		name, ok := argument.(string)
		if !ok {
			return nil, fmt.Errorf("it takes the name of an export")
		}
		value, exists := s.exported(name)
		if !exists {
			return nil, fmt.Errorf("no stack before this one exports %q in account %s and %s", name, s.stack.Account, s.stack.Region)
		}
		return value, nil
	},
}

// wordOf is a string, a number or a boolean as text.
func wordOf(value any) (string, bool) {
	switch value := value.(type) {
	case string:
		return value, true
	case json.Number:
		return value.String(), true
	case bool:
		return strconv.FormatBool(value), true
	}
	return "", false
}

func wordsOf(value any) ([]string, error) {
	list, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("%v is not a list", value)
	}
	words := make([]string, len(list))
	for i, one := range list {
		if words[i], ok = wordOf(one); !ok {
			return nil, fmt.Errorf("%v is not a string", one)
		}
	}
	return words, nil
}

func anyOf(words []string) []any {
	all := make([]any, len(words))
	for i, word := range words {
		all[i] = word
	}
	return all
}

// splitList is the value of a parameter that is a list, written with commas.
func splitList(text string) []any {
	words := strings.Split(text, ",")
	for i := range words {
		words[i] = strings.TrimSpace(words[i])
	}
	return anyOf(words)
}

package iam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// field is a member of a JSON object.
type field struct {
	name  string
	value json.RawMessage
}

// object reads a JSON object in its order and refuses a name that comes twice.
func object(raw []byte) ([]field, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	start, err := decoder.Token()
	if err != nil {
		return nil, notJSON(err)
	}
	if start != json.Delim('{') {
		return nil, errors.New("it is not a JSON object")
	}
	var fields []field
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, notJSON(err)
		}
		f := field{name: token.(string)} // the decoder takes no other token here
		if err := decoder.Decode(&f.value); err != nil {
			return nil, notJSON(err)
		}
		if slices.ContainsFunc(fields, func(other field) bool { return other.name == f.name }) {
			return nil, fmt.Errorf("%s stands there twice", f.name)
		}
		fields = append(fields, f)
	}
	if _, err := decoder.Token(); err != nil {
		return nil, notJSON(err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("there is more after the JSON object")
	}
	return fields, nil
}

func notJSON(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it is not JSON: it ends too early")
	}
	return fmt.Errorf("it is not JSON: %w", err)
}

// listOf is the members of a JSON list, or the one value that stands for it.
func listOf(raw json.RawMessage) ([]json.RawMessage, error) {
	raw = bytes.TrimSpace(raw)
	var list []json.RawMessage
	switch {
	case len(raw) == 0:
		return nil, errors.New("it is missing")
	case raw[0] != '[':
		return []json.RawMessage{raw}, nil
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, notJSON(err)
	}
	if len(list) == 0 {
		return nil, errors.New("the list is empty")
	}
	return list, nil
}

// texts reads one string or a list of them.
func texts(raw json.RawMessage) ([]string, error) {
	list, err := listOf(raw)
	if err != nil {
		return nil, err
	}
	words := make([]string, len(list))
	for i, one := range list {
		if words[i], err = word(one); err != nil {
			return nil, err
		}
	}
	return words, nil
}

func word(raw json.RawMessage) (string, error) {
	var text string
	if len(raw) == 0 || raw[0] != '"' {
		return "", fmt.Errorf("%s is not a string", raw)
	}
	err := json.Unmarshal(raw, &text)
	return text, err
}

// scalars is texts for the values of conditions, where numbers and booleans
// count as their text.
func scalars(raw json.RawMessage) ([]string, error) {
	list, err := listOf(raw)
	if err != nil {
		return nil, err
	}
	words := make([]string, len(list))
	for i, one := range list {
		one = bytes.TrimSpace(one)
		switch {
		case one[0] == '"':
			if words[i], err = word(one); err != nil {
				return nil, err
			}
		case strings.ContainsRune("{[n", rune(one[0])):
			return nil, fmt.Errorf("%s is neither text, number nor boolean", one)
		default:
			words[i] = string(one)
		}
	}
	return words, nil
}

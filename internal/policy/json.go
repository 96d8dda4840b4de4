package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	maxBytes = 1 << 20 // of a document; DLM's own limits allow far less
	maxDepth = 64      // of nesting
	// maxDuplicates is how many duplicate fields are reported: to find the line
	// of each takes a walk over the document.
	maxDuplicates = 100
)

// kind is what a node is. Its text reads well after "is".
type kind string

const (
	absent  kind = "missing"
	null    kind = "null"
	boolean kind = "a boolean"
	number  kind = "a number"
	text    kind = "a string"
	list    kind = "a list"
	object  kind = "an object"
)

// node is a JSON value and where it stands in its document.
type node struct {
	kind   kind
	path   string
	text   string  // what a string says; a number, true or false as written
	items  []node  // of a list
	fields []field // of an object, in the document's order, names unique
}

type field struct {
	name string
	node
}

// get is the field of an object, absent when it is not there. A null counts as
// absent, as it does for DLM; notNull reports it where that may surprise.
func (n node) get(name string) node {
	for _, f := range n.fields {
		if f.name == name && f.kind != null {
			return f.node
		}
	}
	return node{kind: absent, path: child(n.path, name)}
}

// shown is the node as a problem shows it.
func (n node) shown() string {
	switch n.kind {
	case text:
		return quote(n.text)
	case number, boolean:
		return shorten(n.text)
	}
	return ""
}

func child(path, name string) string {
	if len(name) <= 80 && isPlain(name) {
		return path + "." + name
	}
	return path + "[" + quote(name) + "]"
}

// decode reads the bytes of a file into a tree, or says why it can't be read.
// It reports duplicate fields, which encoding/json would let pass, and keeps
// the first of them.
func (c *checker) decode(data []byte) (node, bool) {
	whole := node{path: "$"}
	fail := func(format string, args ...any) (node, bool) {
		c.report(whole, format, args...)
		return node{}, false
	}
	switch {
	case len(data) > maxBytes:
		return fail("is larger than %d bytes: no DLM policy is; put one policy document into the file", maxBytes)
	case len(bytes.TrimSpace(data)) == 0:
		return fail("is empty: write a policy document into it, or remove the file")
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")),
		bytes.IndexByte(data[:min(2, len(data))], 0) >= 0:
		return fail("is UTF-16 text: save it as UTF-8 (in PowerShell: Out-File -Encoding ascii)")
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return fail("starts with a byte-order mark: save it as UTF-8 without one")
	}
	if at := invalidUTF8(data); at >= 0 {
		return fail("%s: a byte is not UTF-8: save the file as UTF-8", position(data, at))
	}
	t := tree{Decoder: json.NewDecoder(bytes.NewReader(data)), data: data}
	t.UseNumber()
	root, err := t.value("$", 0)
	if errors.Is(err, errDeep) {
		return fail("%s: is nested more than %d deep: no DLM policy is; remove what does not belong to one", position(data, t.InputOffset()-1), maxDepth)
	}
	// The decoder's tokens stop at the end of the first value, and its error
	// offsets can't be trusted in the middle of a document: Unmarshal's can.
	if err := json.Unmarshal(data, new(json.RawMessage)); err != nil {
		var bad *json.SyntaxError
		errors.As(err, &bad)
		return fail("%s: %s", position(data, bad.Offset-1), syntaxText(data, bad))
	}
	for _, d := range t.duplicates[:min(len(t.duplicates), maxDuplicates)] {
		c.report(node{path: d.path}, "%s: is written a second time, after %s: keep one of the two",
			position(data, d.at), position(data, d.first))
	}
	return root, true
}

var errDeep = errors.New("too deep")

// tree builds nodes from a decoder's tokens.
type tree struct {
	*json.Decoder
	data       []byte
	duplicates []duplicate
}

// duplicate is a field whose name the object has already, and the offsets of
// both names.
type duplicate struct {
	path      string
	first, at int64
}

func (t *tree) value(path string, depth int) (node, error) {
	token, err := t.Token()
	if err != nil {
		return node{}, err
	}
	n := node{path: path}
	switch v := token.(type) {
	case nil:
		n.kind = null
	case bool:
		n.kind, n.text = boolean, fmt.Sprint(v)
	case json.Number:
		n.kind, n.text = number, v.String()
	case string:
		n.kind, n.text = text, v
	case json.Delim:
		if depth == maxDepth {
			return node{}, errDeep
		}
		if v == '[' {
			n.kind = list
			n.items, err = t.list(path, depth)
		} else {
			n.kind = object
			n.fields, err = t.object(path, depth)
		}
	}
	return n, err
}

func (t *tree) list(path string, depth int) (items []node, err error) {
	for t.More() {
		item, err := t.value(fmt.Sprintf("%s[%d]", path, len(items)), depth+1)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	_, err = t.Token()
	return items, err
}

func (t *tree) object(path string, depth int) (fields []field, err error) {
	first := make(map[string]int64)
	for t.More() {
		from := t.InputOffset()
		key, err := t.Token()
		if err != nil {
			return nil, err
		}
		name, _ := key.(string)
		at := from + int64(bytes.IndexByte(t.data[from:], '"'))
		value, err := t.value(child(path, name), depth+1)
		if err != nil {
			return nil, err
		}
		if before, twice := first[name]; twice {
			t.duplicates = append(t.duplicates, duplicate{value.path, before, at})
			continue
		}
		first[name] = at
		fields = append(fields, field{name, value})
	}
	_, err = t.Token()
	return fields, err
}

func invalidUTF8(data []byte) int64 {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return int64(i)
		}
		i += size
	}
	return -1
}

// position is the line and column, in characters from 1, of an offset.
func position(data []byte, offset int64) string {
	before := data[:min(max(offset, 0), int64(len(data)))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Sprintf("line %d, column %d", line, column)
}

// syntaxText adds to the parser's words what is most likely wrong and the fix.
func syntaxText(data []byte, bad *json.SyntaxError) string {
	message := bad.Error()
	before := bytes.TrimRight(data[:max(bad.Offset-1, 0)], " \t\r\n")
	after := func(s string) bool { return bytes.HasSuffix(before, []byte(s)) }
	at := func(chars string) bool {
		return bad.Offset > 0 && strings.IndexByte(chars, data[bad.Offset-1]) >= 0
	}
	switch {
	case strings.Contains(message, "after top-level value"):
		return "more text follows the document: keep one document in a file"
	case strings.Contains(message, "unexpected end"):
		return "the document ends too early: close every quote, [ and {"
	case strings.Contains(message, "in string literal"):
		return "a string holds a line break or a control character: join its lines (text from web pages often has such breaks)"
	case strings.Contains(message, "in string escape code"):
		return `a backslash stands before a character that JSON does not escape: write \\ for a backslash`
	case at("}]") && after(","):
		return "a comma comes before the closing bracket: remove the comma"
	case at("/#"):
		return "a comment: JSON has none; remove it"
	case len(before) == 0:
		return "the text is not JSON: write a policy document, an object { … }"
	case at("TFN"):
		return "JSON writes true, false and null in lower case: write it so"
	case at("'"):
		return `a single quote: write " instead`
	case strings.Contains(message, "after object key:value pair"), strings.Contains(message, "after array element"):
		return message + ": put a comma or the closing bracket before it"
	}
	return message + ": correct the JSON"
}

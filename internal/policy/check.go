package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// checker walks a document and collects everything that is wrong with it.
// Every check passes silently over an absent node: required has reported it, or
// it is optional.
type checker struct {
	file     string
	problems []Problem
	// meant holds the paths that misspelt fields were taken for, so that one
	// typing error is not also reported as a missing field.
	meant map[string]bool
	// unknowns counts the fields that are not known; few of many are reported.
	unknowns int
}

// maxUnknown is how many unknown fields of a document are reported one by one.
const maxUnknown = 100

func (c *checker) report(n node, format string, args ...any) {
	c.problems = append(c.problems, Problem{
		File: c.file, Path: n.path, Value: n.shown(), Text: fmt.Sprintf(format, args...),
	})
}

// is says whether n is of the kind that is wanted, and reports it when not. The
// example is what could stand there; "" is any string.
func (c *checker) is(n node, want kind, example string) bool {
	if n.kind == want || n.kind == absent {
		return n.kind == want
	}
	fix := "write " + example
	switch {
	case n.kind == text && want == number && isInteger(n.text):
		fix = fmt.Sprintf("write %s without the quotes", shorten(n.text))
	case n.kind == text && want == boolean && (n.text == "true" || n.text == "false"):
		fix = fmt.Sprintf("write %s without the quotes", n.text)
	case example == "" && (n.kind == number || n.kind == boolean):
		fix = fmt.Sprintf("write %s with quotes", quote(n.text))
	case example == "":
		fix = "write a text in quotes"
	}
	c.report(n, "is %s, not %s: %s", n.kind, want, fix)
	return false
}

// required is the field of an object, reported with the fix when it is missing.
// The example is the JSON that could stand there.
func (c *checker) required(n node, name, example string) node {
	f := n.get(name)
	if f.kind == absent && n.kind == object && !c.meant[f.path] {
		c.report(f, "is missing: add %q: %s to %s", name, example, n.path)
	}
	return f
}

// fields says whether n is an object, and reports those of its fields that are
// neither known nor tolerated: known too, but nothing to recommend.
func (c *checker) fields(n node, known []string, tolerated ...string) bool {
	if !c.is(n, object, "{ … } with "+strings.Join(known, ", ")) {
		return false
	}
	for _, f := range n.fields {
		if !slices.Contains(known, f.name) && !slices.Contains(tolerated, f.name) {
			c.unknown(n, f.name, known)
		}
	}
	return true
}

func (c *checker) unknown(n node, name string, known []string) {
	at := node{path: child(n.path, name)}
	meant := nearest(name, known)
	if other := otherNames[fold(name)]; meant == "" && slices.Contains(known, other) {
		meant = other
	}
	c.unknowns++
	if c.unknowns > maxUnknown {
		return
	}
	if meant == "" || n.get(meant).kind != absent {
		c.report(at, "is not a known field: remove it; here go %s", strings.Join(known, ", "))
		return
	}
	c.meant[child(n.path, meant)] = true
	if strings.EqualFold(name, meant) {
		c.report(at, "is not a known field: write %s, as upper and lower case matter", meant)
		return
	}
	c.report(at, "is not a known field: did you mean %s?", meant)
}

// otherNames is what fields are called elsewhere, such as in DLM's policies that
// make snapshots, and here.
var otherNames = map[string]string{
	"targetregion":      "Target",
	"destinationregion": "Target",
	"kmskeyid":          "CmkArn",
	"kmskeyarn":         "CmkArn",
}

// sumUpUnknown tells of the unknown fields that were too many to report.
func (c *checker) sumUpUnknown() {
	if more := c.unknowns - maxUnknown; more > 0 {
		c.report(node{path: "$"}, "has %d more fields that are not known: remove what does not belong to a policy", more)
	}
}

// notNull reports a field whose null would be taken for its default: whoever
// writes null may have meant something else.
func (c *checker) notNull(n node, name, fix string) {
	for _, f := range n.fields {
		if f.name == name && f.kind == null {
			c.report(f.node, "is null: %s", fix)
		}
	}
}

// text is the string that n says. It is not empty, not longer than max
// characters, and of the form that the fix explains.
func (c *checker) text(n node, max int, form func(string) bool, fix string) (string, bool) {
	if !c.is(n, text, "") {
		return "", false
	}
	switch length := utf8.RuneCountInString(n.text); {
	case length == 0:
		c.report(n, "is empty: %s", fix)
	case length > max:
		c.report(n, "has %d characters: shorten it to %d", length, max)
	case !form(n.text):
		c.report(n, "has the wrong form: %s", fix)
	default:
		return n.text, true
	}
	return "", false
}

// oneOf is the string that n says, which is one of those known.
func (c *checker) oneOf(n node, known ...string) (string, bool) {
	choice := `"` + strings.Join(known, `" or "`) + `"`
	if !c.is(n, text, choice) {
		return "", false
	}
	if slices.Contains(known, n.text) {
		return n.text, true
	}
	if meant := nearest(n.text, known); meant != "" {
		c.report(n, "is not known here: did you mean %q?", meant)
	} else {
		c.report(n, "is not known here: write %s", choice)
	}
	return "", false
}

// boolean is the truth that n says.
func (c *checker) boolean(n node) (value, ok bool) {
	ok = c.is(n, boolean, "true or false")
	return ok && n.text == "true", ok
}

// integer is the number that n says, from least to most.
func (c *checker) integer(n node, least, most int) (int, bool) {
	if !c.is(n, number, fmt.Sprintf("a whole number from %d to %d", least, most)) {
		return 0, false
	}
	if !isInteger(n.text) {
		c.report(n, "is not written as a whole number: write one from %d to %d, without a point or exponent", least, most)
		return 0, false
	}
	// Of a number that is too long for an int, Atoi gives the nearest int.
	value, _ := strconv.Atoi(n.text)
	if value < least || value > most {
		c.report(n, "is out of range: write a number from %d to %d", least, most)
		return 0, false
	}
	return value, true
}

// unsupported reports a field that snapferry knows and can't do.
func (c *checker) unsupported(n node) {
	if n.kind != absent {
		c.report(node{path: n.path}, "is not supported by this version of snapferry: remove it")
	}
}

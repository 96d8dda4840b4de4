package policy

import (
	"regexp"
	"strings"
)

// Document is another JSON document of snapferry's than a policy, read in the
// same way: strictly, and with everything that is wrong with it told at once.
type Document struct{ c *checker }

// ReadDocument reads a file's bytes into a tree. Subject is what the document
// is about, in one word, for problems to say. The Value is absent if the bytes
// can't be read at all, which Problems then says.
func ReadDocument(file, subjectName string, data []byte) (*Document, Value) {
	c := &checker{
		file:    file,
		subject: subject{name: subjectName, none: "no " + subjectName + " document is"},
		meant:   make(map[string]bool),
	}
	root, ok := c.decode(data)
	if !ok {
		root = node{kind: absent, path: "$"}
	}
	return &Document{c}, Value{c, root}
}

// ReadFile is a file's bytes, or what keeps them from being read.
func ReadFile(file string) ([]byte, []Problem) {
	data, err := read(file)
	if err != nil {
		return nil, []Problem{unreadable(file, err)}
	}
	return data, nil
}

// Problems is everything that was found wrong so far.
func (d *Document) Problems() []Problem {
	d.c.sumUpUnknown()
	d.c.unknowns = 0
	return d.c.problems
}

// Value is a JSON value in a Document. Every check passes silently over one that
// is absent: it is optional, or its absence has been told.
type Value struct {
	c *checker
	n node
}

// Present says whether the value is there; null counts as absent.
func (v Value) Present() bool { return v.n.kind != absent && v.n.kind != null }

// Report adds a problem with the value, which says the fix.
func (v Value) Report(format string, args ...any) { v.c.report(v.n, format, args...) }

// Fields says whether the value is an object, and reports the fields that are
// not known, and those that are null.
func (v Value) Fields(known ...string) bool {
	if !v.c.fields(v.n, known) {
		return false
	}
	for _, f := range v.n.fields {
		v.c.notNull(v.n, f.name, "write a value, or remove the field for its default")
	}
	return true
}

// Get is a field of an object.
func (v Value) Get(name string) Value { return Value{v.c, v.n.get(name)} }

// Required is Get for a field that must be there; the example is JSON that could
// stand there.
func (v Value) Required(name, example string) Value {
	return Value{v.c, v.c.required(v.n, name, example)}
}

// Items are those of a list; the example is JSON that could stand there.
func (v Value) Items(example string) []Value {
	if !v.c.is(v.n, list, example) {
		return nil
	}
	items := make([]Value, len(v.n.items))
	for i, item := range v.n.items {
		items[i] = Value{v.c, item}
	}
	return items
}

// Empty says whether the value is a list without items.
func (v Value) Empty() bool { return v.n.kind == list && len(v.n.items) == 0 }

// Entries are the fields of an object whose names anybody may choose, in the
// document's order; the example is JSON that could stand there.
func (v Value) Entries(example string) (names []string, values []Value) {
	if !v.c.is(v.n, object, example) {
		return nil, nil
	}
	for _, f := range v.n.fields {
		names, values = append(names, f.name), append(values, Value{v.c, f.node})
	}
	return names, values
}

// Text is the string that the value says, of the form that the pattern describes
// and the fix explains.
func (v Value) Text(max int, pattern *regexp.Regexp, fix string) (string, bool) {
	return v.c.text(v.n, max, pattern.MatchString, fix)
}

// OneOf is the string that the value says, which is one of those known.
func (v Value) OneOf(known ...string) (string, bool) { return v.c.oneOf(v.n, known...) }

// Bool is the truth that the value says.
func (v Value) Bool() (value, ok bool) { return v.c.boolean(v.n) }

// Int is the number that the value says, from least to most.
func (v Value) Int(least, most int) (int, bool) { return v.c.integer(v.n, least, most) }

// Region is the name of a Region that exists, or "".
func (v Value) Region() string {
	if !v.c.is(v.n, text, `a Region such as "eu-west-2"`) {
		return ""
	}
	if fault := RegionFault(v.n.text); fault != "" {
		v.c.report(v.n, "%s", fault)
		return ""
	}
	return v.n.text
}

// Account is an account's id, or "".
func (v Value) Account() string { return v.c.account(v.n) }

// Key is the ARN of a KMS key in a Region, or "". Region is "" for any.
func (v Value) Key(region string) string {
	form := keyForm(region)
	if !v.c.is(v.n, text, "an ARN, "+form) {
		return ""
	}
	arn := v.n.text
	fault := keyFault(arn, "") // whose further words are about copies
	switch {
	case arn == "":
		fault = "is empty: write " + form
	case fault != "":
	default:
		place := strings.Split(arn, ":")[3]
		if region == "" {
			region = place
		}
		if fault = RegionFault(region); fault != "" {
			fault = "is in " + quote(region) + ", which " + fault
		} else if !strings.HasPrefix(arn, "arn:"+partitions[region]+":kms:"+region+":") {
			fault = "is not a key in " + region + ": write " + keyForm(region)
		}
	}
	if fault != "" {
		v.c.report(v.n, "%s", fault)
		return ""
	}
	return arn
}

// KeyAccount is the account that a key's ARN names.
func KeyAccount(arn string) string {
	if part := strings.SplitN(arn, ":", 6); len(part) == 6 {
		return part[4]
	}
	return ""
}

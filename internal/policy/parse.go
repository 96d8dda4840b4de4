package policy

import (
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// extension ends the names of the files that hold policies.
const extension = ".json"

// Parse reads the document in a file of that name. It accepts the PolicyDetails
// of aws dlm create-lifecycle-policy, its whole --cli-input-json request, and
// the output of aws dlm get-lifecycle-policy. It returns a policy, or the zero
// Policy and everything that is wrong.
func Parse(file string, data []byte) (Policy, []Problem) {
	c := &checker{file: file, meant: make(map[string]bool)}
	p := Policy{Name: c.name()}
	root, ok := c.decode(data)
	switch tool := otherTool(root, ok, data); {
	case tool != "":
		// What else is wrong by the rules of DLM's documents would only distract.
		c.problems = nil
		c.report(node{path: "$"}, "%s", tool)
	case ok:
		c.document(root, &p)
		c.sumUpUnknown()
	}
	if len(c.problems) > 0 {
		return Policy{}, c.problems
	}
	return p, nil
}

// name is the policy's name, from that of its file.
func (c *checker) name() string {
	whole := node{path: "$"}
	name, found := strings.CutSuffix(filepath.Base(c.file), extension)
	switch {
	case !found:
		c.report(whole, "the file's name does not end in %s: rename it to NAME%s, as NAME is the policy's name", extension, extension)
	case len(name) > 64 || !isName(name):
		c.report(whole, "the file's name makes %s the policy's name: rename it, with 1 to 64 of A-Z a-z 0-9 . _ - and a letter or digit first", quote(name))
	}
	return name
}

var (
	requestFields = []string{"Description", "State", "ExecutionRoleArn", "Tags", "PolicyDetails"}
	// readBackFields are those that only get-lifecycle-policy shows. They say
	// nothing about what to copy.
	readBackFields = []string{"PolicyId", "PolicyArn", "StatusMessage", "DateCreated", "DateModified"}
	detailsFields  = []string{"PolicyType", "EventSource", "Actions"}
	// scheduleFields belong to policies that make snapshots. DLM shows them,
	// empty, on every policy.
	scheduleFields = []string{"ResourceTypes", "ResourceLocations", "TargetTags", "Schedules", "Parameters"}
	// defaultFields belong to DLM's default policies, in the request or in the
	// details.
	defaultFields = []string{"DefaultPolicy", "ResourceType", "CreateInterval", "RetainInterval", "CopyTags",
		"ExtendDeletion", "CrossRegionCopyTargets", "Exclusions"}
)

// document reads any of the three shapes, told apart by their fields.
func (c *checker) document(root node, p *Policy) {
	if root.kind != object {
		c.report(root, "is %s: write one policy document, an object { … }, in each file", root.kind)
		return
	}
	switch {
	case like(root, "Policy"):
		c.fields(root, []string{"Policy"}, "ResponseMetadata")
		c.request(c.required(root, "Policy", "{ … }"), p)
	case like(root, "Policies"):
		c.report(root, "is a list of policies without their details: write the output of aws dlm get-lifecycle-policy --policy-id ID for one policy into each file")
	case !like(root, detailsFields...) && like(root, slices.Concat(requestFields, readBackFields, defaultFields)...):
		c.request(root, p)
	default:
		p.Enabled = true
		if !c.foreign(root) {
			c.details(root, p)
		}
	}
}

// like says whether an object has one of the fields, or nearly.
func like(n node, names ...string) bool {
	folded := make(map[string]bool, len(names))
	for _, name := range names {
		folded[fold(name)] = true
	}
	return slices.ContainsFunc(n.fields, func(f field) bool { return folded[fold(f.name)] })
}

// request reads the fields around PolicyDetails.
func (c *checker) request(n node, p *Policy) {
	if c.ofDefaultPolicy(n) || c.foreign(n.get("PolicyDetails")) {
		return
	}
	if !c.fields(n, requestFields, slices.Concat(readBackFields, defaultFields)...) {
		return
	}
	p.Description, _ = c.text(n.get("Description"), 500, isWords,
		"write some of the characters 0-9 A-Z a-z space _ -, or remove the field")
	c.notNull(n, "State", `write "ENABLED" or "DISABLED"`)
	p.Enabled = c.state(n.get("State"))
	c.text(n.get("ExecutionRoleArn"), 2048, isRole,
		"write arn:aws:iam::ACCOUNT:role/NAME, or remove the field: snapferry does not use it")
	c.tags(n.get("Tags"))
	c.details(c.required(n, "PolicyDetails", "{ … }"), p)
}

// state says whether the policy is enabled, which it is unless it says so.
func (c *checker) state(n node) bool {
	if n.kind == text && n.text == "ERROR" {
		c.report(n, "is what DLM shows for a policy that it could not run: write ENABLED or DISABLED")
		return false
	}
	state, ok := c.oneOf(n, "ENABLED", "DISABLED")
	return n.kind == absent || ok && state == "ENABLED"
}

// tags checks the tags of the policy itself, by DLM's limits. They are not used.
func (c *checker) tags(n node) {
	if !c.is(n, object, `{"KEY": "VALUE"}`) {
		return
	}
	if len(n.fields) > 200 {
		c.report(n, "has %d tags: keep at most 200", len(n.fields))
	}
	for _, f := range n.fields {
		at := node{path: f.path}
		switch {
		case f.name == "" || utf8.RuneCountInString(f.name) > maxTagKey:
			c.report(at, "has a key of %d characters: use 1 to %d", utf8.RuneCountInString(f.name), maxTagKey)
		case strings.HasPrefix(f.name, "aws:"):
			c.report(at, "has a key that only Amazon may set: remove the tag")
		case !isTagKey(f.name):
			c.report(at, "has a key that DLM does not accept: use A-Z a-z 0-9 + , - . / : ; < = _")
		}
		c.tagValue(f.node)
	}
}

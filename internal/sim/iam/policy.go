package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// Policy is a policy document.
type Policy struct {
	Statements []Statement
	// Denies says whether any statement has the effect Deny.
	Denies bool
}

// Statement is one statement of a policy.
type Statement struct {
	Sid        string
	Deny       bool
	principal  *principalElement // nil in a policy of a principal
	actions    []pattern
	notActions bool
	resources  []pattern // none in a trust policy, which is about its role
	notThese   bool
	conditions []condition
}

// Kind is where a policy stands, which decides what it has to contain.
type Kind int

// The kinds of policies.
const (
	// Identity is a policy of a principal: version 2012-10-17, without Principal.
	Identity Kind = iota
	// Resource is the policy of a queue or of an event bus.
	Resource
	// Key is the policy of a KMS key, without NotAction and NotResource.
	Key
	// Trust is the policy of a role about who may assume it, without Resource.
	Trust
	// Service control policies are written like those of principals: since
	// September 2025 Organizations takes all of the language.
	ServiceControl = Identity
)

const (
	version2012 = "2012-10-17"
	version2008 = "2008-10-17"
)

// Parse reads a document. Whatever it does not understand is an error, so that
// no statement means something else here than at Amazon.
func Parse(kind Kind, text string) (*Policy, error) {
	fields, err := object([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("parse policy: %w", err)
	}
	p, version := &Policy{}, version2008
	var statements json.RawMessage
	for _, f := range fields {
		switch f.name {
		case "Version":
			if version, err = word(f.value); err == nil && version != version2012 && version != version2008 {
				err = fmt.Errorf("%q is neither %s nor %s", version, version2012, version2008)
			}
		case "Id":
			_, err = word(f.value)
		case "Statement":
			statements = f.value
		default:
			err = errors.New("a policy has Version, Id and Statement only")
		}
		if err != nil {
			return nil, fmt.Errorf("parse policy: %s: %w", f.name, err)
		}
	}
	if kind == Identity && version != version2012 {
		return nil, fmt.Errorf("parse policy: Version must be %q", version2012)
	}
	list, err := listOf(statements)
	if err != nil {
		return nil, fmt.Errorf("parse policy: Statement: %w", err)
	}
	sids := map[string]bool{}
	for i, raw := range list {
		s, err := parseStatement(kind, version == version2012, raw)
		if err == nil && s.Sid != "" && sids[s.Sid] {
			err = fmt.Errorf("Sid %q: an earlier statement has it", s.Sid)
		}
		if err != nil {
			return nil, fmt.Errorf("parse policy: statement %d: %w", i+1, err)
		}
		sids[s.Sid] = true
		p.Statements = append(p.Statements, *s)
		p.Denies = p.Denies || s.Deny
	}
	return p, nil
}

// identitySid is what IAM takes as a Sid; other services also take spaces.
var identitySid = regexp.MustCompile(`^[0-9A-Za-z]*$`)

func parseStatement(kind Kind, variables bool, raw json.RawMessage) (*Statement, error) {
	fields, err := object(raw)
	if err != nil {
		return nil, err
	}
	s := &Statement{}
	effect := ""
	for _, f := range fields {
		switch f.name {
		case "Sid":
			if s.Sid, err = word(f.value); err == nil && kind == Identity && !identitySid.MatchString(s.Sid) {
				err = fmt.Errorf("%q has other characters than letters and digits", s.Sid)
			}
		case "Effect":
			if effect, err = word(f.value); err == nil && effect != "Allow" && effect != "Deny" {
				err = fmt.Errorf("%q is neither Allow nor Deny", effect)
			}
		case "Principal":
			s.principal, err = parsePrincipal(f.value)
		case "NotPrincipal":
			err = errors.New("it is not simulated: write a Deny with the condition ArnNotEquals on aws:PrincipalArn")
		case "Action", "NotAction":
			s.notActions = f.name == "NotAction"
			err = s.addActions(f.value)
		case "Resource", "NotResource":
			s.notThese = f.name == "NotResource"
			err = s.addResources(f.value, variables)
		case "Condition":
			s.conditions, err = parseConditions(f.value, variables)
		default:
			err = errors.New("a statement has no such element")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	s.Deny = effect == "Deny"
	has := func(name string) bool {
		return slices.ContainsFunc(fields, func(f field) bool { return f.name == name })
	}
	return s, complete(kind, has)
}

// complete says what elements a statement lacks or must not have.
func complete(kind Kind, has func(string) bool) error {
	switch {
	case !has("Effect"):
		return errors.New("Effect is missing")
	case has("Action") == has("NotAction"):
		return errors.New("it takes one of Action and NotAction")
	case kind == Identity && has("Principal"):
		return errors.New("Principal: a policy of a role has none")
	case kind != Identity && !has("Principal"):
		return errors.New("Principal is missing")
	case kind == Trust && (has("Resource") || has("NotResource")):
		return errors.New("Resource: a trust policy has none")
	case kind != Trust && has("Resource") == has("NotResource"):
		return errors.New("it takes one of Resource and NotResource")
	case kind == Key && (has("NotAction") || has("NotResource")):
		return errors.New("a key policy has neither NotAction nor NotResource")
	}
	return nil
}

var actionForm = regexp.MustCompile(`^(\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+)$`)

func (s *Statement) addActions(raw json.RawMessage) error {
	names, err := texts(raw)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !actionForm.MatchString(name) {
			return fmt.Errorf("%q is not like service:Action", name)
		}
		p, err := compile(name, syntax{wildcards: true, fold: true})
		if err != nil {
			return err
		}
		s.actions = append(s.actions, p)
	}
	return nil
}

// resourceForm is an ARN with all its six fields. A wildcard can't stand for
// the service.
var resourceForm = regexp.MustCompile(`^arn:[a-z*-]+:[a-z0-9-]+:[^:]*:[^:]*:.+$`)

func (s *Statement) addResources(raw json.RawMessage, variables bool) error {
	names, err := texts(raw)
	if err != nil {
		return err
	}
	for _, name := range names {
		// The colon within a variable separates no fields.
		form := anyVariable.ReplaceAllString(name, "x")
		if name != "*" && !resourceForm.MatchString(form) {
			return fmt.Errorf("%q is neither * nor an ARN of six fields that names its service", name)
		}
		p, err := compile(name, syntax{wildcards: true, variables: variables, arn: true})
		if err != nil {
			return err
		}
		s.resources = append(s.resources, p)
	}
	return nil
}

var anyVariable = regexp.MustCompile(`\$\{[^}]*\}`)

// applies says whether the statement is about the request, principals aside.
func (s *Statement) applies(r *Request) bool {
	if matchesAny(s.actions, r.Action, nil) == s.notActions {
		return false
	}
	if len(s.resources) > 0 && matchesAny(s.resources, r.Resource, r.Keys) == s.notThese {
		return false
	}
	for i := range s.conditions {
		if !s.conditions[i].holds(r.Keys) {
			return false
		}
	}
	return true
}

func matchesAny(patterns []pattern, text string, keys Keys) bool {
	for i := range patterns {
		if patterns[i].matches(text, keys) {
			return true
		}
	}
	return false
}

package blueprint

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// version is that of IAM's policy language.
const version = "2012-10-17"

// Document is the policy document of statements, for encoding/json, which puts
// it the same way each time.
func Document(statements ...Statement) map[string]any {
	list := make([]any, len(statements))
	for i, s := range statements {
		list[i] = s.document()
	}
	return map[string]any{"Version": version, "Statement": list}
}

// JSON is Document as text.
func JSON(statements ...Statement) []byte {
	data, err := json.Marshal(Document(statements...))
	if err != nil {
		panic(err) // strings always marshal
	}
	return data
}

func (s Statement) document() map[string]any {
	document := map[string]any{"Effect": "Allow", "Action": words(s.Actions)}
	if s.Deny {
		document["Effect"] = "Deny"
	}
	if s.Sid != "" {
		document["Sid"] = s.Sid
	}
	if len(s.Resources) > 0 { // a trust policy has none
		document["Resource"] = words(s.Resources)
	}
	if len(s.Principals) > 0 {
		principals := make(map[string]any, len(s.Principals))
		for kind, names := range s.Principals {
			principals[kind] = words(names)
		}
		document["Principal"] = principals
	}
	if len(s.Conditions) > 0 {
		conditions := make(map[string]any, len(s.Conditions))
		for operator, keys := range s.Conditions {
			wanted := make(map[string]any, len(keys))
			for key, values := range keys {
				wanted[key] = words(values)
			}
			conditions[operator] = wanted
		}
		document["Condition"] = conditions
	}
	return document
}

// words is a list, or the one word in it: IAM counts characters.
func words(list []string) any {
	if len(list) == 1 {
		return list[0]
	}
	return list
}

// What IAM takes, in characters without white space.
const (
	maxInline   = 10_240 // of all the policies in a role
	maxManaged  = 6_144  // of one managed policy
	maxAttached = 10     // managed policies of a role, where no quota was raised
)

// RolePolicy is some of a role's statements, as one policy of it.
type RolePolicy struct {
	Name string
	// Managed says that it is a policy of its own, attached to the role, because
	// the role itself has no room for it.
	Managed    bool
	Statements []Statement
}

// Policies are the role's statements as IAM takes them: one policy in the role
// if that has room for all, else managed ones, as few as come of taking the
// statements in order.
func (r Role) Policies() []RolePolicy {
	if len(r.Statements) == 0 {
		return nil
	}
	if size(r.Statements) <= maxInline {
		return []RolePolicy{{Name: Application, Statements: r.Statements}}
	}
	var policies []RolePolicy
	for _, s := range r.Statements {
		last := len(policies) - 1
		if last >= 0 && size(append(slices.Clone(policies[last].Statements), s)) <= maxManaged {
			policies[last].Statements = append(policies[last].Statements, s)
			continue
		}
		policies = append(policies, RolePolicy{
			Name:       fmt.Sprintf("%s-%d", r.Name, len(policies)+1),
			Managed:    true,
			Statements: []Statement{s},
		})
	}
	return policies
}

// size is the length of a document of statements when CloudFormation has put the
// transport key's ARN into it.
func size(statements []Statement) int {
	const arn = "arn:aws-iso-b:kms:us-gov-west-1:222222222222:key/mrk-1234abcd12ab34cd56ef1234567890ab"
	n := len(JSON(statements...))
	for _, s := range statements {
		if slices.Contains(s.Resources, TransportKeyARN) {
			n += len(arn) - len(TransportKeyARN)
		}
	}
	return n
}

// fault says that IAM has no room for the role's permissions; "" is that it has.
func (r Role) fault() string {
	policies := r.Policies()
	if len(policies) > maxAttached {
		return fmt.Sprintf("has %d characters of permissions, which take %d managed policies, and IAM attaches %d to a role: name fewer keys and accounts, or deploy a second target account for some of them",
			size(r.Statements), len(policies), maxAttached)
	}
	for _, p := range policies {
		if p.Managed && size(p.Statements) > maxManaged {
			return fmt.Sprintf("needs a statement of %d characters (%s) and IAM takes %d: name fewer accounts, Regions or policies",
				size(p.Statements), p.Statements[0].Sid, maxManaged)
		}
	}
	return ""
}

// allow is statements without those that are about nothing: without a resource
// IAM would refuse them.
func allow(statements ...Statement) []Statement {
	return slices.DeleteFunc(statements, func(s Statement) bool { return len(s.Resources) == 0 })
}

// where asks for all of the conditions.
func where(conditions ...Conditions) Conditions {
	all := Conditions{}
	for _, some := range conditions {
		for operator, keys := range some {
			if all[operator] == nil {
				all[operator] = map[string][]string{}
			}
			maps.Copy(all[operator], keys)
		}
	}
	return all
}

func equals(key string, values ...string) Conditions {
	return Conditions{"StringEquals": {key: values}}
}

// present asks that a key be there, whatever its value.
func present(key string) Conditions { return Conditions{"Null": {key: {"false"}}} }

// missing asks that a key not be there.
func missing(key string) Conditions { return Conditions{"Null": {key: {"true"}}} }

// service is a statement's principal.
func service(names ...string) map[string][]string { return map[string][]string{"Service": names} }

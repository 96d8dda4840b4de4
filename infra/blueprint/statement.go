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
	document := map[string]any{"Effect": "Allow"}
	if len(s.NotActions) > 0 {
		document["NotAction"] = words(s.NotActions)
	} else {
		document["Action"] = words(s.Actions)
	}
	if s.Deny {
		document["Effect"] = "Deny"
	}
	if s.Sid != "" {
		document["Sid"] = s.Sid
	}
	if len(s.Resources) > 0 { // a trust policy has none
		document["Resource"] = words(s.Resources)
	}
	if len(s.NotResources) > 0 {
		document["NotResource"] = words(s.NotResources)
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

// Policies are the role's statements as IAM takes them: in the role as long as
// there is room, and the rest in managed policies, each statement in the first
// that has room for it.
func (r Role) Policies() []RolePolicy {
	var policies []RolePolicy
	for _, s := range r.Statements {
		fits := func(p RolePolicy) bool { return size(append(slices.Clone(p.Statements), s)) <= p.limit() }
		if i := slices.IndexFunc(policies, fits); i >= 0 {
			policies[i].Statements = append(policies[i].Statements, s)
			continue
		}
		p := RolePolicy{Name: Application, Statements: []Statement{s}}
		if n := len(policies); n > 0 {
			p.Name, p.Managed = fmt.Sprintf("%s-%d", r.Name, n), true
		}
		policies = append(policies, p)
	}
	return policies
}

func (p RolePolicy) limit() int {
	if p.Managed {
		return maxManaged
	}
	return maxInline
}

// size is the length of a document of statements.
func size(statements []Statement) int { return len(JSON(statements...)) }

// fault says that IAM has no room for the role's permissions; "" is that it has.
func (r Role) fault() string {
	policies := r.Policies()
	if n := len(policies) - 1; n > maxAttached {
		return fmt.Sprintf("has %d characters of permissions, which take %d managed policies, and IAM attaches %d to a role: name fewer accounts, keys or Regions",
			size(r.Statements), n, maxAttached)
	}
	for _, p := range policies {
		if size(p.Statements) > p.limit() {
			return fmt.Sprintf("needs a statement of %d characters, %s, and IAM takes %d: name fewer accounts, policies or Regions",
				size(p.Statements), p.Statements[0].Sid, p.limit())
		}
	}
	return ""
}

// allow is statements without those that are about nothing: without a resource
// IAM would refuse them.
func allow(statements ...Statement) []Statement {
	return slices.DeleteFunc(statements, func(s Statement) bool { return len(s.Resources) == 0 && len(s.NotResources) == 0 })
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

package sim

import (
	"strings"
	"testing"
)

// TestRoleWithPath: a path is in a role's ARN, by which others name it, and not in
// its name, of which an account has one.
func TestRoleWithPath(t *testing.T) {
	bubble(t, "", Options{}, func(l *lab) {
		key, err := l.w.AddRole(vault, "/acme/backup/copier", permit(may("sqs:*", "*")))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.w.AddRole(vault, "copier"); err == nil || !strings.Contains(err.Error(), "account 222222222222 has it already") {
			t.Errorf("a role of the same name elsewhere: got %v", err)
		}
		for _, path := range []string{"acme/copier", "/a b/copier", "//copier"} {
			if _, err := l.w.AddRole(vault, path); err == nil || !strings.Contains(err.Error(), "is no path: it begins and ends with /") {
				t.Errorf("%s: got %v", path, err)
			}
		}
		const trust = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"sts:AssumeRole"}}`
		if err := l.w.TrustRole(vault, "copier", trust); err != nil {
			t.Fatal(err)
		}
		assume := func(arn string) string {
			return l.answer(vault, west, "sts", "AssumeRole", params([]string{"RoleArn", arn, "RoleSessionName", "me"}))
		}
		l.want("by its ARN", assume("arn:aws:iam::222222222222:role/acme/backup/copier"), "")
		l.want("without the path", assume("arn:aws:iam::222222222222:role/copier"), "AccessDenied")
		c := queues{t, l.w, vault, west}
		url := c.create("q", "Policy", permit(`{"Effect":"Deny","Principal":"*","Action":"sqs:PurgeQueue","Resource":"*","Condition":{"ArnNotEquals":{"aws:PrincipalArn":"arn:aws:iam::222222222222:role/acme/backup/copier"}}}`))
		l.want("aws:PrincipalArn has the path", l.answer(key, west, "sqs", "PurgeQueue", object{"QueueUrl": url}), "")
		if err := l.w.RemoveRole(vault, "copier"); err != nil {
			t.Fatal(err)
		}
		l.want("once it is gone", assume("arn:aws:iam::222222222222:role/acme/backup/copier"), "AccessDenied")
	})
}

// TestRoleWithBoundary: a role does what its policies and its boundary allow, at
// once from when the boundary changes; the refusal and the record name the boundary.
func TestRoleWithBoundary(t *testing.T) {
	var last Authorization
	bubble(t, "", Options{OnAuthorize: func(a Authorization) { last = a }}, func(l *lab) {
		key := l.role(may("sqs:* events:*", "*"))
		bound := func(policy string) {
			l.t.Helper()
			if err := l.w.BoundRole(vault, "role-1", policy); err != nil {
				t.Fatal(err)
			}
		}
		list := func() (string, string) {
			return l.refusal(t.Context(), key, west, "sqs", "ListQueues", object{})
		}
		bound(permit(may("sqs:* kms:*", "*")))
		code, _ := list()
		l.want("both allow", code, "")
		l.want("the boundary gives nothing", l.answer(key, west, "kms", "ListKeys", object{}), "AccessDeniedException")
		l.want("the boundary does not allow", l.answer(key, west, "events", "ListEventBuses", object{}), "AccessDeniedException")
		bound(permit(may("events:*", "*")))
		_, message := list()
		l.want("changed", message, "User: arn:aws:sts::222222222222:assumed-role/role-1/role-1 is not authorized to perform: sqs:ListQueues on resource: * because no permissions boundary allows the sqs:ListQueues action")
		bound(permit(may("*", "*"), `{"Sid":"Never","Effect":"Deny","Action":"sqs:ListQueues","Resource":"*"}`))
		_, message = list()
		if want := " with an explicit deny in a permissions boundary"; !strings.HasSuffix(message, want) {
			t.Errorf("denied: got %q, want %q at its end", message, want)
		}
		if want := (PolicyStatement{"arn:aws:iam::222222222222:role/role-1", -1, 1, "Never"}); len(last.By) != 1 || last.By[0] != want {
			t.Errorf("the record: got %+v, want %+v", last.By, want)
		}
		bound("")
		code, _ = list()
		l.want("taken off", code, "")
		if err := l.w.BoundRole(vault, "nobody", ""); err == nil || !strings.Contains(err.Error(), "add it first") {
			t.Errorf("a role that is not there: got %v", err)
		}
		if err := l.w.BoundRole(vault, "role-1", "{}"); err == nil || !strings.Contains(err.Error(), "bound role role-1: parse policy") {
			t.Errorf("a policy that is none: got %v", err)
		}
	})
}

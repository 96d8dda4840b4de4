package sim

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestServicesActUnderRoles(t *testing.T) {
	const (
		function = "arn:aws:lambda:us-east-1:222222222222:function:f"
		group    = "arn:aws:scheduler:us-east-1:222222222222:schedule-group/default"
	)
	trust := func(service, condition string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole"` + condition + `}]}`
	}
	for name, test := range map[string]struct {
		trust, policy string
		act           func(*ServiceAct)
		want          string // "": permitted
	}{
		"trusted and allowed": {trust: trust("scheduler.amazonaws.com", ""), policy: may("lambda:InvokeFunction", function)},
		"trusted for this": {
			trust:  trust("scheduler.amazonaws.com", `,"Condition":{"StringEquals":{"aws:SourceAccount":"222222222222","aws:SourceArn":"`+group+`"}}`),
			policy: may("lambda:InvokeFunction", function, `{"StringEquals":{"aws:ResourceAccount":"222222222222","aws:PrincipalAccount":"222222222222"}}`)},
		"trusted for something else": {
			trust:  trust("scheduler.amazonaws.com", `,"Condition":{"StringEquals":{"aws:SourceAccount":"333333333333"}}`),
			policy: may("lambda:InvokeFunction", function), want: "AssumeRole"},
		"another service":  {trust: trust("lambda.amazonaws.com", ""), policy: may("lambda:InvokeFunction", function), want: "AssumeRole"},
		"nobody":           {policy: may("lambda:InvokeFunction", function), want: "AssumeRole"},
		"another function": {trust: trust("scheduler.amazonaws.com", ""), policy: may("lambda:InvokeFunction", function+"2"), want: "InvokeFunction"},
		"forbidden": {
			trust:  trust("scheduler.amazonaws.com", ""),
			policy: may("lambda:*", "*") + "," + mayNot("lambda:InvokeFunction", function), want: "InvokeFunction"},
		"the role alone": {trust: trust("scheduler.amazonaws.com", ""), policy: may("lambda:GetFunction", function), act: func(a *ServiceAct) { a.Action = "" }},
		"a role that is not there": {
			trust: trust("scheduler.amazonaws.com", ""), policy: may("lambda:*", "*"),
			act: func(a *ServiceAct) { a.RoleARN += "2" }, want: "AssumeRole"},
	} {
		bubble(t, name, Options{}, func(l *lab) {
			if _, err := l.w.AddRole(vault, "scheduler"); err != nil {
				l.t.Fatal(err)
			}
			if test.trust != "" {
				if err := l.w.TrustRole(vault, "scheduler", test.trust); err != nil {
					l.t.Fatal(err)
				}
			}
			if err := l.w.AddRolePolicy(vault, "scheduler", permit(test.policy)); err != nil {
				l.t.Fatal(err)
			}
			act := ServiceAct{Service: "scheduler.amazonaws.com", Account: vault, Region: "us-east-1", SourceARN: group,
				RoleARN: "arn:aws:iam::222222222222:role/scheduler", Action: "lambda:InvokeFunction", Resource: function}
			if test.act != nil {
				test.act(&act)
			}
			err := l.w.Permit(act)
			var refusal *Error
			switch {
			case test.want == "":
				if err != nil {
					l.t.Errorf("got %v, want it permitted", err)
				}
			case !errors.As(err, &refusal) || refusal.Action != test.want || refusal.Code != "AccessDenied":
				l.t.Errorf("got %v, want %s refused", err, test.want)
			}
		})
	}
}

func TestRolesGetFurtherPolicies(t *testing.T) {
	bubble(t, "further", Options{}, func(l *lab) {
		key := l.role(may("sqs:ListQueues", "*"))
		l.want("before", l.answer(key, west, "kms", "ListKeys", nil), "AccessDeniedException")
		if err := l.w.AddRolePolicy(vault, "role-1", permit(may("kms:ListKeys", "*"))); err != nil {
			l.t.Fatal(err)
		}
		l.want("after", l.answer(key, west, "kms", "ListKeys", nil), "")
		l.want("what it could before", l.answer(key, west, "sqs", "ListQueues", nil), "")
		for name, want := range map[string]string{
			"nobody": "add a policy to role nobody: account 222222222222 has no such role: add it first",
			"role-1": "add a policy to role role-1: parse policy: ",
		} {
			text := permit(may("sqs:*", "*"))
			if name == "role-1" {
				text = strings.Replace(text, "Effect", "Affect", 1)
			}
			if got := fmt.Sprint(l.w.AddRolePolicy(vault, name, text)); !strings.HasPrefix(got, want) {
				l.t.Errorf("got %q, want %q", got, want)
			}
		}
	})
}

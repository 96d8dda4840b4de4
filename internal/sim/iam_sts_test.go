package sim

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAddRoleRefuses(t *testing.T) {
	w := New(Options{})
	good := permit(may("ec2:*", "*"))
	if _, err := w.AddRole(vault, "copier", good); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		account, role string
		policies      []string
		want          string
	}{
		"no account":            {"me", "x", nil, `add role x: "me" is not an account: 12 digits`},
		"no name":               {vault, "a b", nil, `add role "a b": a name has 1 to 64`},
		"twice":                 {vault, "copier", nil, "add role copier: account 222222222222 has it already"},
		"a policy with a fault": {vault, "x", []string{good, `{}`}, "add role x: policy 2: parse policy: Version must be"},
	} {
		_, err := w.AddRole(test.account, test.role, test.policies...)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
	if err := w.TrustRole(vault, "nobody", `{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}`); err == nil || !strings.Contains(err.Error(), "add it first") {
		t.Errorf("trust of a role that is not there: got %v", err)
	}
	if err := w.TrustRole(vault, "copier", good); err == nil || !strings.Contains(err.Error(), "trust role copier: parse policy: statement 1: Principal is missing") {
		t.Errorf("trust without a principal: got %v", err)
	}
}

func TestWhoIsCalling(t *testing.T) {
	bubble(t, "a session, by its access key id", Options{}, func(l *lab) {
		key, err := l.w.AddRole(vault, "copier")
		if err != nil {
			t.Fatal(err)
		}
		again, err := New(Options{Seed: 7}).AddRole(vault, "copier")
		if err != nil || again != key {
			t.Errorf("in another world: got %s, %v, want %s", again, err, key)
		}
		who := func(caller string) map[string]string {
			var answer element
			if err := l.w.Do(t.Context(), caller, west, "sts", "GetCallerIdentity", nil, &answer); err != nil {
				t.Fatal(err)
			}
			return map[string]string{"arn": answer.get("GetCallerIdentityResult/Arn"), "account": answer.get("GetCallerIdentityResult/Account")}
		}
		want := map[string]string{"arn": "arn:aws:sts::222222222222:assumed-role/copier/copier", "account": vault}
		if diff := cmp.Diff(want, who(key)); diff != "" {
			t.Errorf("the role (-want +got):\n%s", diff)
		}
		l.want("the root", who(vault)["arn"], "arn:aws:iam::222222222222:root")
		l.want("somebody", who("AKIAIOSFODNN7EXAMPLE")["account"], defaultAccount)
		l.want("somebody's session", who("ASIAIOSFODNN7EXAMPLE")["account"], defaultAccount)
		l.want("a key of another world's", l.answer("ASIASIMAAAAAAAAAAAAA", west, "sts", "GetCallerIdentity", nil), "InvalidClientTokenId")
	})
	bubble(t, "a role is assumed by whom it trusts and who may, for an hour", Options{}, func(l *lab) {
		const reader = "arn:aws:iam::111111111111:role/reader"
		if _, err := l.w.AddRole(owner, "reader", permit(may("ec2:DescribeSnapshots", "*"))); err != nil {
			t.Fatal(err)
		}
		may := l.role(may("sts:AssumeRole", reader))
		mayNot := l.role()
		in := url.Values{"RoleArn": {reader}, "RoleSessionName": {"look"}}
		assume := func(caller string) string { return l.answer(caller, west, "sts", "AssumeRole", in) }
		l.want("trusting nobody", assume(may), "AccessDenied")
		trust := func(principal string) {
			t.Helper()
			policy := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:RoleSessionName":"look"}}}}`
			if err := l.w.TrustRole(owner, "reader", policy); err != nil {
				t.Fatal(err)
			}
		}
		trust(`{"AWS":"` + stranger + `"}`)
		l.want("trusting another", assume(may), "AccessDenied")
		trust(`{"AWS":"` + vault + `"}`)
		l.want("without permission", assume(mayNot), "AccessDenied")
		l.want("the root", assume(vault), "")
		l.want("a role that is not there", l.answer(may, west, "sts", "AssumeRole", url.Values{"RoleArn": {reader + "s"}, "RoleSessionName": {"look"}}), "AccessDenied")
		l.want("another session name", l.answer(may, west, "sts", "AssumeRole", url.Values{"RoleArn": {reader}, "RoleSessionName": {"other"}}), "AccessDenied")
		for _, bad := range []url.Values{{"RoleArn": {reader}}, {"RoleSessionName": {"look"}}, {"RoleArn": {reader}, "RoleSessionName": {"look"}, "DurationSeconds": {"1"}}, {"RoleArn": {reader}, "RoleSessionName": {"look"}, "Policy": {"{}"}}} {
			l.want(fmt.Sprint(bad), l.answer(may, west, "sts", "AssumeRole", bad), "ValidationError")
		}
		var assumed element
		if err := l.w.Do(t.Context(), may, west, "sts", "AssumeRole", in, &assumed); err != nil {
			t.Fatal(err)
		}
		const result = "AssumeRoleResult/"
		l.want("user", assumed.get(result+"AssumedRoleUser/Arn"), "arn:aws:sts::111111111111:assumed-role/reader/look")
		l.want("expiration", assumed.get(result+"Credentials/Expiration"), l.w.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		key := assumed.get(result + "Credentials/AccessKeyId")
		l.want("look", l.code(key, east, "DescribeSnapshots"), "")
		l.want("more", l.code(key, east, "DescribeVolumes"), "UnauthorizedOperation")
		time.Sleep(time.Hour)
		l.want("an hour later", l.code(key, east, "DescribeSnapshots"), "ExpiredToken")
	})
}

package sim

import (
	"strings"
	"testing"
)

func TestKMSAuthorization(t *testing.T) {
	const (
		denied  = "AccessDeniedException"
		anyKey  = "arn:aws:kms:eu-west-1:222222222222:key/*"
		role    = `{"AWS":"arn:aws:iam::222222222222:role/role-1"}`
		account = `{"AWS":"arn:aws:iam::222222222222:root"}`
	)
	to := func(principal, action string) string {
		return permit(`{"Effect":"Allow","Principal":` + principal + `,"Action":"` + action + `","Resource":"*"}`)
	}
	describe := may("kms:DescribeKey", anyKey)
	grants := object{"KeyId": "{key}", "GranteePrincipal": owner, "Operations": []string{"Decrypt"}}
	tests := []struct {
		name      string
		role      []string
		key       string // its policy; "": the default
		grantee   string // of a grant to describe the key
		operation string // default: DescribeKey
		in        object
		want      string
	}{
		{name: "the default policy leaves it to the role's", role: []string{describe}},
		{name: "a role without permission", want: denied},
		{name: "a role for another key", role: []string{may("kms:DescribeKey", "arn:aws:kms:us-east-1:222222222222:key/*")}, want: denied},
		{name: "a key that is not left to the account", role: []string{describe}, key: to(`{"AWS":"333333333333"}`, "kms:*"), want: denied},
		{name: "a key that is left to the account for another action", role: []string{describe}, key: to(account, "kms:Decrypt"), want: denied},
		{name: "a key for the role", key: to(role, "kms:DescribeKey")},
		{name: "a key for everyone in it", key: to(`{"AWS":"*"}`, "kms:*")},
		{name: "a role that is denied by its own policy", role: []string{mayNot("kms:*", "*")}, key: to(role, "kms:*"), want: denied},
		{name: "a grant to the role", key: to(`{"AWS":"333333333333"}`, "kms:*"), grantee: "arn:aws:iam::222222222222:role/role-1"},
		{name: "a grant to another role", role: []string{describe}, key: to(`{"AWS":"333333333333"}`, "kms:*"), grantee: "arn:aws:iam::222222222222:role/other", want: denied},
		{name: "a grant to the account, and its permission", role: []string{describe}, key: to(`{"AWS":"333333333333"}`, "kms:*"), grantee: vault},
		{name: "a grant to the account", key: to(`{"AWS":"333333333333"}`, "kms:*"), grantee: vault, want: denied},
		{name: "a grant to a service", role: []string{describe}, key: to(`{"AWS":"333333333333"}`, "kms:*"), grantee: "ec2.eu-west-1.amazonaws.com", want: denied},

		{name: "a key by its alias", role: []string{may("kms:DescribeKey", anyKey, `{"ForAnyValue:StringEquals":{"kms:ResourceAliases":"alias/mine"}}`)}},
		{name: "a key by another alias", role: []string{may("kms:DescribeKey", anyKey, `{"ForAnyValue:StringEquals":{"kms:ResourceAliases":"alias/x"}}`)}, want: denied},
		{name: "directly is through no service", role: []string{may("kms:DescribeKey", anyKey, `{"StringLike":{"kms:ViaService":"*"}}`)}, want: denied},
		{name: "the caller's account", role: []string{may("kms:DescribeKey", anyKey, `{"StringEquals":{"kms:CallerAccount":"222222222222"}}`)}},
		{name: "a grant for oneself", role: []string{may("kms:CreateGrant", anyKey)}, operation: "CreateGrant", in: grants},
		{name: "a grant for AWS resources only", role: []string{may("kms:CreateGrant", anyKey, `{"Bool":{"kms:GrantIsForAWSResource":"true"}}`)}, operation: "CreateGrant", in: grants, want: denied},
		{name: "a grant of these operations", role: []string{may("kms:CreateGrant", anyKey, `{"ForAllValues:StringEquals":{"kms:GrantOperations":["Encrypt"]}}`)}, operation: "CreateGrant", in: grants, want: denied},
		{name: "an alias takes itself and the key", role: []string{may("kms:CreateAlias", anyKey), may("kms:CreateAlias", "arn:aws:kms:*:*:alias/new")}, operation: "CreateAlias", in: object{"AliasName": "alias/new", "TargetKeyId": "{key}"}},
		{name: "an alias without the key", role: []string{may("kms:CreateAlias", "arn:aws:kms:*:*:alias/new")}, operation: "CreateAlias", in: object{"AliasName": "alias/new", "TargetKeyId": "{key}"}, want: denied},
		{name: "an alias without itself", role: []string{may("kms:CreateAlias", anyKey)}, operation: "CreateAlias", in: object{"AliasName": "alias/new", "TargetKeyId": "{key}"}, want: denied},
		{name: "dropping an alias takes the key too", role: []string{may("kms:DeleteAlias", "arn:aws:kms:*:*:alias/mine")}, operation: "DeleteAlias", in: object{"AliasName": "alias/mine"}, want: denied},
		{name: "making a key takes *", role: []string{may("kms:CreateKey", anyKey)}, operation: "CreateKey", in: object{}, want: denied},
		{name: "making a key", role: []string{may("kms:CreateKey", "*")}, operation: "CreateKey", in: object{}},
	}
	for _, test := range tests {
		bubble(t, test.name, Options{}, func(l *lab) {
			caller := l.role(test.role...)
			key := l.newKey(vault, west, "")
			l.kms(vault, west, "CreateAlias", object{"AliasName": "alias/mine", "TargetKeyId": key})
			if test.grantee != "" {
				l.kms(vault, west, "CreateGrant", object{"KeyId": key, "GranteePrincipal": test.grantee, "Operations": []string{"DescribeKey"}})
			}
			if test.key != "" {
				l.kms(vault, west, "PutKeyPolicy", object{"KeyId": key, "Policy": test.key, "BypassPolicyLockoutSafetyCheck": true})
			}
			operation, in := "DescribeKey", object{"KeyId": key}
			if test.operation != "" {
				operation, in = test.operation, object{}
				for name, value := range test.in {
					if value == "{key}" {
						value = key
					}
					in[name] = value
				}
			}
			code, message := l.refusal(t.Context(), caller, west, "kms", operation, in)
			if code != test.want {
				t.Errorf("got %s: %s, want %s", code, message, test.want)
			}
		})
	}
	bubble(t, "across accounts it takes the key's policy and the role's", Options{}, func(l *lab) {
		key := l.newKey(owner, west, policyFor(owner, `{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"kms:*","Resource":"*"}`))
		in := object{"KeyId": key}
		l.want("both", l.answer(l.role(may("kms:DescribeKey", key)), west, "kms", "DescribeKey", in), "")
		code, message := l.refusal(t.Context(), l.role(), west, "kms", "DescribeKey", in)
		l.want("the key's only", code, denied)
		if !strings.Contains(message, "because no identity-based policy allows the kms:DescribeKey action") {
			t.Errorf("got %s", message)
		}
		shut := l.newKey(owner, west, "")
		code, message = l.refusal(t.Context(), l.role(may("kms:*", "*")), west, "kms", "DescribeKey", object{"KeyId": shut})
		l.want("the role's only", code, denied)
		if !strings.Contains(message, "because no resource-based policy allows the kms:DescribeKey action") {
			t.Errorf("got %s", message)
		}
	})
	bubble(t, "a grant is to somebody", Options{}, func(l *lab) {
		in := object{"KeyId": l.newKey(vault, west, ""), "GranteePrincipal": "me", "Operations": []string{"Decrypt"}}
		l.want("code", l.kmsCode(vault, west, "CreateGrant", in), "InvalidArnException")
	})
}

package sim

import (
	"errors"
	"testing"
	"time"
)

// kmsCode is what a call to KMS answers: "" or its error code.
func (l *lab) kmsCode(account, region, action string, in any) string {
	l.t.Helper()
	err := l.w.Do(l.t.Context(), account, region, "kms", action, in, nil)
	var refusal *Error
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &refusal):
		l.t.Fatalf("%s %v: %v", action, in, err)
	}
	return refusal.Code
}

type object = map[string]any

func TestKeys(t *testing.T) {
	bubble(t, "a key is made, disabled, enabled and deleted after its window", Options{}, func(l *lab) {
		key := l.newKey(owner, east, "")
		state := func() any {
			return l.kms(owner, east, "DescribeKey", object{"KeyId": key})["KeyMetadata"].(object)["KeyState"]
		}
		l.want("new", state(), "Enabled")
		l.kms(owner, east, "DisableKey", object{"KeyId": key})
		l.want("disabled", state(), "Disabled")
		l.want("grant on it", l.kmsCode(owner, east, "CreateGrant", object{"KeyId": key, "GranteePrincipal": vault, "Operations": []string{"Decrypt"}}), "DisabledException")
		l.kms(owner, east, "EnableKey", object{"KeyId": key})
		l.want("window", l.kmsCode(owner, east, "ScheduleKeyDeletion", object{"KeyId": key, "PendingWindowInDays": 6}), "ValidationException")
		l.kms(owner, east, "ScheduleKeyDeletion", object{"KeyId": key, "PendingWindowInDays": 7})
		l.want("doomed", state(), "PendingDeletion")
		l.want("enabling it", l.kmsCode(owner, east, "EnableKey", object{"KeyId": key}), "KMSInvalidStateException")
		l.kms(owner, east, "CancelKeyDeletion", object{"KeyId": key})
		l.want("cancelled", state(), "Disabled")
		l.kms(owner, east, "ScheduleKeyDeletion", object{"KeyId": key, "PendingWindowInDays": 7})
		time.Sleep(7 * day)
		l.want("gone", l.kmsCode(owner, east, "DescribeKey", object{"KeyId": key}), "NotFoundException")
	})
	bubble(t, "aliases name keys, and aws/ebs is there when it is asked for", Options{}, func(l *lab) {
		key := l.newKey(owner, east, "")
		l.kms(owner, east, "CreateAlias", object{"AliasName": "alias/mine", "TargetKeyId": key})
		l.want("again", l.kmsCode(owner, east, "CreateAlias", object{"AliasName": "alias/mine", "TargetKeyId": key}), "AlreadyExistsException")
		l.want("reserved", l.kmsCode(owner, east, "CreateAlias", object{"AliasName": "alias/aws/x", "TargetKeyId": key}), "NotAuthorizedException")
		l.want("bad", l.kmsCode(owner, east, "CreateAlias", object{"AliasName": "mine", "TargetKeyId": key}), "InvalidAliasNameException")
		managed := l.kms(owner, east, "DescribeKey", object{"KeyId": "alias/aws/ebs"})["KeyMetadata"].(object)
		l.want("manager", managed["KeyManager"], "AWS")
		l.want("disabling it", l.kmsCode(owner, east, "DisableKey", object{"KeyId": managed["Arn"]}), "AccessDeniedException")
		aliases := l.kms(owner, east, "ListAliases", object{"Limit": 1})
		l.want("first", aliases["Aliases"].([]any)[0].(object)["AliasName"], "alias/aws/ebs")
		aliases = l.kms(owner, east, "ListAliases", object{"Limit": 1, "Marker": aliases["NextMarker"]})
		l.want("second", aliases["Aliases"].([]any)[0].(object)["AliasName"], "alias/mine")
		l.want("truncated", aliases["Truncated"], false)
		l.want("of a key", len(l.kms(owner, east, "ListAliases", object{"KeyId": key})["Aliases"].([]any)), 1)
		l.kms(owner, east, "DeleteAlias", object{"AliasName": "alias/mine"})
		l.want("gone", l.kmsCode(owner, east, "DescribeKey", object{"KeyId": "alias/mine"}), "NotFoundException")
		l.want("keys", len(l.kms(owner, east, "ListKeys", nil)["Keys"].([]any)), 2)
	})
	bubble(t, "another account reaches a key by its ARN if policy or grant allows", Options{}, func(l *lab) {
		key := l.newKey(owner, east, "")
		describe := func() string { return l.kmsCode(vault, east, "DescribeKey", object{"KeyId": key}) }
		l.want("at first", describe(), "AccessDeniedException")
		l.want("missing", l.kmsCode(vault, east, "DescribeKey", object{"KeyId": key + "x"}), "NotFoundException")
		l.want("elsewhere", l.kmsCode(vault, west, "DescribeKey", object{"KeyId": key}), "NotFoundException")
		grant := l.kms(owner, east, "CreateGrant", object{"KeyId": key, "GranteePrincipal": "arn:aws:iam::" + vault + ":root", "Operations": []string{"DescribeKey"}})["GrantId"]
		l.want("granted", describe(), "")
		l.want("grants", len(l.kms(owner, east, "ListGrants", object{"KeyId": key})["Grants"].([]any)), 1)
		l.kms(owner, east, "RevokeGrant", object{"KeyId": key, "GrantId": grant})
		l.want("revoked", describe(), "AccessDeniedException")
		l.kms(owner, east, "PutKeyPolicy", object{"KeyId": key, "Policy": policyFor(owner, `{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}`)})
		l.want("allowed", describe(), "")
		l.want("its policy stays the owner's", l.kmsCode(vault, east, "GetKeyPolicy", object{"KeyId": key}), "AccessDeniedException")
	})
	bubble(t, "a policy that locks its author out is refused", Options{}, func(l *lab) {
		shut := `{"Statement":{"Effect":"Allow","Principal":{"AWS":"` + vault + `"},"Action":"kms:*","Resource":"*"}}`
		l.want("refused", l.kmsCode(owner, east, "CreateKey", object{"Policy": shut}), "MalformedPolicyDocumentException")
		l.want("wanted", l.kmsCode(owner, east, "CreateKey", object{"Policy": shut, "BypassPolicyLockoutSafetyCheck": true}), "")
	})
	for _, policy := range []string{"{", "[]", `{}`, `{"Statement":7}`, `{"Statement":[{"Effect":"Maybe","Principal":"*","Action":"*","Resource":"*"}]}`,
		`{"Statement":[{"Effect":"Allow","Principal":{"AWS":"me"},"Action":"*","Resource":"*"}]}`,
		`{"Statement":[{"Effect":"Allow","Principal":"*","NotAction":"*","Resource":"*"}]}`,
		`{"Statement":[{"Effect":"Allow","Principal":"*","Action":[{}],"Resource":"*"}]}`,
		`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`} {
		bubble(t, "malformed: "+policy, Options{}, func(l *lab) {
			l.want("code", l.kmsCode(owner, east, "CreateKey", object{"Policy": policy, "BypassPolicyLockoutSafetyCheck": true}), "MalformedPolicyDocumentException")
		})
	}
	bubble(t, "every action answers an empty request and one that is none", Options{}, func(l *lab) {
		for _, action := range sortedKeys(kmsActions) {
			l.kmsCode(vault, west, action, nil)
			l.want(action, l.kmsCode(vault, west, action, []int{1}), "SerializationException")
		}
	})
}

func TestKeyPolicy(t *testing.T) {
	byVault := caller{account: vault}
	viaEBS := forEBS(byVault, east, "CreateGrant")
	direct := kmsAsk{by: byVault, region: east, action: "CreateGrant"}
	statement := func(effect, principal, action, condition string) string {
		s := `{"Effect":"` + effect + `","Principal":` + principal + `,"Action":` + action + `,"Resource":"*"`
		if condition != "" {
			s += `,"Condition":` + condition
		}
		return s + "}"
	}
	const anyone, create = `{"AWS":"*"}`, `"kms:CreateGrant"`
	tests := []struct {
		name      string
		statement string
		ask       kmsAsk
		want      bool
	}{
		{"an account id", statement("Allow", `{"AWS":"222222222222"}`, create, ""), viaEBS, true},
		{"a root ARN", statement("Allow", `{"AWS":["arn:aws:iam::222222222222:root"]}`, create, ""), viaEBS, true},
		{"a role counts for its account", statement("Allow", `{"AWS":"arn:aws:iam::222222222222:role/copier"}`, create, ""), viaEBS, true},
		{"another account", statement("Allow", `{"AWS":"333333333333"}`, create, ""), viaEBS, false},
		{"a service is nobody", statement("Allow", `{"Service":"ec2.amazonaws.com"}`, create, ""), viaEBS, false},
		{"a service beside an account", statement("Allow", `{"Service":"ec2.amazonaws.com","AWS":"222222222222"}`, create, ""), viaEBS, true},
		{"an action in another case", statement("Allow", anyone, `"KMS:creategrant"`, ""), viaEBS, true},
		{"another action", statement("Allow", anyone, `["kms:Decrypt","kms:ReEncrypt*"]`, ""), viaEBS, false},
		{"everything", statement("Allow", anyone, `"*"`, ""), viaEBS, true},
		{"for an AWS resource, by EBS", statement("Allow", anyone, create, `{"Bool":{"kms:GrantIsForAWSResource":"true"}}`), viaEBS, true},
		{"for an AWS resource, by oneself", statement("Allow", anyone, create, `{"Bool":{"kms:GrantIsForAWSResource":true}}`), direct, false},
		{"for an AWS resource, about another action", statement("Allow", anyone, `"kms:*"`, `{"Bool":{"kms:GrantIsForAWSResource":true}}`), forEBS(byVault, east, "DescribeKey"), false},
		{"through EC2 in the Region", statement("Allow", anyone, create, `{"StringEquals":{"kms:ViaService":"ec2.us-east-1.amazonaws.com"}}`), viaEBS, true},
		{"through EC2 in another Region", statement("Allow", anyone, create, `{"StringEquals":{"kms:ViaService":["ec2.eu-west-1.amazonaws.com"]}}`), viaEBS, false},
		{"through EC2 anywhere", statement("Allow", anyone, create, `{"StringLike":{"kms:ViaService":"ec2.*.amazonaws.com"}}`), viaEBS, true},
		{"through EC2, by oneself", statement("Allow", anyone, create, `{"StringLike":{"kms:ViaService":"*"}}`), direct, false},
		{"for the caller's account", statement("Allow", anyone, create, `{"StringEquals":{"kms:CallerAccount":["1","222222222222"]}}`), viaEBS, true},
		{"two conditions, one not met", statement("Allow", anyone, create, `{"StringEquals":{"kms:CallerAccount":"222222222222","kms:ViaService":"x"}}`), viaEBS, false},
		{"an unknown condition key", statement("Allow", anyone, create, `{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`), viaEBS, false},
		{"for other accounts than the caller's", statement("Allow", anyone, create, `{"StringNotEquals":{"kms:CallerAccount":"222222222222"}}`), viaEBS, false},
		{"a denial outweighs", statement("Allow", anyone, `"*"`, "") + "," + statement("Deny", anyone, `"kms:Create*"`, ""), viaEBS, false},
		{"a denial of somebody else", statement("Allow", anyone, `"*"`, "") + "," + statement("Deny", `{"AWS":"333333333333"}`, `"*"`, ""), viaEBS, true},
		{"a denial on a condition not met", statement("Allow", anyone, `"*"`, "") + "," + statement("Deny", anyone, `"*"`, `{"Bool":{"kms:GrantIsForAWSResource":false}}`), viaEBS, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			policy, problem := parseKeyPolicy(`{"Statement":[` + test.statement + `]}`)
			if problem != nil {
				t.Fatal(problem)
			}
			w := New(Options{})
			key := w.kms.add(place{owner, east}, w.Now(), "", policy)
			if got := w.kms.allows(key, test.ask, w.Now()); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

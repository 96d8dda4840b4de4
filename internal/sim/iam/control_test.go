package iam

import "testing"

// TestControl: service control policies take away and give nothing.
func TestControl(t *testing.T) {
	full := document(statement())
	const keep = `Action="sqs:DeleteQueue"`
	exempt := func(operator string) string {
		return `Condition={"` + operator + `":{"aws:PrincipalArn":"arn:aws:iam::222222222222:role/copier"}}`
	}
	type is struct{ allowed, denied, control bool }
	yes, no, never := is{allowed: true}, is{}, is{denied: true, control: true}
	for name, test := range map[string]struct {
		identity string
		controls []string
		want     is
	}{
		"all is allowed":                         {full, []string{full}, yes},
		"what they allow, they do not give":      {document(statement(`Action="s3:*"`)), []string{full}, no},
		"without one that allows nothing is":     {full, []string{document(statement(`Effect="Deny"`, `Action="s3:*"`))}, no},
		"one that allows is enough":              {full, []string{document(statement(`Action="s3:*"`)), full}, yes},
		"a list without it":                      {full, []string{document(statement(`Action=["s3:*","ec2:*"]`))}, no},
		"all but a list":                         {full, []string{document(statement(`NotAction=["s3:*","ec2:*"]`))}, yes},
		"denied":                                 {full, []string{full, document(statement(`Effect="Deny"`, keep))}, never},
		"denied, though no policy allows it":     {document(statement(`Action="s3:*"`)), []string{full, document(statement(`Effect="Deny"`, keep))}, never},
		"another is denied":                      {full, []string{full, document(statement(`Effect="Deny"`, `Action="sqs:PurgeQueue"`))}, yes},
		"all others are denied":                  {full, []string{full, document(statement(`Effect="Deny"`, `NotAction="sqs:DeleteQueue"`))}, yes},
		"on another resource":                    {full, []string{full, document(statement(`Effect="Deny"`, keep, `Resource="arn:aws:sqs:*:*:events"`))}, yes},
		"on all other resources":                 {full, []string{full, document(statement(`Effect="Deny"`, keep, `NotResource="arn:aws:sqs:*:*:events"`))}, never},
		"to this role":                           {full, []string{full, document(statement(`Effect="Deny"`, keep, exempt("ArnEquals")))}, never},
		"to all but this role":                   {full, []string{full, document(statement(`Effect="Deny"`, keep, exempt("ArnNotEquals")))}, yes},
		"allowed to this role":                   {full, []string{document(statement(exempt("ArnEquals")))}, yes},
		"allowed to others":                      {full, []string{document(statement(exempt("ArnNotEquals")))}, no},
		"a key that is not there fails a denial": {full, []string{full, document(statement(`Effect="Deny"`, keep, `Condition={"StringEquals":{"aws:RequestTag/a":"b"}}`))}, yes},
		"but not a negated one":                  {full, []string{full, document(statement(`Effect="Deny"`, keep, `Condition={"StringNotEquals":{"aws:RequestTag/a":"b"}}`))}, never},
	} {
		r := Request{Principal: session, Action: "sqs:DeleteQueue", Resource: resource, Owner: account, Keys: Keys{"aws:principalarn": {session.Role}}}
		var controls []*Policy
		for _, text := range test.controls {
			controls = append(controls, parse(t, ServiceControl, text))
		}
		d := Control(&r, controls, Evaluate(&r, []*Policy{parse(t, Identity, test.identity)}, nil, Either))
		if got := (is{d.Allowed, d.Denied, d.Control}); got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
		if d.Control && (len(d.By) != 1 || d.By[0].Policy != 1) {
			t.Errorf("%s: by %+v", name, d.By)
		}
	}
}

// TestControllable: who is bound at all.
func TestControllable(t *testing.T) {
	linked := session
	linked.Role = "arn:aws:iam::222222222222:role/aws-service-role/backup.amazonaws.com/AWSServiceRoleForBackup"
	lookalike := session
	lookalike.Role = "arn:aws:iam::222222222222:role/team/aws-service-role"
	for name, test := range map[string]struct {
		p    Principal
		want bool
	}{
		"a role":                {session, true},
		"a root":                {Root(account), true},
		"a service":             {Service("events.amazonaws.com"), false},
		"a service-linked role": {linked, false},
		"one that looks alike":  {lookalike, true},
	} {
		if got := test.p.Controllable(); got != test.want {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

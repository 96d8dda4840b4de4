package sim

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// control attaches policies to an account, beside FullAWSAccess.
func (l *lab) control(account string, statements ...string) {
	l.t.Helper()
	if err := l.w.ControlAccount(account, FullAWSAccess, permit(statements...)); err != nil {
		l.t.Fatal(err)
	}
}

// TestControlledAccount: what service control policies of an account deny, nobody
// of the account may do, whatever allows it; others may.
func TestControlledAccount(t *testing.T) {
	bubble(t, "", Options{Managers: []string{stranger}}, func(l *lab) {
		admin := l.role(may("*", "*"))
		c := queues{t, l.w, vault, west}
		queue := c.create("q", "Policy", permit(`{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*"}`))
		c.create("named", "Policy", permit(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:role/role-1"},"Action":"sqs:*","Resource":"*"}`))
		purge := func(caller string) string {
			return l.answer(caller, west, "sqs", "PurgeQueue", object{"QueueUrl": queue})
		}
		l.want("before", purge(admin), "")
		deny := mayNot("sqs:PurgeQueue sqs:SendMessage ec2:DeleteSnapshot", "*")
		l.control(vault, deny)
		l.want("the administrator", purge(admin), "AccessDeniedException")
		l.want("the root", purge(vault), "AccessDeniedException")
		send := func(caller, name string) string {
			return l.answer(caller, west, "sqs", "SendMessage", object{"QueueUrl": strings.Replace(queue, "/q", "/"+name, 1), "MessageBody": "a"})
		}
		l.want("another account sends", send(owner, "q"), "")
		l.want("the queue's policy names the role", send(admin, "named"), "AccessDeniedException")

		// Nobody of an account may do it anywhere.
		l.control(owner, deny)
		l.want("another account's root, elsewhere", send(owner, "q"), "AccessDeniedException")
		l.control(stranger, deny)
		l.want("the managing account", send(stranger, "q"), "")

		// Without one that allows there is nothing left, and without any all is as before.
		if err := l.w.ControlAccount(vault, permit(deny)); err != nil {
			t.Fatal(err)
		}
		code, message := l.refusal(t.Context(), vault, west, "sqs", "ListQueues", object{})
		l.want("nothing allows", code, "AccessDeniedException")
		l.want("nothing allows", message, "User: arn:aws:iam::222222222222:root is not authorized to perform: sqs:ListQueues on resource: * because no service control policy allows the sqs:ListQueues action")
		if err := l.w.ControlAccount(vault); err != nil {
			t.Fatal(err)
		}
		l.want("taken off", send(vault, "q"), "")
		if err := l.w.ControlAccount(vault, `{"Statement":[]}`); err == nil {
			t.Error("a policy without a version was taken")
		}
		if err := l.w.ControlAccount("vault"); err == nil {
			t.Error("an account of letters was taken")
		}
	})
}

// TestControlledByWhat: the refusal and the record name the service control policy.
func TestControlledByWhat(t *testing.T) {
	var asked []Authorization
	bubble(t, "", Options{OnAuthorize: func(a Authorization) { asked = append(asked, a) }}, func(l *lab) {
		admin := l.role(may("*", "*"))
		snapshot := l.newSnapshot(vault, west, l.newVolume(vault, west))
		l.control(vault, may("*", "*"), `{"Sid":"Kept","Effect":"Deny","Action":"ec2:DeleteSnapshot","Resource":"*"}`)
		asked = nil
		code, message := l.refusal(t.Context(), admin, west, "ec2", "DeleteSnapshot", url.Values{"SnapshotId": {snapshot}})
		l.want("code", code, "UnauthorizedOperation")
		const sentence = "is not authorized to perform: ec2:DeleteSnapshot on resource: arn:aws:ec2:eu-west-1::snapshot/"
		for _, part := range []string{sentence, "with an explicit deny in a service control policy. Encoded authorization failure message: "} {
			if !strings.Contains(message, part) {
				t.Errorf("got %q, want it to say %q", message, part)
			}
		}
		asked[0].Keys = nil
		want := []Authorization{{Principal: "arn:aws:sts::222222222222:assumed-role/role-1/role-1", Role: "arn:aws:iam::222222222222:role/role-1",
			Action: "ec2:DeleteSnapshot", Resource: "arn:aws:ec2:eu-west-1::snapshot/" + snapshot, Denied: true, By: []PolicyStatement{{vault, 1, 1, "Kept"}}}}
		if diff := cmp.Diff(want, asked); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestServicesAreControlled: what a service does under a role, the account's
// service control policies bound; what it does for itself they do not.
func TestServicesAreControlled(t *testing.T) {
	bubble(t, "", Options{}, func(l *lab) {
		l.role(may("*", "*"))
		if err := l.w.TrustRole(vault, "role-1", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"scheduler.amazonaws.com"},"Action":"sts:AssumeRole"}]}`); err != nil {
			t.Fatal(err)
		}
		act := ServiceAct{Service: "scheduler.amazonaws.com", Account: vault, Region: west, RoleARN: "arn:aws:iam::222222222222:role/role-1",
			Action: "lambda:InvokeFunction", Resource: "arn:aws:lambda:eu-west-1:222222222222:function:f"}
		if err := l.w.Permit(act); err != nil {
			t.Error(err)
		}
		l.control(vault, mayNot("lambda:InvokeFunction", "*"))
		if err := l.w.Permit(act); err == nil || !strings.Contains(err.Error(), "service control policy") {
			t.Errorf("the role's act: %v", err)
		}
		// That the service takes the role on is its own act.
		l.control(vault, mayNot("sts:AssumeRole", "*"))
		if err := l.w.Permit(act); err != nil {
			t.Errorf("taking the role on: %v", err)
		}
		l.want("an administrator takes it on", l.answer(vault, west, "sts", "AssumeRole", url.Values{
			"RoleArn": {act.RoleARN}, "RoleSessionName": {"me"}}), "AccessDenied")
	})
}

// TestAuthorize: IAM answers about acts of services that are not simulated.
func TestAuthorize(t *testing.T) {
	bubble(t, "", Options{}, func(l *lab) {
		admin, clerk := l.role(may("*", "*")), l.role(may("lambda:Get*", "*"))
		if err := l.w.TrustRole(vault, "role-2", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:role/role-1"},"Action":"sts:AssumeRole"}]}`); err != nil {
			t.Fatal(err)
		}
		key := l.newKey(vault, west, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":"kms:*","Resource":"*","Condition":{"ArnEquals":{"aws:PrincipalArn":["arn:aws:iam::222222222222:root","arn:aws:iam::222222222222:role/role-1"]}}}]}`)
		queue := queues{t, l.w, vault, west}
		queue.create("q", "Policy", permit(`{"Effect":"Allow","Principal":{"AWS":"333333333333"},"Action":"sqs:*","Resource":"*"}`))
		l.control(vault, mayNot("lambda:UpdateFunctionCode", "arn:aws:lambda:*:*:function:kept"), mayNot("iam:*", "*", `{"StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"}}`))
		const function = "arn:aws:lambda:eu-west-1:222222222222:function:"
		for name, test := range map[string]struct {
			caller, action, resource string
			keys                     map[string][]string
			want                     string
		}{
			"may":                               {caller: admin, action: "lambda:UpdateFunctionCode", resource: function + "mine"},
			"by a service control policy":       {caller: admin, action: "lambda:UpdateFunctionCode", resource: function + "kept", want: "with an explicit deny in a service control policy"},
			"so the root":                       {caller: vault, action: "lambda:UpdateFunctionCode", resource: function + "kept", want: "with an explicit deny in a service control policy"},
			"by no policy":                      {caller: clerk, action: "lambda:UpdateFunctionCode", resource: function + "mine", want: "because no identity-based policy allows"},
			"with a key":                        {caller: admin, action: "iam:PassRole", resource: "*", keys: map[string][]string{"iam:PassedToService": {"lambda.amazonaws.com"}}, want: "service control policy"},
			"with another":                      {caller: admin, action: "iam:PassRole", resource: "*", keys: map[string][]string{"iam:PassedToService": {"ec2.amazonaws.com"}}},
			"a trusted one":                     {caller: admin, action: "sts:AssumeRole", resource: "arn:aws:iam::222222222222:role/role-2"},
			"an untrusted one":                  {caller: owner, action: "sts:AssumeRole", resource: "arn:aws:iam::222222222222:role/role-2", want: "resource-based"},
			"a key's policy":                    {caller: admin, action: "kms:TagResource", resource: key},
			"a key's policy that leaves it out": {caller: clerk, action: "kms:TagResource", resource: key, want: "resource-based"},
			"a queue's policy":                  {caller: stranger, action: "sqs:SendMessage", resource: "arn:aws:sqs:eu-west-1:222222222222:q"},
			"not across accounts":               {caller: stranger, action: "sqs:DeleteQueue", resource: "arn:aws:sqs:eu-west-1:222222222222:q", want: "resource-based"},
			"another account's queue":           {caller: owner, action: "sqs:SendMessage", resource: "arn:aws:sqs:eu-west-1:222222222222:q", want: "resource-based"},
			"who is that":                       {caller: "ASIASIMNOBODY", action: "sqs:SendMessage", resource: "*", want: "InvalidClientTokenId"},
			"and that":                          {caller: "somebody", action: "sqs:SendMessage", resource: "*", want: "neither an account nor an access key id"},
		} {
			err := l.w.Authorize(Question{Caller: test.caller, Region: west, Action: test.action, Resource: test.resource, Keys: test.keys})
			switch {
			case test.want == "" && err != nil:
				t.Errorf("%s: %v", name, err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("%s: got %v, want %s", name, err, test.want)
			}
		}
	})
}

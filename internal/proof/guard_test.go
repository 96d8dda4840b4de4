package proof

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"snapferry/infra/blueprint"
	"snapferry/infra/golden"
	"snapferry/internal/policy"
	"snapferry/internal/sim"
)

// guardOf is the guard of a golden case, as the service control policies of its
// target account. A case without one gets one with these roles.
func guardOf(t *testing.T, name string) (blueprint.Blueprint, []string) {
	t.Helper()
	c := goldenOf(t, name)
	settings, problems := blueprint.ParseSettings("settings.json", readFile(t, golden.Cases, name+"/settings.json"), blueprint.Overrides{})
	if len(settings.Guard.Deployers) == 0 {
		settings.Guard = blueprint.GuardSettings{Deployers: []string{"ci/Deploy"}, Operators: []string{"BackupOperator"}, Target: Account}
	}
	var policies []policy.Policy
	for file, document := range sortedMap(c.policies) {
		p, found := policy.Parse(file, document)
		policies, problems = append(policies, p), append(problems, found...)
	}
	b, found := blueprint.New(settings, policies, policy.Hash(c.policies))
	if problems = append(problems, found...); len(problems) > 0 || b.Guard == nil {
		t.Fatalf("the guard of %s: %v", name, problems)
	}
	controls := []string{sim.FullAWSAccess}
	for _, p := range b.Guard.Policies {
		controls = append(controls, string(p.JSON()))
	}
	return b, controls
}

// TestUnderTheGuard: with the guard on its account snapferry does all that it did
// without, in an organization with conventions of its own and in a storm.
func TestUnderTheGuard(t *testing.T) {
	_, controls := guardOf(t, "organization")
	got := bounded(t, boundaryInDocs(t), controls...)
	if want := "[Started Completed Expired]"; fmt.Sprint(got.outcomes) != want {
		t.Errorf("outcomes %v, want %s", got.outcomes, want)
	}
	if len(got.refused) > 0 || len(got.problems) > 0 {
		t.Errorf("refused: %v, problems: %v", slices.Sorted(maps.Keys(got.refused)), got.problems)
	}
	_, controls = guardOf(t, "storm")
	r := weather(t, Storm{Seed: 5, Sources: 30, Templates: goldenOf(t, "storm").templates(t, nil), Controls: controls})
	if r.Lost > 0 || r.Doubled > 0 || r.Copies < 60 {
		t.Errorf("%d copies made, %d lost, %d doubled", r.Copies, r.Lost, r.Doubled)
	}
	for _, refusal := range summary(r.Denied) {
		t.Error(refusal)
	}
}

// question is an act, about a resource, with the condition keys that it has.
type question struct {
	action, resource string
	keys             map[string][]string
}

func (q question) String() string { return q.action + " on " + q.resource }

// guardActs are what nobody but deployers may do to the deployment b, by what it
// would come to.
func guardActs(b blueprint.Blueprint) map[string][]question {
	s := b.Settings
	app := s.NamePrefix + blueprint.Application
	home := b.Home.Region
	arn := func(service, region, resource string) string {
		return "arn:aws:" + service + ":" + region + ":" + Account + ":" + resource
	}
	role := func(name string) string { return arn("iam", "", "role"+s.IAMPath+name) }
	boot := func(what string) string {
		return arn("iam", "", "role/cdk-"+s.Qualifier+"-"+what+"-role-"+Account+"-"+home)
	}
	const copied = "arn:aws:ec2:eu-west-1::snapshot/snap-0123456789abcdef0"
	marked := map[string][]string{"aws:ResourceTag/snapferry:order": {"p/snap-0123456789abcdef1"}, "aws:ResourceTag/snapferry:expires": {"never"}}
	with := func(more map[string][]string) map[string][]string {
		all := maps.Clone(marked)
		maps.Copy(all, more)
		return all
	}
	on := func(resource string, actions ...string) (all []question) {
		for _, action := range actions {
			all = append(all, question{action, resource, nil})
		}
		return all
	}
	acts := map[string][]question{
		"copies deleted, shared, opened": {
			{"ec2:DeleteSnapshot", copied, marked},
			{"ec2:DeleteSnapshot", arn("ec2", "eu-west-1", "snapshot/snap-0123456789abcdef0"), marked},
			{"ec2:UnlockSnapshot", arn("ec2", "eu-west-1", "snapshot/snap-0123456789abcdef0"), marked},
			{"ec2:ModifySnapshotAttribute", copied, marked},
			{"ec2:ResetSnapshotAttribute", copied, marked},
			{"ec2:ModifySnapshotTier", copied, marked},
			{"ec2:UnlockSnapshot", copied, marked},
			{"ec2:LockSnapshot", copied, marked}, // shortens one in governance mode
			{"ec2:ModifyImageAttribute", "arn:aws:ec2:eu-west-1::image/ami-0123456789abcdef0", nil},
		},
		"marks made, moved and taken off": {
			{"ec2:CreateTags", copied, with(map[string][]string{"aws:TagKeys": {"snapferry:expires"}, "aws:RequestTag/snapferry:expires": {"2000-01-01T00:00:00Z"}})},
			{"ec2:CreateTags", copied, with(map[string][]string{"aws:TagKeys": {"Name"}})},
			{"ec2:CreateTags", "arn:aws:ec2:eu-west-1::snapshot/snap-0123456789abcdef2", map[string][]string{"aws:TagKeys": {"Name", "snapferry:order"}}},
			{"ec2:CreateTags", arn("ec2", "eu-west-1", "volume/vol-0123456789abcdef0"), map[string][]string{"aws:TagKeys": {"snapferry:order"}}},
			{"ec2:CreateTags", "arn:aws:ec2:eu-west-1::snapshot/*", map[string][]string{"aws:TagKeys": {"snapferry:order"}, "ec2:CreateAction": {"CreateSnapshot"}}},
			{"ec2:DeleteTags", copied, with(map[string][]string{"aws:TagKeys": {"snapferry:hold"}})},
			{"ec2:DeleteTags", copied, marked},
		},
		"settings of the account": on("*",
			"ec2:ModifyEbsDefaultKmsKeyId", "ec2:ResetEbsDefaultKmsKeyId", "ec2:EnableEbsEncryptionByDefault", "ec2:DisableEbsEncryptionByDefault",
			"ec2:DisableSnapshotBlockPublicAccess", "ec2:EnableSnapshotBlockPublicAccess", "ec2:DisableImageBlockPublicAccess",
			"account:CloseAccount", "account:DisableRegion", "organizations:LeaveOrganization"),
		"the Recycle Bin's rules": on(arn("rbin", "eu-west-1", "rule/0123456789A"), "rbin:DeleteRule", "rbin:UpdateRule", "rbin:UnlockRule"),
		"keys": on(arn("kms", "eu-west-1", "key/1234abcd-12ab-34cd-56ef-1234567890ab"),
			"kms:ScheduleKeyDeletion", "kms:DisableKey", "kms:PutKeyPolicy", "kms:DeleteImportedKeyMaterial", "kms:ImportKeyMaterial",
			"kms:RevokeGrant", "kms:RetireGrant", "kms:DisableKeyRotation", "kms:UpdatePrimaryRegion", "kms:ReplicateKey", "kms:CreateGrant"),
		"aliases and key stores": append(on(arn("kms", "eu-west-1", "alias/"+app), "kms:DeleteAlias", "kms:UpdateAlias"),
			on("*", "kms:DisconnectCustomKeyStore", "kms:DeleteCustomKeyStore", "kms:UpdateCustomKeyStore")...),
		"buses opened": on("*", "events:PutPermission", "events:RemovePermission"),
		"the home bus": on(arn("events", home, "event-bus/"+app), "events:DeleteEventBus", "events:UpdateEventBus", "events:PutEvents"),
		"stacks": on(arn("cloudformation", home, "stack/"+s.StackName("home")+"/0a1b"), "cloudformation:UpdateStack", "cloudformation:DeleteStack",
			"cloudformation:ExecuteChangeSet", "cloudformation:SetStackPolicy", "cloudformation:ContinueUpdateRollback",
			"cloudformation:RollbackStack", "cloudformation:CancelUpdateStack"),
		"the functions' code on its way": on("arn:aws:s3:::cdk-"+s.Qualifier+"-assets-"+Account+"-"+home+"/asset.zip", "s3:PutObject", "s3:DeleteObject"),
		"alarms muted":                   on(arn("cloudwatch", home, "alarm-mute-rule:quiet"), "cloudwatch:PutAlarmMuteRule", "cloudwatch:DeleteAlarmMuteRule"),
		"the bucket by another door":     on(arn("s3", home, "accesspoint/door"), "s3:CreateAccessPoint", "s3:PutAccessPointPolicy"),
		"its bucket": on("arn:aws:s3:::cdk-"+s.Qualifier+"-assets-"+Account+"-"+home, "s3:PutBucketPolicy", "s3:DeleteBucket", "s3:DeleteBucketPolicy",
			"s3:PutReplicationConfiguration", "s3:PutLifecycleConfiguration", "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration"),
		"the bootstrap's version": on(arn("ssm", home, "parameter/cdk-bootstrap/"+s.Qualifier+"/version"), "ssm:PutParameter", "ssm:DeleteParameter"),
		"figures forged":          {{"cloudwatch:PutMetricData", "*", map[string][]string{"cloudwatch:namespace": {"snapferry"}}}},
	}
	for _, function := range b.Home.Functions {
		f := arn("lambda", home, "function:"+function.FullName)
		acts["function "+function.Name] = slices.Concat(on(f,
			"lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration", "lambda:DeleteFunction", "lambda:CreateFunction", "lambda:PublishVersion",
			"lambda:CreateAlias", "lambda:CreateFunctionUrlConfig", "lambda:UpdateFunctionUrlConfig", "lambda:AddPermission", "lambda:RemovePermission",
			"lambda:PutFunctionConcurrency", "lambda:DeleteFunctionConcurrency", "lambda:PutFunctionEventInvokeConfig", "lambda:PutRuntimeManagementConfig",
			"lambda:PutFunctionCodeSigningConfig", "lambda:DeleteFunctionCodeSigningConfig"),
			[]question{
				{"lambda:CreateEventSourceMapping", "*", map[string][]string{"lambda:FunctionArn": {f}}},
				{"lambda:UpdateEventSourceMapping", arn("lambda", home, "event-source-mapping:0a1b"), map[string][]string{"lambda:FunctionArn": {f}}},
				{"lambda:DeleteEventSourceMapping", arn("lambda", home, "event-source-mapping:0a1b"), map[string][]string{"lambda:FunctionArn": {f}}},
			},
			on(arn("logs", home, "log-group:/aws/lambda/"+function.FullName), "logs:DeleteLogGroup", "logs:PutRetentionPolicy", "logs:PutSubscriptionFilter"),
			on(arn("logs", home, "log-group:/aws/lambda/"+function.FullName+":log-stream:a"), "logs:PutLogEvents", "logs:DeleteLogStream"))
		if function.Schedule != "" {
			acts["schedule "+function.Name] = on(arn("scheduler", home, "schedule/default/"+function.FullName), "scheduler:UpdateSchedule", "scheduler:DeleteSchedule")
		}
	}
	roles := []string{boot("cfn-exec"), boot("deploy"), boot("file-publishing"), role(b.Home.Scheduler.Name), role(b.Home.Functions[0].Role.Name)}
	for _, name := range slices.Concat(s.Guard.Deployers, s.Guard.Operators) {
		roles = append(roles, arn("iam", "", "role/"+name))
	}
	for _, f := range b.Forwarders {
		for _, r := range f.Rules {
			roles = append(roles, role(r.Role.Name))
		}
	}
	for _, r := range roles {
		acts["role "+r] = on(r, "iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:DetachRolePolicy", "iam:DeleteRolePolicy",
			"iam:DeleteRole", "iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary", "iam:UpdateRole", "iam:PassRole", "sts:AssumeRole")
	}
	identities := []string{arn("iam", "", "policy"+s.IAMPath+app+"-copy-1"), arn("iam", "", "saml-provider/sso"), arn("iam", "", "oidc-provider/ci")}
	if s.Boundary != "" {
		identities = append(identities, arn("iam", "", "policy/"+s.Boundary))
	}
	acts["policies of roles"] = slices.Concat(on(identities[0], "iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion", "iam:DeletePolicy"),
		on(identities[1], "iam:UpdateSAMLProvider", "iam:CreateSAMLProvider"), on(identities[2], "iam:UpdateOpenIDConnectProviderThumbprint", "iam:CreateOpenIDConnectProvider"))
	for _, boundary := range identities[3:] {
		acts["the boundary"] = on(boundary, "iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion", "iam:DeletePolicyVersion", "iam:DeletePolicy")
	}
	rules := func(region, bus string, list []blueprint.Rule) {
		for _, r := range list {
			acts["rule "+region+bus+r.Name] = on(arn("events", region, "rule/"+bus+r.Name), "events:DisableRule", "events:DeleteRule", "events:PutRule", "events:PutTargets", "events:RemoveTargets")
		}
	}
	rules(home, b.Home.Bus+"/", b.Home.Rules)
	queues := func(region string, list ...blueprint.Queue) {
		for _, q := range list {
			acts["queue "+q.Name+" in "+region] = on(arn("sqs", region, q.Name), "sqs:PurgeQueue", "sqs:DeleteQueue", "sqs:SetQueueAttributes", "sqs:AddPermission",
				"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:SendMessage", "sqs:ChangeMessageVisibility", "sqs:StartMessageMoveTask")
		}
	}
	queues(home, b.Home.Queues...)
	watch := func(region string, topic blueprint.Topic, alarms []blueprint.Alarm) {
		acts["topic "+topic.Name+" in "+region] = append(on(arn("sns", region, topic.Name), "sns:DeleteTopic", "sns:SetTopicAttributes", "sns:RemovePermission", "sns:AddPermission"),
			on("*", "sns:Unsubscribe", "sns:SetSubscriptionAttributes")...)
		for _, a := range alarms {
			acts["alarm "+a.Name+" in "+region] = on(arn("cloudwatch", region, "alarm:"+a.Name), "cloudwatch:DeleteAlarms", "cloudwatch:DisableAlarmActions",
				"cloudwatch:PutMetricAlarm", "cloudwatch:SetAlarmState")
		}
	}
	watch(home, b.Home.Topic, b.Home.Alarms)
	for _, f := range b.Forwarders {
		rules(f.Region, "", f.Rules)
		queues(f.Region, f.Undelivered)
		watch(f.Region, f.Topic, f.Alarms)
	}
	return acts
}

// TestGuardForbids: every act of the list is tried by an administrator of the
// target account, by its root and by an operator, and refused by the service
// control policies; without them it is allowed, and with them deployers may.
func TestGuardForbids(t *testing.T) {
	for _, name := range []string{"organization", "guide"} {
		t.Run(name, func(t *testing.T) {
			b, controls := guardOf(t, name)
			w := sim.New(sim.Options{})
			keys := guardRoles(t, w, b)
			acts := guardActs(b)
			tried := 0
			functionsOnly := []string{"ec2:DeleteSnapshot", "cloudwatch:PutMetricData"}
			// What operators may do is another test's.
			operators := []string{"ec2:CreateTags", "ec2:DeleteTags", "lambda:PutFunctionConcurrency", "lambda:DeleteFunctionConcurrency", "lambda:UpdateEventSourceMapping"}
			for _, guarded := range []bool{false, true} {
				if guarded {
					if err := w.ControlAccount(Account, controls...); err != nil {
						t.Fatal(err)
					}
				}
				for what, questions := range acts {
					for _, q := range questions {
						for who, key := range keys {
							err := w.Authorize(sim.Question{Caller: key, Region: "eu-west-1", Action: q.action, Resource: q.resource, Keys: q.keys})
							tried++
							deployer := slices.Contains(b.Settings.Guard.Deployers, who) || strings.HasPrefix(who, "cdk-")
							may := !guarded || deployer && !slices.Contains(functionsOnly, q.action)
							var refusal *sim.Error
							switch {
							case guarded && slices.Contains(b.Settings.Guard.Operators, who) && slices.Contains(operators, q.action):
							case may && err != nil:
								t.Errorf("guarded %v: %s: %s: %s: %v, want it allowed", guarded, what, who, q, err)
							case !may && !errors.As(err, &refusal):
								t.Errorf("%s: %s may: %s", what, who, q)
							case !may && !strings.Contains(refusal.Message, "service control policy"):
								t.Errorf("%s: %s: %s: refused otherwise: %v", what, who, q, err)
							}
						}
					}
				}
			}
			t.Logf("%d acts, %d tried by %d principals with and without the guard", len(acts), tried, len(keys))
		})
	}
}

// guardRoles are access keys of principals of the target account that may do
// everything but for the guard, by name: an administrator, the root, and the roles
// that the guard exempts.
func guardRoles(t *testing.T, w *sim.World, b blueprint.Blueprint) map[string]string {
	t.Helper()
	s := b.Settings
	keys := map[string]string{"root": Account}
	names := slices.Concat([]string{"Admin", "ci/Administrator", "cdk-" + s.Qualifier + "-cfn-exec-role-" + Account + "-" + b.Home.Region}, s.Guard.Deployers, s.Guard.Operators)
	for _, name := range names {
		key, err := w.AddRole(Account, "/"+name, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
		if err != nil {
			t.Fatal(err)
		}
		keys[name] = key
		if err := w.TrustRole(Account, name[strings.LastIndexByte(name, '/')+1:],
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"`+Account+`"},"Action":"sts:AssumeRole"}]}`); err != nil {
			t.Fatal(err)
		}
	}
	return keys
}

// TestGuardOperators: an operator holds a copy and releases it, retains it for ever,
// confirms, pauses and looks; and nothing else.
func TestGuardOperators(t *testing.T) {
	b, controls := guardOf(t, "organization")
	w := sim.New(sim.Options{})
	keys := guardRoles(t, w, b)
	if err := w.ControlAccount(Account, controls...); err != nil {
		t.Fatal(err)
	}
	const copied = "arn:aws:ec2:eu-west-1::snapshot/snap-0123456789abcdef0"
	function := "arn:aws:lambda:eu-central-1:" + Account + ":function:" + b.Home.Functions[0].FullName
	tags := func(keys ...string) map[string][]string {
		return map[string][]string{"aws:TagKeys": keys, "aws:ResourceTag/snapferry:order": {"p/s"}}
	}
	expires := func(value string) map[string][]string {
		all := tags("snapferry:expires")
		all["aws:RequestTag/snapferry:expires"] = []string{value}
		return all
	}
	for name, test := range map[string]struct {
		question
		may bool
	}{
		"hold":                    {question{"ec2:CreateTags", copied, tags("snapferry:hold")}, true},
		"release":                 {question{"ec2:DeleteTags", copied, tags("snapferry:hold")}, true},
		"retain":                  {question{"ec2:CreateTags", copied, expires("never")}, true},
		"confirm":                 {question{"ec2:CreateTags", copied, tags("snapferry:confirm")}, true},
		"pause copying":           {question{"lambda:UpdateEventSourceMapping", "arn:aws:lambda:eu-central-1:" + Account + ":event-source-mapping:0a1b", map[string][]string{"lambda:FunctionArn": {function}}}, true},
		"pause a function":        {question{"lambda:PutFunctionConcurrency", function, nil}, true},
		"go on":                   {question{"lambda:DeleteFunctionConcurrency", function, nil}, true},
		"dry run":                 {question{"lambda:InvokeFunction", function, nil}, true},
		"look":                    {question{"ec2:DescribeSnapshots", "*", nil}, true},
		"bring an expiry forward": {question{"ec2:CreateTags", copied, expires("2000-01-01T00:00:00Z")}, false},
		"take the mark off":       {question{"ec2:DeleteTags", copied, tags("snapferry:order")}, false},
		"take all tags off":       {question{"ec2:DeleteTags", copied, map[string][]string{"aws:ResourceTag/snapferry:order": {"p/s"}}}, false},
		"hold and something else": {question{"ec2:CreateTags", copied, tags("snapferry:hold", "snapferry:order")}, false},
		"another mapping":         {question{"lambda:UpdateEventSourceMapping", "arn:aws:lambda:eu-central-1:" + Account + ":event-source-mapping:0a1c", map[string][]string{"lambda:FunctionArn": {function + "-other"}}}, false},
		"code":                    {question{"lambda:UpdateFunctionCode", function, nil}, false},
		"delete":                  {question{"ec2:DeleteSnapshot", copied, tags()}, false},
		"make a role":             {question{"iam:CreateRole", "arn:aws:iam::" + Account + ":role/mine", nil}, false},
		"read a copy":             {question{"ebs:GetSnapshotBlock", copied, nil}, false},
	} {
		for _, operator := range b.Settings.Guard.Operators {
			err := w.Authorize(sim.Question{Caller: keys[operator], Region: "eu-west-1", Action: test.action, Resource: test.resource, Keys: test.keys})
			if (err == nil) != test.may {
				t.Errorf("%s: %v, allowed is %v", name, err, test.may)
			}
		}
	}
}

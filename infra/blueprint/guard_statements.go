package blueprint

import (
	"slices"
	"strings"

	"snapferry/internal/snapshot"
)

// The guard keeps to what AWS Organizations took before September 2025 too:
// denials with Action or NotAction, Resource and Condition, wildcards only at the
// end of an action.

// TagConfirm is kept for people's word that a run of the expire function may
// delete more than it otherwise would: operators may set it and take it off.
const TagConfirm = snapshot.Prefix + "confirm"

// never is the one value of snapferry:expires that operators may set. IAM compares
// no days, so that with any other they could have a copy expire at once.
const never = "never"

// guardStatements deny what follows to everybody but the roles exempted.
func (d deployment) guardStatements() []Statement {
	operators := d.roleARNs(d.Guard.Operators)
	// What operators are exempted from, operatorStatements take back but for a list.
	exempt := slices.Concat(d.bootstrapRoles(), d.roleARNs(d.Guard.Deployers), operators)
	copier, expirer := d.role(copyFunction), d.role(expireFunction)
	marked := present("aws:ResourceTag/" + snapshot.TagOrder)
	// Recorded ARNs of snapshots have no account, and an example of Amazon's has one
	// (EBS user guide, "Example IAM policies"): either is meant.
	copies := []string{"arn:" + d.partition + ":ec2:*:*:snapshot/*"}
	functions := []string{copier, d.role(reconcileFunction), expirer, d.roleARN(d.Account, d.schedulerRole)}
	statements := []Statement{
		{
			Sid: "OnlyExpireDeletesCopies", Deny: true,
			Actions:    []string{"ec2:DeleteSnapshot"},
			Resources:  copies,
			Conditions: where(marked, except(expirer)),
		},
		{
			// The tier and locks too: a copy in the archive can't be restored for a
			// day or more, and a lock in governance mode can be shortened.
			Sid: "CopiesStay", Deny: true,
			Actions:    []string{"ec2:CreateTags", "ec2:DeleteTags", "ec2:LockSnapshot", "ec2:ModifySnapshotTier", "ec2:UnlockSnapshot"},
			Resources:  copies,
			Conditions: where(marked, except(append(exempt, copier)...)),
		},
		{
			// On volumes too, from which services carry tags to snapshots.
			Sid: "NobodyElseMarks", Deny: true,
			Actions:    []string{"ec2:CreateTags"},
			Resources:  []string{"arn:" + d.partition + ":ec2:*:*:*"},
			Conditions: where(Conditions{"ForAnyValue:StringLike": {"aws:TagKeys": {snapshot.Prefix + "*"}}}, except(append(exempt, copier)...)),
		},
		{
			Sid: "OnlyDeployersDeploy", Deny: true,
			Actions:    guardedActions,
			Resources:  d.guardedResources(),
			Conditions: except(exempt...),
		},
		{
			Sid: "RolesStay", Deny: true,
			Actions: []string{"iam:Add*", "iam:Attach*", "iam:Create*", "iam:Delete*", "iam:Detach*", "iam:PassRole", "iam:Put*",
				"iam:Remove*", "iam:Set*", "iam:Tag*", "iam:Untag*", "iam:Update*", "sts:AssumeRole"},
			Resources:  d.guardedIdentities(),
			Conditions: except(exempt...),
		},
		{
			Sid: "AccountStays", Deny: true,
			Actions:    accountActions,
			Resources:  []string{"*"},
			Conditions: except(exempt...),
			Reason:     "Every key and every snapshot of the account is meant, and its settings, which are no resources.",
		},
		{
			Sid: "GrantsForServicesOnly", Deny: true,
			Actions:   []string{"kms:CreateGrant"},
			Resources: []string{"*"},
			Conditions: where(except(exempt...),
				Conditions{"BoolIfExists": {"kms:GrantIsForAWSResource": {"false"}}}),
			Reason: "Every key of the account is meant.",
		},
		{
			// The action takes no resource. Another mapping onto copy would take the
			// orders out of their queues, and with a filter without a trace.
			Sid: "NobodyElseFeeds", Deny: true,
			Actions:   []string{"lambda:CreateEventSourceMapping"},
			Resources: []string{"*"},
			Conditions: where(except(exempt...),
				Conditions{"ArnLike": {"lambda:FunctionArn": {d.arn("lambda", "*", "function:"+d.app+"-*")}}}),
			Reason: "Lambda knows no resource for it.",
		},
		{
			Sid: "OnlyFunctionsSpeak", Deny: true,
			Actions: []string{"events:PutEvents", "logs:CreateLogStream", "logs:PutLogEvents", "sqs:ChangeMessageVisibility",
				"sqs:DeleteMessage", "sqs:ReceiveMessage", "sqs:SendMessage", "sqs:StartMessageMoveTask"},
			Resources: []string{d.bus(), d.arn("logs", "*", "log-group:/aws/lambda/"+d.app+"-*"), d.arn("sqs", "*", d.app+"-*")},
			// The forwarders' roles are many; RolesStay has nobody else make one of
			// that name.
			Conditions: except(append(slices.Concat(exempt, functions), d.roleARN(d.Account, d.app+"-forwarder-*"))...),
		},
		{
			// The functions write theirs into the log.
			Sid: "NobodyElseMeasures", Deny: true,
			Actions:    []string{"cloudwatch:PutMetricData"},
			Resources:  []string{"*"},
			Conditions: equals("cloudwatch:namespace", ours),
			Reason:     "CloudWatch knows no resource for it.",
		},
	}
	return append(statements, d.operatorStatements(operators)...)
}

// except excludes principals. Of a session IAM is told the role's ARN, path
// included; of whoever has none, such as the account's root, another ARN, so that
// nobody but the roles themselves is excluded.
func except(arns ...string) Conditions {
	return Conditions{"ArnNotEquals": {"aws:PrincipalArn": slices.Clone(arns)}}
}

// guardedActions are what would change, stop or remove something of snapferry's:
// each applies to the resources of its own service among guardedResources.
var guardedActions = []string{
	"cloudformation:Cancel*", "cloudformation:Continue*", "cloudformation:Delete*", "cloudformation:Execute*",
	"cloudformation:Rollback*", "cloudformation:Set*", "cloudformation:Update*",
	"cloudwatch:Delete*", "cloudwatch:DisableAlarmActions", "cloudwatch:Put*", "cloudwatch:SetAlarmState",
	"events:CreateEventBus", "events:DeleteEventBus", "events:DeleteRule", "events:DisableRule", "events:PutRule",
	"events:PutTargets", "events:RemoveTargets", "events:Update*",
	"lambda:Add*", "lambda:Create*", "lambda:Delete*", "lambda:Publish*", "lambda:Put*", "lambda:Remove*", "lambda:Update*",
	"logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:Delete*", "logs:DisassociateKmsKey", "logs:PutDataProtectionPolicy",
	"logs:PutMetricFilter", "logs:PutRetentionPolicy", "logs:PutSubscriptionFilter",
	"s3:Abort*", "s3:BypassGovernanceRetention", "s3:Create*", "s3:Delete*", "s3:Put*", "s3:Replicate*",
	"scheduler:Create*", "scheduler:Delete*", "scheduler:Update*",
	"sns:AddPermission", "sns:Create*", "sns:Delete*", "sns:Put*", "sns:Remove*", "sns:SetTopicAttributes",
	"sqs:AddPermission", "sqs:CreateQueue", "sqs:DeleteQueue", "sqs:PurgeQueue", "sqs:RemovePermission", "sqs:SetQueueAttributes",
	"ssm:Delete*", "ssm:Put*",
}

// guardedResources are snapferry's own, and those of `cdk bootstrap`. All stacks
// are meant, and all event source mappings: one that was deployed with the
// bootstrap's role is updated with that role by whoever may update it, and a
// mapping's ARN does not say whose it is. So are all rules that mute alarms, and all
// access points, through which the bootstrap's bucket could be written.
func (d deployment) guardedResources() []string {
	return []string{
		d.arn("cloudformation", "*", "stack/*"),
		d.arn("cloudwatch", "*", "alarm:"+d.app+"-*"),
		d.arn("cloudwatch", "*", "alarm-mute-rule:*"),
		d.bus(),
		d.arn("events", "*", "rule/"+d.app+"-*"),
		d.arn("events", "*", "rule/"+d.app+"/"+d.app+"-*"),
		d.arn("lambda", "*", "event-source-mapping:*"),
		d.arn("lambda", "*", "function:"+d.app+"-*"),
		d.arn("logs", "*", "log-group:/aws/lambda/"+d.app+"-*"),
		"arn:" + d.partition + ":s3:::cdk-" + d.Qualifier + "-assets-" + d.Account + "-*",
		d.arn("s3", "*", "accesspoint/*"),
		d.arn("scheduler", "*", "schedule/*/"+d.app+"-*"),
		d.arn("sns", "*", d.app+"-*"),
		d.arn("sqs", "*", d.app+"-*"),
		d.arn("ssm", "*", "parameter/cdk-bootstrap/"+d.Qualifier+"/*"),
	}
}

// guardedIdentities are roles that the guard exempts or that snapferry runs under,
// with policies of theirs, the permissions boundary included, and what sessions from elsewhere are vouched for with.
func (d deployment) guardedIdentities() []string {
	iam := func(resource string) string { return d.arn("iam", "", resource) }
	var boundary []string
	if arn := d.boundaryIn(d.Account); strings.Contains(arn, ":"+d.Account+":") { // not one of AWS's
		boundary = []string{arn}
	}
	return slices.Concat(boundary,
		[]string{d.roleARN(d.Account, d.app+"-*"), d.guardedRole("cdk-" + d.Qualifier + "-*")},
		d.roleARNs(d.Guard.Deployers), d.roleARNs(d.Guard.Operators),
		[]string{iam("policy" + d.IAMPath + d.app + "-*"), iam("oidc-provider/*"), iam("saml-provider/*")})
}

// accountActions are about keys and snapshots of the account, about its settings,
// and about what AWS knows no resource for: buses' permissions and subscriptions
// (service authorization reference).
var accountActions = []string{
	"account:CloseAccount", "account:DisableRegion", "organizations:DeletePolicy", "organizations:DetachPolicy", "organizations:DisablePolicyType",
	"organizations:LeaveOrganization", "organizations:UpdatePolicy",
	"ec2:DisableEbsEncryptionByDefault", "ec2:DisableImageBlockPublicAccess", "ec2:DisableSnapshotBlockPublicAccess",
	"ec2:EnableEbsEncryptionByDefault", "ec2:EnableSnapshotBlockPublicAccess", "ec2:ModifyEbsDefaultKmsKeyId",
	"ec2:ModifyImageAttribute", "ec2:ModifySnapshotAttribute", "ec2:ResetEbsDefaultKmsKeyId", "ec2:ResetSnapshotAttribute",
	"events:PutPermission", "events:RemovePermission",
	"kms:Delete*", "kms:Dis*", "kms:ImportKeyMaterial", "kms:PutKeyPolicy", "kms:ReplicateKey", "kms:RetireGrant", "kms:RevokeGrant",
	"kms:ScheduleKeyDeletion", "kms:Update*",
	"rbin:DeleteRule", "rbin:UnlockRule", "rbin:UpdateRule",
	"sns:SetSubscriptionAttributes", "sns:Unsubscribe",
}

// operatorStatements leave operators what they are exempted for, and looking: a
// hold and its end, a copy that never expires, a confirmation, and a pause.
func (d deployment) operatorStatements(operators []string) []Statement {
	if len(operators) == 0 {
		return nil
	}
	is := Conditions{"ArnEquals": {"aws:PrincipalArn": operators}}
	others := func(keys ...string) Conditions {
		return Conditions{"ForAnyValue:StringNotEquals": {"aws:TagKeys": keys}}
	}
	deny := func(sid, action string, conditions ...Conditions) Statement {
		return Statement{
			Sid: sid, Deny: true, Actions: []string{action}, Resources: []string{"*"}, Conditions: where(append(conditions, is)...),
			Reason: "Whatever an operator does it to is meant.",
		}
	}
	return []Statement{
		{
			Sid: "OperatorsOnly", Deny: true,
			NotActions: []string{
				"ec2:CreateTags", "ec2:DeleteTags", "lambda:DeleteFunctionConcurrency", "lambda:PutFunctionConcurrency", "lambda:UpdateEventSourceMapping",
				"cloudwatch:Describe*", "cloudwatch:Get*", "cloudwatch:List*", "ec2:Describe*", "ec2:Get*", "events:Describe*", "events:List*",
				"kms:Describe*", "lambda:Get*", "lambda:InvokeFunction", "lambda:List*", "logs:Describe*", "logs:Filter*", "logs:Get*", "logs:St*",
				"scheduler:Get*", "scheduler:List*", "sqs:Get*", "sqs:List*", "sts:GetCallerIdentity",
			},
			Resources:  []string{"*"},
			Conditions: is,
			Reason:     "Whatever an operator does it to is meant.",
		},
		deny("OperatorsTag", "ec2:CreateTags", others(snapshot.TagHold, snapshot.TagExpires, TagConfirm)),
		deny("OperatorsRetain", "ec2:CreateTags", present("aws:RequestTag/"+snapshot.TagExpires),
			Conditions{"StringNotEquals": {"aws:RequestTag/" + snapshot.TagExpires: {never}}}),
		deny("OperatorsUntag", "ec2:DeleteTags", others(snapshot.TagHold, TagConfirm)),
		// Without keys all tags would go.
		deny("OperatorsUntagAll", "ec2:DeleteTags", missing("aws:TagKeys")),
		deny("OperatorsPause", "lambda:UpdateEventSourceMapping",
			Conditions{"ArnNotEquals": {"lambda:FunctionArn": {d.arn("lambda", d.HomeRegion, "function:"+d.full(copyFunction))}}}),
	}
}

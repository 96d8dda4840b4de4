package sim

import (
	"net/http"
	"slices"
)

// mapped says whether it is known which IAM actions an operation takes.
func mapped(service, operation string) bool {
	known := false
	switch service {
	case "ec2":
		_, known = ec2Permissions[operation]
	case "kms":
		known = kmsPermissions[operation]
	case "sqs":
		_, known = sqsPermissions[operation]
	case "events":
		_, known = eventsPermissions[operation]
	case "logs":
		known = logsPermissions[operation]
	case "sts":
		_, known = stsPermissions[operation]
	case "cloudformation":
		_, known = cfActions[operation]
	case "s3":
		known = slices.ContainsFunc(s3Actions, func(a s3Action) bool { return a.name == operation })
	case "ssm":
		_, known = ssmActions[operation]
	}
	return known
}

// refuseUnmapped refuses a role's session what nothing is known about: never
// must a call pass because the simulation forgot to ask.
func (c *call) refuseUnmapped() *apiError {
	if c.caller.isRoot() || mapped(c.service, c.action) {
		return nil
	}
	p := c.caller.principal()
	return &apiError{Status: http.StatusForbidden, Code: "AccessDenied",
		Message: "User: " + p.ARN + " is not authorized to perform: " + c.service + ":" + c.action + ": the simulated AWS knows no IAM action for it"}
}

// sqsPermissions names the IAM action of every operation of SQS. A batch takes
// the permission of a single one (Amazon SQS developer guide, "Amazon SQS API
// permissions").
var sqsPermissions = map[string]string{
	"CreateQueue":                  "CreateQueue",
	"DeleteQueue":                  "DeleteQueue",
	"GetQueueUrl":                  "GetQueueUrl",
	"ListQueues":                   "ListQueues",
	"GetQueueAttributes":           "GetQueueAttributes",
	"SetQueueAttributes":           "SetQueueAttributes",
	"PurgeQueue":                   "PurgeQueue",
	"TagQueue":                     "TagQueue",
	"UntagQueue":                   "UntagQueue",
	"ListQueueTags":                "ListQueueTags",
	"SendMessage":                  "SendMessage",
	"SendMessageBatch":             "SendMessage",
	"ReceiveMessage":               "ReceiveMessage",
	"DeleteMessage":                "DeleteMessage",
	"DeleteMessageBatch":           "DeleteMessage",
	"ChangeMessageVisibility":      "ChangeMessageVisibility",
	"ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
	"ListDeadLetterSourceQueues":   "ListDeadLetterSourceQueues",
	"StartMessageMoveTask":         "StartMessageMoveTask",
	"ListMessageMoveTasks":         "ListMessageMoveTasks",
	"CancelMessageMoveTask":        "CancelMessageMoveTask",
}

// sqsAtHome are the actions that do not work across accounts, whatever a
// queue's policy says (Amazon SQS developer guide, "Overview of managing
// access").
var sqsAtHome = map[string]bool{
	"CreateQueue": true, "DeleteQueue": true, "ListQueues": true, "ListQueueTags": true, "SetQueueAttributes": true,
	"TagQueue": true, "UntagQueue": true, "StartMessageMoveTask": true, "ListMessageMoveTasks": true, "CancelMessageMoveTask": true,
}

// kmsPermissions are the operations of KMS, whose IAM actions have their names.
var kmsPermissions = map[string]bool{
	"CreateKey": true, "DescribeKey": true, "ListKeys": true, "GetKeyPolicy": true, "PutKeyPolicy": true,
	"EnableKey": true, "DisableKey": true, "ScheduleKeyDeletion": true, "CancelKeyDeletion": true,
	"CreateAlias": true, "DeleteAlias": true, "ListAliases": true, "CreateGrant": true, "ListGrants": true, "RevokeGrant": true,
}

// logsPermissions are the operations of CloudWatch Logs, whose IAM actions have
// their names.
var logsPermissions = map[string]bool{
	"CreateLogGroup": true, "DeleteLogGroup": true, "DescribeLogGroups": true, "PutRetentionPolicy": true,
	"CreateLogStream": true, "DescribeLogStreams": true, "PutLogEvents": true, "FilterLogEvents": true,
}

// eventsResource is what an operation of EventBridge is about.
type eventsResource int

const (
	aboutNothing eventsResource = iota
	aboutBus
	aboutRule    // that the field Name names
	aboutTargets // of the rule that the field Rule names
	aboutEntries // the bus of each entry
)

// eventsPermissions are the operations of EventBridge, whose IAM actions have
// their names, and what they are authorised for. Where the reference is not at
// hand (permissions of a bus, listings), it is *, which a policy has to name
// whatever Amazon asks for.
var eventsPermissions = map[string]eventsResource{
	"PutEvents":         aboutEntries,
	"CreateEventBus":    aboutBus,
	"DeleteEventBus":    aboutBus,
	"DescribeEventBus":  aboutBus,
	"ListEventBuses":    aboutNothing,
	"PutPermission":     aboutNothing,
	"RemovePermission":  aboutNothing,
	"PutRule":           aboutRule,
	"DescribeRule":      aboutRule,
	"ListRules":         aboutNothing,
	"EnableRule":        aboutRule,
	"DisableRule":       aboutRule,
	"DeleteRule":        aboutRule,
	"PutTargets":        aboutTargets,
	"RemoveTargets":     aboutTargets,
	"ListTargetsByRule": aboutTargets,
	"TestEventPattern":  aboutNothing,
}

// stsPermissions names the IAM action of every operation of STS; "" takes none,
// and nothing can forbid it.
var stsPermissions = map[string]string{
	"GetCallerIdentity": "",
	"AssumeRole":        "AssumeRole",
}

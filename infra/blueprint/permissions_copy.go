package blueprint

import "snapferry/internal/snapshot"

// copyPermissions let the copy function copy what listed accounts share, mark
// the copies in the same call, and work on the orders.
func (d deployment) copyPermissions() []Statement {
	statements := allow(
		d.look(d.looked, "ec2:DescribeSnapshots"),
		Statement{
			Sid:        "DefaultKey",
			Actions:    []string{"ec2:GetEbsDefaultKmsKeyId"},
			Resources:  anywhere(d.defaultKeyRegions()),
			Conditions: equals("aws:RequestedRegion", d.defaultKeyRegions()...),
			Reason:     "EC2 knows no resource for it: the answer is about the account.",
		},
		Statement{
			Sid:       "MakeCopies",
			Actions:   []string{"ec2:CopySnapshot"},
			Resources: d.snapshots(anySnapshot, d.active...),
			// A copy that is yet to be made has no owner. Without asking for that,
			// the statement would let the account's own snapshots pass as sources.
			Conditions: where(d.ownToBe(), missing("ec2:Owner"),
				equals("aws:RequestTag/"+snapshot.TagPolicy, d.names()...),
				present("aws:RequestTag/"+snapshot.TagOrder),
				present("aws:RequestTag/"+snapshot.TagExpires)),
		},
	)
	if len(d.active) > 0 {
		statements = append(statements, Statement{
			Sid:     "FromListedAccounts",
			Actions: []string{"ec2:CopySnapshot"},
			// Which of the two Regions the source's ARN has is documented nowhere.
			Resources:  d.snapshots(madeAlready, set(d.SourceRegions, d.active)...),
			Conditions: equals("ec2:Owner", d.owners()...),
		})
	}
	return append(statements, allow(
		Statement{
			Sid:        "MarkCopies",
			Actions:    []string{"ec2:CreateTags"},
			Resources:  d.snapshots(anySnapshot, d.active...),
			Conditions: where(d.ownToBe(), equals("ec2:CreateAction", "CopySnapshot")),
		},
		Statement{
			Sid:       "TellOnce",
			Actions:   []string{"ec2:CreateTags"},
			Resources: d.snapshots(madeAlready, d.targets...),
			Conditions: where(d.own(), present("aws:ResourceTag/"+snapshot.TagOrder),
				equals("aws:RequestTag/"+snapshot.TagSettled, "told"),
				present("aws:TagKeys"),
				Conditions{"ForAllValues:StringEquals": {"aws:TagKeys": {snapshot.TagSettled}}}),
		},
		Statement{
			Sid:       "TakeEvents",
			Actions:   []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"},
			Resources: []string{d.queue(eventsQueue)},
		},
		d.transport("ReadEvents", "kms:Decrypt"),
		Statement{
			Sid:       "WorkOnOrders",
			Actions:   []string{"sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"},
			Resources: d.orders(d.targets),
		},
		Statement{
			Sid:       "BuryOrders",
			Actions:   []string{"sqs:SendMessage"},
			Resources: []string{d.queue(ordersDeadQueue)},
		},
		d.publish(),
	)...)
}

// keysPerStatement is few enough that the statements of many keys can be spread
// over several policies without leaving much room in them.
const keysPerStatement = 25

// keyPermissions are split as Amazon's guide has it: what is used in the call
// itself, and the grant under which EBS goes on after it. Copying neither lists
// nor revokes grants, and encrypts nothing itself, so that kms:ListGrants,
// kms:RevokeGrant and kms:Encrypt of the guide are not here.
func (d deployment) keyPermissions() []Statement {
	via := d.via("ec2", set(d.SourceRegions, d.active)...)
	var statements []Statement
	for i, keys := range chunks(d.keys(), keysPerStatement) {
		statements = append(statements,
			Statement{
				Sid:        numbered("GrantToEBS", i),
				Actions:    []string{"kms:CreateGrant"},
				Resources:  keys,
				Conditions: where(via, Conditions{"Bool": {"kms:GrantIsForAWSResource": {"true"}}}),
			},
			Statement{
				Sid:        numbered("UseKeys", i),
				Actions:    useKey(),
				Resources:  keys,
				Conditions: via,
			})
	}
	return statements
}

// useKey is what copying an encrypted snapshot does with its keys.
func useKey() []string {
	return []string{"kms:DescribeKey", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"}
}

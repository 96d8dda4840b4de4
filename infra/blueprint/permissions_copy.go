package blueprint

import "snapferry/internal/snapshot"

// copyPermissions let the copy function copy what listed accounts share, mark
// the copies in the same call, and work on the orders. What copying itself takes
// is in copying, and which keys in keyPermissions.
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
	)
	return append(append(statements, d.copying()...), allow(
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
			Resources: []string{d.queue(d.eventsQueue)},
		},
		Statement{
			Sid:       "WorkOnOrders",
			Actions:   []string{"sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"},
			Resources: d.orders(d.targets),
		},
		d.queueKey(),
		Statement{
			Sid:       "BuryOrders",
			Actions:   []string{"sqs:SendMessage"},
			Resources: []string{d.queue(d.ordersDeadQueue)},
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
	return append(statements, d.noOtherKeys()...)
}

// useKey is what copying an encrypted snapshot does with its keys.
func useKey() []string {
	return []string{"kms:DescribeKey", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"}
}

package blueprint

import (
	"maps"
	"slices"

	"snapferry/internal/policy"
)

// encryptionKeys are the user's own keys for queues, topics and logs. Without them
// queues are under SQS's own encryption and logs under that of CloudWatch Logs
// (docs/adr/0022).
func (d deployment) encryptionKeys() []EncryptionKey {
	var keys []EncryptionKey
	for _, region := range slices.Sorted(maps.Keys(d.EncryptionKeys)) {
		keys = append(keys, EncryptionKey{Region: region, ARN: d.EncryptionKeys[region], Statements: d.encryptionStatements(region)})
	}
	return keys
}

// encryptionStatements are what the policy of such a key needs besides. SNS needs
// none: it uses the key in the name of whoever publishes.
func (d deployment) encryptionStatements(region string) []Statement {
	statements := []Statement{
		d.deliveries("SnapferryEventsArrive", "events.amazonaws.com"),
		d.deliveries("SnapferryAlarmsArrive", "cloudwatch.amazonaws.com"),
	}
	if region != d.HomeRegion {
		return statements
	}
	logs := Statement{
		Sid:        "SnapferryLogsAreWritten",
		Principals: service("logs." + region + "." + d.domain),
		Actions:    []string{"kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"},
		Resources:  thisKey,
		// The context that CloudWatch Logs documents for a key's policy ("Encrypt log
		// data in CloudWatch Logs using AWS KMS").
		Conditions: Conditions{"ArnLike": {"kms:EncryptionContext:aws:logs:arn": {d.arn("logs", region, "log-group:/aws/lambda/"+d.app+"-*")}}},
		Reason:     whyThisKey,
	}
	// Where the key's policy leaves it to the account's IAM policies, the roles'
	// own permissions are enough; where it does not, or the key is another
	// account's, it takes this too.
	use := Statement{
		Sid:        "SnapferryQueuesAreUsed",
		Principals: d.target(),
		Actions:    []string{"kms:GenerateDataKey", "kms:Decrypt"},
		Resources:  thisKey,
		Conditions: where(d.via("sqs", region), Conditions{"ArnEquals": {"aws:PrincipalArn": {
			d.role(copyFunction), d.role(reconcileFunction), d.roleARN(d.Account, d.schedulerRole)}}}),
		Reason: whyThisKey,
	}
	return append(statements, logs, use)
}

// deliveries lets a service use a key for what it delivers. Readings: it tells for
// which account it acts (SQS developer guide, "Key management", of EventBridge), or
// it does not (SNS developer guide, of EventBridge and encrypted topics; of alarms
// nothing is said). What it tells has to be the account; should it tell nothing,
// the policies of queues and topics, which ask for the very rule and alarm, still
// decide who delivers.
func (d deployment) deliveries(sid, principal string) Statement {
	return Statement{
		Sid:        sid,
		Principals: service(principal),
		Actions:    []string{"kms:GenerateDataKey*", "kms:Decrypt"},
		Resources:  thisKey,
		Conditions: Conditions{"StringEqualsIfExists": {"aws:SourceAccount": {d.Account}}},
		Reason:     whyThisKey,
	}
}

// deployedRegions are the home Region and those of the forwarders.
func (d deployment) deployedRegions() []string { return set(d.looked, []string{d.HomeRegion}) }

// fitEncryption says what in encryptionKeys does not go with what is deployed.
func (d deployment) fitEncryption(problem func(path, value, format string, args ...any)) {
	for _, region := range slices.Sorted(maps.Keys(d.EncryptionKeys)) {
		if !slices.Contains(d.deployedRegions(), region) {
			problem("$.encryptionKeys", region, "is a Region in which nothing is deployed: remove it; there are queues and topics in the home Region, the source Regions and those that policies copy to")
		}
	}
}

func (d deployment) warnOfEncryption(warning func(path, value, format string, args ...any)) {
	if len(d.EncryptionKeys) == 0 {
		return
	}
	for _, region := range d.deployedRegions() {
		key := d.EncryptionKeys[region]
		if key == "" {
			warning("$.encryptionKeys", region, "has no key here, so that AWS's own encrypts the queues there, and nothing the topic: add a key of that Region")
			continue
		}
		if owner := policy.KeyAccount(key); owner != d.Account {
			warning("$.encryptionKeys."+region, key, "is a key of account %s: its policy there must have the statements that make synth writes", owner)
		}
	}
}

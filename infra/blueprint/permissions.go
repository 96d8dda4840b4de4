package blueprint

import (
	"slices"
	"strconv"
)

// reconcilePermissions let the reconcile function look and order.
func (d deployment) reconcilePermissions() []Statement {
	return allow(
		d.look(d.looked, "ec2:DescribeSnapshots"),
		Statement{
			Sid:       "Order",
			Actions:   []string{"sqs:GetQueueAttributes", "sqs:SendMessage"},
			Resources: d.orders(d.targets),
		},
		Statement{
			Sid:       "Wake",
			Actions:   []string{"sqs:SendMessage"},
			Resources: []string{d.queue(d.eventsQueue)},
		},
		d.queueKey(),
	)
}

// look lets a function see snapshots in Regions.
func (d deployment) look(regions []string, actions ...string) Statement {
	return Statement{
		Sid:        "Look",
		Actions:    actions,
		Resources:  anywhere(regions),
		Conditions: equals("aws:RequestedRegion", regions...),
		Reason:     "EC2 describes all or nothing: its Describe actions take no resource.",
	}
}

// anywhere is "*", or nothing if there are no Regions to limit it to.
func anywhere(regions []string) []string {
	if len(regions) == 0 {
		return nil
	}
	return []string{"*"}
}

// queueKey lets a role send to queues under a key of the user's own, and receive
// from them; to send takes both actions (SQS developer guide, "Key management").
func (d deployment) queueKey() Statement {
	s := Statement{
		Sid:        "UseQueueKey",
		Actions:    []string{"kms:GenerateDataKey", "kms:Decrypt"},
		Conditions: d.via("sqs", d.HomeRegion),
	}
	if key := d.EncryptionKeys[d.HomeRegion]; key != "" {
		s.Resources = []string{key}
	}
	return s
}

// publish lets a function tell outcomes.
func (d deployment) publish() Statement {
	return Statement{
		Sid:        "TellOutcomes",
		Actions:    []string{"events:PutEvents"},
		Resources:  []string{d.bus()},
		Conditions: equals("events:source", Application),
	}
}

// running is what every function needs to run.
func (d deployment) running(function string) []Statement {
	statements := []Statement{{
		Sid:       "Log",
		Actions:   []string{"logs:CreateLogStream", "logs:PutLogEvents"},
		Resources: []string{d.arn("logs", d.HomeRegion, "log-group:"+logGroup(d.full(function))+":*")},
	}}
	if d.Tracing {
		statements = append(statements, Statement{
			Sid:       "Trace",
			Actions:   []string{"xray:PutTraceSegments", "xray:PutTelemetryRecords"},
			Resources: []string{"*"},
			Reason:    "X-Ray knows no resources to write to.",
		})
	}
	return statements
}

// runBy lets a service take on a role for the account, for the resources whose
// ARNs are given, if any are.
func runBy(principal, account string, arns ...string) []Statement {
	s := Statement{
		Sid:        "Trust",
		Principals: service(principal),
		Actions:    []string{"sts:AssumeRole"},
		Conditions: equals("aws:SourceAccount", account),
	}
	if len(arns) > 0 {
		s.Conditions = where(s.Conditions, Conditions{"ArnLike": {"aws:SourceArn": arns}})
	}
	return []Statement{s}
}

func chunks(list []string, n int) [][]string { return slices.Collect(slices.Chunk(list, n)) }

// numbered is a Sid; the first of several has no number.
func numbered(sid string, i int) string {
	if i == 0 {
		return sid
	}
	return sid + strconv.Itoa(i+1)
}

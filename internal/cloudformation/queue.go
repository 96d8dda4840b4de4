package cloudformation

import (
	"context"
	"fmt"
	"strings"
)

// queueAttributes are the properties that SQS takes as attributes of the same
// name.
var queueAttributes = []string{
	"ContentBasedDeduplication", "DeduplicationScope", "DelaySeconds", "FifoThroughputLimit", "KmsDataKeyReusePeriodSeconds",
	"KmsMasterKeyId", "MaximumMessageSize", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds", "SqsManagedSseEnabled", "VisibilityTimeout",
}

func (d *deployer) createQueue(ctx context.Context, p *properties) (made, error) {
	attributes := map[string]string{}
	set := func(name, value string) {
		if value != "" {
			attributes[name] = value
		}
	}
	for _, name := range queueAttributes {
		set(name, p.text(name))
	}
	for _, name := range []string{"RedrivePolicy", "RedriveAllowPolicy"} {
		set(name, p.document(name))
	}
	given, ending := p.text("QueueName"), ""
	// SQS has no word for a queue that is not FIFO but silence.
	if p.yes("FifoQueue", false) {
		attributes["FifoQueue"], ending = "true", ".fifo"
	}
	tags := p.tags("Tags")
	if err := p.end(); err != nil {
		return made{}, err
	}
	name := d.name(strings.TrimSuffix(given, ending), 80-len(ending)) + ending
	if given != "" {
		name = given // which SQS refuses if it has not the ending
	}
	in := map[string]any{"QueueName": name, "Attributes": attributes}
	if len(tags) > 0 {
		in["tags"] = tags
	}
	if err := d.do(ctx, "sqs", "CreateQueue", in, nil); err != nil {
		return made{}, fmt.Errorf("create queue %s: %w", name, err)
	}
	at := queueURL(d.stack.Region, d.stack.Account, name)
	return made{ref: at, attributes: map[string]string{"Arn": d.arn("sqs", name), "QueueName": name, "QueueUrl": at}}, nil
}

// queueURL is a queue's URL as Amazon writes it. The simulation, and the SDKs
// that are told an endpoint, mind its path only.
func queueURL(region, account, name string) string {
	return "https://sqs." + region + ".amazonaws.com/" + account + "/" + name
}

func (d *deployer) createQueuePolicy(ctx context.Context, p *properties) (made, error) {
	document, queues := p.document("PolicyDocument"), p.texts("Queues")
	if err := p.end(); err != nil {
		return made{}, err
	}
	for _, queue := range queues {
		in := map[string]any{"QueueUrl": queue, "Attributes": map[string]string{"Policy": document}}
		if err := d.do(ctx, "sqs", "SetQueueAttributes", in, nil); err != nil {
			return made{}, fmt.Errorf("set the policy of %s: %w", queue, err)
		}
	}
	return made{}, nil
}

// queueAt is the URL of the queue with an ARN.
func queueAt(arn string) (string, error) {
	part := strings.Split(arn, ":")
	if len(part) != 6 || part[2] != "sqs" {
		return "", fmt.Errorf("%s is not a queue's ARN: the simulation has event sources from SQS only", arn)
	}
	return queueURL(part[3], part[4], part[5]), nil
}

package stacks

import (
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"

	"snapferry/infra/blueprint"
)

// queues are those of a stack, by name.
type queues map[string]queue

type queue struct {
	awssqs.CfnQueue
	policy awssqs.CfnQueuePolicy
}

// newQueues makes queues with their policies.
func newQueues(stack awscdk.Stack, list []blueprint.Queue) queues {
	made := make(queues, len(list))
	for _, q := range list {
		made[q.Name] = newQueue(stack, q)
	}
	for _, q := range list {
		if q.DeadLetters != "" {
			made[q.Name].SetRedrivePolicy(map[string]any{
				"deadLetterTargetArn": made.get(q.DeadLetters).AttrArn(),
				"maxReceiveCount":     q.MaxReceives,
			})
		}
	}
	return made
}

func newQueue(stack awscdk.Stack, q blueprint.Queue) queue {
	props := &awssqs.CfnQueueProps{
		QueueName:              new(q.Name),
		VisibilityTimeout:      seconds(q.Visibility),
		MessageRetentionPeriod: seconds(q.Retention),
	}
	if strings.HasSuffix(q.Name, ".fifo") {
		props.FifoQueue = true
	}
	if q.Key != "" {
		props.KmsMasterKeyId = new(q.Key)
	} else {
		props.SqsManagedSseEnabled = true
	}
	made := awssqs.NewCfnQueue(stack, id(q.Name), props)
	// One policy for each queue, though a resource could name several: SQS wants
	// a queue's policy to be about that queue.
	policy := awssqs.NewCfnQueuePolicy(stack, new(policyID(q.Name)), &awssqs.CfnQueuePolicyProps{
		Queues:         &[]*string{made.Ref()},
		PolicyDocument: document(append([]blueprint.Statement{overTLS("sqs:*", *made.AttrArn())}, q.Policy...)...),
	})
	return queue{made, policy}
}

// policies are the logical ids of all queues' policies, in order: what waits for
// them waits for the queues too.
func (made queues) policies() []string {
	var ids []string
	for name := range made {
		ids = append(ids, policyID(name))
	}
	slices.Sort(ids)
	return ids
}

func policyID(queue string) string { return *id(queue) + "Policy" }

// get is a queue that the blueprint refers to by name.
func (made queues) get(name string) queue {
	q, ok := made[name]
	if !ok {
		panic("the stack has no queue " + name)
	}
	return q
}

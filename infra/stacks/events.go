package stacks

import (
	"encoding/json"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"

	"snapferry/infra/blueprint"
)

// newRule makes a rule on a bus, nil for the Region's default one.
func newRule(stack awscdk.Stack, bus *string, r blueprint.Rule, made queues) {
	undelivered := made.get(r.Undelivered)
	target := &awsevents.CfnRule_TargetProperty{
		Id:               new("Target"),
		Arn:              new(r.TargetARN),
		DeadLetterConfig: &awsevents.CfnRule_DeadLetterConfigProperty{Arn: undelivered.AttrArn()},
	}
	if r.Role != nil {
		target.RoleArn = newRole(stack, *id(r.Name), *r.Role).AttrArn()
	}
	rule := awsevents.NewCfnRule(stack, id(r.Name), &awsevents.CfnRuleProps{
		Name:         new(r.Name),
		EventBusName: bus,
		EventPattern: parsed(r.Pattern),
		State:        new("ENABLED"),
		Targets:      []any{target},
	})
	// A queue without its policy refuses events, and a refused event is not sent
	// again.
	rule.AddResourceDependency(undelivered.policy, nil)
	if q, ok := made[r.TargetARN[strings.LastIndex(r.TargetARN, ":")+1:]]; ok {
		rule.AddResourceDependency(q.policy, nil)
	}
}

// parsed is a pattern as CloudFormation wants it, which is not as text.
func parsed(pattern string) map[string]any {
	var out map[string]any
	if err := json.Unmarshal([]byte(pattern), &out); err != nil {
		panic("the pattern " + pattern + " is not JSON: " + err.Error())
	}
	return out
}

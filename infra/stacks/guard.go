package stacks

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsorganizations"

	"snapferry/infra/blueprint"
)

// Guard synthesizes the stack with the guard into the directory out; it makes
// nothing if the blueprint has none.
func Guard(b blueprint.Blueprint, out string) error {
	if b.Guard == nil {
		return nil
	}
	return synth(out, func(app awscdk.App) { newGuard(app, b.Settings, *b.Guard) })
}

// newGuard makes the stack of the service control policies. It is deployed in the
// organisation's management account, or in a member that the organisation has
// delegated its policies to: which, only the credentials know.
func newGuard(app awscdk.App, settings blueprint.Settings, g blueprint.Guard) {
	tagAll(app, settings)
	stack := newStack(app, settings.StackName("guard"), "", g.Region, "snapferry: service control policies on account "+g.Account)
	for i, p := range g.Policies {
		// As an object, which CloudFormation finds drift in, and attaches without
		// white space.
		awsorganizations.NewCfnPolicy(stack, new(fmt.Sprintf("Guard%d", i+1)), &awsorganizations.CfnPolicyProps{
			Name:        new(p.Name),
			Description: new(p.Description),
			Type:        new("SERVICE_CONTROL_POLICY"),
			TargetIds:   &[]*string{new(g.Target)},
			Content:     document(p.Statements...),
		})
	}
}

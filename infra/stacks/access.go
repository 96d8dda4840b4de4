package stacks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"

	"snapferry/infra/blueprint"
)

// newRole makes a role that has its permissions from the first moment: policies
// are in it or are made before it.
func newRole(stack awscdk.Stack, name string, r blueprint.Role) awsiam.CfnRole {
	props := &awsiam.CfnRoleProps{
		RoleName:                 text(r.Name),
		AssumeRolePolicyDocument: document(r.Trust...),
	}
	if r.Path != "/" {
		props.Path = new(r.Path)
	}
	if r.Boundary != "" {
		props.PermissionsBoundary = text(r.Boundary)
	}
	var inline []any
	var managed []any
	for i, p := range r.Policies() {
		if !p.Managed {
			inline = append(inline, &awsiam.CfnRole_PolicyProperty{
				PolicyName:     new(p.Name),
				PolicyDocument: document(p.Statements...),
			})
			continue
		}
		policy := awsiam.NewCfnManagedPolicy(stack, new(fmt.Sprintf("%sPolicy%d", name, i)), &awsiam.CfnManagedPolicyProps{
			ManagedPolicyName: text(p.Name),
			Path:              props.Path,
			PolicyDocument:    document(p.Statements...),
		})
		literalStar(policy, p.Statements)
		managed = append(managed, policy.Ref())
	}
	if inline != nil {
		props.Policies = inline
	}
	if managed != nil {
		props.ManagedPolicyArns = &managed
	}
	role := awsiam.NewCfnRole(stack, new(name+"Role"), props)
	literalStar(role, r.Statements)
	return role
}

// literalStar acknowledges that the CDK's validation takes ARNs with IAM's ${*},
// which they have outside Fn::Sub, for no ARNs. cfn-lint, whose rule E3510 it is,
// takes them as they are, and so still looks at all ARNs.
func literalStar(policy constructs.IConstruct, statements []blueprint.Statement) {
	for _, s := range statements {
		if slices.ContainsFunc(s.Resources, func(arn string) bool { return strings.Contains(arn, "${*}") }) {
			awscdk.Validations_Of(policy).Acknowledge(&awscdk.Acknowledgment{
				Id:     new("CloudFormation-Validate::E3510"),
				Reason: new("${*} is IAM's escape for a literal star, not a variable of CloudFormation's"),
			})
			return
		}
	}
}

func newKey(stack awscdk.Stack, name string, p blueprint.KeyPolicy) awskms.CfnKey {
	return awskms.NewCfnKey(stack, new(name), &awskms.CfnKeyProps{
		Description:       new(p.Description),
		KeyPolicy:         document(p.Statements...),
		EnableKeyRotation: true,
	})
}

// newKeyStack makes a key for copies. It stays when the stack goes: without it the
// copies under it are lost.
func newKeyStack(app awscdk.App, settings blueprint.Settings, k blueprint.Key) {
	stack := newStack(app, settings.StackName("key-"+k.Region), settings.Account, k.Region, "snapferry: a key for copies in "+k.Region)
	key := newKey(stack, "Key", k.Policy)
	key.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil)
	awskms.NewCfnAlias(stack, new("Alias"), &awskms.CfnAliasProps{
		AliasName:   new(k.Alias),
		TargetKeyId: key.Ref(),
	})
	awscdk.NewCfnOutput(stack, new("KeyArn"), &awscdk.CfnOutputProps{
		Value:       key.AttrArn(),
		Description: new("for CmkArn in rules that copy to " + k.Region),
	})
}

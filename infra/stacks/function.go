package stacks

import (
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsscheduler"

	"snapferry/infra/blueprint"
)

// newFunction makes a function, its role, its log group, and what feeds it.
func newFunction(stack awscdk.Stack, f blueprint.Function, architecture, dist string, scheduler awsiam.CfnRole, made queues) {
	name := *id(f.Name)
	logProps := &awslogs.CfnLogGroupProps{
		LogGroupName:    new(f.LogGroup()),
		RetentionInDays: number(f.LogRetention),
	}
	if f.LogKey != "" {
		logProps.KmsKeyId = new(f.LogKey)
	}
	logs := awslogs.NewCfnLogGroup(stack, new(name+"Logs"), logProps)
	// What was done to backups can be read after the stack has gone; retention
	// sees to the end of it.
	logs.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE, nil)

	code := awss3assets.NewAsset(stack, new(name+"Code"), &awss3assets.AssetProps{Path: new(filepath.Join(dist, f.Name))})
	props := &awslambda.CfnFunctionProps{
		FunctionName:  new(f.FullName),
		Description:   new(f.Description),
		Runtime:       new("provided.al2023"),
		Architectures: &[]*string{new(architecture)},
		Handler:       new("bootstrap"),
		Code: &awslambda.CfnFunction_CodeProperty{
			S3Bucket: code.S3BucketName(),
			S3Key:    code.S3ObjectKey(),
		},
		MemorySize:    number(f.MemoryMB),
		Timeout:       seconds(f.Timeout),
		Environment:   &awslambda.CfnFunction_EnvironmentProperty{Variables: f.Environment},
		Role:          newRole(stack, name, f.Role).AttrArn(),
		LoggingConfig: &awslambda.CfnFunction_LoggingConfigProperty{LogGroup: logs.Ref()},
	}
	if f.Tracing {
		props.TracingConfig = &awslambda.CfnFunction_TracingConfigProperty{Mode: new("Active")}
	}
	if f.MaxConcurrent > 0 {
		props.ReservedConcurrentExecutions = number(f.MaxConcurrent)
	}
	function := awslambda.NewCfnFunction(stack, new(name), props)

	if f.Source != nil {
		newEventSource(stack, name, function, *f.Source, made)
	}
	if f.Schedule != "" {
		schedule := awsscheduler.NewCfnSchedule(stack, new(name+"Schedule"), &awsscheduler.CfnScheduleProps{
			Name:               new(f.FullName),
			ScheduleExpression: new(f.Schedule),
			FlexibleTimeWindow: &awsscheduler.CfnSchedule_FlexibleTimeWindowProperty{Mode: new("OFF")},
			Target: &awsscheduler.CfnSchedule_TargetProperty{
				Arn:              function.AttrArn(),
				RoleArn:          scheduler.AttrArn(),
				DeadLetterConfig: &awsscheduler.CfnSchedule_DeadLetterConfigProperty{Arn: made.get(f.Undelivered).AttrArn()},
			},
		})
		// A rate() without a start runs at once when it is made, and the function
		// has the names of queues and bus in its environment, which CloudFormation
		// does not take for references.
		schedule.AddOverride(new("DependsOn"), append(made.policies(), busID))
	}
}

func newEventSource(stack awscdk.Stack, name string, function awslambda.CfnFunction, s blueprint.EventSource, made queues) {
	props := &awslambda.CfnEventSourceMappingProps{
		FunctionName:                   function.Ref(),
		EventSourceArn:                 made.get(s.Queue).AttrArn(),
		BatchSize:                      number(s.BatchSize),
		MaximumBatchingWindowInSeconds: seconds(s.Window),
		FunctionResponseTypes:          &[]*string{new("ReportBatchItemFailures")},
	}
	if s.MaxConcurrent > 0 {
		props.ScalingConfig = &awslambda.CfnEventSourceMapping_ScalingConfigProperty{MaximumConcurrency: number(s.MaxConcurrent)}
	}
	awslambda.NewCfnEventSourceMapping(stack, new(name+"Source"), props)
}

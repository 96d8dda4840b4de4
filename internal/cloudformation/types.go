package cloudformation

import "context"

// creators make resources, by their type. The properties are resolved.
var creators = map[string]func(*deployer, context.Context, *properties) (made, error){
	"AWS::SQS::Queue":                 (*deployer).createQueue,
	"AWS::SQS::QueuePolicy":           (*deployer).createQueuePolicy,
	"AWS::Logs::LogGroup":             (*deployer).createLogGroup,
	"AWS::Events::EventBus":           (*deployer).createBus,
	"AWS::Events::Rule":               (*deployer).createRule,
	"AWS::KMS::Key":                   (*deployer).createKey,
	"AWS::KMS::Alias":                 (*deployer).createAlias,
	"AWS::IAM::Role":                  (*deployer).createRole,
	"AWS::IAM::Policy":                (*deployer).createPolicy,
	"AWS::IAM::ManagedPolicy":         (*deployer).createManagedPolicy,
	"AWS::Lambda::Function":           (*deployer).createFunction,
	"AWS::Lambda::EventSourceMapping": (*deployer).createEventSource,
	"AWS::Scheduler::Schedule":        (*deployer).createSchedule,
	// What `cdk bootstrap` makes besides.
	"AWS::S3::Bucket":       (*deployer).createBucket,
	"AWS::S3::BucketPolicy": (*deployer).createBucketPolicy,
	"AWS::SSM::Parameter":   (*deployer).createParameter,
}

// idle is a type that has no meaning in the simulation. Others may still refer
// to a resource of it: identify says by what.
type idle struct {
	reason   string
	identify func(*deployer, *properties) made
}

const (
	noSNS     = "the simulated AWS has no SNS: alarms reach nobody there"
	noMetrics = "the simulated AWS has no CloudWatch metrics"
)

var idles = map[string]idle{
	"AWS::CDK::Metadata":             {reason: "it tells Amazon which constructs are used"},
	"AWS::CloudFormation::StackSet":  {reason: "it deploys into accounts of an organisation, which the simulation has not"},
	"AWS::CloudWatch::Alarm":         {noMetrics, (*deployer).identifyAlarm},
	"AWS::CloudWatch::Dashboard":     {noMetrics, (*deployer).identifyDashboard},
	"AWS::DLM::LifecyclePolicy":      {reason: "the simulated AWS has no Data Lifecycle Manager: whoever uses it makes and shares snapshots"},
	"AWS::ECR::Repository":           {"the simulated AWS has no container images", (*deployer).identifyRepository},
	"AWS::Lambda::EventInvokeConfig": {reason: "a scheduled function that fails runs again at its next time only"},
	"AWS::Organizations::Policy":     {reason: "organizations are not simulated: World.ControlAccount attaches service control policies"},
	"AWS::SNS::Subscription":         {reason: noSNS},
	"AWS::SNS::Topic":                {noSNS, (*deployer).identifyTopic},
	"AWS::SNS::TopicPolicy":          {reason: noSNS},
	"AWS::Scheduler::ScheduleGroup":  {"a group is only a name in the ARN of its schedules", (*deployer).identifyScheduleGroup},
}

func (d *deployer) identifyAlarm(p *properties) made {
	name := d.name(p.text("AlarmName"), 255)
	return made{ref: name, attributes: map[string]string{"Arn": d.arn("cloudwatch", "alarm:"+name)}}
}

func (d *deployer) identifyDashboard(p *properties) made {
	return made{ref: d.name(p.text("DashboardName"), 255)}
}

func (d *deployer) identifyTopic(p *properties) made {
	name := d.name(p.text("TopicName"), 256)
	arn := d.arn("sns", name)
	return made{ref: arn, attributes: map[string]string{"TopicArn": arn, "TopicName": name}}
}

func (d *deployer) identifyScheduleGroup(p *properties) made {
	name := d.name(p.text("Name"), 64)
	return made{ref: name, attributes: map[string]string{"Arn": d.arn("scheduler", "schedule-group/"+name)}}
}

func (d *deployer) identifyRepository(p *properties) made {
	name := d.name(p.text("RepositoryName"), 256)
	return made{ref: name, attributes: map[string]string{
		"Arn": d.arn("ecr", "repository/"+name), "RepositoryUri": d.stack.Account + ".dkr.ecr." + d.stack.Region + ".amazonaws.com/" + name,
	}}
}

package stacks

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdlm"

	"snapferry/infra/blueprint"
)

// newSource makes the stack of one source account in one Region.
func newSource(app awscdk.App, settings blueprint.Settings, s blueprint.Source) {
	stack := newStack(app, settings.StackName("source-"+s.Account+"-"+s.Region), s.Account, s.Region, "snapferry: creates snapshots and shares them")
	fillSource(stack, s)
}

func fillSource(stack awscdk.Stack, s blueprint.Source) {
	lifecycle := newRole(stack, "Lifecycle", s.Lifecycle)
	p := s.Policy
	var tags []any
	for _, key := range slices.Sorted(maps.Keys(p.TargetTags)) {
		tags = append(tags, &awscdk.CfnTag{Key: new(key), Value: new(p.TargetTags[key])})
	}
	share := &awsdlm.CfnLifecyclePolicy_ShareRuleProperty{TargetAccounts: pointers(p.ShareWith)}
	if p.UnshareDays > 0 {
		share.UnshareInterval, share.UnshareIntervalUnit = number(p.UnshareDays), new("DAYS")
	}
	awsdlm.NewCfnLifecyclePolicy(stack, new("Policy"), &awsdlm.CfnLifecyclePolicyProps{
		Description:      new(p.Description),
		State:            new("ENABLED"),
		ExecutionRoleArn: lifecycle.AttrArn(),
		PolicyDetails: &awsdlm.CfnLifecyclePolicy_PolicyDetailsProperty{
			PolicyType:    new("EBS_SNAPSHOT_MANAGEMENT"),
			ResourceTypes: &[]*string{new("VOLUME")},
			TargetTags:    tags,
			Schedules: []any{&awsdlm.CfnLifecyclePolicy_ScheduleProperty{
				Name: new(p.Name),
				CreateRule: &awsdlm.CfnLifecyclePolicy_CreateRuleProperty{
					Interval:     number(p.EveryHours),
					IntervalUnit: new("HOURS"),
					Times:        &[]*string{new(p.At)},
				},
				RetainRule: &awsdlm.CfnLifecyclePolicy_RetainRuleProperty{Count: number(p.Keep)},
				ShareRules: []any{share},
				CopyTags:   p.CopyTags,
			}},
		},
	})
}

// newStackSet makes the stack whose StackSet prepares the accounts of an
// organisation. It is deployed in the organisation's management account or, with
// CallAs DELEGATED_ADMIN, in one that administers StackSets for it: CloudFormation
// refuses either in the place of the other.
//
// By default CloudFormation works on one account at a time and stops at the
// first failure. Soft tolerance lets many accounts be worked on at once however
// few failures are tolerated (CloudFormation user guide, "Concurrency mode").
// None of this applies to accounts that join later, which are deployed by
// themselves.
func newStackSet(app awscdk.App, settings blueprint.Settings, s blueprint.StackSet) {
	stack := newStack(app, settings.StackName("source-stackset"), "", settings.HomeRegion, "snapferry: the source accounts of an organisation")
	awscdk.NewCfnStackSet(stack, new("StackSet"), &awscdk.CfnStackSetProps{
		StackSetName:    new(s.Name),
		Description:     new("snapferry: creates snapshots and shares them"),
		PermissionModel: new("SERVICE_MANAGED"),
		CallAs:          new(s.CallAs),
		OperationPreferences: &awscdk.CfnStackSet_OperationPreferencesProperty{
			ConcurrencyMode:       new("SOFT_FAILURE_TOLERANCE"),
			MaxConcurrentCount:    number(s.MaxConcurrent),
			FailureToleranceCount: number(s.FailureTolerance),
			RegionConcurrencyType: new(s.RegionConcurrency),
		},
		AutoDeployment: &awscdk.CfnStackSet_AutoDeploymentProperty{
			Enabled:                      true,
			RetainStacksOnAccountRemoval: false,
		},
		ManagedExecution: map[string]any{"Active": true},
		Capabilities:     &[]*string{new("CAPABILITY_NAMED_IAM")},
		StackInstancesGroup: []any{&awscdk.CfnStackSet_StackInstancesProperty{
			DeploymentTargets: &awscdk.CfnStackSet_DeploymentTargetsProperty{OrganizationalUnitIds: pointers(s.Units)},
			Regions:           pointers(s.Regions),
		}},
		TemplateBody: new(templateOf(settings, s.Source)),
	})
}

// templateOf is the template of a source, for any account and Region.
func templateOf(settings blueprint.Settings, s blueprint.Source) string {
	app := awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: new(false), TreeMetadata: new(false)})
	tagAll(app, settings)
	stack := awscdk.NewStack(app, new("source"), &awscdk.StackProps{Synthesizer: awscdk.NewLegacyStackSynthesizer()})
	fillSource(stack, s)
	template, err := json.Marshal(app.Synth(nil).GetStackArtifact(stack.ArtifactId()).Template())
	if err != nil {
		panic("the template of a source does not marshal: " + err.Error())
	}
	return string(template)
}

func pointers(list []string) *[]*string {
	out := make([]*string, len(list))
	for i := range list {
		out[i] = new(list[i])
	}
	return &out
}

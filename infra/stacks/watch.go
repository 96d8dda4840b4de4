package stacks

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"

	"snapferry/infra/blueprint"
)

// newTopic makes the topic for people. Its policy is whole: with one of its own,
// a topic lets in nobody by default, alarms included.
func newTopic(stack awscdk.Stack, t blueprint.Topic) awssns.CfnTopic {
	props := &awssns.CfnTopicProps{TopicName: new(t.Name)}
	if t.Key != "" {
		props.KmsMasterKeyId = new(t.Key)
	}
	topic := awssns.NewCfnTopic(stack, new("Topic"), props)
	awssns.NewCfnTopicPolicy(stack, new("TopicPolicy"), &awssns.CfnTopicPolicyProps{
		Topics:         &[]*string{topic.Ref()},
		PolicyDocument: document(append([]blueprint.Statement{overTLS("sns:Publish", *topic.Ref())}, t.Policy...)...),
	})
	for i, email := range t.Emails {
		awssns.NewCfnSubscription(stack, new(fmt.Sprintf("Email%d", i)), &awssns.CfnSubscriptionProps{
			TopicArn: topic.Ref(),
			Protocol: new("email"),
			Endpoint: new(email),
		})
	}
	return topic
}

// newAlarm makes an alarm that tells the topic when it goes off and when it is
// over.
func newAlarm(stack awscdk.Stack, a blueprint.Alarm, topic awssns.CfnTopic) {
	actions := &[]any{topic.Ref()}
	props := &awscloudwatch.CfnAlarmProps{
		AlarmName:          new(a.Name),
		AlarmDescription:   new(a.Description),
		ComparisonOperator: new(a.Comparison),
		Threshold:          new(a.Threshold),
		DatapointsToAlarm:  number(a.Periods),
		EvaluationPeriods:  number(a.Of),
		TreatMissingData:   new(a.Missing),
		AlarmActions:       actions,
		OkActions:          actions,
	}
	if a.Expression == "" {
		m := a.Metrics[0]
		props.Namespace, props.MetricName, props.Period = new(m.Namespace), new(m.Name), seconds(m.Period)
		if len(m.Dimensions) > 0 {
			props.Dimensions = dimensions(m)
		}
		if strings.HasPrefix(m.Statistic, "p") {
			props.ExtendedStatistic = new(m.Statistic)
		} else {
			props.Statistic = new(m.Statistic)
		}
	} else {
		props.Metrics = expression(a)
	}
	awscloudwatch.NewCfnAlarm(stack, new(*id(a.Name)+"Alarm"), props)
}

func expression(a blueprint.Alarm) []any {
	queries := []any{&awscloudwatch.CfnAlarm_MetricDataQueryProperty{
		Id:         new("e"),
		Expression: new(a.Expression),
		Label:      new(a.Name),
		ReturnData: true,
	}}
	for i, m := range a.Metrics {
		metric := &awscloudwatch.CfnAlarm_MetricProperty{Namespace: new(m.Namespace), MetricName: new(m.Name)}
		if len(m.Dimensions) > 0 {
			metric.Dimensions = dimensions(m)
		}
		queries = append(queries, &awscloudwatch.CfnAlarm_MetricDataQueryProperty{
			Id:         new(fmt.Sprintf("m%d", i)),
			ReturnData: false,
			MetricStat: &awscloudwatch.CfnAlarm_MetricStatProperty{
				Metric: metric,
				Period: seconds(m.Period),
				Stat:   new(m.Statistic),
			},
		})
	}
	return queries
}

func dimensions(m blueprint.Metric) []any {
	var list []any
	for _, name := range sorted(m.Dimensions) {
		list = append(list, &awscloudwatch.CfnAlarm_DimensionProperty{Name: new(name), Value: new(m.Dimensions[name])})
	}
	return list
}

package cloudformation

import "testing"

func TestLogGroups(t *testing.T) {
	world, d := mustDeploy(t, "s", resources(`
		"Logs":{"Type":"AWS::Logs::LogGroup","Properties":{"LogGroupName":"/ours","RetentionInDays":90,"Tags":[{"Key":"a","Value":"b"}]}},
		"Unnamed":{"Type":"AWS::Logs::LogGroup"}`,
		`"Name":{"Value":{"Ref":"Logs"}}`, `"Arn":{"Value":{"Fn::GetAtt":["Logs","Arn"]}}`, `"Unnamed":{"Value":{"Ref":"Unnamed"}}`))
	if got, want := d.Outputs["s"]["Arn"], "arn:aws:logs:us-east-1:222222222222:log-group:/ours:*"; got != want || d.Outputs["s"]["Name"] != "/ours" {
		t.Errorf("outputs %v, want the ARN %s", d.Outputs["s"], want)
	}
	var groups struct {
		LogGroups []struct {
			LogGroupName    string
			RetentionInDays int
		}
	}
	do(t, world, "logs", "DescribeLogGroups", map[string]any{}, &groups)
	if len(groups.LogGroups) != 2 || groups.LogGroups[0].LogGroupName != "/ours" || groups.LogGroups[0].RetentionInDays != 90 ||
		groups.LogGroups[1].LogGroupName != d.Outputs["s"]["Unnamed"] {
		t.Errorf("got the groups %+v", groups.LogGroups)
	}
}

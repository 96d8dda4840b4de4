package stacks

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"

	"snapferry/infra/blueprint"
)

// CloudWatch's dashboards are 24 units wide.
const (
	dashboardWidth = 24
	rowHeight      = 6
)

// newDashboard makes a dashboard: graphs in rows, those of a row equally wide.
func newDashboard(stack awscdk.Stack, d blueprint.Dashboard, region string) {
	var widgets []any
	for y, row := range d.Rows {
		width := dashboardWidth / max(len(row), 1)
		for x, g := range row {
			widgets = append(widgets, map[string]any{
				"type": "metric", "x": x * width, "y": y * rowHeight, "width": width, "height": rowHeight,
				"properties": graph(g, region),
			})
		}
	}
	body, err := json.Marshal(map[string]any{"widgets": widgets})
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	awscloudwatch.NewCfnDashboard(stack, new("Dashboard"), &awscloudwatch.CfnDashboardProps{
		DashboardName: new(d.Name),
		DashboardBody: new(string(body)),
	})
}

func graph(g blueprint.Graph, region string) map[string]any {
	metrics := make([]any, len(g.Metrics))
	for i, m := range g.Metrics {
		line := []any{m.Namespace, m.Name}
		for _, name := range sorted(m.Dimensions) {
			line = append(line, name, m.Dimensions[name])
		}
		options := map[string]any{"stat": m.Statistic, "period": int(m.Period.Seconds())}
		if m.Label != "" {
			options["label"] = m.Label
		}
		if m.Region != "" {
			options["region"] = m.Region
		}
		metrics[i] = append(line, options)
	}
	properties := map[string]any{"title": g.Title, "region": region, "metrics": metrics, "view": "timeSeries"}
	if g.Single {
		properties["view"] = "singleValue"
	}
	if g.Stacked {
		properties["stacked"] = true
	}
	if g.Unit != "" && !g.Single {
		properties["yAxis"] = map[string]any{"left": map[string]any{"label": g.Unit, "showUnits": false, "min": 0}}
	}
	return properties
}

func sorted(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

package start

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"snapferry/internal/reactor"
)

// namespace is where CloudWatch shows the metrics.
const namespace = "snapferry"

// mostValues is how many values of a metric CloudWatch takes from one line.
const mostValues = 100

// Measure writes what an invocation measured to standard output, from where
// Lambda brings it to CloudWatch's metrics. A dry run has done nothing that is
// to be counted.
func Measure(j *reactor.Journal) {
	if !j.DryRun() {
		// There is nobody to tell that standard output is closed.
		_ = writeMetrics(os.Stdout, time.Now(), j.Metrics())
	}
}

// writeMetrics writes metrics in CloudWatch's embedded metric format, a line for
// each set of dimensions
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
func writeMetrics(w io.Writer, now time.Time, metrics []reactor.Metric) error {
	for len(metrics) > 0 {
		var line []reactor.Metric
		first := metrics[0]
		var rest []reactor.Metric
		for _, m := range metrics {
			if m.Region != first.Region || m.Cause != first.Cause || m.Total != first.Total {
				rest = append(rest, m)
				continue
			}
			if len(m.Values) > mostValues {
				more := m
				m.Values, more.Values = m.Values[:mostValues], m.Values[mostValues:]
				rest = append(rest, more)
			}
			line = append(line, m)
		}
		data, err := json.Marshal(embedded(now, line))
		if err != nil {
			return fmt.Errorf("write metrics: %w", err)
		}
		if _, err := w.Write(append(data, '\n')); err != nil {
			return fmt.Errorf("write metrics: %w", err)
		}
		metrics = rest
	}
	return nil
}

// embedded is one line: metrics of the same dimensions, each name once.
func embedded(now time.Time, metrics []reactor.Metric) map[string]any {
	type definition struct {
		Name string
		Unit string
	}
	line := map[string]any{}
	var dimensions [][]string
	dimension := func(name, value string) {
		if value != "" {
			line[name] = value
			dimensions = append(dimensions, []string{name})
		}
	}
	dimension("Region", metrics[0].Region)
	dimension("Cause", metrics[0].Cause)
	if metrics[0].Total || len(dimensions) == 0 {
		dimensions = append([][]string{{}}, dimensions...)
	}
	var definitions []definition
	for _, m := range metrics {
		definitions = append(definitions, definition{m.Name, m.Unit})
		if len(m.Values) == 1 {
			line[m.Name] = m.Values[0]
		} else {
			line[m.Name] = m.Values
		}
	}
	line["_aws"] = map[string]any{
		"Timestamp": now.UnixMilli(),
		"CloudWatchMetrics": []any{map[string]any{
			"Namespace":  namespace,
			"Dimensions": dimensions,
			"Metrics":    definitions,
		}},
	}
	return line
}

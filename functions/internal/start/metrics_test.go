package start

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"snapferry/internal/reactor"
)

func TestWriteMetrics(t *testing.T) {
	var out bytes.Buffer
	err := writeMetrics(&out, time.UnixMilli(1790000000000), []reactor.Metric{
		{Name: "CopiesFailed", Unit: "Count", Total: true, Values: []float64{1}},
		{Name: "CopiesStarted", Unit: "Count", Region: "eu-west-2", Total: true, Values: []float64{3}},
		{Name: "OrderWait", Unit: "Seconds", Region: "eu-west-2", Total: true, Values: []float64{1.5, 20}},
		{Name: "SlotsInUse", Unit: "Count", Region: "eu-west-2", Values: []float64{7}},
		{Name: "CopiesKept", Unit: "Count", Region: "sa-east-1", Cause: "held", Values: []float64{2}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		`{"CopiesFailed":1,"_aws":{"CloudWatchMetrics":[{"Dimensions":[[]],"Metrics":[{"Name":"CopiesFailed","Unit":"Count"}],"Namespace":"snapferry"}],"Timestamp":1790000000000}}`,
		`{"CopiesStarted":3,"OrderWait":[1.5,20],"Region":"eu-west-2","_aws":{"CloudWatchMetrics":[{"Dimensions":[[],["Region"]],"Metrics":[{"Name":"CopiesStarted","Unit":"Count"},{"Name":"OrderWait","Unit":"Seconds"}],"Namespace":"snapferry"}],"Timestamp":1790000000000}}`,
		`{"Region":"eu-west-2","SlotsInUse":7,"_aws":{"CloudWatchMetrics":[{"Dimensions":[["Region"]],"Metrics":[{"Name":"SlotsInUse","Unit":"Count"}],"Namespace":"snapferry"}],"Timestamp":1790000000000}}`,
		`{"Cause":"held","CopiesKept":2,"Region":"sa-east-1","_aws":{"CloudWatchMetrics":[{"Dimensions":[["Region"],["Cause"]],"Metrics":[{"Name":"CopiesKept","Unit":"Count"}],"Namespace":"snapferry"}],"Timestamp":1790000000000}}`,
	}, "\n") + "\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

// CloudWatch takes a hundred values of a metric from one line.
func TestWriteManyValues(t *testing.T) {
	values := make([]float64, 2*mostValues+1)
	for i := range values {
		values[i] = float64(i)
	}
	var out bytes.Buffer
	if err := writeMetrics(&out, time.Now(), []reactor.Metric{{Name: "CopyLag", Unit: "Seconds", Region: "eu-west-2", Values: values}}); err != nil {
		t.Fatal(err)
	}
	var got []float64
	for line := range strings.Lines(out.String()) {
		var m struct{ CopyLag any }
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		switch lag := m.CopyLag.(type) {
		case float64:
			got = append(got, lag)
		case []any:
			if len(lag) > mostValues {
				t.Errorf("a line with %d values", len(lag))
			}
			for _, v := range lag {
				got = append(got, v.(float64))
			}
		}
	}
	if diff := cmp.Diff(values, got); diff != "" {
		t.Error(diff)
	}
}

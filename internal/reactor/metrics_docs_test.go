package reactor

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDocumentedMetrics: docs/metrics.md has the metrics that there are, with
// their units, and says of which there is a total.
func TestDocumentedMetrics(t *testing.T) {
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		Unit  string
		Total bool
	}
	got, want := map[string]row{}, map[string]row{}
	for name, kind := range metricKinds {
		want[name] = row{kind.unit, kind.total}
	}
	name := regexp.MustCompile("`([A-Za-z]+)`")
	for line := range strings.Lines(string(text)) {
		columns := strings.Split(line, "|")
		if len(columns) < 5 {
			continue
		}
		for _, match := range name.FindAllStringSubmatch(columns[1], -1) {
			got[match[1]] = row{strings.TrimSpace(columns[2]), strings.Contains(columns[3], "none")}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-code +documented):\n%s", diff)
	}
}

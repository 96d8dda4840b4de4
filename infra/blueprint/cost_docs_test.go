package blueprint

import (
	"fmt"
	"strings"
	"testing"
)

// TestCostDoc: what docs/deploy.md counts for the guide's example is what is
// deployed.
func TestCostDoc(t *testing.T) {
	b := guide(t, nil)
	// The stack of the home Region and that of each forwarder have a key.
	keys := 1 + len(b.Forwarders)
	watched, shown := 0, 0
	for _, a := range b.Home.Alarms {
		watched += len(a.Metrics)
	}
	for _, f := range b.Forwarders {
		for _, a := range f.Alarms {
			watched += len(a.Metrics)
		}
	}
	for _, row := range b.Home.Dashboard.Rows {
		for _, g := range row {
			shown += len(g.Metrics)
		}
	}
	doc := string(contents(t, "../../docs/deploy.md"))
	for _, row := range []string{
		fmt.Sprintf("| KMS keys | %d | $1 | $%d.00 |", keys, keys),
		fmt.Sprintf("| metrics under alarms | %d | $0.10 | $%.2f |", watched, 0.1*float64(watched)),
		fmt.Sprintf("| dashboard, of %d metrics | 1 | $3 | $3.00 |", shown),
	} {
		if !strings.Contains(doc, row) {
			t.Errorf("docs/deploy.md has no row %s", row)
		}
	}
}

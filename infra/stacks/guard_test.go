package stacks

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestGuard: the stack attaches the blueprint's policies, all of them, each as it
// is, to the target; and where the settings have no guard nothing is made.
func TestGuard(t *testing.T) {
	guards := 0
	for name, d := range deployments {
		g := d.blueprint.Guard
		if g == nil {
			if _, err := os.Stat(filepath.Join(d.out, "guard")); err == nil {
				t.Errorf("%s: there is a guard that nobody asked for", name)
			}
			continue
		}
		guards++
		stack := d.guard[d.stack("guard")]
		ids := stack.of("AWS::Organizations::Policy")
		if len(ids) != len(g.Policies) || len(ids) != len(stack.Resources) || len(d.guard) != 1 {
			t.Fatalf("%s: %d resources in %d stacks for %d policies", name, len(stack.Resources), len(d.guard), len(g.Policies))
		}
		for i, id := range ids {
			p := stack.Resources[id].Properties
			var want any
			if err := json.Unmarshal(g.Policies[i].JSON(), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, p["Content"]); diff != "" {
				t.Errorf("%s: %s (-blueprint +template):\n%s", name, id, diff)
			}
			if p["Name"] != g.Policies[i].Name || p["Type"] != "SERVICE_CONTROL_POLICY" || !cmp.Equal(p["TargetIds"], []any{g.Target}) {
				t.Errorf("%s: %s is %v, a %v on %v", name, id, p["Name"], p["Type"], p["TargetIds"])
			}
		}
	}
	if guards == 0 {
		t.Error("no case has a guard")
	}
}

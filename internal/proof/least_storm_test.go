package proof

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

// The case storm is the storm's: its policy is the one that the storm writes.
func TestStormIsGolden(t *testing.T) {
	files, err := Storm{}.PolicyFiles()
	if err != nil {
		t.Fatal(err)
	}
	compact := func(files map[string][]byte) map[string]any {
		documents := map[string]any{}
		for name, data := range files {
			var document any
			if err := json.Unmarshal(data, &document); err != nil {
				t.Fatal(err)
			}
			documents[name] = document
		}
		return documents
	}
	c := goldenOf(t, "storm")
	if diff := gocmp.Diff(compact(files), compact(c.policies)); diff != "" {
		t.Errorf("policies (-storm +golden):\n%s", diff)
	}
	if !bytes.Equal(files[policyFile], c.policies[policyFile]) {
		t.Errorf("golden's %s has other bytes than the storm's, and so another hash", policyFile)
	}
}

// Under the roles of the templates a storm is as it is without any: nothing is
// lost or doubled, IAM refuses nothing, and the functions call as often.
func TestStormUnderRoles(t *testing.T) {
	storm := func(chaos *Chaos) Storm {
		return Storm{Seed: 3, Sources: 300, Shortest: time.Minute, Longest: 20 * time.Minute, Chaos: chaos}
	}
	templates := goldenOf(t, "storm").templates(t, nil)
	pass := func(t *testing.T, s Storm) Result {
		s.Templates = templates
		wall := time.Now()
		r := weather(t, s)
		report(t, s, r, time.Since(wall))
		if r.Lost > 0 || r.Doubled > 0 || r.Copies == 0 {
			t.Errorf("%d copies made, %d lost, %d doubled", r.Copies, r.Lost, r.Doubled)
		}
		for _, refusal := range summary(r.Denied) {
			t.Error(refusal)
		}
		return r
	}
	t.Run("chaos", func(t *testing.T) { pass(t, storm(Rough())) })
	t.Run("calm", func(t *testing.T) {
		bound, free := pass(t, storm(nil)), weather(t, storm(nil))
		report(t, storm(nil), free, 0)
		if bound.Copies != free.Copies {
			t.Errorf("%d copies under roles, and %d without", bound.Copies, free.Copies)
		}
		calls := func(r Result) (names []string) {
			for name := range sortedMap(r.Calls) {
				names = append(names, name)
			}
			return names
		}
		if diff := gocmp.Diff(calls(free), calls(bound)); diff != "" {
			t.Errorf("other calls under roles (-without +with):\n%s", diff)
		}
		// Not the same number: functions that run at once take orders from each
		// other.
		if a, b := free.CallsPerCopy(), bound.CallsPerCopy(); math.Abs(a-b) > 0.1*a {
			t.Errorf("%.2f calls to EC2 for a copy under roles, and %.2f without", b, a)
		}
		if len(bound.Problems) > 0 {
			t.Errorf("problems: %v", bound.Problems)
		}
	})
}

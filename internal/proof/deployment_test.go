package proof

import (
	"testing"
	"testing/synctest"
	"time"

	"snapferry/internal/policy"
	"snapferry/internal/sim"
)

func policies(t testing.TB, documents ...string) []policy.Policy {
	t.Helper()
	var all []policy.Policy
	for _, d := range documents {
		p, problems := policy.Parse("policy1.json", []byte(d))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		all = append(all, p)
	}
	return all
}

const simple = `{"PolicyType":"EVENT_BASED_POLICY","EventSource":{"Type":"MANAGED_CWE","Parameters":{"EventType":"shareSnapshot","SnapshotOwner":["111111111111"],"DescriptionRegex":".*"}},
	"Actions":[{"Name":"a","CrossRegionCopy":[{"Target":"eu-west-2","EncryptionConfiguration":{"Encrypted":false}}]}]}`

// One share goes the whole way through the deployment, with nobody calling a
// function by hand.
func TestADeploymentByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard []string
		d, err := Deploy(t.Context(), Settings{Policies: policies(t, simple), ReconcileEvery: 5 * time.Minute, ExpireEvery: time.Hour,
			Listen: func(o Outcome) { heard = append(heard, o.Type+" "+o.Detail.Order) }})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.World.AddSnapshot(sim.Seed{Region: Home, ID: "snap-0123456789abcdef0", Owner: "111111111111"}); err != nil {
			t.Fatal(err)
		}
		d.Start(t.Context())
		time.Sleep(time.Minute)
		share := form("SnapshotId", "snap-0123456789abcdef0", "Attribute", "createVolumePermission", "OperationType", "add", "UserId.1", Account)
		if err := d.World.Do(t.Context(), "111111111111", Home, "ec2", "ModifySnapshotAttribute", share, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		d.Stop()
		want := []string{"Started policy1/snap-0123456789abcdef0", "Completed policy1/snap-0123456789abcdef0"}
		if len(heard) != 2 || heard[0] != want[0] || heard[1] != want[1] {
			t.Errorf("outcomes %q, want %q", heard, want)
		}
		if problems := d.Problems(); len(problems) > 0 {
			t.Errorf("problems: %v", problems)
		}
	})
}

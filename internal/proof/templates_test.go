package proof

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"snapferry/internal/cloudformation"
	"snapferry/internal/policy"
	"snapferry/internal/sim"
)

// templates are a deployment from us-east-1 to eu-west-2 of one policy, nightly,
// whose copies expire after a day.
func templates(t *testing.T) *cloudformation.Assembly {
	t.Helper()
	assembly, err := cloudformation.Open(os.DirFS("../cloudformation/testdata/snapferry"))
	if err != nil {
		t.Fatal(err)
	}
	return assembly
}

func nightly(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := policy.ReadDir("../cloudformation/testdata/policies")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// One share goes the whole way, to the expiry of its copy, with every function,
// the event source mapping and the schedules under the roles of the templates.
func TestADeploymentByTemplates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const id = "snap-0123456789abcdef0"
		files := nightly(t)
		var heard []string
		calls, refused := map[string]int{}, []string{}
		d, err := Deploy(t.Context(), Settings{
			Templates:   templates(t),
			PolicyFiles: files,
			Simulation: sim.Options{OnAuthorize: func(a sim.Authorization) {
				switch {
				case a.Role == "":
				case a.Allowed:
					calls[a.Role[strings.LastIndexByte(a.Role, '/')+1:]+" "+a.Action]++
				default:
					refused = append(refused, a.Principal+" "+a.Action+" "+a.Resource)
				}
			}},
			Listen: func(o Outcome) { heard = append(heard, o.Type) },
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.World.AddSnapshot(sim.Seed{Region: Home, ID: id, Owner: "111111111111"}); err != nil {
			t.Fatal(err)
		}
		d.Start(t.Context())
		time.Sleep(time.Minute)
		share := form("SnapshotId", id, "Attribute", "createVolumePermission", "OperationType", "add", "UserId.1", Account)
		if err := d.World.Do(t.Context(), "111111111111", Home, "ec2", "ModifySnapshotAttribute", share, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Hour)
		d.Stop()
		if want := "[Started Completed Expired]"; fmt.Sprint(heard) != want {
			t.Errorf("outcomes %v, want %s", heard, want)
		}
		if problems := d.Problems(); len(problems) > 0 {
			t.Errorf("problems: %v", problems)
		}
		if len(refused) > 0 {
			t.Errorf("refused: %v", refused)
		}
		for _, want := range []string{
			"snapferry-forwarder-us-east-1 events:PutEvents", "snapferry-forwarder-eu-west-2 events:PutEvents",
			"snapferry-copy sqs:ReceiveMessage", "snapferry-copy sqs:DeleteMessage", "snapferry-copy kms:Decrypt",
			"snapferry-copy ec2:CopySnapshot", "snapferry-copy ec2:CreateTags", "snapferry-copy events:PutEvents",
			"snapferry-reconcile ec2:DescribeSnapshots", "snapferry-reconcile sqs:GetQueueAttributes",
			"snapferry-expire ec2:DeleteSnapshot", "snapferry-expire events:PutEvents", "snapferry-scheduler lambda:InvokeFunction",
		} {
			if calls[want] == 0 {
				t.Errorf("nobody did %s; done: %v", want, calls)
			}
		}
		invoked, killed := d.Invoked()
		if invoked[reconciling] != 201 || invoked[expiring] != 9 || len(killed) > 0 {
			t.Errorf("invoked %v, killed %v; want reconcile at once and every 15 minutes, and expire at once and every 6 hours", invoked, killed)
		}
	})
}

func TestTemplatesThatDoNotFit(t *testing.T) {
	files := nightly(t)
	for name, test := range map[string]struct {
		settings Settings
		want     string
	}{
		"other policies":      {Settings{Templates: templates(t), PolicyFiles: map[string][]byte{"nightly.json": []byte(simple)}}, "deploy: the policies have the hash "},
		"a setting of theirs": {Settings{Templates: templates(t), PolicyFiles: files, Slots: 5}, "deploy: leave out Policies, Sources, Slots, Lanes, CatchUp, Copiers and schedules: they come with Templates"},
		"a bad policy":        {Settings{Templates: templates(t), PolicyFiles: map[string][]byte{"nightly.json": []byte("{}")}}, "deploy: nightly.json: "},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Deploy(t.Context(), test.settings); !strings.HasPrefix(fmt.Sprint(err), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

package proof

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"snapferry/internal/cloudformation"
	"snapferry/internal/sim"
)

// boundaryInDocs is the permissions boundary that docs/deploy.md says is wide enough.
func boundaryInDocs(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../docs/deploy.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)<!-- the least boundary -->\n```json\n(.*?)```").FindSubmatch(data)
	if found == nil {
		t.Fatal("docs/deploy.md has no permissions boundary")
	}
	return string(found[1])
}

// conventional is what became of a share in the deployment of an organisation with
// a prefix, a path, a boundary and a home of its own.
type conventional struct {
	roles    []*cloudformation.Role
	outcomes []string
	refused  map[string]bool // role and action
	problems []error
}

// bounded shares a snapshot in the deployment of the case organization, whose
// account has the boundary that it names, and perhaps service control policies, and
// lets the copy expire.
func bounded(t *testing.T, boundary string, controls ...string) (result conventional) {
	c := goldenOf(t, "organization")
	assembly := c.templates(t, nil)
	assembly.Boundary = boundary
	result.refused = map[string]bool{}
	synctest.Test(t, func(t *testing.T) {
		d, err := Deploy(t.Context(), Settings{
			Templates: assembly, PolicyFiles: c.policies,
			Simulation: sim.Options{OnAuthorize: func(a sim.Authorization) {
				if a.Role != "" && !a.Allowed && !a.Advisory {
					result.refused[a.Role[strings.LastIndexByte(a.Role, '/')+1:]+" "+a.Action] = true
				}
			}},
			Listen: func(o Outcome) { result.outcomes = append(result.outcomes, o.Type) },
		})
		if err != nil {
			t.Fatal(err)
		}
		const (
			dublin = "eu-west-1"
			key    = "arn:aws:kms:eu-west-1:222222222222:key/8af79514-350d-4c52-bac8-8985e84171c7"
			id     = "snap-0123456789abcdef0"
		)
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		c.addEncryptionKeys(t, d)
		check(d.World.AddKey(key))
		check(d.Do(t.Context(), dublin, "ec2", "ModifyEbsDefaultKmsKeyId", form("KmsKeyId", key), nil))
		check(d.World.AddSnapshot(sim.Seed{Region: "us-east-1", ID: id, Owner: factory, Description: "the database"}))
		check(d.World.ControlAccount(Account, controls...))
		d.Start(t.Context())
		time.Sleep(time.Minute)
		share := form("SnapshotId", id, "Attribute", "createVolumePermission", "OperationType", "add", "UserId.1", Account)
		check(d.World.Do(t.Context(), factory, "us-east-1", "ec2", "ModifySnapshotAttribute", share, nil))
		time.Sleep(3 * time.Hour)
		d.Stop()
		time.Sleep(31 * 24 * time.Hour)
		_, err = d.Expire(t.Context())
		check(err)
		result.roles, result.problems = d.Roles, d.Problems()
	})
	return result
}

// TestAnOrganizationsConventions: with a prefix before all names, roles on a path and
// a boundary no wider than the docs say, a copy comes and goes, and no role is
// refused anything.
func TestAnOrganizationsConventions(t *testing.T) {
	got := bounded(t, boundaryInDocs(t))
	if want := "[Started Completed Expired]"; fmt.Sprint(got.outcomes) != want {
		t.Errorf("outcomes %v, want %s", got.outcomes, want)
	}
	if len(got.refused) > 0 || len(got.problems) > 0 {
		t.Errorf("refused: %v, problems: %v", slices.Sorted(maps.Keys(got.refused)), got.problems)
	}
	for _, r := range got.roles {
		if !strings.HasPrefix(r.ARN, "arn:aws:iam::222222222222:role/acme/backup/acme-snapferry-") || r.Boundary != "arn:aws:iam::222222222222:policy/acme-boundary" {
			t.Errorf("role %s is bounded by %q", r.ARN, r.Boundary)
		}
	}
	if len(got.roles) < 8 {
		t.Errorf("%d roles", len(got.roles))
	}
}

// TestABoundaryThatIsTooNarrow: what the boundary does not let through, no policy of
// a role makes up for.
func TestABoundaryThatIsTooNarrow(t *testing.T) {
	narrow := strings.Replace(boundaryInDocs(t), `"ec2:CopySnapshot", `, "", 1)
	got := bounded(t, narrow)
	if slices.Contains(got.outcomes, "Completed") || !got.refused["acme-snapferry-copy ec2:CopySnapshot"] {
		t.Errorf("outcomes %v, refused %v", got.outcomes, got.refused)
	}
}

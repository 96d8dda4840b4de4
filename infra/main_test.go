package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snapferry/infra/blueprint"
	"snapferry/internal/policy"
)

// start runs the app with an environment. Nothing here gets as far as Node: the
// tests of infra/stacks do.
func start(args []string, env map[string]string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(args, func(name string) string { return env[name] }, &out, &errs)
	return code, out.String(), errs.String()
}

// guide is the environment of the guide's example.
func guide(t *testing.T) map[string]string {
	return map[string]string{
		"SETTINGS":   "golden/guide/settings.json",
		"POLICIES":   "golden/guide/policies",
		"CDK_OUTDIR": filepath.Join(t.TempDir(), "out"),
		"DIST":       t.TempDir(),
	}
}

// TestProblems: everything that is wrong with settings and policies is told, as
// `snapferry validate` does, and nothing is made.
func TestProblems(t *testing.T) {
	env := guide(t)
	dir := t.TempDir()
	for name, content := range map[string]string{
		"settings.json":     `{"account": 222222222222, "homeRegion": "us-east-9", "sourceRegions": ["us-east-1"], "sources": []}`,
		"policies/bad.json": `{"PolicyType": "EVENT_BASED_POLICY", "Actions": []}`,
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	env["SETTINGS"], env["POLICIES"] = filepath.Join(dir, "settings.json"), filepath.Join(dir, "policies")

	_, inSettings := blueprint.LoadSettings(env["SETTINGS"], blueprint.Overrides{})
	_, inPolicies := policy.Load(env["POLICIES"])
	if len(inSettings) < 3 || len(inPolicies) < 2 {
		t.Fatalf("%d and %d problems, want several", len(inSettings), len(inPolicies))
	}
	var want strings.Builder
	for _, p := range slices.Concat(inSettings, inPolicies) {
		want.WriteString(p.String() + "\n")
	}
	for _, what := range []string{"target", "source", "guard", "left target", "left source", "left guard"} {
		code, stdout, stderr := start(strings.Fields(what), env)
		if diff := cmp.Diff(want.String(), stderr); diff != "" || code != 1 || stdout != "" {
			t.Errorf("%s: exit %d, stdout %q, stderr (-want +got):\n%s", what, code, stdout, diff)
		}
	}
	if _, err := os.Stat(env["CDK_OUTDIR"]); err == nil {
		t.Errorf("%s was made in spite of the problems", env["CDK_OUTDIR"])
	}
}

// TestNotBuilt: without the functions' code it says what to do.
func TestNotBuilt(t *testing.T) {
	code, _, stderr := start(nil, guide(t))
	if code != 1 || !strings.Contains(stderr, "run make build ARCH=arm64") {
		t.Errorf("exit %d, stderr %q: want 1 and how to build", code, stderr)
	}
	if !strings.HasPrefix(stderr, "warning: golden/guide/settings.json: $.alarmEmails: ") {
		t.Errorf("stderr %q: want a warning that nobody hears alarms", stderr)
	}
}

// TestCapacity: what the deployment is to carry is printed, and what it can't is
// warned of.
func TestCapacity(t *testing.T) {
	env := guide(t)
	settings, err := os.ReadFile(env["SETTINGS"])
	if err != nil {
		t.Fatal(err)
	}
	env["SETTINGS"] = filepath.Join(t.TempDir(), "settings.json")
	expected := bytes.Replace(settings, []byte("{"), []byte(`{"capacity": {"snapshotsPerDay": 10000, "copyMinutes": 1},`), 1)
	if err := os.WriteFile(env["SETTINGS"], expected, 0o644); err != nil {
		t.Fatal(err)
	}
	_, stdout, stderr := start(nil, env)
	if want := "  eu-west-2  10,000        28,800       35%   8h20m             310,000      310%\n"; !strings.Contains(stdout, want) {
		t.Errorf("stdout has no line %q:\n%s", want, stdout)
	}
	if want := "$.capacity: is TOO MUCH for eu-west-2: 310,000 copies are kept"; !strings.Contains(stderr, want) {
		t.Errorf("stderr has no %q:\n%s", want, stderr)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"deploy"}, {"target", "source"}, {"left", "left"}} {
		if code, _, stderr := start(args, guide(t)); code != 2 || !strings.HasPrefix(stderr, "usage:") {
			t.Errorf("%v: exit %d, stderr %q: want 2 and the usage", args, code, stderr)
		}
	}
}

// TestOverrides: the command line wins over the file.
func TestOverrides(t *testing.T) {
	env := guide(t)
	env["ACCOUNT"], env["HOME_REGION"] = "999999999999", "eu-west-1"
	code, stdout, stderr := start([]string{"left"}, env)
	if code != 0 || !strings.Contains(stdout, "account 999999999999") || !strings.Contains(stdout, "in eu-west-1") {
		t.Errorf("exit %d, stdout %q, stderr %q: want the account and Region of the command line", code, stdout, stderr)
	}
}

// TestLeft: what stays behind is what the stacks retain.
func TestLeft(t *testing.T) {
	env := guide(t)
	env["SETTINGS"], env["POLICIES"] = "golden/organization/settings.json", "golden/organization/policies"
	_, stdout, _ := start([]string{"left"}, env)
	templates, err := filepath.Glob("golden/organization/target/*.template.json")
	if err != nil {
		t.Fatal(err)
	}
	retained := 0
	for _, file := range templates {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var template struct {
			Resources map[string]struct {
				DeletionPolicy string
				Properties     struct{ LogGroupName string }
			}
		}
		if err := json.Unmarshal(data, &template); err != nil {
			t.Fatal(err)
		}
		for id, r := range template.Resources {
			if !strings.HasPrefix(r.DeletionPolicy, "Retain") {
				continue
			}
			retained++
			name := r.Properties.LogGroupName
			if name == "" { // a key
				name = "alias/acme-snapferry in " + strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "acme-snapferry-key-"), ".template.json")
			}
			if !strings.Contains(stdout, name) {
				t.Errorf("%s of %s stays, and is not in:\n%s", id, file, stdout)
			}
		}
	}
	if want := "QueueDeletedRecently"; !strings.Contains(stdout, want) {
		t.Errorf("no %s in:\n%s", want, stdout)
	}
	if retained != 4 {
		t.Errorf("%d resources stay, want 3 log groups and a key", retained)
	}
}

// TestLeftInSources: snapshots outlive the policy that would have deleted them.
func TestLeftInSources(t *testing.T) {
	for name, want := range map[string]string{
		"guide":        "in account 111111111111, us-east-1: the snapshots",
		"organization": "in each account of ou-a1b2-c3d4e5f6, eu-central-1, us-east-1: the snapshots",
	} {
		env := guide(t)
		env["SETTINGS"], env["POLICIES"] = "golden/"+name+"/settings.json", "golden/"+name+"/policies"
		if code, stdout, _ := start([]string{"left", "source"}, env); code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("%s: exit %d, %q not in:\n%s", name, code, want, stdout)
		}
	}
}

// TestKeyPolicy: a key's owner gets statements for that account, in an
// organisation too.
func TestKeyPolicy(t *testing.T) {
	for name, lifecycle := range map[string]string{
		"guide":        "role/snapferry-lifecycle-us-east-1",
		"organization": "role/acme/backup/acme-snapferry-lifecycle-eu-central-1",
	} {
		_, region, _ := strings.Cut(lifecycle, "lifecycle-")
		b, problems := plan("golden/"+name+"/settings.json", "golden/"+name+"/policies", blueprint.Overrides{})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		data, err := keyPolicy(b, "111111111111", region)
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		for _, want := range []string{
			"arn:aws:iam::111111111111:" + lifecycle, "arn:aws:iam::222222222222:root",
			"kms:GrantIsForAWSResource", "kms:CreateGrant", "kms:ReEncrypt*",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the statements have no %s:\n%s", name, want, text)
			}
		}
		if strings.Contains(text, "${") {
			t.Errorf("%s: a place is left open:\n%s", name, text)
		}
	}
}

// TestBootstrap: the arguments of cdk bootstrap are the settings' own.
func TestBootstrap(t *testing.T) {
	for name, want := range map[string]string{
		"guide":        "aws://222222222222/us-east-1\n",
		"organization": "aws://222222222222/eu-central-1 --qualifier acme1 --toolkit-stack-name CDKToolkit-acme1\n",
	} {
		env := guide(t)
		env["SETTINGS"], env["POLICIES"] = "golden/"+name+"/settings.json", "golden/"+name+"/policies"
		if code, stdout, stderr := start([]string{"bootstrap"}, env); code != 0 || stdout != want {
			t.Errorf("%s: exit %d, printed %q and %q, want %q", name, code, stdout, stderr, want)
		}
	}
}

// TestEncryptionKeyPolicies: beside the stacks of the target account lie the
// statements for each of the user's own keys, and who synthesizes is told of them.
func TestEncryptionKeyPolicies(t *testing.T) {
	b, problems := plan("golden/keys/settings.json", "golden/keys/policies", blueprint.Overrides{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	out := t.TempDir()
	var told strings.Builder
	if err := writeEncryptionStatements(b, out, "named", &told); err != nil {
		t.Fatal(err)
	}
	for _, region := range []string{"eu-central-1", "eu-west-1", "eu-west-2", "sa-east-1", "us-east-1"} {
		name := "encryption-key-policy-" + region + ".json"
		data, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		var document struct {
			Version   string
			Statement []struct{ Sid string }
		}
		if err := json.Unmarshal(data, &document); err != nil {
			t.Fatal(err)
		}
		var sids []string
		for _, s := range document.Statement {
			sids = append(sids, s.Sid)
		}
		want := []string{"SnapferryEventsArrive", "SnapferryAlarmsArrive"}
		if region == "us-east-1" {
			want = append(want, "SnapferryLogsAreWritten", "SnapferryQueuesAreUsed")
		}
		if !slices.Equal(sids, want) || document.Version != "2012-10-17" {
			t.Errorf("%s has %q of version %s, want %q", name, sids, document.Version, want)
		}
		if line := filepath.Join("named", name) + ": the statements to add to the policy of " + b.Settings.EncryptionKeys[region]; !strings.Contains(told.String(), line) {
			t.Errorf("%q is not told:\n%s", line, told.String())
		}
	}
}

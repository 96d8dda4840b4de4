package stacks

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/google/go-cmp/cmp"
)

// defaultQualifier is that of `cdk bootstrap`, in the names of all that it makes.
const defaultQualifier = "hnb659fds"

// manifest is what the CDK's command line reads of an assembly: for each stack
// the roles that it takes on, and those that it hands to CloudFormation.
type manifest struct {
	Artifacts map[string]artifact
}

type artifact struct {
	Type         string
	Environment  string
	Dependencies []string
	Properties   map[string]any
}

func readManifest(t *testing.T, dir string) manifest {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	return m
}

// stacks are the artifacts that are stacks, by name.
func (m manifest) stacks() map[string]artifact {
	found := maps.Clone(m.Artifacts)
	maps.DeleteFunc(found, func(_ string, a artifact) bool { return a.Type != "aws:cloudformation:stack" })
	return found
}

// independent are the properties of a stack that can be deployed into an account
// as it is. It is a list of what may be there, so that a property that a later
// CDK invents has to be looked at first.
var independent = []string{"stackName", "tags", "templateFile", "terminationProtection", "validateOnSynth"}

// needs lists what a stack asks of its account besides CloudFormation: roles,
// buckets, a version of the bootstrap stack, assets.
func (m manifest) needs(stack string) []string {
	var found []string
	a := m.Artifacts[stack]
	for _, name := range slices.Sorted(maps.Keys(a.Properties)) {
		text := fmt.Sprint(a.Properties[name])
		if !slices.Contains(independent, name) || strings.Contains(text, "arn:") || strings.Contains(text, "s3://") {
			found = append(found, name+"="+text)
		}
	}
	for _, other := range a.Dependencies {
		if m.Artifacts[other].Type != "aws:cloudformation:stack" {
			found = append(found, "dependency="+other)
		}
	}
	return found
}

// TestManifestNamesNoRoles: of the manifests only the home stack asks for what
// `cdk bootstrap` makes. What a manifest names, the command line sends with
// CreateChangeSet and DeleteStack, and CloudFormation refuses a role that the
// account does not have.
func TestManifestNamesNoRoles(t *testing.T) {
	for name, d := range deployments {
		for which, templates := range d.assemblies() {
			m := readManifest(t, filepath.Join(filepath.Dir(d.dist), which))
			found := m.stacks()
			for stack := range templates {
				if _, listed := found[stack]; !listed && !strings.HasSuffix(stack, "-each") {
					t.Errorf("%s: the manifest of %s does not list %s", name, which, stack)
				}
			}
			for stack := range found {
				t.Run(name+"/"+stack, func(t *testing.T) {
					needs := m.needs(stack)
					if stack == d.blueprint.Settings.StackName("home") {
						d.checkHome(t, m)
						return
					}
					if len(needs) > 0 {
						t.Errorf("it can't be deployed without cdk bootstrap: its manifest has %q", needs)
					}
				})
			}
		}
	}
}

// checkHome: the home stack takes on the bootstrap's roles and no others, and its
// assets go through the bootstrap's bucket.
func (d deployment) checkHome(t *testing.T, m manifest) {
	t.Helper()
	account, region := d.blueprint.Home.Account, d.blueprint.Home.Region
	qualifier := d.blueprint.Settings.Qualifier
	role := func(kind string) string {
		return "arn:${AWS::Partition}:iam::" + account + ":role/cdk-" + qualifier + "-" + kind + "-role-" + account + "-" + region
	}
	bucket, parameter := "cdk-"+qualifier+"-assets-"+account+"-"+region, "/cdk-bootstrap/"+qualifier+"/version"
	stack := d.blueprint.Settings.StackName("home")
	home := m.Artifacts[stack]
	got := maps.Clone(home.Properties)
	for _, name := range independent {
		delete(got, name)
	}
	template, _ := got["stackTemplateAssetObjectUrl"].(string)
	if !strings.HasPrefix(template, "s3://"+bucket+"/") {
		t.Errorf("the template goes to %q, want a file in s3://%s", template, bucket)
	}
	delete(got, "stackTemplateAssetObjectUrl")
	assets := stack + ".assets"
	want := map[string]any{
		"assumeRoleArn":                     role("deploy"),
		"cloudFormationExecutionRoleArn":    role("cfn-exec"),
		"requiresBootstrapStackVersion":     6.0,
		"bootstrapStackVersionSsmParameter": parameter,
		"additionalDependencies":            []any{assets},
		"lookupRole": map[string]any{
			"arn":                               role("lookup"),
			"requiresBootstrapStackVersion":     8.0,
			"bootstrapStackVersionSsmParameter": parameter,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what the home stack needs (-want +got):\n%s", diff)
	}
	if got := m.Artifacts[assets].Properties["bootstrapStackVersionSsmParameter"]; got != parameter {
		t.Errorf("the assets look at %v for the bootstrap's version, want %s", got, parameter)
	}
	data, err := os.ReadFile(filepath.Join(filepath.Dir(d.dist), "target", assets+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var files struct {
		Files map[string]struct {
			Destinations map[string]struct{ BucketName, AssumeRoleArn, Region string }
		}
	}
	if err := json.Unmarshal(data, &files); err != nil {
		t.Fatal(err)
	}
	// What stands for the functions' code here is the same for all of them.
	if len(files.Files) != 2 {
		t.Errorf("%d files are uploaded, want 2: the template and the functions' code", len(files.Files))
	}
	for _, file := range files.Files {
		for _, to := range file.Destinations {
			if to.BucketName != bucket || to.AssumeRoleArn != role("file-publishing") || to.Region != region {
				t.Errorf("an asset goes to %+v, want the bootstrap's bucket %s", to, bucket)
			}
		}
	}
}

// TestSynthesizers: the synthesizer that is called BootstraplessSynthesizer asks
// for the bootstrap's roles, which needs sees, and the one that stacks without
// assets have writes the same templates and asks for nothing.
func TestSynthesizers(t *testing.T) {
	source := deployments["guide"].blueprint.Sources[0]
	synthesized := func(by awscdk.IStackSynthesizer) (manifest, string) {
		dir := t.TempDir()
		app := newApp(dir)
		fillSource(stack(app, "one", source.Account, source.Region, "a source", by), source)
		app.Synth(nil)
		return readManifest(t, dir), read(t, filepath.Join(dir, "one"+templateSuffix))
	}
	legacy, ours := synthesized(awscdk.NewLegacyStackSynthesizer())
	bootstrapless, theirs := synthesized(awscdk.NewBootstraplessSynthesizer(&awscdk.BootstraplessSynthesizerProps{}))
	if needs := legacy.needs("one"); len(needs) > 0 {
		t.Errorf("LegacyStackSynthesizer asks for %q", needs)
	}
	needs := strings.Join(bootstrapless.needs("one"), " ")
	for _, want := range []string{"assumeRoleArn=", "cloudFormationExecutionRoleArn=", "cdk-" + defaultQualifier + "-cfn-exec-role-"} {
		if !strings.Contains(needs, want) {
			t.Errorf("of BootstraplessSynthesizer's manifest needs finds %q, want %s too", needs, want)
		}
	}
	if diff := cmp.Diff(ours, theirs); diff != "" {
		t.Errorf("the templates differ (-legacy +bootstrapless):\n%s", diff)
	}
}

package stacks

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
)

// TestNoFindings: the CDK itself has nothing against the stacks.
func TestNoFindings(t *testing.T) {
	for name, d := range deployments {
		for which := range d.assemblies() {
			for _, found := range findings(t, filepath.Join(d.out, which)) {
				t.Errorf("%s: %s", name, found)
			}
		}
	}
}

// TestFindings plants what must be found.
func TestFindings(t *testing.T) {
	queue := func(app awscdk.App, p *awssqs.CfnQueueProps) awssqs.CfnQueue {
		return awssqs.NewCfnQueue(newStack(app, "planted", "111111111111", "us-east-1", "planted"), new("Queue"), p)
	}
	for _, c := range []struct {
		name  string
		build func(awscdk.App)
		found string // as a finding
		fails bool   // as an error of the synthesis
	}{
		{name: "a value that CloudFormation refuses", fails: true, build: func(app awscdk.App) {
			queue(app, &awssqs.CfnQueueProps{VisibilityTimeout: new(99999999.0)})
		}},
		{name: "a property that is not there", fails: true, build: func(app awscdk.App) {
			queue(app, &awssqs.CfnQueueProps{}).AddPropertyOverride(new("Visibility"), 30)
		}},
		{name: "an error of a construct", fails: true, build: func(app awscdk.App) {
			awscdk.Annotations_Of(queue(app, &awssqs.CfnQueueProps{})).AddError(new("planted error"))
		}},
		{name: "a warning of a construct", found: "planted warning", build: func(app awscdk.App) {
			awscdk.Annotations_Of(queue(app, &awssqs.CfnQueueProps{})).AddWarningV2(new("planted"), new("planted warning"), nil)
		}},
		{name: "nothing", build: func(app awscdk.App) { queue(app, &awssqs.CfnQueueProps{}) }},
	} {
		out := t.TempDir()
		if err := synth(out, c.build); (err != nil) != c.fails {
			t.Errorf("%s: the synthesis ends with %v", c.name, err)
		}
		if found := findings(t, out); c.found == "" && !c.fails && len(found) > 0 {
			t.Errorf("%s: found is %q", c.name, found)
		} else if !strings.Contains(strings.Join(found, "\n"), c.found) || c.fails && len(found) == 0 {
			t.Errorf("%s: found is %q", c.name, found)
		}
	}
}

// assembly is a manifest of the CDK's, in what is read of it.
type assembly struct {
	Artifacts map[string]struct {
		Type       string
		Properties struct{ TemplateFile string }
		// The CDK writes the metadata of a stack into a file of its own, and into the
		// manifest what belongs to no stack.
		Metadata               metadata
		AdditionalMetadataFile string
	}
}

// metadata is what the CDK has noted, by the path of the construct.
type metadata map[string][]struct {
	Type string
	Data any
}

// findings are the warnings and errors that an assembly holds: those of the CDK,
// its validation and its aspects. Each resource of a template has an entry; if one
// does not, the CDK writes its notes where they are not looked for, and that fails.
func findings(t *testing.T, dir string) []string {
	t.Helper()
	var manifest assembly
	decode(t, filepath.Join(dir, "manifest.json"), &manifest)
	var all []string
	stacks := 0
	for name, artifact := range manifest.Artifacts {
		notes := []metadata{artifact.Metadata}
		if artifact.AdditionalMetadataFile != "" {
			var more metadata
			decode(t, filepath.Join(dir, artifact.AdditionalMetadataFile), &more)
			notes = append(notes, more)
		}
		resources := 0
		for _, note := range notes {
			for path, entries := range note {
				for _, entry := range entries {
					switch entry.Type {
					case "aws:cdk:logicalId":
						resources++
					case "aws:cdk:error", "aws:cdk:warning":
						all = append(all, fmt.Sprint(path, " ", entry.Data))
					}
				}
			}
		}
		if artifact.Type != "aws:cloudformation:stack" {
			continue
		}
		stacks++
		var in struct{ Resources, Outputs, Parameters, Conditions map[string]any }
		decode(t, filepath.Join(dir, artifact.Properties.TemplateFile), &in)
		if want := len(in.Resources) + len(in.Outputs) + len(in.Parameters) + len(in.Conditions); resources != want || len(in.Resources) == 0 {
			t.Errorf("%s: the CDK's notes are about %d logical ids, want %d: they are not read whole", name, resources, want)
		}
	}
	if stacks == 0 {
		t.Errorf("%s holds no stacks", dir)
	}
	var report struct {
		PluginReports []struct {
			PluginName string
			Summary    struct{ Status string }
			Violations []struct{ RuleName, Description string }
		}
	}
	decode(t, filepath.Join(dir, "validation-report.json"), &report)
	for _, plugin := range report.PluginReports {
		for _, v := range plugin.Violations {
			all = append(all, fmt.Sprint(plugin.PluginName, " ", v.RuleName, " ", v.Description))
		}
	}
	slices.Sort(all)
	return all
}

func decode(t *testing.T, file string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(read(t, file)), into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

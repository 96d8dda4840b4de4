package stacks

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// untagged are the types of resources that take no tags in a template, as
// docs/deploy.md says.
var untagged = []string{
	"AWS::KMS::Alias",
	"AWS::SNS::Subscription", "AWS::SNS::TopicPolicy",
	"AWS::SQS::QueuePolicy",
	"AWS::Scheduler::Schedule",
}

// tags are those that everything in a deployment has.
func (d deployment) tags() map[string]string {
	all := map[string]string{"Application": "snapferry"}
	maps.Copy(all, d.blueprint.Settings.Tags)
	return all
}

// TestTags: everything that takes tags has snapferry's own and those of the
// settings, what a StackSet makes included.
func TestTags(t *testing.T) {
	seen := map[string]bool{}
	each(t, func(t *testing.T, d deployment, in template) {
		for id, r := range in.Resources {
			seen[r.Type] = true
			if slices.Contains(untagged, r.Type) {
				continue
			}
			got := map[string]string{}
			for _, tag := range list(r.Properties["Tags"]) {
				key, _ := at(tag, "Key").(string)
				got[key], _ = at(tag, "Value").(string)
			}
			if diff := cmp.Diff(d.tags(), got); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", id, r.Type, diff)
			}
		}
	})
	for _, kind := range untagged {
		if !seen[kind] {
			t.Errorf("there is no %s: take it from the table", kind)
		}
	}
}

// TestTagsOfStacks: the stacks have the tags too, which the command line hands to
// CloudFormation.
func TestTagsOfStacks(t *testing.T) {
	for name, d := range deployments {
		for _, which := range []string{"target", "source"} {
			for stack, a := range readManifest(t, filepath.Join(filepath.Dir(d.dist), which)).stacks() {
				got := map[string]string{}
				given, _ := a.Properties["tags"].(map[string]any)
				for key, value := range given {
					got[key], _ = value.(string)
				}
				if diff := cmp.Diff(d.tags(), got); diff != "" {
					t.Errorf("%s, %s (-want +got):\n%s", name, stack, diff)
				}
			}
		}
	}
}

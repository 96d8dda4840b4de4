package stacks

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What CloudFormation takes, by its page on quotas.
const (
	maxResources = 500
	maxTemplate  = 1_000_000 // bytes, from S3
	maxBody      = 51_200    // bytes, of a template that is not stored first
)

// TestFits: the templates can be deployed, also those of as much as the blueprint
// allows.
func TestFits(t *testing.T) {
	all := map[string]deployment{"largest": largest(t)}
	for name, d := range deployments {
		all[name] = d
	}
	for name, d := range all {
		for stack, templates := range map[string]map[string]template{"target": d.target, "source": d.source} {
			for file, in := range templates {
				size := len(d.files[stack+"/"+file+templateSuffix])
				if n := len(in.Resources); n > maxResources {
					t.Errorf("%s: %s has %d resources, and CloudFormation takes %d", name, file, n, maxResources)
				}
				// Only the home Region is bootstrapped: elsewhere there is no bucket
				// for templates.
				limit := maxBody
				if file == d.stack("home") {
					limit = maxTemplate
				}
				if size > limit {
					t.Errorf("%s: %s has %d bytes, and CloudFormation takes %d", name, file, size, limit)
				}
				t.Logf("%s: %s: %d resources, %d bytes", name, file, len(in.Resources), size)
			}
		}
	}
}

// largest is 25 target Regions of 8 lanes each, as many queues as the blueprint
// allows, for 50 source accounts with a key each.
func largest(t *testing.T) deployment {
	t.Helper()
	regions := strings.Fields("af-south-1 ap-east-1 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 " +
		"ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ca-central-1 ca-west-1 eu-central-1 eu-central-2 " +
		"eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 me-south-1 sa-east-1 us-east-2 us-west-2")
	var owners []string
	var sources, rules []any
	for i := range 50 {
		account := fmt.Sprintf("%012d", 100_000_000_000+i)
		owners = append(owners, account)
		sources = append(sources, map[string]any{"account": account, "keys": []string{
			fmt.Sprintf("arn:aws:kms:us-east-1:%s:key/1234abcd-12ab-34cd-56ef-1234567890ab", account),
		}})
	}
	for _, region := range regions {
		rules = append(rules, map[string]any{
			"Target":                  region,
			"EncryptionConfiguration": map[string]any{"Encrypted": true},
			"RetainRule":              map[string]any{"Interval": 1, "IntervalUnit": "DAYS"},
		})
	}
	dir := t.TempDir()
	write := func(name string, document any) {
		data, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("settings.json", map[string]any{
		"account": "222222222222", "homeRegion": "us-east-1", "sourceRegions": []string{"us-east-1"}, "sources": sources,
		"organization": map[string]any{"id": "o-a1b2c3d4e5", "units": []string{"ou-a1b2-c3d4e5f6"}},
		"lanes":        8, "ownKeys": regions, "alarmEmails": []string{"backup-team@example.com"},
	})
	write("policies/largest.json", map[string]any{
		"PolicyType": "EVENT_BASED_POLICY",
		"EventSource": map[string]any{"Type": "MANAGED_CWE", "Parameters": map[string]any{
			"EventType": "shareSnapshot", "SnapshotOwner": owners, "DescriptionRegex": ".*",
		}},
		"Actions": []any{map[string]any{"Name": "Copy everywhere", "CrossRegionCopy": rules}},
	})
	d, err := deploy(dir, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if got := len(d.ordersQueues()); got != 200 {
		t.Errorf("%d orders queues, want 200", got)
	}
	if managed := d.home().of("AWS::IAM::ManagedPolicy"); len(managed) == 0 {
		t.Error("no managed policies: the permissions of copy should be too long for its role alone")
	}
	return d
}

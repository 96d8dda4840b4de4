package blueprint

import (
	"testing"

	"snapferry/internal/policy"
)

// TestFit: what settings and policies must have in common, and what is hardly
// meant.
func TestFit(t *testing.T) {
	const foreign = "arn:aws:kms:eu-west-2:333333333333:key/8af79514-350d-4c52-bac8-8985e84171c7"
	for _, test := range []struct {
		name     string
		change   func(*Settings, *policy.Policy)
		problems string
		warnings string
	}{
		{name: "go together", change: func(*Settings, *policy.Policy) {}},
		{
			name:     "an owner that settings do not have",
			change:   func(_ *Settings, p *policy.Policy) { p.Owners = append(p.Owners, "999999999999") },
			problems: "settings.json: $.sources: does not have account 999999999999, which policy example lists in SnapshotOwner: add {\"account\": \"999999999999\"}, or remove it from the policy\n",
		},
		{
			name: "a source that no policy has",
			change: func(s *Settings, _ *policy.Policy) {
				s.Sources = append(s.Sources, SourceAccount{Account: "999999999999", Regions: []string{"us-east-1"}})
			},
			problems: "settings.json: $.sources[1].account: \"999999999999\" is in no policy's SnapshotOwner, so that nothing of it would be copied: add it to a policy, or remove it here\n",
		},
		{
			name:     "an owner that is the target",
			change:   func(_ *Settings, p *policy.Policy) { p.Owners = append(p.Owners, target) },
			problems: "settings.json: $.account: \"222222222222\" is the target account, and policy example lists it in SnapshotOwner: remove it there, as snapshots come from other accounts\n",
		},
		{
			name:     "a Region of another partition",
			change:   func(_ *Settings, p *policy.Policy) { p.Rules[0].Region = "cn-north-1" },
			problems: "settings.json: $.homeRegion: \"us-east-1\" is in partition aws, but policies copy to cn-north-1, which is in aws-cn: an account has Regions of one partition\n",
		},
		{
			name:     "nobody to tell",
			change:   func(s *Settings, _ *policy.Policy) { s.AlarmEmails = nil },
			warnings: "settings.json: $.alarmEmails: is empty, so that alarms reach nobody: write an address, or subscribe to the topic snapferry-alarms yourself\n",
		},
		{
			name: "fewer lanes than accounts",
			change: func(s *Settings, p *policy.Policy) {
				s.Sources = append(s.Sources, SourceAccount{Account: "999999999999", Regions: []string{"us-east-1"}})
				p.Owners = append(p.Owners, "999999999999")
				s.Lanes = 1
			},
			warnings: "settings.json: $.lanes: 1 is less than the 2 source accounts, so that some of them wait for each other: write 2, at most 64\n",
		},
		{
			name: "a default key for nothing",
			change: func(s *Settings, _ *policy.Policy) {
				s.DefaultKeys = map[string]string{"ap-south-1": keyARN("ap-south-1", target, 1)}
			},
			warnings: "settings.json: $.defaultKeys: \"ap-south-1\" is no Region to which an enabled policy copies without a CmkArn: remove it\n",
		},
		{
			name: "an encryption key for nothing",
			change: func(s *Settings, _ *policy.Policy) {
				ownEncryption(s)
				s.EncryptionKeys["ap-south-1"] = keyARN("ap-south-1", target, 9)
			},
			problems: "settings.json: $.encryptionKeys: \"ap-south-1\" is a Region in which nothing is deployed: remove it; there are queues and topics in the home Region, the source Regions and those that policies copy to\n",
		},
		{
			name: "encryption keys in some Regions, and another account's",
			change: func(s *Settings, _ *policy.Policy) {
				s.EncryptionKeys = map[string]string{"us-east-1": keyARN("us-east-1", target, 9), "eu-west-2": foreign}
			},
			warnings: "settings.json: $.encryptionKeys.eu-west-2: \"" + foreign + "\" is a key of account 333333333333: its policy there must have the statements that make synth writes\n" +
				"settings.json: $.encryptionKeys: \"sa-east-1\" has no key here, so that AWS's own encrypts the queues there, and nothing the topic: add a key of that Region\n",
		},
		{
			name:     "a key of another account",
			change:   func(_ *Settings, p *policy.Policy) { p.Rules[1].Encrypted, p.Rules[1].KeyARN = true, foreign },
			warnings: "settings.json: policy example: \"" + foreign + "\" is a key of account 333333333333: its policy there must let the role arn:aws:iam::222222222222:role/snapferry-copy use it\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _ := organisation(0, 0, 0, 0)
			s.Sources = []SourceAccount{{Account: "111111111111", Regions: []string{"us-east-1"}}}
			p := policy.Policy{
				Name: "example", Enabled: true, Owners: []string{"111111111111"},
				Rules: []policy.Rule{{Region: "sa-east-1"}, {Region: "eu-west-2"}},
			}
			test.change(&s, &p)
			b, problems := New(s, []policy.Policy{p}, "hash")
			if got := lines(problems); got != test.problems {
				t.Errorf("problems %s\nwant %s", got, test.problems)
			}
			if got := lines(b.Warnings); got != test.warnings {
				t.Errorf("warnings %s\nwant %s", got, test.warnings)
			}
		})
	}
}

// TestRegionRemoved: a Region that policies name no more has no queues, and what
// is there still expires.
func TestRegionRemoved(t *testing.T) {
	s, policies := organisation(1, 1, 0, 3)
	removed := policies[0].Rules[2].Region
	policies[0].Rules = policies[0].Rules[:2]
	s.ExpireRegions = []string{removed}
	b, problems := New(s, policies, "hash")
	if len(problems) > 0 {
		t.Fatal(lines(problems))
	}
	for _, q := range b.Home.Queues {
		if q.Name == plain.ordersQueue(removed, 0) {
			t.Errorf("queue %s for a Region that no policy names", q.Name)
		}
	}
	if got := statement(t, roles(b)["snapferry-expire"], "DeleteMarkedCopies").Resources[0]; got != "arn:aws:ec2:*::snapshot/snap-*" {
		t.Errorf("expire deletes %s, want any Region's", got)
	}
	for _, f := range b.Home.Functions {
		if got := f.Environment["EXPIRE_REGIONS"]; f.Name == expireFunction && got != removed {
			t.Errorf("EXPIRE_REGIONS is %q, want %q", got, removed)
		}
	}
}

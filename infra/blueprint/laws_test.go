package blueprint

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snapferry/internal/event"
	"snapferry/internal/policy"
)

// may says which roles of a blueprint may do an action, and by which statements.
func may(b Blueprint, action string) map[string][]Statement {
	allowed := map[string][]Statement{}
	for name, role := range roles(b) {
		for _, s := range role.Statements {
			if slices.Contains(s.Actions, action) {
				allowed[name] = append(allowed[name], s)
			}
		}
	}
	return allowed
}

func names[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// TestOnlyExpireDeletes: in the target account only expire may delete, wherever
// the policies copy to, and only with all the conditions.
func TestOnlyExpireDeletes(t *testing.T) {
	worlds(t, func(t *testing.T, s Settings, _ []policy.Policy, b Blueprint) {
		want := []Statement{{
			Sid:       "DeleteMarkedCopies",
			Actions:   []string{"ec2:DeleteSnapshot"},
			Resources: []string{"arn:aws:ec2:*::snapshot/snap-*"},
			Conditions: Conditions{
				"StringEquals": {"aws:ResourceAccount": {target}},
				"Null": {
					"aws:ResourceTag/snapferry:order":   {"false"},
					"aws:ResourceTag/snapferry:expires": {"false"},
					"aws:ResourceTag/snapferry:hold":    {"true"},
				},
			},
		}}
		for name, statements := range may(b, "ec2:DeleteSnapshot") {
			if strings.Contains(name, "snapferry-lifecycle-") {
				continue // in a source account, of what DLM made there
			}
			if name != "snapferry-expire" {
				t.Errorf("%s may delete snapshots", name)
			} else if diff := cmp.Diff(want, statements); diff != "" {
				t.Errorf("expire may delete otherwise (-want +got):\n%s", diff)
			}
		}
		if len(may(b, "ec2:DeleteSnapshot")["snapferry-expire"]) == 0 {
			t.Error("expire may not delete")
		}
	})
}

// TestOnlyCopyCopies: only copy may copy. What it makes lies in Regions of enabled
// policies, or where EC2 may ask for a copy on its way, and is always something
// new, the account's own and marked; what it copies exists already and belongs to
// an owner of enabled policies, by whichever key EC2 tells.
func TestOnlyCopyCopies(t *testing.T) {
	worlds(t, func(t *testing.T, s Settings, policies []policy.Policy, b Blueprint) {
		var owners, policyNames, pass []string
		plain := map[string]bool{}
		for _, p := range policies {
			if p.Enabled {
				owners, policyNames, pass = append(owners, p.Owners...), append(policyNames, p.Name), append(pass, targets(p)...)
				for _, rule := range p.Rules {
					if !rule.Encrypted {
						plain[rule.Region] = true
					}
				}
			}
		}
		copiers := may(b, "ec2:CopySnapshot")
		if len(owners) == 0 {
			if len(copiers) > 0 {
				t.Errorf("%q may copy, and no policy is enabled", names(copiers))
			}
			return
		}
		if got := names(copiers); !slices.Equal(got, []string{"snapferry-copy"}) {
			t.Fatalf("%q may copy", got)
		}
		pass = set(pass, s.SourceRegions)
		wanted := map[string]Conditions{
			"FromListedOwners":   {"StringEquals": {"ec2:Owner": set(owners)}},
			"FromListedAccounts": {"StringEquals": {"aws:ResourceAccount": set(owners)}, "Null": {"ec2:Owner": {"true"}}},
			"MakeCopies": {
				"StringEqualsIfExists": {"aws:ResourceAccount": {target}, "ec2:Owner": {target}},
				"StringEquals":         {"aws:RequestTag/snapferry:policy": set(policyNames)},
				"Null": {
					"aws:RequestTag/snapferry:order":   {"false"},
					"aws:RequestTag/snapferry:expires": {"false"},
				},
			},
		}
		wanted["MakeEncryptedCopies"] = where(wanted["MakeCopies"], Conditions{"BoolIfExists": {"ec2:Encrypted": {"true"}}})
		made := map[string]string{} // Regions, by the statement that lets copies be made there
		for _, statement := range copiers["snapferry-copy"] {
			if diff := cmp.Diff(wanted[statement.Sid], statement.Conditions); diff != "" {
				t.Errorf("%s has other conditions (-want +got):\n%s", statement.Sid, diff)
			}
			var regions []string
			pattern := "snap-*"
			for _, arn := range statement.Resources {
				region := strings.Split(arn, ":")[3]
				regions = append(regions, region)
				if strings.HasPrefix(statement.Sid, "Make") {
					made[region], pattern = statement.Sid, "${*}"
				}
				if want := "arn:aws:ec2:" + region + "::snapshot/" + pattern; arn != want {
					t.Errorf("%s is about %s, want %s", statement.Sid, arn, want)
				}
			}
			if strings.HasPrefix(statement.Sid, "From") && !slices.Equal(regions, pass) {
				t.Errorf("%s is about %q, want %q", statement.Sid, regions, pass)
			}
		}
		if got := names(made); !slices.Equal(got, pass) {
			t.Errorf("copies are made in %q, want %q", got, pass)
		}
		for region, sid := range made {
			// A copy to a plain Region may be asked for in any source Region.
			want := "MakeEncryptedCopies"
			if plain[region] || len(plain) > 0 && slices.Contains(s.SourceRegions, region) {
				want = "MakeCopies"
			}
			if sid != want {
				t.Errorf("copies are made in %s by %s, want %s", region, sid, want)
			}
		}
	})
}

// TestNoOtherKeys: of the account's keys the copy function grants EBS those that
// rules name and, where a rule names none, any of the Region.
func TestNoOtherKeys(t *testing.T) {
	worlds(t, func(t *testing.T, s Settings, policies []policy.Policy, b Blueprint) {
		var want []string
		keyless := map[string]bool{}
		for _, p := range policies {
			for _, rule := range p.Rules {
				if p.Enabled && rule.KeyARN == "" {
					keyless[rule.Region] = true
					want = append(want, "arn:aws:kms:"+rule.Region+":"+target+":key/*")
				}
			}
		}
		for _, p := range policies {
			for _, rule := range p.Rules {
				if p.Enabled && rule.KeyARN != "" && !keyless[rule.Region] {
					want = append(want, rule.KeyARN)
				}
			}
		}
		var denials []Statement
		for _, role := range roles(b) {
			for _, s := range role.Statements {
				if s.Deny {
					denials = append(denials, s)
				}
			}
		}
		if len(denials) == 0 {
			if len(may(b, "ec2:CopySnapshot")) > 0 {
				t.Error("nothing keeps other keys' policies from letting copy use them")
			}
			return
		}
		d := denials[0]
		if len(denials) > 1 || !slices.Equal(d.Actions, []string{"kms:CreateGrant"}) || !slices.Equal(set(d.NotResources), set(want)) || len(d.Resources) > 0 ||
			!cmp.Equal(d.Conditions, Conditions{"StringEquals": {"aws:ResourceAccount": {target}}}) {
			t.Errorf("denied are %+v, want grants for all but %q", denials, set(want))
		}
	})
}

// TestRetags: tags are set on what is being copied, and one that says nothing on
// what is; no other role of the target account sets any, and none takes any off.
func TestRetags(t *testing.T) {
	worlds(t, func(t *testing.T, _ Settings, _ []policy.Policy, b Blueprint) {
		for name, statements := range may(b, "ec2:CreateTags") {
			if strings.Contains(name, "snapferry-lifecycle-") {
				continue
			}
			if name != "snapferry-copy" {
				t.Errorf("%s may set tags", name)
			}
			for _, s := range statements {
				onCopying := slices.Equal(s.Conditions["StringEquals"]["ec2:CreateAction"], []string{"CopySnapshot"})
				onlyTold := slices.Equal(s.Conditions["ForAllValues:StringEquals"]["aws:TagKeys"], []string{"snapferry:settled"}) &&
					slices.Equal(s.Conditions["Null"]["aws:TagKeys"], []string{"false"})
				if !onCopying && !onlyTold {
					t.Errorf("%s may set any tags: %v", s.Sid, s.Conditions)
				}
			}
		}
	})
}

// powers are all the actions in the target account. None shares, restores,
// locks or changes a snapshot, and a new one is seen here.
var powers = map[string][]string{
	"snapferry-copy": {"ec2:CopySnapshot", "ec2:CreateTags", "ec2:DescribeSnapshots", "ec2:GetEbsDefaultKmsKeyId", "events:PutEvents",
		"kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey", "kms:GenerateDataKey*", "kms:ReEncrypt*", "logs:CreateLogStream", "logs:PutLogEvents",
		"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage",
		"xray:PutTelemetryRecords", "xray:PutTraceSegments"},
	"snapferry-reconcile": {"ec2:DescribeSnapshots", "kms:Decrypt", "kms:GenerateDataKey", "logs:CreateLogStream", "logs:PutLogEvents",
		"sqs:GetQueueAttributes", "sqs:SendMessage", "xray:PutTelemetryRecords", "xray:PutTraceSegments"},
	"snapferry-expire": {"ec2:DeleteSnapshot", "ec2:DescribeImages", "ec2:DescribeLockedSnapshots", "ec2:DescribeRegions", "ec2:DescribeSnapshots",
		"events:PutEvents", "logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTelemetryRecords", "xray:PutTraceSegments"},
	"snapferry-scheduler": {"kms:Decrypt", "kms:GenerateDataKey", "lambda:InvokeFunction", "sqs:SendMessage"},
	"snapferry-forwarder": {"events:PutEvents"},
	"snapferry-lifecycle": {"ec2:CreateSnapshot", "ec2:CreateTags", "ec2:DeleteSnapshot", "ec2:DescribeSnapshotAttribute", "ec2:DescribeSnapshots",
		"ec2:DescribeVolumes", "ec2:ModifySnapshotAttribute"},
}

func TestPowers(t *testing.T) {
	kind := regexp.MustCompile(`snapferry-[a-z]+`)
	got := map[string][]string{}
	worlds(t, func(t *testing.T, _ Settings, _ []policy.Policy, b Blueprint) {
		for name, role := range roles(b) {
			kind := kind.FindString(name)
			for _, s := range role.Statements {
				got[kind] = set(got[kind], s.Actions)
			}
		}
	})
	if diff := cmp.Diff(powers, got); diff != "" {
		t.Errorf("actions (-want +got):\n%s", diff)
	}
}

// TestStatements: each has a Sid of its own within its role; "*" has a reason;
// keys are named.
func TestStatements(t *testing.T) {
	sid := regexp.MustCompile(`^[A-Za-z0-9]+$`)
	worlds(t, func(t *testing.T, s Settings, policies []policy.Policy, b Blueprint) {
		keys := []string{s.EncryptionKeys[s.HomeRegion]}
		for _, source := range s.Sources {
			keys = append(keys, source.Keys...)
		}
		for _, key := range s.DefaultKeys {
			keys = append(keys, key)
		}
		for _, p := range policies {
			for _, rule := range p.Rules {
				keys = append(keys, rule.KeyARN)
			}
		}
		for name, role := range roles(b) {
			seen := map[string]bool{}
			for _, s := range role.Statements {
				if seen[s.Sid] || !sid.MatchString(s.Sid) {
					t.Errorf("%s: Sid %q is of two statements, or none", name, s.Sid)
				}
				seen[s.Sid] = true
				if s.Deny {
					continue // TestNoOtherKeys
				}
				if len(s.Principals) > 0 || len(s.Actions) == 0 || len(s.Resources) == 0 || len(s.NotResources) > 0 {
					t.Errorf("%s: %s is not for an identity: %+v", name, s.Sid, s)
				}
				if all := slices.Contains(s.Resources, "*"); all != (s.Reason != "") {
					t.Errorf("%s: %s is about %q with the reason %q", name, s.Sid, s.Resources, s.Reason)
				}
				for _, values := range s.Conditions["StringEquals"] {
					if len(values) == 0 {
						t.Errorf("%s: %s has a condition that nothing meets: %v", name, s.Sid, s.Conditions)
					}
				}
				if !strings.HasPrefix(s.Actions[0], "kms:") {
					continue
				}
				for _, resource := range s.Resources {
					if !slices.Contains(keys, resource) || resource == "" {
						t.Errorf("%s: %s is about %q, which nobody named", name, s.Sid, resource)
					}
				}
				grants := slices.Contains(s.Actions, "kms:CreateGrant")
				if forAWS := s.Conditions["Bool"]["kms:GrantIsForAWSResource"]; grants && !slices.Equal(forAWS, []string{"true"}) {
					t.Errorf("%s: %s grants to anybody: %v", name, s.Sid, s.Conditions)
				}
				if len(s.Conditions["StringEquals"]["kms:ViaService"]) == 0 {
					t.Errorf("%s: %s is not for a service only: %v", name, s.Sid, s.Conditions)
				}
			}
		}
	})
}

// TestTrust: no role is for anybody.
func TestTrust(t *testing.T) {
	worlds(t, func(t *testing.T, _ Settings, _ []policy.Policy, b Blueprint) {
		for name, role := range roles(b) {
			if len(role.Trust) != 1 {
				t.Fatalf("%s: %d statements of trust", name, len(role.Trust))
			}
			s := role.Trust[0]
			lambda := slices.Equal(s.Principals["Service"], []string{"lambda.amazonaws.com"})
			if len(s.Conditions) == 0 && !lambda || slices.Contains(s.Principals["AWS"], "*") {
				t.Errorf("%s trusts %v with %v", name, s.Principals, s.Conditions)
			}
		}
	})
}

// TestQueuesOfTargets: every Region of a policy, enabled or not, has its queues,
// and events come from all Regions that matter.
func TestQueuesOfTargets(t *testing.T) {
	worlds(t, func(t *testing.T, s Settings, policies []policy.Policy, b Blueprint) {
		var want []string
		pattern := map[string][]string{}
		for _, p := range policies {
			for _, region := range targets(p) {
				for lane := range s.Lanes {
					want = append(want, plain.ordersQueue(region, lane))
				}
				pattern[region] = []string{event.CopyPattern()}
			}
		}
		for _, region := range s.SourceRegions {
			pattern[region] = append(pattern[region], event.SharePattern())
		}
		var got []string
		for _, q := range b.Home.Queues {
			if strings.HasPrefix(q.Name, "snapferry-orders-") && q.Name != plain.ordersDeadQueue {
				got = append(got, q.Name)
			}
			if q.Visibility < 6*copyTimeout {
				t.Errorf("%s: visible again after %v", q.Name, q.Visibility)
			}
		}
		if !slices.Equal(set(got), set(want)) || len(got) != len(set(want)) {
			t.Errorf("queues %q, want %q", got, set(want))
		}
		forwarded := map[string][]string{}
		for _, f := range b.Forwarders {
			for _, r := range f.Rules {
				forwarded[f.Region] = append(forwarded[f.Region], r.Pattern)
			}
		}
		if diff := cmp.Diff(pattern, forwarded); diff != "" {
			t.Errorf("events forwarded by Region (-want +got):\n%s", diff)
		}
	})
}

// TestDeterministic: the same twice, whatever the order of the policies.
func TestDeterministic(t *testing.T) {
	same := func(t *testing.T, one, other Blueprint) {
		// Comparing values of this size takes long, and is worth it only when they
		// differ.
		if !reflect.DeepEqual(one, other) {
			t.Errorf("the blueprints differ: %s", cmp.Diff(one, other))
		}
	}
	worlds(t, func(t *testing.T, s Settings, policies []policy.Policy, b Blueprint) {
		again, _ := New(s, policies, "hash")
		same(t, b, again)
		slices.Reverse(policies)
		again, _ = New(s, policies, "hash")
		same(t, b, again)
	})
}

package blueprint

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"snapferry/internal/policy"
)

// TestFunctions compares what the guide's functions run with, their roles aside:
// TestRoles has those.
func TestFunctions(t *testing.T) {
	b := guide(t, func(s *Settings) { s.ExpireRegions = []string{"ap-south-1", "eu-north-1"} })
	for i := range b.Home.Functions {
		b.Home.Functions[i].Role = Role{}
	}
	const sqs = "https://sqs.us-east-1.amazonaws.com/222222222222/"
	want := []Function{
		{
			Name: "copy", FullName: "snapferry-copy", Description: "Turns events into copies.",
			MemoryMB: 256, Timeout: time.Minute, LogRetention: 90,
			Environment: map[string]string{
				"EVENT_BUS": "snapferry", "POLICY_HASH": "hash", "LOG_LEVEL": "info",
				"ORDERS_QUEUE_URL": sqs + "snapferry-orders-{region}-{lane}.fifo", "ORDERS_LANES": "8",
				"ORDERS_DLQ_URL": sqs + "snapferry-orders-dlq.fifo", "COPY_SLOTS": "20",
			},
			Source: &EventSource{Queue: "snapferry-events", BatchSize: 10, Window: 2 * time.Second, MaxConcurrent: 4},
		},
		{
			Name: "reconcile", FullName: "snapferry-reconcile", Description: "Finds what events missed.",
			MemoryMB: 256, Timeout: 15 * time.Minute, LogRetention: 90,
			Environment: map[string]string{
				"EVENT_BUS": "snapferry", "POLICY_HASH": "hash", "LOG_LEVEL": "info",
				"ORDERS_QUEUE_URL": sqs + "snapferry-orders-{region}-{lane}.fifo", "ORDERS_LANES": "8",
				"EVENTS_QUEUE_URL": sqs + "snapferry-events", "SOURCE_REGIONS": "us-east-1", "CATCH_UP": "168h",
			},
			Schedule: "rate(15 minutes)", Undelivered: "snapferry-undelivered",
		},
		{
			Name: "expire", FullName: "snapferry-expire", Description: "Deletes copies whose time is up.",
			MemoryMB: 256, Timeout: 15 * time.Minute, LogRetention: 90,
			Environment: map[string]string{
				"EVENT_BUS": "snapferry", "POLICY_HASH": "hash", "LOG_LEVEL": "info",
				"EXPIRE_REGIONS": "ap-south-1,eu-north-1",
			},
			Schedule: "rate(6 hours)", Undelivered: "snapferry-undelivered",
		},
	}
	if diff := cmp.Diff(want, b.Home.Functions); diff != "" {
		t.Errorf("functions (-want +got):\n%s", diff)
	}
}

// TestChina: in another partition ARNs, hosts and services have other names.
func TestChina(t *testing.T) {
	s, policies := organisation(1, 1, 0, 1)
	s.HomeRegion, s.SourceRegions = "cn-north-1", []string{"cn-north-1"}
	s.Sources[0].Regions = s.SourceRegions
	key := strings.Replace(keyARN("cn-northwest-1", target, 1), "arn:aws:", "arn:aws-cn:", 1)
	policies[0].Rules[0].Region, policies[0].Rules[0].KeyARN = "cn-northwest-1", key
	b, problems := New(s, policies, "hash")
	if len(problems) > 0 {
		t.Fatal(lines(problems))
	}
	role := roles(b)["snapferry-copy"]
	if text := string(JSON(role.Statements...)); strings.Contains(text, "arn:aws:") || strings.Contains(text, `.amazonaws.com"`) {
		t.Errorf("permissions of another partition: %s", text)
	}
	got := b.Home.Functions[0].Environment["ORDERS_DLQ_URL"]
	if want := "https://sqs.cn-north-1.amazonaws.com.cn/222222222222/snapferry-orders-dlq.fifo"; got != want {
		t.Errorf("the dead-letter queue is at %s, want %s", got, want)
	}
}

// TestQueues: where EventBridge delivers, the queue lets in the rules by name; what fails ends in a queue that is watched; and
// nothing but the copy function buries orders.
func TestQueues(t *testing.T) {
	b := guide(t, nil)
	type facts struct {
		DeadLetters string
		Receives    int
		From        []string
	}
	rules := []string{
		"arn:aws:events:us-east-1:222222222222:rule/snapferry/snapferry-copy-events",
		"arn:aws:events:us-east-1:222222222222:rule/snapferry/snapferry-share-events",
	}
	want := map[string]facts{
		"snapferry-events":                {DeadLetters: "snapferry-events-dlq", Receives: 5, From: rules},
		"snapferry-events-dlq":            {},
		"snapferry-undelivered":           {From: rules},
		"snapferry-orders-dlq.fifo":       {},
		"snapferry-forwarder-undelivered": {From: []string{"arn:aws:events:sa-east-1:222222222222:rule/snapferry-copy-events"}},
	}
	for _, region := range []string{"eu-west-2", "sa-east-1"} {
		for lane := range 8 {
			want[plain.ordersQueue(region, lane)] = facts{}
		}
	}
	got := map[string]facts{}
	i := slices.IndexFunc(b.Forwarders, func(f Forwarder) bool { return f.Region == "sa-east-1" })
	for _, q := range append(slices.Clone(b.Home.Queues), b.Forwarders[i].Undelivered) {
		f := facts{DeadLetters: q.DeadLetters, Receives: q.MaxReceives}
		for _, s := range q.Policy {
			if !slices.Equal(s.Actions, []string{"sqs:SendMessage"}) || !slices.Equal(s.Principals["Service"], []string{"events.amazonaws.com"}) {
				t.Errorf("%s lets %v do %q", q.Name, s.Principals, s.Actions)
			}
			f.From = append(f.From, s.Conditions["ArnEquals"]["aws:SourceArn"]...)
		}
		got[q.Name] = f
		if q.Retention != 14*24*time.Hour || q.Visibility != 6*time.Minute {
			t.Errorf("%s keeps for %v and hides for %v", q.Name, q.Retention, q.Visibility)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("queues (-want +got):\n%s", diff)
	}
}

// TestOrganization: instead of a source for each account there is one for any.
func TestOrganization(t *testing.T) {
	b := guide(t, func(s *Settings) {
		s.Organization = Organization{ID: "o-a1b2c3d4e5", Units: []string{"ou-a1b2-c3d4e5f6"}}
	})
	if b.StackSet == nil || b.Sources != nil {
		t.Fatalf("StackSet %v beside %d sources", b.StackSet, len(b.Sources))
	}
	s := b.StackSet
	if s.Source.Account != "${AWS::AccountId}" || s.Source.Region != "${AWS::Region}" ||
		!slices.Equal(s.Regions, []string{"us-east-1"}) || !slices.Equal(s.Units, []string{"ou-a1b2-c3d4e5f6"}) {
		t.Errorf("StackSet %+v", s)
	}
	text := string(JSON(append(s.Source.Lifecycle.Statements, s.Source.Lifecycle.Trust...)...))
	if strings.Contains(text, "111111111111") || strings.Contains(text, "us-east-1") {
		t.Errorf("the source of any account names one: %s", text)
	}
}

// TestEncryptionKeys: queues, topics and logs are under the key of their Region,
// and the roles that send and receive may use that of the home Region; without
// keys no role uses any.
func TestEncryptionKeys(t *testing.T) {
	worlds(t, func(t *testing.T, s Settings, _ []policy.Policy, b Blueprint) {
		home := s.EncryptionKeys[s.HomeRegion]
		for _, q := range b.Home.Queues {
			if q.Key != home {
				t.Errorf("%s is under %q, want %q", q.Name, q.Key, home)
			}
		}
		for _, f := range b.Home.Functions {
			if f.LogKey != home {
				t.Errorf("the log of %s is under %q, want %q", f.Name, f.LogKey, home)
			}
		}
		for _, f := range b.Forwarders {
			if want := s.EncryptionKeys[f.Region]; f.Undelivered.Key != want || f.Topic.Key != want {
				t.Errorf("queue and topic in %s are under %q and %q, want %q", f.Region, f.Undelivered.Key, f.Topic.Key, want)
			}
		}
		if b.Home.Topic.Key != home || len(b.EncryptionKeys) != len(s.EncryptionKeys) {
			t.Errorf("the topic is under %q, want %q; %d keys with statements, want %d", b.Home.Topic.Key, home, len(b.EncryptionKeys), len(s.EncryptionKeys))
		}
		for _, key := range b.EncryptionKeys {
			inHome := slices.ContainsFunc(key.Statements, func(s Statement) bool { return s.Sid == "SnapferryLogsAreWritten" })
			if key.ARN != s.EncryptionKeys[key.Region] || inHome != (key.Region == s.HomeRegion) {
				t.Errorf("%s in %s has the statements %+v", key.ARN, key.Region, key.Statements)
			}
		}
		var want []string
		if home != "" {
			want = []string{"snapferry-copy", "snapferry-reconcile", "snapferry-scheduler"}
		}
		var users []string
		for name, role := range roles(b) {
			for _, s := range role.Statements {
				if s.Sid == "UseQueueKey" {
					users = append(users, name)
					if !slices.Equal(s.Resources, []string{home}) {
						t.Errorf("%s uses %q, want %q", name, s.Resources, home)
					}
				}
			}
		}
		if !slices.Equal(set(users), want) {
			t.Errorf("%q use the queues' key, want %q", set(users), want)
		}
	})
}

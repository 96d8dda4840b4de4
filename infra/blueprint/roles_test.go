package blueprint

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"snapferry/internal/policy"
)

// guide is the blueprint of Amazon's example: the settings and policies that a
// fresh clone has.
func guide(t *testing.T, change func(*Settings)) Blueprint {
	t.Helper()
	settings, problems := LoadSettings("../golden/guide/settings.json", Overrides{})
	if len(problems) > 0 {
		t.Fatal(lines(problems))
	}
	policies, problems := policy.Load("../golden/guide/policies")
	if len(problems) > 0 {
		t.Fatal(lines(problems))
	}
	if change != nil {
		change(&settings)
	}
	b, problems := New(settings, policies, "hash")
	if len(problems) > 0 {
		t.Fatal(lines(problems))
	}
	return b
}

// roles are all there are in a blueprint, by name, with the account where that
// is not the target account.
func roles(b Blueprint) map[string]Role {
	all := map[string]Role{b.Home.Scheduler.Name: b.Home.Scheduler}
	for _, f := range b.Home.Functions {
		all[f.Role.Name] = f.Role
	}
	for _, f := range b.Forwarders {
		for _, r := range f.Rules {
			all[r.Role.Name] = *r.Role
		}
	}
	sources := b.Sources
	if b.StackSet != nil {
		sources = append(sources, b.StackSet.Source)
	}
	for _, s := range sources {
		all[s.Account+"/"+s.Lifecycle.Name] = s.Lifecycle
	}
	return all
}

// ownEncryption has keys of the user's own for queues, topics and logs.
func ownEncryption(s *Settings) {
	s.EncryptionKeys = map[string]string{}
	for _, region := range []string{"eu-west-2", "sa-east-1", "us-east-1"} {
		s.EncryptionKeys[region] = keyARN(region, target, 9)
	}
}

// TestRoles compares who may do what, for the guide's example, with a file for
// each role.
func TestRoles(t *testing.T) {
	b, own := guide(t, nil), guide(t, ownEncryption)
	files := map[string]any{
		"key-source":               Document(b.Sources[0].KeyStatements...),
		"topic":                    Document(b.Home.Topic.Policy...),
		"key-encryption-home":      Document(own.EncryptionKeys[2].Statements...),
		"key-encryption-elsewhere": Document(own.EncryptionKeys[0].Statements...),
	}
	names := map[string]string{
		"snapferry-copy":                             "copy",
		"snapferry-reconcile":                        "reconcile",
		"snapferry-expire":                           "expire",
		"snapferry-scheduler":                        "scheduler",
		"snapferry-forwarder-us-east-1-share":        "forwarder-us-east-1",
		"snapferry-forwarder-eu-west-2-copy":         "forwarder-eu-west-2",
		"snapferry-forwarder-sa-east-1-copy":         "forwarder-sa-east-1",
		"111111111111/snapferry-lifecycle-us-east-1": "lifecycle",
	}
	all := roles(b)
	if got, want := slices.Sorted(maps.Keys(all)), slices.Sorted(maps.Keys(names)); !slices.Equal(got, want) {
		t.Fatalf("roles %q, want %q", got, want)
	}
	for name, role := range all {
		files[names[name]] = map[string]any{"Trust": Document(role.Trust...), "Permissions": Document(role.Statements...)}
	}
	for name, document := range files {
		t.Run(name, func(t *testing.T) {
			data, err := json.MarshalIndent(document, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			compare(t, "testdata/roles/"+name+".json", string(data)+"\n")
		})
	}
}

// TestKeysOfRules: rules without a key let the default key in, and no other.
func TestKeysOfRules(t *testing.T) {
	const other = "arn:aws:kms:sa-east-1:222222222222:key/00000000-12ab-34cd-56ef-1234567890ab"
	const unused = "arn:aws:kms:ap-south-1:222222222222:key/11111111-12ab-34cd-56ef-1234567890ab"
	b := guide(t, func(s *Settings) {
		s.DefaultKeys = map[string]string{"sa-east-1": other, "ap-south-1": unused}
	})
	want := []string{
		"arn:aws:kms:eu-west-2:222222222222:key/8af79514-350d-4c52-bac8-8985e84171c7",
		other,
		"arn:aws:kms:us-east-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab",
	}
	for _, sid := range []string{"GrantToEBS", "UseKeys"} {
		if got := statement(t, roles(b)["snapferry-copy"], sid).Resources; !slices.Equal(got, want) {
			t.Errorf("%s is about %q, want %q", sid, got, want)
		}
	}
	b = guide(t, func(s *Settings) { s.Sources[0].Keys = nil })
	if s := statement(t, roles(b)["snapferry-copy"], "UseKeys"); slices.Contains(s.Resources, want[2]) {
		t.Errorf("UseKeys is about the key of a source that lists none: %q", s.Resources)
	}
	if b.Sources[0].KeyStatements != nil {
		t.Errorf("key statements %v for a source without keys", b.Sources[0].KeyStatements)
	}
}

func statement(t *testing.T, r Role, sid string) Statement {
	t.Helper()
	i := slices.IndexFunc(r.Statements, func(s Statement) bool { return s.Sid == sid })
	if i < 0 {
		t.Fatalf("role %s has no statement %s", r.Name, sid)
	}
	return r.Statements[i]
}

// TestDocument: what one word is enough for is one word, and the same statements
// are the same bytes.
func TestDocument(t *testing.T) {
	s := Statement{
		Sid:        "Some",
		Deny:       true,
		Principals: map[string][]string{"AWS": {"*"}},
		Actions:    []string{"sqs:SendMessage", "sqs:ReceiveMessage"},
		Resources:  []string{"arn:aws:sqs:us-east-1:222222222222:queue"},
		Conditions: Conditions{"Bool": {"aws:SecureTransport": {"false"}}, "StringEquals": {"b": {"1", "2"}, "a": {"3"}}},
		Reason:     "is not for AWS",
	}
	const want = `{"Statement":[{"Action":["sqs:SendMessage","sqs:ReceiveMessage"],` +
		`"Condition":{"Bool":{"aws:SecureTransport":"false"},"StringEquals":{"a":"3","b":["1","2"]}},` +
		`"Effect":"Deny","Principal":{"AWS":"*"},"Resource":"arn:aws:sqs:us-east-1:222222222222:queue","Sid":"Some"}],` +
		`"Version":"2012-10-17"}`
	if got := JSON(s); !bytes.Equal(got, []byte(want)) {
		t.Errorf("document %s\nwant %s", got, want)
	}
}

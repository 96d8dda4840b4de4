package sim

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The accounts and Regions of the tests: an owner shares with a vault.
const (
	owner    = "111111111111"
	vault    = "222222222222"
	stranger = "333333333333"
	east     = "us-east-1"
	west     = "eu-west-1"
)

// lab is a world in which a test makes calls.
type lab struct {
	t      *testing.T
	w      *World
	events []map[string]any // heard so far; only within a step
	roles  int              // added so far
}

// bubble runs a test in a world of its own, where time passes for free.
func bubble(t *testing.T, name string, o Options, f func(l *lab)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := &lab{t: t}
			o.Clock = WallClock{}
			o.NoThrottling = true
			o.Notify = func(event []byte) int {
				var e map[string]any
				if err := json.Unmarshal(event, &e); err != nil {
					t.Errorf("an event is not JSON: %v: %s", err, event)
				}
				l.events = append(l.events, e)
				return 1
			}
			l.w = New(o)
			f(l)
		})
	})
}

// element is a piece of an XML answer.
type element struct {
	XMLName xml.Name
	Text    string    `xml:",chardata"`
	Nodes   []element `xml:",any"`
}

// all finds the nodes at a path such as "snapshotSet/item".
func (n element) all(path string) []element {
	name, rest, deeper := strings.Cut(path, "/")
	var found []element
	for _, child := range n.Nodes {
		switch {
		case child.XMLName.Local != name:
		case deeper:
			found = append(found, child.all(rest)...)
		default:
			found = append(found, child)
		}
	}
	return found
}

// get is the text at a path, "" if there is none.
func (n element) get(path string) string {
	if found := n.all(path); len(found) > 0 {
		return found[0].Text
	}
	return ""
}

// list is the texts at a path.
func (n element) list(path string) []string {
	texts := []string{}
	for _, found := range n.all(path) {
		texts = append(texts, found.Text)
	}
	return texts
}

func params(pairs []string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

// ec2 makes a call to EC2 that must succeed.
func (l *lab) ec2(account, region, action string, pairs ...string) element {
	l.t.Helper()
	var answer element
	if err := l.w.Do(l.t.Context(), account, region, "ec2", action, params(pairs), &answer); err != nil {
		l.t.Fatalf("%s %q: %v", action, pairs, err)
	}
	return answer
}

// refused makes a call to EC2 that must fail, and returns the error.
func (l *lab) refused(account, region, action string, pairs ...string) *Error {
	l.t.Helper()
	err := l.w.Do(l.t.Context(), account, region, "ec2", action, params(pairs), nil)
	var refusal *Error
	if !errors.As(err, &refusal) {
		l.t.Fatalf("%s %q: got %v, want an AWS error", action, pairs, err)
	}
	return refusal
}

// code is what a call answers: "" or its error code.
func (l *lab) code(account, region, action string, pairs ...string) string {
	l.t.Helper()
	err := l.w.Do(l.t.Context(), account, region, "ec2", action, params(pairs), nil)
	var refusal *Error
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &refusal):
		l.t.Fatalf("%s %q: %v", action, pairs, err)
	}
	return refusal.Code
}

func (l *lab) want(what string, got, want any) {
	l.t.Helper()
	if got != want {
		l.t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// kms makes a call to KMS that must succeed.
func (l *lab) kms(account, region, action string, in any) map[string]any {
	l.t.Helper()
	out := map[string]any{}
	if err := l.w.Do(l.t.Context(), account, region, "kms", action, in, &out); err != nil {
		l.t.Fatalf("%s %v: %v", action, in, err)
	}
	return out
}

// newKey makes a KMS key with a policy ("" is the default) and returns its ARN.
func (l *lab) newKey(account, region, policy string) string {
	l.t.Helper()
	key := l.kms(account, region, "CreateKey", map[string]any{"Policy": policy, "BypassPolicyLockoutSafetyCheck": true})
	return key["KeyMetadata"].(map[string]any)["Arn"].(string)
}

// policyFor lets the owner do everything with a key, and others what is given.
func policyFor(account string, statements ...string) string {
	all := append([]string{`{"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":"kms:*","Resource":"*"}`}, statements...)
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(all, ",") + `]}`
}

// newVolume makes a volume; more are further parameters.
func (l *lab) newVolume(account, region string, more ...string) string {
	l.t.Helper()
	return l.ec2(account, region, "CreateVolume", append([]string{"AvailabilityZone", region + "a", "Size", "8"}, more...)...).get("volumeId")
}

// newSnapshot makes a snapshot of a volume and waits for it to complete.
func (l *lab) newSnapshot(account, region, volume string, more ...string) string {
	l.t.Helper()
	id := l.ec2(account, region, "CreateSnapshot", append([]string{"VolumeId", volume}, more...)...).get("snapshotId")
	time.Sleep(time.Minute)
	return id
}

// source makes a completed snapshot of the owner's that the vault may use.
func (l *lab) source(region string, volume ...string) string {
	l.t.Helper()
	id := l.newSnapshot(owner, region, l.newVolume(owner, region, volume...))
	l.share(region, id, vault)
	return id
}

func (l *lab) share(region, id, with string) {
	l.t.Helper()
	l.ec2(owner, region, "ModifySnapshotAttribute", "SnapshotId", id, "CreateVolumePermission.Add.1.UserId", with)
}

// copy starts a copy by the vault and returns its id.
func (l *lab) copy(from, id, to string, more ...string) string {
	l.t.Helper()
	return l.ec2(vault, to, "CopySnapshot", append([]string{"SourceRegion", from, "SourceSnapshotId", id}, more...)...).get("snapshotId")
}

// copied makes a copy by the vault and waits for its end.
func (l *lab) copied(from, id, to string, more ...string) element {
	l.t.Helper()
	copied := l.copy(from, id, to, more...)
	time.Sleep(time.Minute)
	return l.show(vault, to, copied)
}

// show is one snapshot as an account sees it.
func (l *lab) show(account, region, id string) element {
	l.t.Helper()
	return l.ec2(account, region, "DescribeSnapshots", "SnapshotId.1", id).all("snapshotSet/item")[0]
}

// listed is the ids that a DescribeSnapshots shows.
func (l *lab) listed(account, region string, pairs ...string) []string {
	l.t.Helper()
	return l.ec2(account, region, "DescribeSnapshots", pairs...).list("snapshotSet/item/snapshotId")
}

// heard is the events of one kind, in order, up to now.
func (l *lab) heard(event string) []map[string]any {
	var found []map[string]any
	l.w.step(func(time.Time) {
		for _, e := range l.events {
			if detail := e["detail"].(map[string]any); detail["event"] == event {
				found = append(found, e)
			}
		}
	})
	return found
}

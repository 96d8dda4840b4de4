package iam

import (
	"fmt"
	"testing"
)

// TestBound: a boundary takes away and gives nothing. Within an account a queue's
// policy that names the role is bounded, one that names its session is not.
func TestBound(t *testing.T) {
	const (
		role     = `Principal={"AWS":"arn:aws:iam::222222222222:role/copier"}`
		itself   = `Principal={"AWS":"arn:aws:sts::222222222222:assumed-role/copier/copier"}`
		everyone = `Principal="*"`
	)
	full, none := document(statement()), document(statement(`Action="s3:*"`))
	denial := document(statement(), statement(`Effect="Deny"`, `Action="sqs:DeleteQueue"`))
	type is struct {
		allowed, denied bool
		lack            Lack
	}
	yes, never := is{allowed: true}, is{denied: true}
	for name, test := range map[string]struct {
		identity, boundary, queue string
		owner                     string
		want                      is
	}{
		"both allow":                               {full, full, "", account, yes},
		"the boundary does not":                    {full, none, "", account, is{lack: LackBoundary}},
		"what it allows, it does not give":         {none, full, "", account, is{lack: LackIdentity}},
		"it denies":                                {full, denial, "", account, never},
		"it denies what nothing allows":            {none, denial, "", account, never},
		"the queue allows the role":                {none, none, document(statement(role)), account, is{lack: LackBoundary}},
		"the queue allows everyone":                {none, none, document(statement(everyone)), account, is{lack: LackBoundary}},
		"the queue allows the session":             {none, none, document(statement(itself)), account, yes},
		"but the boundary denies":                  {none, denial, document(statement(itself)), account, never},
		"another account's queue allows the role":  {full, none, document(statement(role)), other, is{lack: LackBoundary}},
		"another account's allows the session":     {full, none, document(statement(itself)), other, is{lack: LackBoundary}},
		"another account's, and the boundary does": {full, full, document(statement(role)), other, yes},
	} {
		r := Request{Principal: session, Action: "sqs:DeleteQueue", Resource: resource, Owner: test.owner}
		var queue *Policy
		if test.queue != "" {
			queue = parse(t, Resource, test.queue)
		}
		d := Bound(&r, parse(t, Identity, test.boundary), queue, Evaluate(&r, []*Policy{parse(t, Identity, test.identity)}, queue, Either))
		if got := (is{d.Allowed, d.Denied, d.Lack}); got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
		if want := []Grounds{{BoundaryPolicy, 1, ""}}; d.Denied && fmt.Sprint(d.By) != fmt.Sprint(want) {
			t.Errorf("%s: denied by %+v, want %+v", name, d.By, want)
		}
	}
}

// TestSession: a session is named without its role's path.
func TestSession(t *testing.T) {
	got := Session(account, "acme/backup/copier", "night")
	want := Principal{
		Account: account,
		ARN:     "arn:aws:sts::222222222222:assumed-role/copier/night",
		Role:    "arn:aws:iam::222222222222:role/acme/backup/copier",
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Package reactor owns the verbs: take what events say, order copies, start
// them, settle their results, find what was missed and delete what has expired.
// Each verb looks (through the ports beside it), lets internal/plan decide, and
// acts. It knows AWS only through those ports and the three classes of failure.
//
//	copy.go       a batch of events: each record to the verb it asks for
//	share.go      a shared snapshot becomes orders
//	settle.go     a finished copy becomes an outcome
//	drain.go      waiting orders become copies, as slots are free
//	reconcile.go  what events missed becomes orders
//	expire.go     what has expired is deleted
package reactor

import (
	"context"
	"time"

	"snapferry/internal/plan"
	"snapferry/internal/snapshot"
)

// Clock tells the time. It may be called at once.
type Clock func() time.Time

// An OutcomeType is the detail type of an outcome on the event bus.
type OutcomeType string

// The outcomes.
const (
	Started   OutcomeType = "Snapshot Copy Started"
	Completed OutcomeType = "Snapshot Copy Completed"
	Failed    OutcomeType = "Snapshot Copy Failed"
	Skipped   OutcomeType = "Snapshot Copy Skipped"
	Expired   OutcomeType = "Snapshot Copy Expired"
	Kept      OutcomeType = "Snapshot Copy Kept"
)

// Outcome is what snapferry tells the world about a copy. Fields that a kind of
// outcome has no value for are left out.
type Outcome struct {
	Type          OutcomeType   `json:"-"`
	Order         string        `json:"order,omitempty"`
	Policy        string        `json:"policy,omitempty"`
	Source        *snapshot.Ref `json:"source,omitempty"`
	SourceAccount string        `json:"sourceAccount,omitempty"`
	Copy          *snapshot.Ref `json:"copy,omitempty"`
	TargetRegion  string        `json:"targetRegion,omitempty"`
	Reason        string        `json:"reason,omitempty"`
	Cause         string        `json:"cause,omitempty"`
	Fix           string        `json:"fix,omitempty"`
	Encrypted     *bool         `json:"encrypted,omitempty"`
	KeyARN        string        `json:"keyArn,omitempty"`
	SourceTime    *time.Time    `json:"sourceTime,omitempty"`
	Shared        *time.Time    `json:"shared,omitempty"`
	// WaitSeconds is how long it took from the share to the copy's start.
	WaitSeconds float64    `json:"waitSeconds,omitempty"`
	Started     *time.Time `json:"started,omitempty"`
	Completed   *time.Time `json:"completed,omitempty"`
	// LagSeconds is how long it took from the share to the copy's completion.
	LagSeconds float64 `json:"lagSeconds,omitempty"`
	// CopySeconds is how long the copy took, once it has completed.
	CopySeconds float64    `json:"copySeconds,omitempty"`
	Expires     *time.Time `json:"expires,omitempty"`
}

// Outcomes is where outcomes go. Publish may be called at once.
type Outcomes interface {
	// Publish publishes all of them or returns an error; some may have been
	// published then. It is safe to publish an outcome twice.
	Publish(ctx context.Context, outcomes []Outcome) error
}

// Orders is where orders wait, in a queue per target Region.
type Orders interface {
	// Send puts orders into the queue of the Region, which they all have as
	// their target. An order that was sent within the last minutes is not sent
	// again. The result has an error for each order, in their order, nil where
	// the order is in the queue.
	Send(ctx context.Context, region string, orders []plan.Order) []error
	// Receive hands out up to limit orders (10 at most) to be worked on by the
	// caller alone, until Finish or Release or the queue's time-out, with the
	// source accounts taking turns. An empty answer says that no order waits of
	// an account that policies name; others may be found some minutes later.
	Receive(ctx context.Context, region string, limit int) ([]Delivery, error)
	// Finish takes the order out of the queue.
	Finish(ctx context.Context, d Delivery) error
	// Release hands the order back, to be handed out again after a while, 12
	// hours at most.
	Release(ctx context.Context, d Delivery, after time.Duration) error
	// Replace puts a newer version of the order into the queue in the place of
	// the one that was handed out.
	Replace(ctx context.Context, d Delivery, o plan.Order) error
	// Bury takes the order out of the queue and puts it, with its Denial,
	// where people look for what needs them; so too what has a Problem.
	Bury(ctx context.Context, d Delivery) error
	// Buries says whether there is such a place.
	Buries() bool
	// Backlog counts the orders of a Region that are in the queue, handed out
	// or not. It may stop once it has counted enough, if enough is above 0.
	Backlog(ctx context.Context, region string, enough int) (int, error)
}

// Delivery is an order that was handed out.
type Delivery struct {
	Order plan.Order
	// Problem is set, and Order is not, when what was in the queue can't be
	// read as an order; Body then is what was there.
	Problem error
	Body    string
	// ID is the message's, the same at every delivery.
	ID     string
	Region string
	Lane   int
	// Sent is when the order was put into the queue, and Receives how often it
	// was handed out since, this time included.
	Sent     time.Time
	Receives int
	// Receipt is what the queue knows the delivery by.
	Receipt string
}

func ptr[T any](v T) *T { return &v }

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func ofOrder(kind OutcomeType, o plan.Order) Outcome {
	outcome := Outcome{Type: kind, Policy: o.Policy, Source: ptr(o.Source), SourceAccount: o.Facts.Owner, TargetRegion: o.Target}
	if o.Policy != "" {
		outcome.Order = o.Key()
	}
	return outcome
}

func ofCopy(kind OutcomeType, c snapshot.Snapshot, m snapshot.Mark) Outcome {
	outcome := Outcome{
		Type:         kind,
		Copy:         ptr(c.Ref),
		TargetRegion: c.Region,
		Started:      when(c.Started),
		Completed:    when(c.Completed),
	}
	if m.Policy != "" {
		outcome.Order, outcome.Policy = m.Order(), m.Policy
		outcome.Source, outcome.SourceAccount = ptr(m.Source), m.SourceAccount
		outcome.SourceTime, outcome.Expires = when(m.SourceTime), when(m.Expires)
	}
	if c.State == snapshot.Completed {
		outcome.Encrypted, outcome.KeyARN = ptr(c.Encrypted), c.KeyARN
		if !c.Completed.IsZero() && !c.Started.IsZero() {
			outcome.CopySeconds = c.Completed.Sub(c.Started).Seconds()
		}
	}
	return outcome
}

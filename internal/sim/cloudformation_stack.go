package sim

import (
	"slices"
	"strings"
	"time"
)

// cfStack is a stack. One that was deleted stays, and is found by its id only.
type cfStack struct {
	place
	name, id       string
	status, reason string
	description    string
	template       string
	parameters     map[string]string
	tags           [][2]string
	topics         []string // NotificationARNs
	capabilities   []string
	role           string // the service role of the last operation
	outputs        []StackOutput
	protected      bool // from deletion
	changeSet      string
	created        time.Time
	updated        time.Time
	deleted        time.Time
	resources      []*cfResource
	events         []*cfEvent // oldest first
	changeSets     []*cfChangeSet
}

type cfResource struct {
	ResourceStep
	at time.Time
}

type cfEvent struct {
	ResourceStep
	id    string
	at    time.Time
	token string
}

const stackType = "AWS::CloudFormation::Stack"

// Statuses of stacks that the code asks for.
const (
	inReview       = "REVIEW_IN_PROGRESS"
	rolledBack     = "ROLLBACK_COMPLETE"
	stackDeleted   = "DELETE_COMPLETE"
	deletionFailed = "DELETE_FAILED"
)

// find looks up a stack of the caller's by name, if it is not deleted, or by id.
func (f *cloudformation) find(c *cfCall, name string) *cfStack {
	for _, s := range f.stacks[c.place()] {
		if s.id == name || s.name == name && s.status != stackDeleted {
			return s
		}
	}
	return nil
}

// settle gives a stack its status, which is an event too.
func (f *cloudformation) settle(now time.Time, s *cfStack, status, reason, token string) {
	s.status, s.reason = status, reason
	f.note(now, s, ResourceStep{ID: s.name, PhysicalID: s.id, Type: stackType, Status: status, Reason: reason}, token)
}

// note puts a step down as an event and, if it is about a resource, in the list
// of those.
// Tools sort events by their time, and so no two have the same.
func (f *cloudformation) note(now time.Time, s *cfStack, step ResourceStep, token string) {
	if n := len(s.events); n > 0 && now.Sub(s.events[n-1].at) < time.Millisecond {
		now = s.events[n-1].at.Add(time.Millisecond)
	}
	s.events = append(s.events, &cfEvent{ResourceStep: step, id: f.w.uuid(), at: now, token: token})
	if step.Type == stackType && step.PhysicalID == s.id {
		return
	}
	for _, r := range s.resources {
		if r.ID == step.ID {
			if step.PhysicalID == "" {
				step.PhysicalID = r.PhysicalID
			}
			r.ResourceStep, r.at = step, now
			return
		}
	}
	s.resources = append(s.resources, &cfResource{step, now})
}

// drop forgets resources that a stack no longer has: the template does not name
// them any more.
func (s *cfStack) drop() {
	s.resources = slices.DeleteFunc(s.resources, func(r *cfResource) bool {
		return r.Status == stackDeleted || strings.HasSuffix(r.Status, "DELETE_SKIPPED")
	})
}

// paged is how many items an answer has at most, as events and stacks do
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackEvents.html
// pages at 1 MB, which is about as much).
const paged = 100

// cfPage cuts a list where the caller's token says.
func cfPage[T any](c *cfCall, all []T) (part []T, next string, problem *apiError) {
	from, to, next, problem := kmsPage{Limit: new(paged), Marker: c.form.Get("NextToken")}.cut(len(all))
	if problem != nil {
		return nil, "", validation("NextToken is not one of an answer to %s", c.action)
	}
	return all[from:to], next, nil
}

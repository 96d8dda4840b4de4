package plan

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"snapferry/internal/policy"
	"snapferry/internal/snapshot"
)

// Action is what to do about an order whose turn has come.
type Action string

// What can become of an order.
const (
	Copy Action = "copy" // ask EC2 for the copy
	Wait Action = "wait" // not yet: the order stays in its queue
	Miss Action = "miss" // as Wait, and note that EC2 did not show the source
	Done Action = "done" // there is a healthy copy already
	Drop Action = "drop" // it can't be, or need not be, any more
)

// Decision is an Action with its reason.
type Decision struct {
	Action Action
	Reason string
	// Rest is how long to leave the order alone when Action is Wait.
	Rest time.Duration
	// Copy is the healthy copy that there is when Action is Done.
	Copy snapshot.Snapshot
	// Request is what to ask of EC2 when Action is Copy.
	Request Request
}

// Request is one CopySnapshot call.
type Request struct {
	Source      snapshot.Ref
	Target      string
	Description string
	Encrypted   bool
	// KeyARN is the key to encrypt under. When it is empty and Encrypted is
	// set, the copy must get the target Region's default key; DefaultKey says
	// that EC2 would not choose that one by itself.
	KeyARN            string
	DefaultKey        bool
	CompletionMinutes int32
	Tags              map[string]string
	Mark              snapshot.Mark
}

// How long an order rests before it is looked at again.
const (
	restPending = 2 * time.Minute // the source is pending
	restKinMin  = time.Minute     // a copy of the same lineage is pending
	restKinMax  = 15 * time.Minute
)

// lookAgain is how many looks a source must be missing from before it counts as
// gone: EC2's listings lag behind, and one of them may be wrong.
const lookAgain = 3

// Known is the source as far as the order itself can say, and whether that is
// enough to copy it: what has completed changes no more. A source that was
// pending when it was ordered must be looked at again.
func (o Order) Known() (source snapshot.Snapshot, enough bool) {
	return o.snapshot(), o.Facts.State == snapshot.Completed
}

// Start decides about an order in its turn: source is what is known of the
// source, nil if EC2 does not show it, and kin are the copies in the target
// Region of the order's lineage.
func Start(o Order, source *snapshot.Snapshot, kin []snapshot.Snapshot, policies []policy.Policy, now time.Time) Decision {
	var before *snapshot.Snapshot
	for _, c := range kin {
		switch {
		case c.Tags[snapshot.TagOrder] == o.Key() && c.Healthy():
			return Decision{Action: Done, Reason: fmt.Sprintf("already copied: %s is %s", c.ID, c.State), Copy: c}
		case c.State == snapshot.Pending:
			before = &c
		}
	}
	if source == nil && o.Missed+1 < lookAgain {
		return Decision{Action: Miss, Reason: "EC2 does not show the source; looking again", Rest: restPending}
	}
	if source == nil {
		return Decision{Action: Drop, Reason: "the source is gone: deleted, or no longer shared with this account"}
	}
	p, found := byName(policies, o.Policy)
	if !found {
		return Decision{Action: Drop, Reason: fmt.Sprintf("there is no policy %q any more", o.Policy)}
	}
	rule, found := p.Rule(o.Target)
	if !found {
		return Decision{Action: Drop, Reason: fmt.Sprintf("policy %q has no rule for %s any more", o.Policy, o.Target)}
	}
	if verdict := p.Match(*source); !verdict.OK() {
		return Decision{Action: Drop, Reason: verdict.String()}
	}
	if reason := uncopyable(*source); reason != "" {
		return Decision{Action: Drop, Reason: reason}
	}
	if source.State == snapshot.Pending {
		return Decision{Action: Wait, Reason: "the source is still pending", Rest: restPending}
	}
	if before != nil {
		// EC2 would take the copy, begin it after the other one, and count a
		// slot for it all the while.
		return Decision{
			Action: Wait,
			Reason: fmt.Sprintf("%s, a copy of the same volume, is still pending", before.ID),
			Rest:   min(max(now.Sub(before.Started)/4, restKinMin), restKinMax).Truncate(time.Second),
		}
	}
	request, reason := request(p, rule, *source, now)
	if !o.Shared.IsZero() {
		key, value := snapshot.Untold(o.Shared)
		request.Tags[key] = value
	}
	return Decision{Action: Copy, Reason: reason, Request: request}
}

func request(p policy.Policy, rule policy.Rule, source snapshot.Snapshot, now time.Time) (Request, string) {
	volume := source.Volume
	if volume == "" {
		volume = snapshot.NoVolume
	}
	mark := snapshot.Mark{
		Policy:        p.Name,
		Source:        source.Ref,
		SourceAccount: source.Owner,
		SourceVolume:  volume,
		SourceTime:    source.Started,
		Expires:       Expires(now, rule.Retention),
	}
	tags := maps.Clone(rule.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	maps.Copy(tags, mark.Tags())
	r := Request{
		Source:            source.Ref,
		Target:            rule.Region,
		Description:       describe(p.Name, source),
		Encrypted:         rule.Encrypted,
		KeyARN:            rule.KeyARN,
		CompletionMinutes: rule.CompletionMinutes,
		Tags:              tags,
		Mark:              mark,
	}
	// With encryption by default off, EC2 puts a copy of an encrypted snapshot
	// under aws/ebs, even where another default key is configured.
	r.DefaultKey = rule.Encrypted && rule.KeyARN == "" && source.Encrypted
	return r, encryption(rule, source)
}

// encryption says under which key the copy will be, in words.
func encryption(rule policy.Rule, source snapshot.Snapshot) string {
	switch {
	case rule.Encrypted && rule.KeyARN != "":
		return "encrypted under " + rule.KeyARN
	case rule.Encrypted:
		return "encrypted under the default key of " + rule.Region
	case source.Encrypted:
		return "encrypted although the rule does not ask for it, because the source is: under a default key of " + rule.Region
	}
	return "not encrypted, unless " + rule.Region + " encrypts by default"
}

// maxDescription is EC2's limit, in characters; counting bytes keeps to it
// however EC2 counts.
const maxDescription = 255

// describe tells people where a copy came from; snapferry itself reads the mark.
func describe(policyName string, source snapshot.Snapshot) string {
	s := fmt.Sprintf("Copied by snapferry, policy %s, from %s in %s, account %s", policyName, source.ID, source.Region, source.Owner)
	if source.Description != "" {
		s += ": " + source.Description
	}
	if len(s) <= maxDescription {
		return s
	}
	const more = "..."
	return strings.ToValidUTF8(s[:maxDescription-len(more)], "") + more
}

func byName(policies []policy.Policy, name string) (policy.Policy, bool) {
	for _, p := range policies {
		if p.Name == name {
			return p, true
		}
	}
	return policy.Policy{}, false
}

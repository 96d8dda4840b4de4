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
	Done Action = "done" // there is a healthy copy already
	Drop Action = "drop" // it can't be, or need not be, any more
)

// Decision is an Action with its reason.
type Decision struct {
	Action Action
	Reason string
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

// Start decides about an order in its turn: source is what EC2 shows of the
// source, nil if nothing, and made are the copies in the target Region that
// carry the order's mark.
func Start(o Order, source *snapshot.Snapshot, made []snapshot.Snapshot, policies []policy.Policy, now time.Time) Decision {
	for _, c := range made {
		if c.Healthy() {
			return Decision{Action: Done, Reason: fmt.Sprintf("already copied: %s is %s", c.ID, c.State)}
		}
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
		return Decision{Action: Wait, Reason: "the source is still pending"}
	}
	request, reason := request(p, rule, *source, now)
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

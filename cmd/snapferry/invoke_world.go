package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"snapferry/internal/event"
	"snapferry/internal/plan"
	"snapferry/internal/policy"
	"snapferry/internal/sim"
	"snapferry/internal/snapshot"
)

// subjects is what the events of a payload are about.
type subjects struct {
	shares     []event.Share
	copies     []event.CopyResult
	unreadable error // why a payload that is no batch is no event
}

// subjectsOf reads an event, or the bodies of an SQS batch. What can't be read
// in a batch is the function's to judge.
func subjectsOf(payload []byte) subjects {
	var told subjects
	var batch struct {
		Records []struct {
			Body string `json:"body"`
		}
	}
	if json.Unmarshal(payload, &batch) == nil && len(batch.Records) > 0 {
		for _, record := range batch.Records {
			_ = told.add([]byte(record.Body)) // as above
		}
		return told
	}
	told.unreadable = told.add(payload)
	return told
}

func (told *subjects) add(body []byte) error {
	decoded, err := event.Decode(body)
	switch e := decoded.(type) {
	case event.Share:
		told.shares = append(told.shares, e)
	case event.CopyResult:
		told.copies = append(told.copies, e)
	}
	return err
}

// regions is where sources are, and at least the home Region.
func (told subjects) regions() []string {
	regions := []string{homeRegion}
	for _, share := range told.shares {
		regions = append(regions, share.Snapshot.Region)
	}
	slices.Sort(regions)
	return slices.Compact(regions)
}

// seed makes what the events are about, as it was when they were sent.
func (told subjects) seed(world *sim.World, policies []policy.Policy, description string, now time.Time) error {
	made := map[snapshot.Ref]bool{}
	add := func(s sim.Seed) error {
		ref := snapshot.Ref{Region: s.Region, ID: s.ID}
		if made[ref] {
			return nil // another event is about it too
		}
		made[ref] = true
		if err := world.AddSnapshot(s); err != nil {
			return fmt.Errorf("make what the event is about: %w", err)
		}
		return nil
	}
	source := func(ref snapshot.Ref, owner string) sim.Seed {
		return sim.Seed{Region: ref.Region, ID: ref.ID, Owner: owner, Description: description, GiB: 8,
			SharedWith: []string{targetAccount}}
	}
	for _, share := range told.shares {
		if err := add(source(share.Snapshot, share.Account)); err != nil {
			return err
		}
	}
	for _, copied := range told.copies {
		if len(policies) == 0 {
			continue // nobody could have ordered it
		}
		p, rule := orderedBy(policies, copied.Copy.Region)
		s := copySeed(copied, p, rule, now)
		if copied.Source.ID != "" {
			of := source(copied.Source, p.Owners[0])
			of.Volume = sourceVolume
			if err := add(of); err != nil {
				return err
			}
		}
		if err := add(s); err != nil {
			return err
		}
	}
	return nil
}

// sourceVolume is the volume that the source of a seeded copy was made from.
const sourceVolume = "vol-0123456789abcdef0"

// orderedBy is the policy that may have ordered a copy in a Region: the first
// that has a rule for it, or else the first, as if it once had.
func orderedBy(policies []policy.Policy, region string) (policy.Policy, policy.Rule) {
	for _, p := range policies {
		if rule, ok := p.Rule(region); ok {
			return p, rule
		}
	}
	return policies[0], policy.Rule{Region: region}
}

// copySeed is the marked copy whose end an event tells.
func copySeed(copied event.CopyResult, p policy.Policy, rule policy.Rule, now time.Time) sim.Seed {
	source := copied.Source
	if source.ID == "" {
		source = snapshot.Ref{Region: homeRegion, ID: "snap-0123456789abcdef0"}
	}
	mark := snapshot.Mark{
		Policy:        p.Name,
		Source:        source,
		SourceAccount: p.Owners[0],
		SourceVolume:  sourceVolume,
		SourceTime:    now.Truncate(time.Second),
		Expires:       plan.Expires(now.Truncate(time.Second), rule.Retention),
	}
	s := sim.Seed{
		Region: copied.Copy.Region,
		ID:     copied.Copy.ID,
		Owner:  targetAccount,
		GiB:    8,
		Volume: snapshot.NoVolume,
		Tags:   mark.Tags(),
	}
	if copied.Succeeded {
		s.KeyARN = rule.KeyARN
	} else {
		s.State, s.Message = string(snapshot.Failed), copied.Cause
	}
	return s
}

package main

import (
	"fmt"
	"slices"

	"snapferry/infra/blueprint"
	"snapferry/internal/event"
	"snapferry/internal/local"
	"snapferry/internal/policy"
)

// eventsWay is the way of events through a deployment, as far as test events take
// it: from the default bus of a Region over the home bus into the events queue,
// and into the copy function.
type eventsWay struct {
	Account, Home string
	Bus           string // the home bus
	LogGroup      string // of the copy function
	Events        string // the queue that feeds it; this and the next are names
	Dead          string // where events end that it could not handle
	Routes        []route
}

// route is the way of one kind of event from one Region: its rules.
type route struct {
	Region, Kind string
	// Rule is on the Region's default bus, HomeRule on the home bus; with the
	// queues for what they can't deliver.
	Rule, Undelivered         string
	HomeRule, HomeUndelivered string
}

// wayOf is the events' way in a blueprint.
func wayOf(b blueprint.Blueprint) (eventsWay, error) {
	h := b.Home
	way := eventsWay{Account: h.Account, Home: h.Region, Bus: h.Bus}
	for _, f := range h.Functions {
		if f.Name == local.Copy && f.Source != nil {
			way.LogGroup, way.Events = f.LogGroup(), f.Source.Queue
		}
	}
	for _, q := range h.Queues {
		if q.Name == way.Events {
			way.Dead = q.DeadLetters
		}
	}
	for _, f := range b.Forwarders {
		for _, rule := range f.Rules {
			at := slices.IndexFunc(h.Rules, func(home blueprint.Rule) bool { return home.Pattern == rule.Pattern })
			kind := kindOf(rule.Pattern)
			if at < 0 || kind == "" {
				return eventsWay{}, fmt.Errorf("rule %s of %s: no rule on the home bus takes what it sends there", rule.Name, f.Region)
			}
			way.Routes = append(way.Routes, route{
				Region: f.Region, Kind: kind, Rule: rule.Name, Undelivered: rule.Undelivered,
				HomeRule: h.Rules[at].Name, HomeUndelivered: h.Rules[at].Undelivered,
			})
		}
	}
	return way, nil
}

// kindOf is the kind of event that a pattern lets through.
func kindOf(pattern string) string {
	return map[string]string{event.SharePattern(): event.KindShare, event.CopyPattern(): event.KindCopy}[pattern]
}

// queueURL is the URL of one of the account's queues.
func (w eventsWay) queueURL(region, name string) string {
	_, domain := policy.Partition(region)
	return fmt.Sprintf("https://sqs.%s.%s/%s/%s", region, domain, w.Account, name)
}

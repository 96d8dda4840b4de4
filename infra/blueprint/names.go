package blueprint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"snapferry/internal/policy"
)

// Application is the value of the tag Application on everything that is
// deployed, and what all names begin with, after the setting namePrefix.
const Application = "snapferry"

// The functions, as their code in dist/ is called.
const (
	copyFunction      = "copy"
	reconcileFunction = "reconcile"
	expireFunction    = "expire"
)

// naming is the names of what there is once. Organizations may want a prefix before
// each: the setting namePrefix.
type naming struct {
	// app is what all names begin with, and the whole name of the bus, the
	// dashboard and the like.
	app string

	eventsQueue, eventsDeadQueue, ordersDeadQueue, undeliveredQueue string
	// The home Region has a forwarder too, and its own queue and topic besides.
	forwarderUndelivered, forwarderTopic, homeTopic string
	shareRule, copyRule                             string
	schedulerRole                                   string
}

func namesWith(prefix string) naming {
	app := prefix + Application
	return naming{
		app:                  app,
		eventsQueue:          app + "-events",
		eventsDeadQueue:      app + "-events-dlq",
		ordersDeadQueue:      app + "-orders-dlq.fifo",
		undeliveredQueue:     app + "-undelivered",
		forwarderUndelivered: app + "-forwarder-undelivered",
		forwarderTopic:       app + "-forwarder-alarms",
		homeTopic:            app + "-alarms",
		shareRule:            app + "-share-events",
		copyRule:             app + "-copy-events",
		schedulerRole:        app + "-scheduler",
	}
}

// StackName is the name of a stack: "home" is snapferry-home, after the prefix.
func (s Settings) StackName(what string) string { return s.NamePrefix + Application + "-" + what }

// full is the name of one of the functions, and of its role and schedule.
func (n naming) full(function string) string { return n.app + "-" + function }

func (n naming) ordersQueue(region string, lane int) string {
	return fmt.Sprintf("%s-orders-%s-%d.fifo", n.app, region, lane)
}

// deployment is what follows from settings and policies together.
type deployment struct {
	Settings
	naming
	partition, domain string
	// targets are the Regions that policies name, enabled or not: orders may
	// wait and copies be under way there. active are those of enabled policies.
	targets, active []string
	looked          []string // source Regions and targets
	policies        []policy.Policy
	enabled         []policy.Policy
	hash            string
}

func newDeployment(s Settings, policies []policy.Policy, hash string) deployment {
	d := deployment{Settings: s, naming: namesWith(s.NamePrefix), hash: hash, policies: slices.Clone(policies)}
	slices.SortFunc(d.policies, func(a, b policy.Policy) int { return strings.Compare(a.Name, b.Name) })
	d.partition, d.domain = policy.Partition(s.HomeRegion)
	for _, p := range d.policies {
		d.targets = append(d.targets, targets(p)...)
		if p.Enabled {
			d.enabled = append(d.enabled, p)
			d.active = append(d.active, targets(p)...)
		}
	}
	d.targets, d.active = set(d.targets), set(d.active)
	d.looked = set(d.SourceRegions, d.targets)
	return d
}

func targets(p policy.Policy) []string {
	regions := make([]string, len(p.Rules))
	for i, rule := range p.Rules {
		regions[i] = rule.Region
	}
	return regions
}

// set is what is in any of the lists, once and in order.
func set(lists ...[]string) []string {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return slices.Compact(all)
}

// owners are the accounts that enabled policies copy from.
func (d deployment) owners() []string {
	var all []string
	for _, p := range d.enabled {
		all = append(all, p.Owners...)
	}
	return set(all)
}

// policyNames are those of enabled policies.
func (d deployment) policyNames() []string {
	var all []string
	for _, p := range d.enabled {
		all = append(all, p.Name)
	}
	return set(all)
}

// keys are those that copying needs: the ones that rules name, those that stand
// in where no rule names one, and those of the sources.
func (d deployment) keys() []string {
	owners := d.owners()
	var all []string
	for _, p := range d.enabled {
		for _, rule := range p.Rules {
			if rule.KeyARN != "" {
				all = append(all, rule.KeyARN)
			} else if key := d.DefaultKeys[rule.Region]; key != "" {
				all = append(all, key)
			}
		}
	}
	if len(d.enabled) > 0 {
		for _, source := range d.Sources {
			if slices.Contains(owners, source.Account) {
				all = append(all, source.Keys...)
			}
		}
	}
	return set(all)
}

// defaultKeyRegions are those where copies are ordered under the default key,
// which the copy function then asks EC2 for.
func (d deployment) defaultKeyRegions() []string {
	var all []string
	for _, p := range d.enabled {
		for _, rule := range p.Rules {
			if rule.Encrypted && rule.KeyARN == "" {
				all = append(all, rule.Region)
			}
		}
	}
	return set(all)
}

// arn is that of a resource in the target account.
func (d deployment) arn(service, region, resource string) string {
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", d.partition, service, region, d.Account, resource)
}

// snapshots are the ARNs of snapshots in Regions. EC2 leaves the account of a
// snapshot's ARN empty, and asks about one that is yet to be made as
// "snapshot/*": to that "snapshot/snap-*" does not apply, and to one that exists
// "snapshot/${*}" does not.
func (d deployment) snapshots(pattern string, regions ...string) []string {
	arns := make([]string, len(regions))
	for i, region := range regions {
		arns[i] = fmt.Sprintf("arn:%s:ec2:%s::snapshot/%s", d.partition, region, pattern)
	}
	return arns
}

const (
	// yetToBe is IAM's escape for a literal star (IAM user guide, "Policy
	// variables", special characters).
	yetToBe     = "${*}"
	madeAlready = "snap-*"
)

// orders are the ARNs of the orders queues for Regions.
func (d deployment) orders(regions []string) []string {
	arns := make([]string, len(regions))
	for i, region := range regions {
		arns[i] = d.arn("sqs", d.HomeRegion, fmt.Sprintf("%s-orders-%s-*.fifo", d.app, region))
	}
	return arns
}

func (d deployment) queue(name string) string { return d.arn("sqs", d.HomeRegion, name) }

func (d deployment) bus() string { return d.arn("events", d.HomeRegion, "event-bus/"+d.app) }

// queueURL is the URL of a queue in the home Region, or of several.
func (d deployment) queueURL(name string) string {
	return fmt.Sprintf("https://sqs.%s.%s/%s/%s", d.HomeRegion, d.domain, d.Account, name)
}

// via is kms:ViaService for a service in Regions.
func (d deployment) via(service string, regions ...string) Conditions {
	hosts := make([]string, len(regions))
	for i, region := range regions {
		hosts[i] = service + "." + region + "." + d.domain
	}
	return equals("kms:ViaService", hosts...)
}

// own asks that a resource be the target account's.
func (d deployment) own() Conditions { return equals("aws:ResourceAccount", d.Account) }

// ownToBe asks the same of a copy that is yet to be made, of which EC2 may say by
// either key whose it will be, or be silent.
func (d deployment) ownToBe() Conditions {
	return Conditions{"StringEqualsIfExists": {"aws:ResourceAccount": {d.Account}, "ec2:Owner": {d.Account}}}
}

func sorted(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

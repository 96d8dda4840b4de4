package blueprint

import (
	"fmt"
	"slices"
	"strings"

	"snapferry/internal/policy"
)

// maxQueues keeps the home stack, in which a queue and its policy are two
// resources, within CloudFormation's 500.
const maxQueues = 200

// fit says what in settings and policies does not go together, and what does and
// is hardly meant.
func (d deployment) fit() (problems, warnings []policy.Problem) {
	problem := d.reporter(&problems)
	d.fitSources(problem)
	for _, region := range d.targets {
		if partition, _ := policy.Partition(region); partition != d.partition {
			problem("$.homeRegion", d.HomeRegion, "is in partition %s, but policies copy to %s, which is in %s: an account has Regions of one partition",
				d.partition, region, partition)
		}
	}
	if queues := d.Lanes * len(d.targets); queues > maxQueues {
		problem("$.lanes", fmt.Sprint(d.Lanes), "makes %d queues for %d target Regions, and a stack has room for %d: write %d or less",
			queues, len(d.targets), maxQueues, maxQueues/len(d.targets))
	}
	d.fitEncryption(problem)
	d.warn(d.reporter(&warnings))
	d.warnOfEncryption(d.reporter(&warnings))
	return problems, warnings
}

// reporter adds problems with the settings to a list.
func (d deployment) reporter(to *[]policy.Problem) func(path, value, format string, args ...any) {
	return func(path, value, format string, args ...any) {
		if value != "" && strings.Trim(value, "0123456789") != "" || len(value) == 12 {
			value = fmt.Sprintf("%q", value)
		}
		*to = append(*to, policy.Problem{File: d.File, Path: path, Value: value, Text: fmt.Sprintf(format, args...)})
	}
}

// fitSources has the accounts of settings and policies agree: the permissions
// are made of both.
func (d deployment) fitSources(problem func(path, value, format string, args ...any)) {
	named := map[string]bool{}
	missing := map[string]bool{}
	for _, p := range d.policies {
		for _, owner := range p.Owners {
			named[owner] = true
			known := slices.ContainsFunc(d.Sources, func(s SourceAccount) bool { return s.Account == owner })
			switch {
			case owner == d.Account:
				if !missing[owner] {
					problem("$.account", owner, "is the target account, and policy %s lists it in SnapshotOwner: remove it there, as snapshots come from other accounts", p.Name)
				}
			case !known && !missing[owner]:
				problem("$.sources", "", `does not have account %s, which policy %s lists in SnapshotOwner: add {"account": %q}, or remove it from the policy`,
					owner, p.Name, owner)
			}
			missing[owner] = true
		}
	}
	for i, source := range d.Sources {
		if !named[source.Account] {
			problem(fmt.Sprintf("$.sources[%d].account", i), source.Account,
				"is in no policy's SnapshotOwner, so that nothing of it would be copied: add it to a policy, or remove it here")
		}
	}
}

func (d deployment) warn(warning func(path, value, format string, args ...any)) {
	if len(d.AlarmEmails) == 0 {
		warning("$.alarmEmails", "", "is empty, so that alarms reach nobody: write an address, or subscribe to the topic %s yourself", d.homeTopic)
	}
	if len(d.Sources) > d.Lanes {
		warning("$.lanes", fmt.Sprint(d.Lanes), "is less than the %d source accounts, so that some of them wait for each other: write %d, at most %d",
			len(d.Sources), min(len(d.Sources), maxLanes), maxLanes)
	}
	d.warnOfOptional(warning)
	d.warnOfLoad(warning)
	for _, region := range d.keyRegions() {
		if !slices.Contains(d.keyless(), region) {
			warning("$.defaultKeys", region, "is no Region to which an enabled policy copies without a CmkArn: remove it")
		}
		d.warnOfForeign(warning, d.DefaultKeys[region], "$.defaultKeys."+region)
	}
	for _, p := range d.enabled {
		for _, rule := range p.Rules {
			d.warnOfForeign(warning, rule.KeyARN, "policy "+p.Name)
		}
	}
}

// keyless are the Regions to which enabled policies copy without naming a key.
func (d deployment) keyless() []string {
	var regions []string
	for _, p := range d.enabled {
		for _, rule := range p.Rules {
			if rule.KeyARN == "" {
				regions = append(regions, rule.Region)
			}
		}
	}
	return set(regions)
}

func (d deployment) warnOfForeign(warning func(path, value, format string, args ...any), key, path string) {
	if owner := policy.KeyAccount(key); key != "" && owner != d.Account {
		warning(path, key, "is a key of account %s: its policy there must let the role %s use it", owner, d.role(copyFunction))
	}
}

// tooLarge says which roles IAM has no room for.
func (d deployment) tooLarge(b Blueprint) (problems []policy.Problem) {
	problem := d.reporter(&problems)
	for _, f := range b.Home.Functions {
		if fault := f.Role.fault(); fault != "" {
			problem("$", "", "the role %s %s", f.Role.Name, fault)
		}
	}
	if b.Guard != nil {
		if fault := b.Guard.fault(); fault != "" {
			problem("$.guard", "", "%s", fault)
		}
	}
	return problems
}

package blueprint

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"snapferry/internal/policy"
)

func (s *Settings) sources(n policy.Value) {
	if n.Empty() {
		n.Report("is empty, so that nothing could be copied: list the accounts that share snapshots")
	}
	for _, item := range n.Items(`[{"account": "111111111111"}]`) {
		if !item.Fields("account", "regions", "keys") {
			continue
		}
		source := SourceAccount{Account: item.Required("account", `"111111111111"`).Account()}
		if source.Account != "" && slices.ContainsFunc(s.Sources, func(a SourceAccount) bool { return a.Account == source.Account }) {
			item.Get("account").Report("is listed twice: put its Regions and keys together")
		}
		given := item.Get("regions")
		source.Regions = regions(given)
		if !given.Present() {
			source.Regions = slices.Clone(s.SourceRegions)
		} else if given.Empty() {
			given.Report("is empty: list Regions, or remove the field for sourceRegions")
		}
		source.Keys = texts(item.Get("keys"), `["arn:aws:kms:REGION:ACCOUNT:key/KEY-ID"]`, func(v policy.Value) (string, bool) {
			key := v.Key("")
			return key, key != ""
		})
		slices.Sort(source.Keys)
		s.Sources = append(s.Sources, source)
	}
}

var (
	organizationPattern = regexp.MustCompile(`^o-[a-z0-9]{10,32}$`)
	unitPattern         = regexp.MustCompile(`^(r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})$`)
)

func (s *Settings) organization(n policy.Value) {
	if !n.Fields("id", "units", "callAs", "maxConcurrentCount", "failureToleranceCount", "regionConcurrencyType") {
		return
	}
	o := &s.Organization
	o.CallAs, o.MaxConcurrent, o.FailureTolerance, o.RegionConcurrency = "SELF", 50, 10, "PARALLEL"
	read(&o.CallAs, n.Get("callAs"), oneOf("SELF", "DELEGATED_ADMIN"))
	read(&o.MaxConcurrent, n.Get("maxConcurrentCount"), within(1, maxStackAccounts))
	read(&o.FailureTolerance, n.Get("failureToleranceCount"), within(0, maxStackAccounts))
	read(&o.RegionConcurrency, n.Get("regionConcurrencyType"), oneOf("PARALLEL", "SEQUENTIAL"))
	s.Organization.ID, _ = n.Required("id", `"o-a1b2c3d4e5"`).Text(34, organizationPattern,
		"write an organization's id, such as o-a1b2c3d4e5")
	units := n.Required("units", `["ou-a1b2-c3d4e5f6"]`)
	s.Organization.Units = texts(units, `["ou-a1b2-c3d4e5f6"]`, func(v policy.Value) (string, bool) {
		return v.Text(68, unitPattern, "write the id of a unit, such as ou-a1b2-c3d4e5f6, or of the root, such as r-a1b2")
	})
	if units.Empty() {
		units.Report("is empty: list the organizational units with the source accounts, or the root")
	}
}

// dlmHours are the intervals at which DLM makes snapshots.
var dlmHours = []int{1, 2, 3, 4, 6, 8, 12, 24}

// maxStackAccounts is more accounts than a StackSet has instances in.
const maxStackAccounts = 100_000

// Limits of DLM and EC2.
const (
	maxKeep     = 1000
	maxUnshare  = 36500
	maxTags     = 45 // DLM's, of a resource
	maxTagKey   = 128
	maxTagValue = 256
)

// anyText is any that is not empty: whether DLM takes a tag without a value is
// documented nowhere.
var anyText = regexp.MustCompile(`^`)

var clockPattern = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`)

func (s *Settings) snapshots(n policy.Value) {
	if !n.Fields("tags", "every", "at", "keep", "unshareDays") {
		return
	}
	read(&s.Snapshots.Tags, n.Get("tags"), tags)
	read(&s.Snapshots.Every, n.Get("every"), every)
	read(&s.Snapshots.At, n.Get("at"), func(v policy.Value) (string, bool) {
		return v.Text(5, clockPattern, `write a time of day in UTC, such as "03:00"`)
	})
	read(&s.Snapshots.Keep, n.Get("keep"), within(1, maxKeep))
	read(&s.Snapshots.UnshareDays, n.Get("unshareDays"), within(1, maxUnshare))
	kept := time.Duration(s.Snapshots.Keep) * s.Snapshots.Every
	if shared := time.Duration(s.Snapshots.UnshareDays) * 24 * time.Hour; shared >= kept {
		n.Report("unshares snapshots after %d days and keeps them for %s: keep more, or unshare earlier", s.Snapshots.UnshareDays, hoursOf(kept))
	}
}

// every reads how often DLM makes snapshots.
func every(n policy.Value) (time.Duration, bool) {
	const fix = `write "1h", "2h", "3h", "4h", "6h", "8h", "12h" or "24h", as DLM knows no others`
	text, ok := n.Text(10, durationPattern, fix)
	if !ok {
		return 0, false
	}
	hours, err := strconv.Atoi(strings.TrimSuffix(text, "h"))
	if err != nil || !slices.Contains(dlmHours, hours) {
		n.Report("is not an interval of DLM: %s", fix)
		return 0, false
	}
	return time.Duration(hours) * time.Hour, true
}

// tags reads those by which DLM knows the volumes.
func tags(n policy.Value) (map[string]string, bool) {
	const example = `{"Backup": "snapferry"}`
	names, values := n.Entries(example)
	switch {
	case !n.Present():
		return nil, false
	case len(names) == 0:
		n.Report("is empty, so that no volume would be meant: write %s", example)
	case len(names) > maxTags:
		n.Report("has %d tags: keep at most %d", len(names), maxTags)
	}
	all := map[string]string{}
	for i, name := range names {
		if length := utf8.RuneCountInString(name); length == 0 || length > maxTagKey || strings.HasPrefix(name, "aws:") {
			values[i].Report("has a key that EC2 does not take: use 1 to %d characters, and not aws: before them", maxTagKey)
			continue
		}
		value, ok := values[i].Text(maxTagValue, anyText, "write the tag's value")
		if strings.Contains(name+value, "${") {
			values[i].Report("is of a tag with ${, which CloudFormation and IAM take for a variable: tag the volumes otherwise")
		} else if ok {
			all[name] = value
		}
	}
	return all, true
}

// keysByRegion reads keys, each for the Region that it is in; nil for none.
func keysByRegion(n policy.Value) map[string]string {
	names, values := n.Entries(`{"eu-west-2": "arn:aws:kms:eu-west-2:ACCOUNT:key/KEY-ID"}`)
	keys := map[string]string{}
	for i, region := range names {
		if fault := policy.RegionFault(region); fault != "" {
			values[i].Report("stands for %q, which %s", region, fault)
			continue
		}
		keys[region] = values[i].Key(region)
	}
	if len(keys) == 0 {
		return nil
	}
	return keys
}

// complete sets what follows from the other settings, in an order of its own.
func (s *Settings) complete() {
	slices.SortFunc(s.Sources, func(a, b SourceAccount) int { return strings.Compare(a.Account, b.Account) })
	slices.Sort(s.AlarmEmails)
	slices.Sort(s.Organization.Units)
	s.Guard.complete(s.Account)
}

// keyRegions are those with a default key, sorted.
func (s Settings) keyRegions() []string { return slices.Sorted(maps.Keys(s.DefaultKeys)) }

package blueprint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"snapferry/internal/policy"
)

// LoadSettings reads the settings in a file: ParseSettings says how.
func LoadSettings(file string, o Overrides) (Settings, []policy.Problem) {
	data, problems := policy.ReadFile(file)
	if len(problems) > 0 {
		return Settings{}, problems
	}
	return ParseSettings(file, data, o)
}

// ParseSettings reads settings as strictly as a policy is read. It returns them,
// or the zero Settings and everything that is wrong. What they must have in
// common with the policies is New's affair.
func ParseSettings(file string, data []byte, o Overrides) (Settings, []policy.Problem) {
	document, root := policy.ReadDocument(file, "settings", data)
	s := defaults()
	s.File = file
	if root.Fields(known...) {
		s.read(root, o)
	}
	problems := append(document.Problems(), s.override(o)...)
	if len(problems) == 0 {
		problems = s.check()
	}
	if len(problems) > 0 {
		return Settings{}, problems
	}
	s.complete()
	return s, nil
}

// known are the fields of settings.
var known = []string{"account", "homeRegion", "sourceRegions", "sources", "organization", "guard", "snapshots", "schedules",
	"namePrefix", "iamPath", "permissionsBoundary", "tags", "bootstrapQualifier",
	"copySlots", "capacity", "catchUp", "lanes", "ownKeys", "defaultKeys", "encryptionKeys", "expireRegions", "alarmEmails", "orderAgeHours", "quietHours",
	"logLevel", "logRetentionDays", "tracing", "architecture"}

func defaults() Settings {
	const day = 24 * time.Hour
	return Settings{
		Conventions: Conventions{IAMPath: "/", Qualifier: DefaultQualifier},
		Snapshots: Snapshots{
			Tags:        map[string]string{"Backup": "snapferry"},
			Every:       day,
			At:          "03:00",
			Keep:        7,
			UnshareDays: 3,
		},
		Schedules:    Schedules{Reconcile: 15 * time.Minute, Expire: 6 * time.Hour},
		CopySlots:    20,
		CatchUp:      7 * day,
		Lanes:        8,
		OrderAge:     day,
		QuietAfter:   2 * day,
		LogLevel:     "info",
		LogRetention: 90,
		Architecture: "arm64",
	}
}

// Limits that are not Amazon's but sense.
const (
	maxSlots    = 1000
	maxLanes    = 64
	maxAgeHours = 13 * 24 // a day before SQS drops what has waited
	// CloudWatch looks back so far at most.
	maxQuietHours = 7 * 24
	maxCatchUp    = 366 * 24 * time.Hour
)

// logDays are the retentions that CloudWatch Logs knows.
var logDays = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

var emailPattern = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)

// read reads all fields. An override stands for a field that is missing.
func (s *Settings) read(n policy.Value, o Overrides) {
	if s.Account = o.Account; o.Account == "" || n.Get("account").Present() {
		s.Account = n.Required("account", `"222222222222"`).Account()
	}
	if s.HomeRegion = o.HomeRegion; o.HomeRegion == "" || n.Get("homeRegion").Present() {
		s.HomeRegion = n.Required("homeRegion", `"us-east-1"`).Region()
	}
	sourceRegions := n.Required("sourceRegions", `["us-east-1"]`)
	s.SourceRegions = regions(sourceRegions)
	if sourceRegions.Empty() {
		sourceRegions.Report("is empty, so that no share would be seen: list the Regions in which snapshots are shared")
	}
	s.sources(n.Required("sources", `[{"account": "111111111111"}]`))
	s.organization(n.Get("organization"))
	s.conventions(n)
	s.guard(n.Get("guard"))
	s.snapshots(n.Get("snapshots"))
	if schedules := n.Get("schedules"); schedules.Fields("reconcile", "expire") {
		read(&s.Schedules.Reconcile, schedules.Get("reconcile"), rate)
		read(&s.Schedules.Expire, schedules.Get("expire"), rate)
	}
	read(&s.CopySlots, n.Get("copySlots"), within(1, maxSlots))
	s.capacity(n.Get("capacity"))
	read(&s.CatchUp, n.Get("catchUp"), catchUp)
	read(&s.Lanes, n.Get("lanes"), within(1, maxLanes))
	s.OwnKeys = regions(n.Get("ownKeys"))
	s.DefaultKeys = keysByRegion(n.Get("defaultKeys"))
	s.EncryptionKeys = keysByRegion(n.Get("encryptionKeys"))
	s.ExpireRegions = regions(n.Get("expireRegions"))
	s.AlarmEmails = texts(n.Get("alarmEmails"), `["backup-team@example.com"]`, func(v policy.Value) (string, bool) {
		return v.Text(320, emailPattern, "write an address such as backup-team@example.com")
	})
	hours := int(s.OrderAge / time.Hour)
	read(&hours, n.Get("orderAgeHours"), within(1, maxAgeHours))
	s.OrderAge = time.Duration(hours) * time.Hour
	quiet := int(s.QuietAfter / time.Hour)
	read(&quiet, n.Get("quietHours"), within(0, maxQuietHours))
	s.QuietAfter = time.Duration(quiet) * time.Hour
	read(&s.LogLevel, n.Get("logLevel"), oneOf("debug", "info", "warn", "error"))
	s.logRetention(n.Get("logRetentionDays"))
	read(&s.Tracing, n.Get("tracing"), policy.Value.Bool)
	read(&s.Architecture, n.Get("architecture"), oneOf("arm64", "x86_64"))
}

// read sets what a value says; if it is absent or wrong, the default stays.
func read[T any](to *T, n policy.Value, from func(policy.Value) (T, bool)) {
	if value, ok := from(n); ok {
		*to = value
	}
}

func within(least, most int) func(policy.Value) (int, bool) {
	return func(n policy.Value) (int, bool) { return n.Int(least, most) }
}

func oneOf(known ...string) func(policy.Value) (string, bool) {
	return func(n policy.Value) (string, bool) { return n.OneOf(known...) }
}

// texts are the items of a list, each once.
func texts(n policy.Value, example string, read func(policy.Value) (string, bool)) []string {
	var all []string
	for _, item := range n.Items(example) {
		text, ok := read(item)
		switch {
		case !ok:
		case slices.Contains(all, text):
			item.Report("is listed twice: remove one")
		default:
			all = append(all, text)
		}
	}
	return all
}

func regions(n policy.Value) []string {
	all := texts(n, `["us-east-1"]`, func(v policy.Value) (string, bool) {
		region := v.Region()
		return region, region != ""
	})
	slices.Sort(all)
	return all
}

func (s *Settings) logRetention(n policy.Value) {
	days, ok := n.Int(logDays[0], logDays[len(logDays)-1])
	switch at, found := slices.BinarySearch(logDays, days); {
	case !ok:
	case !found:
		n.Report("is not a retention that CloudWatch Logs knows: write %d or %d", logDays[at-1], logDays[at])
	default:
		s.LogRetention = days
	}
}

var (
	durationPattern = regexp.MustCompile(`^[1-9][0-9]{0,5}[hm]$`)
	ratePattern     = regexp.MustCompile(`^rate\([1-9][0-9]{0,4} (minute|hour|day)s?\)$`)
)

// catchUp reads a duration that CATCH_UP takes.
func catchUp(n policy.Value) (time.Duration, bool) {
	const fix = `write hours or minutes, such as "168h"`
	text, ok := n.Text(10, durationPattern, fix)
	if !ok {
		return 0, false
	}
	d, err := time.ParseDuration(text)
	if err != nil || d > maxCatchUp {
		n.Report("is longer than %d hours: %s", int(maxCatchUp.Hours()), fix)
		return 0, false
	}
	return d, true
}

// longestRate keeps three periods of a schedule within what an alarm can watch,
// and is as slow as makes sense: retention is in days.
const longestRate = 24 * time.Hour

// rate reads a schedule. Only rates are taken: of other schedules it is hard to
// say for how long silence is no reason for an alarm.
func rate(n policy.Value) (time.Duration, bool) {
	const fix = `write "rate(15 minutes)", "rate(6 hours)" or the like, up to "rate(1 day)"`
	text, ok := n.Text(30, ratePattern, fix)
	if !ok {
		return 0, false
	}
	var count int
	var unit string
	// The pattern leaves Sscanf nothing to refuse.
	_, _ = fmt.Sscanf(strings.TrimSuffix(text, ")"), "rate(%d %s", &count, &unit)
	d := time.Duration(count) * map[string]time.Duration{
		"minute": time.Minute, "hour": time.Hour, "day": longestRate,
	}[strings.TrimSuffix(unit, "s")]
	if d > longestRate {
		n.Report("is slower than once a day: %s", fix)
		return 0, false
	}
	return d, true
}

package proof

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"snapferry/internal/cloudformation"
	"snapferry/internal/policy"
	"snapferry/internal/sim"
	"snapferry/internal/snapshot"
)

// Storm is a night on which an organisation's accounts share their snapshots
// within minutes. Everything about it follows from its fields.
type Storm struct {
	Seed     uint64
	Sources  int
	Accounts int           // default 40
	Within   time.Duration // of the shares; default 10 minutes
	// Copies take from Shortest to Longest, as many of each order of magnitude;
	// default 5 minutes and 2 hours.
	Shortest, Longest time.Duration
	// Flood is the part of the sources that the first account shares, in the
	// first minute; 0 spreads them unequally over all accounts.
	Flood float64
	// Lanes is how many a target Region has; default 32, which BENCHMARKS.md's
	// figures are of.
	Lanes int
	// Chaos is what goes wrong; nil: nothing.
	Chaos *Chaos
	// Templates, when set, are synthesized for PolicyFiles, and deployed.
	Templates *cloudformation.Assembly
	// Readings are those of the simulated AWS.
	Readings sim.Readings
	// Controls are the service control policies of the target account.
	Controls []string
	// Sample, when set, is called now and then in the middle of a function, and
	// at every page that reconcile lists.
	Sample func(function string)
}

// stormTargets are the three Regions that every source is copied to.
var stormTargets = []string{"eu-central-1", "eu-west-2", "sa-east-1"}

var stormSources = []string{Home, "eu-west-1"}

const outsider = "999999999999"

// source is a snapshot that is shared in a storm.
type source struct {
	snapshot.Ref
	owner, volume string
	gib           int
	started       time.Time
	shareAt       time.Duration // after the storm's beginning
	wanted        bool          // a policy wants it
	goes          time.Duration // when it is deleted or unshared; 0: never
	unshared      bool          // it is unshared, not deleted
}

func (s Storm) withDefaults() Storm {
	def := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	def(&s.Within, 10*time.Minute)
	def(&s.Shortest, 5*time.Minute)
	def(&s.Longest, 2*time.Hour)
	if s.Accounts == 0 {
		s.Accounts = 40
	}
	if s.Lanes == 0 {
		s.Lanes = 32
	}
	return s
}

// flooder is the account that floods, where one does.
var flooder = account(0)

func account(i int) string { return fmt.Sprintf("1%011d", i+1) }

// policy is the storm's one policy: all accounts, three Regions.
func (s Storm) policy() (policy.Policy, error) {
	document, err := s.document()
	if err != nil {
		return policy.Policy{}, err
	}
	p, problems := policy.Parse(policyFile, document)
	if len(problems) > 0 {
		return policy.Policy{}, errors.New(problems[0].String())
	}
	return p, nil
}

// PolicyFiles are the storm's policy as the file that is deployed with it.
func (s Storm) PolicyFiles() (map[string][]byte, error) {
	document, err := s.withDefaults().document()
	return map[string][]byte{policyFile: document}, err
}

const policyFile = "storm.json"

func (s Storm) document() ([]byte, error) {
	owners := make([]string, s.Accounts)
	for i := range owners {
		owners[i] = account(i)
	}
	type rule map[string]any
	var rules []rule
	for i, region := range stormTargets {
		rules = append(rules, rule{"Target": region, "EncryptionConfiguration": map[string]any{"Encrypted": false},
			"RetainRule": map[string]any{"Interval": 30 * (i + 1), "IntervalUnit": "DAYS"}})
	}
	return json.Marshal(map[string]any{
		"PolicyType": "EVENT_BASED_POLICY",
		"EventSource": map[string]any{"Type": "MANAGED_CWE", "Parameters": map[string]any{
			"EventType": "shareSnapshot", "SnapshotOwner": owners, "DescriptionRegex": "nightly.*"}},
		"Actions": []any{map[string]any{"Name": "storm", "CrossRegionCopy": rules}},
	})
}

const mostGiB = 16384

// copyTime is how long a copy of so many GiB takes.
func (s Storm) copyTime(gib int) time.Duration {
	exponent := math.Log(float64(gib)) / math.Log(mostGiB)
	return time.Duration(float64(s.Shortest) * math.Pow(float64(s.Longest)/float64(s.Shortest), exponent)).Truncate(time.Second)
}

// sources makes up what is shared, in the order of the shares.
func (s Storm) sources(began time.Time) []source {
	chance := rand.New(rand.NewPCG(s.Seed, 0x73746f726d))
	weights := make([]float64, s.Accounts)
	total := 0.0
	for i := range weights {
		weights[i] = 1 / float64(i+2)
		total += weights[i]
	}
	owner := func() int {
		if s.Flood > 0 {
			if chance.Float64() < s.Flood {
				return 0
			}
			return 1 + chance.IntN(s.Accounts-1)
		}
		at := chance.Float64() * total
		for i, w := range weights {
			if at -= w; at < 0 {
				return i
			}
		}
		return 0
	}
	all := make([]source, 0, s.Sources)
	for n := range s.Sources {
		who := owner()
		src := source{
			Ref:     snapshot.Ref{Region: stormSources[chance.IntN(len(stormSources))], ID: fmt.Sprintf("snap-0%08x%08x", s.Seed&0xffffffff, n+1)},
			owner:   account(who),
			volume:  fmt.Sprintf("vol-0%016x", n+1),
			gib:     int(math.Round(math.Pow(mostGiB, chance.Float64()))),
			started: began.Add(-time.Duration(chance.IntN(12*3600)+60) * time.Second),
			shareAt: time.Duration(chance.Int64N(int64(s.Within))),
			wanted:  true,
		}
		if s.Flood > 0 && who == 0 {
			src.shareAt = time.Duration(chance.Int64N(int64(time.Minute)))
		}
		// A few lineages: the same volume once more.
		if n > 0 && chance.IntN(20) == 0 {
			if twin := all[chance.IntN(n)]; twin.owner != outsider {
				src.owner, src.volume, src.Region = twin.owner, twin.volume, twin.Region
			}
		}
		// A few that nobody wants.
		if chance.IntN(100) == 0 {
			src.wanted = false
			if chance.IntN(2) == 0 {
				src.owner = outsider
			}
		}
		if s.Chaos != nil && chance.Float64() < s.Chaos.Gone {
			src.goes = time.Duration(float64(s.bound(s.Sources)) * chance.Float64())
			src.unshared = chance.IntN(2) == 0
		}
		all = append(all, src)
	}
	slices.SortFunc(all, func(a, b source) int { return int(a.shareAt - b.shareAt) })
	return all
}

// bound is about how long a storm of n sources takes.
func (s Storm) bound(n int) time.Duration {
	mean := float64(s.Longest-s.Shortest) / math.Log(float64(s.Longest)/float64(s.Shortest))
	return time.Duration(mean * float64(n) / slots)
}

package reactor

import (
	"cmp"
	"maps"
	"slices"
)

// Metric is what there is to measure of one invocation: a name, and values that
// were seen in a Region, or for a cause, or in all.
type Metric struct {
	Name   string
	Unit   string // Count or Seconds, as CloudWatch calls them
	Region string // "" for no Region in particular
	Cause  string // "" for none in particular
	// Total says that the values of all Regions make sense together.
	Total  bool
	Values []float64
}

// metricKind is how a metric's values go together.
type metricKind struct {
	unit  string
	sum   bool // the invocation's values are one number
	total bool // so are those of all Regions
}

// The metrics.
const (
	metricStarted   = "CopiesStarted"
	metricCompleted = "CopiesCompleted"
	metricFailed    = "CopiesFailed"
	metricSkipped   = "CopiesSkipped"
	metricWait      = "OrderWait" // from the share to the copy's start
	metricLag       = "CopyLag"   // from the share to its completion
	metricSlots     = "SlotsInUse"
	metricMissing   = "OrdersMissing" // ordered by reconcile
	metricExpired   = "CopiesExpired"
	metricKept      = "CopiesKept"
	metricRefused   = "ExpiryRefused" // copies past their day that stay, and Regions that could not be looked into
)

var metricKinds = map[string]metricKind{
	metricStarted:   {"Count", true, true},
	metricCompleted: {"Count", true, true},
	metricFailed:    {"Count", true, true},
	metricSkipped:   {"Count", true, true},
	metricWait:      {"Seconds", false, true},
	metricLag:       {"Seconds", false, true},
	metricSlots:     {"Count", false, false},
	metricMissing:   {"Count", true, true},
	metricExpired:   {"Count", true, true},
	metricKept:      {"Count", true, false},
	metricRefused:   {"Count", true, true},
}

// metricKey is what one series of values is known by.
type metricKey struct{ name, region, cause string }

// measure notes a value.
func (j *Journal) measure(name, region string, value float64) {
	j.measured(metricKey{name: name, region: region}, value)
}

func (j *Journal) measured(key metricKey, value float64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.values == nil {
		j.values = map[metricKey][]float64{}
	}
	if values := j.values[key]; metricKinds[key.name].sum && len(values) > 0 {
		values[0] += value
		return
	}
	j.values[key] = append(j.values[key], value)
}

// count notes what copy has told.
func (j *Journal) count(outcomes []Outcome) {
	for _, o := range outcomes {
		switch o.Type {
		case Started:
			j.measure(metricStarted, o.TargetRegion, 1)
			if o.Shared != nil {
				j.measure(metricWait, o.TargetRegion, o.WaitSeconds)
			}
		case Completed:
			j.measure(metricCompleted, o.TargetRegion, 1)
			if o.Shared != nil {
				j.measure(metricLag, o.TargetRegion, o.LagSeconds)
			}
		case Failed:
			j.measure(metricFailed, o.TargetRegion, 1)
		case Skipped:
			j.measure(metricSkipped, o.TargetRegion, 1)
		}
	}
}

// Metrics is what was measured so far, in a fixed order.
func (j *Journal) Metrics() []Metric {
	j.mu.Lock()
	defer j.mu.Unlock()
	keys := slices.SortedFunc(maps.Keys(j.values), func(a, b metricKey) int {
		return cmp.Or(cmp.Compare(a.region, b.region), cmp.Compare(a.cause, b.cause), cmp.Compare(a.name, b.name))
	})
	metrics := make([]Metric, len(keys))
	for i, key := range keys {
		kind := metricKinds[key.name]
		metrics[i] = Metric{Name: key.name, Unit: kind.unit, Region: key.region, Cause: key.cause,
			Total: kind.total, Values: slices.Clone(j.values[key])}
	}
	return metrics
}

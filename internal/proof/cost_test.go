package proof

import "strings"

// Amazon's list prices in us-east-1, in dollars, as of January 2026. EC2's calls
// cost nothing; what the copies themselves cost (storage, transfer) is not
// counted.
const (
	perInvocation   = 0.20 / 1e6
	perGBSecond     = 0.0000133334 // arm64
	perStandardCall = 0.40 / 1e6   // SQS
	perFIFOCall     = 0.50 / 1e6
	perEvent        = 1.00 / 1e6 // put on a custom bus, or delivered to another bus
	memoryGB        = 0.25
	seconds         = 0.5 // an invocation's length, assumed
)

// dollars is what the functions, queues and events of a storm cost.
func dollars(r Result) float64 {
	total := 0.0
	for _, n := range r.Invocations {
		total += float64(n) * (perInvocation + seconds*memoryGB*perGBSecond)
	}
	for call, n := range r.Calls {
		switch {
		case strings.Contains(call, " sqs "):
			total += float64(n) * perFIFOCall // all but the wake-ups
		case strings.HasSuffix(call, " PutEvents"):
			total += float64(n) * perEvent
		}
	}
	// Each share and each result crosses to the custom bus and into the events
	// queue, from which it is received and deleted.
	events := float64(r.Copies) * (1 + 1.0/float64(len(stormTargets)))
	return total + events*(perEvent+3*perStandardCall)
}

// Command reconcile is the Lambda function that finds what events missed: it
// orders what matches a policy and has no copy, and wakes the drains. It takes
// any event; {"dryRun": true} makes it only decide and report. It answers with
// a summary.
package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"snapferry/functions/internal/start"
	"snapferry/internal/reactor"
)

func main() { start.Function(build) }

func build(e start.Environment) (start.Handle, error) {
	sources, err := start.Regions("SOURCE_REGIONS")
	if err != nil {
		return nil, err
	}
	if len(sources) == 0 {
		return nil, errors.New("SOURCE_REGIONS is not set: list the Regions in which snapshots are shared, with commas between them")
	}
	catchUp, err := catchUp(os.Getenv("CATCH_UP"))
	if err != nil {
		return nil, err
	}
	orders, err := e.Orders("")
	if err != nil {
		return nil, err
	}
	wakers, err := e.Cloud.Wakers(os.Getenv("EVENTS_QUEUE_URL"))
	if err != nil {
		return nil, err
	}
	reconciler := &reactor.Reconciler{
		Policies: e.Policies,
		Sources:  sources,
		CatchUp:  catchUp,
		Copies:   e.Cloud.EC2(),
		Orders:   orders,
		Wakers:   wakers,
		Now:      e.Cloud.Now,
	}
	return start.Scheduled(reconciler.Reconcile), nil
}

// catchUp reads CATCH_UP.
func catchUp(value string) (time.Duration, error) {
	const week = 168 * time.Hour
	if value == "" {
		return week, nil
	}
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("CATCH_UP is %q: write a duration above zero, such as 168h", value)
	}
	return d, nil
}

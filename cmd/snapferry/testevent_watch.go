package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"snapferry/internal/event"
	"snapferry/internal/probe"
)

// testRun is one run of test-event: an event for each route, all with the same id.
type testRun struct {
	way   eventsWay
	probe *probe.Probe
	id    string
	// wait bounds how long it waits for events; every is how often it looks.
	wait, every time.Duration
	// progress is told how many have not arrived yet, before each look.
	progress func(missing int, waited time.Duration)
}

// testResult is what became of one event.
type testResult struct {
	Region  string     `json:"region"`
	Rule    string     `json:"rule"`
	Kind    string     `json:"kind"`
	Sent    *time.Time `json:"sent,omitempty"`
	Arrived *time.Time `json:"arrived,omitempty"`
	Seconds float64    `json:"seconds,omitempty"`
	// Where it stopped, and what to do next; of one that did not arrive.
	Where string `json:"where,omitempty"`
	Next  string `json:"next,omitempty"`
	// Error is that it could not be sent.
	Error string `json:"error,omitempty"`
}

func (r testResult) missing() bool { return r.Sent != nil && r.Arrived == nil }

// do sends the events, waits for them, and looks for those that do not come. The
// results are complete whatever the error is.
func (run *testRun) do(ctx context.Context) ([]testResult, error) {
	results, sending := run.send(ctx)
	if !slices.ContainsFunc(results, testResult.missing) {
		return results, sending
	}
	if err := run.await(ctx, results); err != nil {
		return results, errors.Join(sending, err)
	}
	return results, errors.Join(sending, run.look(ctx, results))
}

// send puts an event for each route on the default bus of its Region.
func (run *testRun) send(ctx context.Context) ([]testResult, error) {
	results := make([]testResult, len(run.way.Routes))
	problems := make([]error, len(results))
	var sending sync.WaitGroup
	for i, r := range run.way.Routes {
		results[i] = testResult{Region: r.Region, Rule: r.Rule, Kind: r.Kind}
		sending.Go(func() {
			source, detailType, detail := event.Test{ID: run.id, Region: r.Region, Kind: r.Kind}.Entry()
			at, err := run.probe.Send(ctx, r.Region, probe.Event{Source: source, DetailType: detailType, Detail: detail})
			if err != nil {
				problems[i], results[i].Error = err, err.Error()
				return
			}
			results[i].Sent = &at
		})
	}
	sending.Wait()
	return results, errors.Join(problems...)
}

// slack is how much earlier than an event was sent its line is looked for:
// clocks differ.
const slack = time.Minute

// await looks into the log until all events have arrived, or the time is over.
func (run *testRun) await(ctx context.Context, results []testResult) error {
	began := time.Now()
	defer run.progress(0, 0)
	since := time.Time{}
	for _, r := range results {
		if r.Sent != nil && (since.IsZero() || r.Sent.Before(since)) {
			since = *r.Sent
		}
	}
	for {
		missing := 0
		for _, r := range results {
			if r.missing() {
				missing++
			}
		}
		waited := time.Since(began)
		run.progress(missing, waited)
		if missing == 0 || waited >= run.wait {
			return nil
		}
		select {
		case <-time.After(min(run.every, run.wait-waited)):
		case <-ctx.Done():
			return ctx.Err()
		}
		lines, err := run.probe.Lines(ctx, run.way.Home, run.way.LogGroup, run.id, since.Add(-slack))
		if err != nil {
			return err
		}
		for _, line := range lines {
			arrive(results, run.id, line)
		}
	}
}

// arrive notes the event that a line of the log is about. It may have been
// delivered more than once: the first time counts.
func arrive(results []testResult, id string, line probe.Line) {
	var said struct{ Test, Region, Kind string }
	if json.Unmarshal([]byte(line.Text), &said) != nil || said.Test != id {
		return
	}
	for i := range results {
		r := &results[i]
		if r.missing() && r.Region == said.Region && r.Kind == said.Kind {
			r.Arrived = &line.Time
			// The two clocks may differ, and Amazon's answers have whole seconds.
			r.Seconds = max(line.Time.Sub(*r.Sent), 0).Round(100 * time.Millisecond).Seconds()
		}
	}
}

// look finds out where the events that did not arrive have stopped. Test events in
// dead-letter queues are taken out of them, so that no alarm stays on for them.
func (run *testRun) look(ctx context.Context, results []testResult) error {
	var problems []error
	note := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	letters, err := run.letters(ctx, results)
	note(err)
	lettersIn := func(region, queue string) []probe.Letter { return letters[queueAt{region, queue}] }
	var events *probe.Queue
	for i := range results {
		if !results[i].missing() {
			continue
		}
		if events == nil {
			q, err := run.probe.Queue(ctx, run.way.Home, run.way.queueURL(run.way.Home, run.way.Events))
			note(err)
			if err != nil {
				q.Exists = true // for all that is known
			}
			events = &q
		}
		r := run.way.Routes[i]
		rule, err := run.probe.Rule(ctx, r.Region, "default", r.Rule)
		unknown := err != nil
		note(err)
		homeRule, err := run.probe.Rule(ctx, run.way.Home, run.way.Bus, r.HomeRule)
		note(err)
		f := findings{
			Rule: rule, HomeRule: homeRule, Events: *events,
			Undelivered:     letterAbout(r, lettersIn(r.Region, r.Undelivered)),
			HomeUndelivered: letterAbout(r, lettersIn(run.way.Home, r.HomeUndelivered)),
			Dead:            letterAbout(r, lettersIn(run.way.Home, run.way.Dead)),
		}
		if found := f.Undelivered != nil || f.HomeUndelivered != nil || f.Dead != nil; !found && (unknown || err != nil) {
			results[i].Where, results[i].Next = "it could not be looked for", "allow what "+testEventHelp+" names"
			continue
		}
		results[i].Where, results[i].Next = run.way.stopped(r, f)
	}
	return errors.Join(problems...)
}

// queueAt is a queue of the target account.
type queueAt struct{ region, name string }

// letters are the test events in the dead-letter queues on the ways of those that
// did not arrive.
func (run *testRun) letters(ctx context.Context, results []testResult) (map[queueAt][]probe.Letter, error) {
	queues := map[queueAt]bool{}
	for i, r := range run.way.Routes {
		if results[i].missing() {
			queues[queueAt{r.Region, r.Undelivered}] = true
			queues[queueAt{run.way.Home, r.HomeUndelivered}] = true
			queues[queueAt{run.way.Home, run.way.Dead}] = true
		}
	}
	var mu sync.Mutex
	found, problems := map[queueAt][]probe.Letter{}, []error(nil)
	var reading sync.WaitGroup
	for q := range queues {
		reading.Go(func() {
			letters, err := run.probe.Letters(ctx, q.region, run.way.queueURL(q.region, q.name), run.id)
			mu.Lock()
			defer mu.Unlock()
			found[q] = letters
			if err != nil {
				problems = append(problems, err)
			}
		})
	}
	reading.Wait()
	return found, errors.Join(problems...)
}

const testEventHelp = `"snapferry test-event --help"`

// letterAbout is the letter that has the test event of a route.
func letterAbout(r route, letters []probe.Letter) *probe.Letter {
	for _, l := range letters {
		decoded, err := event.Decode([]byte(l.Body))
		if test, is := decoded.(event.Test); err == nil && is && test.Region == r.Region && test.Kind == r.Kind {
			return &l
		}
	}
	return nil
}

// printTests prints a line for each event, and two more for one that stopped.
func printTests(w io.Writer, results []testResult) {
	regions, rules := 0, 0
	for _, r := range results {
		regions, rules = max(regions, len(r.Region)), max(rules, len(r.Rule))
	}
	for _, r := range results {
		fmt.Fprintf(w, "%-*s  %-*s  ", regions, r.Region, rules, r.Rule)
		switch {
		case r.Error != "":
			fmt.Fprintf(w, "not sent\n  error  %s\n", r.Error)
		case r.Arrived != nil:
			fmt.Fprintf(w, "arrived after %.1f s\n", r.Seconds)
		case r.Where == "": // the log could not be read
			fmt.Fprintln(w, "sent")
		default:
			fmt.Fprintf(w, "not arrived\n  where  %s\n  next   %s\n", r.Where, r.Next)
		}
	}
}

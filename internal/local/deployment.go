package local

import (
	"context"
	"fmt"
	"sync"
	"time"

	"snapferry/internal/cloudformation"
)

// Deployment is snapferry at work on this machine.
type Deployment struct {
	Settings

	deployed   *cloudformation.Deployment // nil without templates
	eventsPath string                     // of the URL of the queue that feeds copy
	endpoint   *Endpoint
	console    *console
	functions  map[string]*Function
	schedules  []*schedule
	polling    sync.WaitGroup
	stopPolls  context.CancelFunc
	closing    sync.Once
}

// Start deploys: it makes bus, queues and rules in the world, serves it, starts
// the functions and what drives them. ctx bounds the start alone; Close ends
// the deployment.
func Start(ctx context.Context, settings Settings) (*Deployment, error) {
	d := &Deployment{
		Settings:  settings.withDefaults(),
		console:   newConsole(settings.Output),
		functions: map[string]*Function{},
		stopPolls: func() {},
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	if err := d.start(ctx); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func (d *Deployment) start(ctx context.Context) error {
	if err := d.createResources(ctx); err != nil {
		return err
	}
	var err error
	if d.endpoint, err = Serve(ctx, d.Listen, d.World); err != nil {
		return err
	}
	for _, name := range []string{Copy, Reconcile, Expire} {
		config, err := d.function(name, d.endpoint.URL)
		if err != nil {
			return err
		}
		if d.functions[name], err = StartFunction(ctx, config); err != nil {
			delete(d.functions, name)
			return err
		}
	}
	polls, stop := context.WithCancel(context.WithoutCancel(ctx))
	d.stopPolls = stop
	pollers, err := d.pollers()
	if err != nil {
		return err
	}
	for _, p := range pollers {
		for range d.functions[Copy].config.Concurrency {
			d.polling.Go(func() { p.run(polls) })
		}
	}
	if d.deployed != nil {
		return d.startTemplatedSchedules(ctx)
	}
	d.startSchedule(ctx, Reconcile, d.ReconcileEvery)
	d.startSchedule(ctx, Expire, d.ExpireEvery)
	return nil
}

func (d *Deployment) startSchedule(ctx context.Context, function string, period time.Duration) {
	if period <= 0 {
		return
	}
	rule := fmt.Sprintf("arn:aws:events:%s:%s:rule/snapferry-%s", d.Home, d.Account, function)
	d.schedules = append(d.schedules, startSchedule(ctx, d.Clock, every(period), func(ctx context.Context, now time.Time) {
		if _, err := d.Invoke(ctx, function, scheduledEvent("aws.events", d.Account, d.Home, rule, now)); err != nil && ctx.Err() == nil {
			d.console.line("schedule", err.Error())
		}
	}))
}

// URL is the world's endpoint.
func (d *Deployment) URL() string { return d.endpoint.URL }

// EventsQueueURL is the queue that feeds copy.
func (d *Deployment) EventsQueueURL() string {
	return d.endpoint.URL + d.eventsPath
}

// Invoke runs a function once. When it ran and failed the error is a
// *FunctionError.
func (d *Deployment) Invoke(ctx context.Context, function string, payload []byte) ([]byte, error) {
	f, known := d.functions[function]
	if !known {
		return nil, fmt.Errorf("invoke %s: there is no such function", function)
	}
	answer, err := f.Invoke(ctx, payload)
	if ctx.Err() == nil {
		d.Invoked(function, answer, err)
	}
	return answer, err
}

// Close stops everything but the world, which stays as it is. It may be called more than once.
func (d *Deployment) Close() {
	d.closing.Do(func() {
		for _, s := range d.schedules {
			s.close()
		}
		d.stopPolls()
		d.polling.Wait()
		var ending sync.WaitGroup
		for _, f := range d.functions {
			ending.Go(f.Close)
		}
		ending.Wait()
		if d.endpoint != nil {
			d.endpoint.Close()
		}
	})
}

package local

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Deployment is snapferry at work on this machine.
type Deployment struct {
	Settings

	endpoint  *Endpoint
	console   *console
	functions map[string]*Function
	schedules []*schedule
	polling   sync.WaitGroup
	stopPolls context.CancelFunc
	closing   sync.Once
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
		config, err := d.Function(name, d.endpoint.URL)
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
	p := &poller{
		world:    d.World,
		account:  d.Account,
		region:   d.Home,
		queueURL: d.EventsQueueURL(),
		queueARN: d.queueARN(eventsQueue),
		invoke:   func(ctx context.Context, payload []byte) ([]byte, error) { return d.Invoke(ctx, Copy, payload) },
		report:   func(err error) { d.console.line("poller", err.Error()) },
	}
	for range d.functions[Copy].config.Concurrency {
		d.polling.Go(func() { p.run(polls) })
	}
	d.startSchedule(ctx, Reconcile, d.ReconcileEvery)
	d.startSchedule(ctx, Expire, d.ExpireEvery)
	return nil
}

func (d *Deployment) startSchedule(ctx context.Context, function string, every time.Duration) {
	if every <= 0 {
		return
	}
	d.schedules = append(d.schedules, startSchedule(ctx, d.Clock, every, func(ctx context.Context, now time.Time) {
		if _, err := d.Invoke(ctx, function, scheduledEvent(d.Account, d.Home, "snapferry-"+function, now)); err != nil && ctx.Err() == nil {
			d.console.line("schedule", err.Error())
		}
	}))
}

// URL is the world's endpoint.
func (d *Deployment) URL() string { return d.endpoint.URL }

// EventsQueueURL is the queue that feeds copy.
func (d *Deployment) EventsQueueURL() string {
	return d.endpoint.URL + "/" + d.Account + "/" + eventsQueue
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

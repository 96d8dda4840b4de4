package local

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"time"

	"snapferry/internal/cloudformation"
)

// ErrTemplates says that templates can't be deployed as they are.
var ErrTemplates = errors.New("the templates are not fit")

// templatesError is an ErrTemplates that says only its cause.
type templatesError struct{ cause error }

func (e *templatesError) Error() string   { return e.cause.Error() }
func (e *templatesError) Unwrap() []error { return []error{ErrTemplates, e.cause} }

// deployTemplates makes what the templates say, and takes from them whose and
// where the functions are.
func (d *Deployment) deployTemplates(ctx context.Context) error {
	if err := d.takeTemplates(ctx); err != nil {
		return &templatesError{err}
	}
	return nil
}

func (d *Deployment) takeTemplates(ctx context.Context) error {
	var err error
	if d.deployed, err = d.Templates.Deploy(ctx, d.World); err != nil {
		return fmt.Errorf("deploy the templates: %w", err)
	}
	copying, err := d.templated(Copy)
	if err != nil {
		return err
	}
	if len(copying.Sources) == 0 {
		return fmt.Errorf("deploy the templates: no queue feeds %s", copying.Name)
	}
	reconciling, err := d.templated(Reconcile)
	if err != nil {
		return err
	}
	d.Account, d.Home = copying.Account, copying.Region
	d.SourceRegions = strings.Split(reconciling.Environment["SOURCE_REGIONS"], ",")
	queue, err := url.Parse(copying.Sources[0].QueueURL)
	if err != nil {
		return fmt.Errorf("deploy the templates: %w", err)
	}
	d.eventsPath = queue.Path
	return nil
}

// templated is a function as the templates have it.
func (d *Deployment) templated(name string) (*cloudformation.Function, error) {
	f, err := d.deployed.Function("snapferry-" + name)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(f.Runtime, "provided.") {
		return nil, fmt.Errorf("run function %s: it has the runtime %s: this machine runs programs for provided.al2023", f.Name, f.Runtime)
	}
	if f.Environment["POLICY_HASH"] == "" {
		return nil, fmt.Errorf("run function %s: its environment has no POLICY_HASH: nothing says which policies its permissions are for", f.Name)
	}
	return f, nil
}

// function is how one of the functions is run.
func (d *Deployment) function(name, endpoint string) (FunctionConfig, error) {
	config, err := d.Function(name, endpoint)
	if err != nil {
		return config, err
	}
	logs := &logGroup{
		world: d.World, clock: d.Clock, caller: d.Account, region: d.Home, name: logGroupOf("snapferry-" + name),
		report: func(err error) { d.console.line(name, err.Error()) },
	}
	config.Logs = logs.stream
	if d.deployed == nil {
		return config, nil
	}
	f, err := d.templated(name)
	if err != nil {
		return FunctionConfig{}, err
	}
	config.Account, config.Region = f.Account, f.Region
	logs.caller, logs.region, logs.name = f.Role.AccessKeyID, f.Region, f.LogGroup
	config.MemoryMB, config.Timeout = f.MemoryMB, f.Timeout
	if name == Copy && f.Sources[0].MaxConcurrency > 0 {
		config.Concurrency = f.Sources[0].MaxConcurrency
	}
	// The URLs of queues stay as they are at Amazon: the SDK sends to the
	// endpoint, whatever host they have.
	config.Environment = maps.Clone(f.Environment)
	maps.Copy(config.Environment, credentials(endpoint, f.Role.AccessKeyID))
	if d.LogLevel != "" {
		config.Environment["LOG_LEVEL"] = d.LogLevel
	}
	return config, nil
}

// pollers are the event source mappings.
func (d *Deployment) pollers() ([]*poller, error) {
	base := poller{
		world: d.World, clock: d.Clock, caller: d.Account, region: d.Home,
		invoke: func(ctx context.Context, payload []byte) ([]byte, error) { return d.Invoke(ctx, Copy, payload) },
		report: func(err error) { d.console.line("poller", err.Error()) },
	}
	if d.deployed == nil {
		base.queueURL, base.queueARN, base.batch, base.partial = d.EventsQueueURL(), d.queueARN(eventsQueue), batchSize, true
		return []*poller{&base}, nil
	}
	f, err := d.templated(Copy)
	if err != nil {
		return nil, err
	}
	var all []*poller
	for _, source := range f.Sources {
		if source.Enabled {
			p := base
			// Lambda polls under the function's role.
			p.caller, p.queueURL, p.queueARN = f.Role.AccessKeyID, source.QueueURL, source.QueueARN
			p.batch, p.window, p.partial = source.BatchSize, source.Window, source.PartialAnswers
			all = append(all, &p)
		}
	}
	return all, nil
}

// startTemplatedSchedules starts the schedules of the templates.
func (d *Deployment) startTemplatedSchedules(ctx context.Context) error {
	for _, name := range []string{Copy, Reconcile, Expire} {
		f, err := d.templated(name)
		if err != nil {
			return err
		}
		for _, s := range f.Schedules {
			if s.Enabled {
				d.schedules = append(d.schedules, startSchedule(ctx, d.Clock, s.Expression.Next, func(ctx context.Context, now time.Time) {
					d.invokeAs(ctx, name, s, now)
				}))
			}
		}
	}
	return nil
}

// invokeAs invokes a function as its schedule does, if the schedule's role may.
func (d *Deployment) invokeAs(ctx context.Context, function string, s cloudformation.Schedule, now time.Time) {
	err := d.World.Permit(s.Act("lambda:InvokeFunction", s.FunctionARN))
	if err == nil {
		payload := []byte(s.Input)
		if s.Input == "" {
			payload = scheduledEvent("aws.scheduler", s.Account, s.Region, s.ARN(), now)
		}
		_, err = d.Invoke(ctx, function, payload)
	}
	if err != nil && ctx.Err() == nil {
		d.console.line("schedule", err.Error())
	}
}

// checkTemplated refuses settings that the templates decide.
func (s Settings) checkTemplated() error {
	for _, setting := range []struct {
		name  string
		given bool
	}{
		{"Account", s.Account != ""}, {"Home", s.Home != ""},
		{"SourceRegions", s.SourceRegions != nil}, {"TargetRegions", s.TargetRegions != nil}, {"ExpireRegions", s.ExpireRegions != nil},
		{"CopySlots", s.CopySlots != 0}, {"CatchUp", s.CatchUp != 0},
		{"ReconcileEvery", s.ReconcileEvery != 0}, {"ExpireEvery", s.ExpireEvery != 0},
	} {
		if setting.given {
			return fmt.Errorf("deploy: %s is given, and the templates say it: leave it out", setting.name)
		}
	}
	return nil
}

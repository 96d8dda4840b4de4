package proof

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"snapferry/internal/cloudformation"
	"snapferry/internal/policy"
)

// wiring is what a function is told about what is around it, and who it is.
type wiring struct {
	accessKey, region            string
	orders, letters, events, bus string   // events is the queue that copy gets, and reconcile wakes it by
	furtherRegions               []string // for expire
	timeout                      time.Duration
}

// wired is how a function is wired: as createResources made things, or as the
// templates say.
func (d *Deployment) wired(function string) wiring {
	if f := d.deployed[function]; f != nil {
		e := f.Environment
		w := wiring{
			accessKey: f.Role.AccessKeyID, region: f.Region, orders: e["ORDERS_QUEUE_URL"], letters: e["ORDERS_DLQ_URL"], events: e["EVENTS_QUEUE_URL"], bus: e["EVENT_BUS"],
			furtherRegions: regionsIn(e["EXPIRE_REGIONS"]), timeout: f.Timeout,
		}
		if function == copying {
			w.events = f.Sources[0].QueueURL
		}
		return w
	}
	w := wiring{accessKey: Account, region: Home, orders: queueURL(ordersQueue("{region}", "{lane}")), bus: busName, timeout: otherTimeout}
	switch function {
	case copying:
		w.letters, w.events, w.timeout = queueURL(ordersDLQ), queueURL(eventsQueue), copyTimeout
	case reconciling:
		w.events = queueURL(eventsQueue)
	}
	return w
}

// deployTemplates makes what the templates say, and takes from them what the
// settings would say.
func (d *Deployment) deployTemplates(ctx context.Context) error {
	made, err := d.settings.Templates.Deploy(ctx, d.World)
	if err != nil {
		return err
	}
	hash := policy.Hash(d.settings.PolicyFiles)
	deployed := map[string]*cloudformation.Function{}
	for _, name := range []string{copying, reconciling, expiring} {
		f, err := made.Function("snapferry-" + name)
		switch {
		case err != nil:
			return err
		case f.Account != Account:
			return fmt.Errorf("%s is in account %s: proofs have account %s", f.Name, f.Account, Account)
		case f.Environment["POLICY_HASH"] != hash:
			return fmt.Errorf("the policies have the hash %s and POLICY_HASH of %s is %s: make the templates for these policies", hash, f.Name, f.Environment["POLICY_HASH"])
		}
		deployed[name] = f
	}
	sources := deployed[copying].Sources
	if len(sources) != 1 || !sources[0].Enabled || !sources[0].PartialAnswers || sources[0].BatchSize != batchSize || sources[0].Window != window {
		return fmt.Errorf("%s has the event sources %+v: proofs have one, with partial answers, batches of %d and a window of %s", deployed[copying].Name, sources, batchSize, window)
	}
	s := &d.settings
	s.Copiers = max(sources[0].MaxConcurrency, 1)
	if s.Slots, err = strconv.Atoi(deployed[copying].Environment["COPY_SLOTS"]); err != nil {
		return fmt.Errorf("read COPY_SLOTS: %w", err)
	}
	if s.Lanes, err = strconv.Atoi(deployed[copying].Environment["ORDERS_LANES"]); err != nil {
		return fmt.Errorf("read ORDERS_LANES: %w", err)
	}
	if s.CatchUp, err = time.ParseDuration(deployed[reconciling].Environment["CATCH_UP"]); err != nil {
		return fmt.Errorf("read CATCH_UP: %w", err)
	}
	s.Sources = regionsIn(deployed[reconciling].Environment["SOURCE_REGIONS"])
	d.deployed, d.Roles = deployed, made.Roles
	return nil
}

func regionsIn(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// templated checks the settings of a deployment by templates and reads its
// policies.
func (s *Settings) templated() error {
	if s.Policies != nil || s.Sources != nil || s.Slots != 0 || s.Lanes != 0 || s.CatchUp != 0 || s.Copiers != 0 || s.ReconcileEvery != 0 || s.ExpireEvery != 0 {
		return errors.New("leave out Policies, Sources, Slots, Lanes, CatchUp, Copiers and schedules: they come with Templates")
	}
	for _, name := range slices.Sorted(maps.Keys(s.PolicyFiles)) {
		p, problems := policy.Parse(name, s.PolicyFiles[name])
		if len(problems) > 0 {
			return errors.New(problems[0].String())
		}
		s.Policies = append(s.Policies, p)
	}
	return nil
}

// schedule runs a function whenever its templates' schedules are due and their
// role may invoke it.
func (d *Deployment) schedule(ctx context.Context, function string, run func(context.Context) error) {
	f := d.deployed[function]
	for _, s := range f.Schedules {
		if !s.Enabled {
			continue
		}
		d.running.Go(func() {
			due := s.Expression.First(time.Now())
			for !due.IsZero() && sleep(ctx, time.Until(due)) {
				d.due(ctx, &s, run)
				// What was due meanwhile is not made up for.
				for due = s.Expression.Next(due); !due.IsZero() && !due.After(time.Now()); {
					due = s.Expression.Next(due)
				}
			}
		})
	}
}

// due does what Scheduler does when a schedule is due: it invokes the function
// under the schedule's role.
func (d *Deployment) due(ctx context.Context, s *cloudformation.Schedule, run func(context.Context) error) {
	err := d.World.Permit(s.Act("lambda:InvokeFunction", s.FunctionARN))
	if err != nil {
		err = errors.Join(err, d.giveUp(ctx, s))
	} else {
		err = run(ctx)
	}
	if err != nil {
		d.problem(err)
	}
}

// giveUp does what Scheduler does with an invocation that it can't deliver: it
// leaves it in the schedule's dead-letter queue, under the schedule's role.
func (d *Deployment) giveUp(ctx context.Context, s *cloudformation.Schedule) error {
	if s.DeadLetterARN == "" {
		return nil
	}
	for _, r := range d.Roles {
		if r.ARN == s.RoleARN {
			url := queueURL(s.DeadLetterARN[strings.LastIndexByte(s.DeadLetterARN, ':')+1:])
			return d.World.Do(ctx, r.AccessKeyID, s.Region, "sqs", "SendMessage", map[string]any{"QueueUrl": url, "MessageBody": cmp.Or(s.Input, "{}")}, nil)
		}
	}
	return fmt.Errorf("give up schedule %s: no template has its role %s", s.Name, s.RoleARN)
}

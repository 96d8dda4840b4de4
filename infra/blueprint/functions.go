package blueprint

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	copyTimeout = time.Minute
	longest     = 15 * time.Minute // that Lambda lets a function run
	memory      = 256              // MB
)

// Anybody can share snapshots with an account and so cause events. They cost a
// look each, by no more than this many copy functions at a time.
const copiersAtOnce = 4

// functions are the three, with the environment that README's contract says.
func (d deployment) functions() []Function {
	copier := d.function(copyFunction, "Turns events into copies.", copyTimeout, slices.Concat(d.copyPermissions(), d.keyPermissions()))
	copier.Source = &EventSource{Queue: d.eventsQueue, BatchSize: 10, Window: 2 * time.Second, MaxConcurrent: copiersAtOnce}
	maps.Copy(copier.Environment, map[string]string{
		"ORDERS_QUEUE_URL": d.ordersURL(),
		"ORDERS_LANES":     strconv.Itoa(d.Lanes),
		"ORDERS_DLQ_URL":   d.queueURL(d.ordersDeadQueue),
		"COPY_SLOTS":       strconv.Itoa(d.CopySlots),
	})

	reconciler := d.function(reconcileFunction, "Finds what events missed.", longest, d.reconcilePermissions())
	reconciler.Schedule, reconciler.Undelivered = rateOf(d.Schedules.Reconcile), d.undeliveredQueue
	maps.Copy(reconciler.Environment, map[string]string{
		"ORDERS_QUEUE_URL": d.ordersURL(),
		"ORDERS_LANES":     strconv.Itoa(d.Lanes),
		"EVENTS_QUEUE_URL": d.queueURL(d.eventsQueue),
		"SOURCE_REGIONS":   strings.Join(d.SourceRegions, ","),
		"CATCH_UP":         hoursOf(d.CatchUp),
	})

	expirer := d.function(expireFunction, "Deletes copies whose time is up.", longest, d.expirePermissions())
	expirer.Schedule, expirer.Undelivered = rateOf(d.Schedules.Expire), d.undeliveredQueue
	expirer.Environment["EXPIRE_REGIONS"] = strings.Join(d.ExpireRegions, ",")
	return []Function{copier, reconciler, expirer}
}

func (d deployment) function(name, description string, timeout time.Duration, permissions []Statement) Function {
	return Function{
		Name:        name,
		FullName:    d.full(name),
		Description: description,
		MemoryMB:    memory,
		Timeout:     timeout,
		Environment: map[string]string{
			"EVENT_BUS":   d.app,
			"POLICY_HASH": d.hash,
			"LOG_LEVEL":   d.LogLevel,
		},
		Role: Role{
			Name: d.full(name), Path: d.IAMPath, Boundary: d.boundaryIn(d.Account),
			// Lambda gives no source by which to tell whose function it is.
			Trust: []Statement{{
				Sid:        "Trust",
				Principals: service("lambda.amazonaws.com"),
				Actions:    []string{"sts:AssumeRole"},
			}},
			Statements: append(permissions, d.running(name)...),
		},
		LogRetention: d.LogRetention,
		LogKey:       d.EncryptionKeys[d.HomeRegion],
		Tracing:      d.Tracing,
	}
}

// LogGroup is the name of the log group of the function, where Lambda looks for it.
func (f Function) LogGroup() string { return logGroup(f.FullName) }

func logGroup(function string) string { return "/aws/lambda/" + function }

// ordersURL is the URL of the orders queues, with places for Region and lane.
func (d deployment) ordersURL() string {
	return d.queueURL(d.app + "-orders-{region}-{lane}.fifo")
}

// scheduler is the role that invokes functions on their schedules, and puts what
// can't be delivered into a queue.
func (d deployment) scheduler() Role {
	return Role{
		Name: d.schedulerRole, Path: d.IAMPath, Boundary: d.boundaryIn(d.Account),
		Trust: runBy("scheduler.amazonaws.com", d.Account),
		Statements: allow(
			Statement{
				Sid:     "Invoke",
				Actions: []string{"lambda:InvokeFunction"},
				Resources: []string{
					d.arn("lambda", d.HomeRegion, "function:"+d.full(expireFunction)),
					d.arn("lambda", d.HomeRegion, "function:"+d.full(reconcileFunction)),
				},
			},
			Statement{
				Sid:       "Undelivered",
				Actions:   []string{"sqs:SendMessage"},
				Resources: []string{d.queue(d.undeliveredQueue)},
			},
			d.queueKey(),
		),
	}
}

// hoursOf is a duration as people write it.
func hoursOf(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dm", d/time.Minute)
}

// rateOf is a schedule in EventBridge Scheduler's words.
func rateOf(d time.Duration) string {
	n, unit := int(d/time.Minute), "minute"
	if d%time.Hour == 0 {
		n, unit = int(d/time.Hour), "hour"
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("rate(%d %s)", n, unit)
}

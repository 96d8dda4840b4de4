package blueprint

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// CloudWatch's words.
const (
	atLeast      = "GreaterThanOrEqualToThreshold"
	below        = "LessThanThreshold"
	breaching    = "breaching"
	notBreaching = "notBreaching"
)

const (
	ofQueues    = "AWS/SQS"
	ofFunctions = "AWS/Lambda"
	ofRules     = "AWS/Events"
	// ours is the namespace of what the functions measure themselves.
	ours = Application

	minutely  = 5 * time.Minute
	quarterly = 15 * time.Minute
	// maxMetrics is how many an alarm on an expression takes.
	maxMetrics = 10
	// silentPeriods of a schedule without a run are an alarm.
	silentPeriods = 3
	eventsAge     = 30 * time.Minute
)

// alarm is one with the name and the runbook's section of what hurts.
func (d deployment) alarm(name, section, description string, metrics ...Metric) Alarm {
	return Alarm{
		Name:        d.app + "-" + name,
		Description: description + " See docs/runbook.md#" + section + ".",
		Runbook:     section,
		Metrics:     metrics,
		Threshold:   1,
		Comparison:  atLeast,
		Periods:     1,
		Of:          1,
		Missing:     notBreaching,
	}
}

// alarms are those of the home Region.
func (d deployment) alarms() []Alarm {
	var alarms []Alarm
	for _, region := range d.targets {
		alarms = append(alarms, d.ordersOld(region)...)
	}
	eventsOld := d.alarm("events-old", "events-old",
		"Events wait for more than half an hour: the copy function does not take them, or fails.", oldest(d.eventsQueue, ""))
	eventsOld.Threshold = eventsAge.Seconds()
	if d.QuietAfter > 0 {
		alarms = append(alarms, d.quiet())
	}
	return append(alarms,
		eventsOld,
		d.alarm("dead-events", "dead-events", "An event could not be handled and is in "+d.eventsDeadQueue+".", waiting(d.eventsDeadQueue)),
		d.alarm("dead-orders", "dead-orders", "EC2 has refused to make a copy for a day: the order is in "+d.ordersDeadQueue+".", waiting(d.ordersDeadQueue)),
		d.alarm("undelivered", "undelivered", "EventBridge could not deliver an event or a schedule: it is in "+d.undeliveredQueue+".", waiting(d.undeliveredQueue)),
		d.eventsRefused(d.HomeRegion, d.rules(), d.app),
		d.ordersMissing(),
		d.alarm("copies-failed", "copies-failed", "Copies have failed.", measured("CopiesFailed", "Sum", quarterly)),
		// The alarm stays until a run of expire has had nothing to complain of.
		d.alarm("expiry-refused", "expiry-refused",
			"Copies are past their day and EC2 did not let them go, or a Region could not be looked into.", measured("ExpiryRefused", "Sum", d.Schedules.Expire)),
		d.silent(reconcileFunction, d.Schedules.Reconcile),
		d.silent(expireFunction, d.Schedules.Expire),
		d.failing(copyFunction),
		d.failing(reconcileFunction),
		d.failing(expireFunction),
	)
}

// ordersMissing tells that events do not come, for whatever reason: hour after
// hour reconcile finds what they should have brought.
func (d deployment) ordersMissing() Alarm {
	missing := d.alarm("orders-missing", "orders-missing",
		"For three hours reconcile has found shares without a copy or an order: their events do not arrive.", measured("OrdersMissing", "Sum", time.Hour))
	missing.Periods, missing.Of = 3, 3
	return missing
}

// quiet tells that no copy has completed for long: nobody shares any more, or no
// policy matches, of which nothing else tells.
func (d deployment) quiet() Alarm {
	quiet := d.alarm("quiet", "quiet", fmt.Sprintf("No copy has been completed for %s.", hoursOf(d.QuietAfter)), measured("CopiesCompleted", "Sum", time.Hour))
	quiet.Comparison, quiet.Missing = below, breaching
	quiet.Periods = int(d.QuietAfter / time.Hour)
	quiet.Of = quiet.Periods
	return quiet
}

// ordersOld are the alarms on one Region's orders, a few lanes each.
func (d deployment) ordersOld(region string) []Alarm {
	var lanes []Metric
	for lane := range d.Lanes {
		lanes = append(lanes, oldest(d.ordersQueue(region, lane), fmt.Sprintf("lane %d", lane)))
	}
	var alarms []Alarm
	for i, some := range slices.Collect(slices.Chunk(lanes, maxMetrics)) {
		name := "orders-old-" + region
		if i > 0 {
			name += fmt.Sprintf("-%d", i+1)
		}
		a := d.alarm(name, "orders-old",
			fmt.Sprintf("Orders for copies to %s wait for more than %s.", region, hoursOf(d.OrderAge)), some...)
		a.Threshold = d.OrderAge.Seconds()
		if len(some) > 1 {
			ids := make([]string, len(some))
			for n := range some {
				ids[n] = fmt.Sprintf("m%d", n)
			}
			a.Expression = "MAX([" + strings.Join(ids, ",") + "])"
		}
		alarms = append(alarms, a)
	}
	return alarms
}

// silent tells when a function has not run for some periods of its schedule.
func (d deployment) silent(function string, every time.Duration) Alarm {
	a := d.alarm(function+"-silent", "silent",
		fmt.Sprintf("%s has not run for %d periods of its schedule, %s.", d.full(function), silentPeriods, rateOf(every)),
		d.ofFunction(function, "Invocations", "Sum", every))
	a.Comparison, a.Missing = below, breaching
	a.Periods, a.Of = silentPeriods, silentPeriods
	return a
}

func (d deployment) failing(function string) Alarm {
	return d.alarm(function+"-errors", "errors", d.full(function)+" ends with errors.", d.ofFunction(function, "Errors", "Sum", quarterly))
}

// eventsRefused tells when what a Region's rules send arrives nowhere, neither at
// its target nor in the dead-letter queue: nothing else tells of that, because no
// queue holds anything then. Metrics of rules on the default bus have the
// dimension RuleName, those of rules on another bus EventBusName too (EventBridge
// user guide, "Monitoring Amazon EventBridge").
func (d deployment) eventsRefused(region string, rules []Rule, bus string) Alarm {
	var metrics []Metric
	var ids []string
	for _, rule := range rules {
		for _, name := range []string{"FailedInvocations", "InvocationsFailedToBeSentToDlq"} {
			m := Metric{Namespace: ofRules, Name: name, Dimensions: map[string]string{"RuleName": rule.Name},
				Statistic: "Sum", Period: minutely, Label: rule.Name}
			if bus != "" {
				m.Dimensions["EventBusName"] = bus
			}
			ids = append(ids, fmt.Sprintf("m%d", len(metrics)))
			metrics = append(metrics, m)
		}
	}
	name := "events-refused"
	if bus == "" {
		name = "forwarder-events-refused"
	}
	a := d.alarm(name, "events-refused", "EventBridge could not deliver events in "+region+", and may have lost them.", metrics...)
	a.Expression = "MAX([" + strings.Join(ids, ",") + "])"
	return a
}

// forwarderAlarm tells when a Region's events do not reach the home Region.
func (d deployment) forwarderAlarm(region string) Alarm {
	return d.alarm("forwarder-undelivered", "forwarder-undelivered",
		"Events of "+region+" do not reach the home Region: they are in "+d.forwarderUndelivered+" there.", waiting(d.forwarderUndelivered))
}

func oldest(queue, label string) Metric {
	return Metric{Namespace: ofQueues, Name: "ApproximateAgeOfOldestMessage", Dimensions: map[string]string{"QueueName": queue},
		Statistic: "Maximum", Period: minutely, Label: label}
}

func waiting(queue string) Metric {
	return Metric{Namespace: ofQueues, Name: "ApproximateNumberOfMessagesVisible", Dimensions: map[string]string{"QueueName": queue},
		Statistic: "Maximum", Period: minutely, Label: queue}
}

func (d deployment) ofFunction(function, name, statistic string, period time.Duration) Metric {
	return Metric{Namespace: ofFunctions, Name: name, Dimensions: map[string]string{"FunctionName": d.full(function)},
		Statistic: statistic, Period: period, Label: function}
}

// measured is what the functions measure, over all Regions.
func measured(name, statistic string, period time.Duration) Metric {
	return Metric{Namespace: ours, Name: name, Statistic: statistic, Period: period}
}

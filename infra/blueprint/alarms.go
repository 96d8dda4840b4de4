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
func alarm(name, section, description string, metrics ...Metric) Alarm {
	return Alarm{
		Name:        Application + "-" + name,
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
	eventsOld := alarm("events-old", "events-old",
		"Events wait for more than half an hour: the copy function does not take them, or fails.", oldest(eventsQueue, ""))
	eventsOld.Threshold = eventsAge.Seconds()
	if d.QuietAfter > 0 {
		alarms = append(alarms, d.quiet())
	}
	return append(alarms,
		eventsOld,
		alarm("dead-events", "dead-events", "An event could not be handled and is in "+eventsDeadQueue+".", waiting(eventsDeadQueue)),
		alarm("dead-orders", "dead-orders", "EC2 has refused to make a copy for a day: the order is in "+ordersDeadQueue+".", waiting(ordersDeadQueue)),
		alarm("undelivered", "undelivered", "EventBridge could not deliver an event or a schedule: it is in "+undeliveredQueue+".", waiting(undeliveredQueue)),
		d.ordersMissing(),
		alarm("copies-failed", "copies-failed", "Copies have failed.", measured("CopiesFailed", "Sum", quarterly)),
		// The alarm stays until a run of expire has had nothing to complain of.
		alarm("expiry-refused", "expiry-refused",
			"Copies are past their day and EC2 did not let them go, or a Region could not be looked into.", measured("ExpiryRefused", "Sum", d.Schedules.Expire)),
		silent(reconcileFunction, d.Schedules.Reconcile),
		silent(expireFunction, d.Schedules.Expire),
		failing(copyFunction),
		failing(reconcileFunction),
		failing(expireFunction),
	)
}

// ordersMissing tells that events do not come, for whatever reason: hour after
// hour reconcile finds what they should have brought.
func (d deployment) ordersMissing() Alarm {
	missing := alarm("orders-missing", "orders-missing",
		"For three hours reconcile has found shares without a copy or an order: their events do not arrive.", measured("OrdersMissing", "Sum", time.Hour))
	missing.Periods, missing.Of = 3, 3
	return missing
}

// quiet tells that no copy has completed for long: nobody shares any more, or no
// policy matches, of which nothing else tells.
func (d deployment) quiet() Alarm {
	quiet := alarm("quiet", "quiet", fmt.Sprintf("No copy has been completed for %s.", hoursOf(d.QuietAfter)), measured("CopiesCompleted", "Sum", time.Hour))
	quiet.Comparison, quiet.Missing = below, breaching
	quiet.Periods = int(d.QuietAfter / time.Hour)
	quiet.Of = quiet.Periods
	return quiet
}

// ordersOld are the alarms on one Region's orders, a few lanes each.
func (d deployment) ordersOld(region string) []Alarm {
	var lanes []Metric
	for lane := range d.Lanes {
		lanes = append(lanes, oldest(ordersQueue(region, lane), fmt.Sprintf("lane %d", lane)))
	}
	var alarms []Alarm
	for i, some := range slices.Collect(slices.Chunk(lanes, maxMetrics)) {
		name := "orders-old-" + region
		if i > 0 {
			name += fmt.Sprintf("-%d", i+1)
		}
		a := alarm(name, "orders-old",
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
func silent(function string, every time.Duration) Alarm {
	a := alarm(function+"-silent", "silent",
		fmt.Sprintf("%s has not run for %d periods of its schedule, %s.", full(function), silentPeriods, rateOf(every)),
		ofFunction(function, "Invocations", "Sum", every))
	a.Comparison, a.Missing = below, breaching
	a.Periods, a.Of = silentPeriods, silentPeriods
	return a
}

func failing(function string) Alarm {
	return alarm(function+"-errors", "errors", full(function)+" ends with errors.", ofFunction(function, "Errors", "Sum", quarterly))
}

// forwarderAlarm tells when a Region's events do not reach the home Region.
func forwarderAlarm(region string) Alarm {
	return alarm("forwarder-undelivered", "forwarder-undelivered",
		"Events of "+region+" do not reach the home Region: they are in "+forwarderUndelivered+" there.", waiting(forwarderUndelivered))
}

func oldest(queue, label string) Metric {
	return Metric{Namespace: ofQueues, Name: "ApproximateAgeOfOldestMessage", Dimensions: map[string]string{"QueueName": queue},
		Statistic: "Maximum", Period: minutely, Label: label}
}

func waiting(queue string) Metric {
	return Metric{Namespace: ofQueues, Name: "ApproximateNumberOfMessagesVisible", Dimensions: map[string]string{"QueueName": queue},
		Statistic: "Maximum", Period: minutely, Label: queue}
}

func ofFunction(function, name, statistic string, period time.Duration) Metric {
	return Metric{Namespace: ofFunctions, Name: name, Dimensions: map[string]string{"FunctionName": full(function)},
		Statistic: statistic, Period: period, Label: function}
}

// measured is what the functions measure, over all Regions.
func measured(name, statistic string, period time.Duration) Metric {
	return Metric{Namespace: ours, Name: name, Statistic: statistic, Period: period}
}

package blueprint

import (
	"fmt"
	"time"
)

// causes are why expire keeps copies, in the functions' words.
var causes = []string{"not expired", "never expires", "held", "minimum count", "pending", "refused", "out of time", "state", "unreadable mark"}

// dashboard is what there is to see: what waits and for how long, what is copied
// and how fast, what expires, and how the functions are.
func (d deployment) dashboard() Dashboard {
	rows := [][]Graph{
		{
			d.byRegion("Slots in use", "copies", "SlotsInUse", "Maximum"),
			graph("Orders made by reconcile", "orders", named(measured("OrdersMissing", "Sum", quarterly), "missing")),
		},
		{
			graph("Copies", "copies",
				named(measured("CopiesStarted", "Sum", quarterly), "started"),
				named(measured("CopiesCompleted", "Sum", quarterly), "completed"),
				named(measured("CopiesFailed", "Sum", quarterly), "failed"),
				named(measured("CopiesSkipped", "Sum", quarterly), "skipped")),
			graph("From share to completed copy", "seconds",
				named(measured("CopyLag", "p50", time.Hour), "p50"),
				named(measured("CopyLag", "p99", time.Hour), "p99")),
			graph("From share to start", "seconds",
				named(measured("OrderWait", "p50", time.Hour), "p50"),
				named(measured("OrderWait", "p99", time.Hour), "p99")),
		},
	}
	rows = append(rows, d.backlogs()...)
	kept := Graph{Title: "Copies kept, by cause", Unit: "copies"}
	for _, cause := range causes {
		m := named(measured("CopiesKept", "Maximum", d.Schedules.Expire), cause)
		m.Dimensions = map[string]string{"Cause": cause}
		kept.Metrics = append(kept.Metrics, m)
	}
	return Dashboard{Name: d.app, Rows: append(rows,
		[]Graph{
			d.byRegion("Copies expired", "copies", "CopiesExpired", "Sum"),
			kept,
			graph("Expiry refused", "copies and Regions", named(measured("ExpiryRefused", "Sum", d.Schedules.Expire), "refused")),
		},
		[]Graph{
			d.byFunction("Errors", "invocations", "Errors", "Sum"),
			d.byFunction("Durations, the longest", "milliseconds", "Duration", "Maximum"),
			d.byFunction("Invocations", "invocations", "Invocations", "Sum"),
		},
		[]Graph{d.dead()},
	)}
}

func graph(title, unit string, metrics ...Metric) Graph {
	return Graph{Title: title, Unit: unit, Metrics: metrics}
}

func named(m Metric, label string) Metric {
	m.Label = label
	return m
}

// byRegion has a line for each target Region.
func (d deployment) byRegion(title, unit, name, statistic string) Graph {
	g := Graph{Title: title, Unit: unit}
	for _, region := range d.targets {
		m := named(measured(name, statistic, quarterly), region)
		m.Dimensions = map[string]string{"Region": region}
		g.Metrics = append(g.Metrics, m)
	}
	return g
}

func (d deployment) byFunction(title, unit, name, statistic string) Graph {
	g := Graph{Title: title, Unit: unit}
	for _, function := range []string{copyFunction, reconcileFunction, expireFunction} {
		g.Metrics = append(g.Metrics, d.ofFunction(function, name, statistic, quarterly))
	}
	return g
}

// backlogs are a row for each target Region: how many orders wait there, one
// lane on the other, and for how long the oldest of each lane has.
func (d deployment) backlogs() (rows [][]Graph) {
	for _, region := range d.targets {
		count := Graph{Title: "Orders waiting for " + region, Unit: "orders", Stacked: true}
		age := Graph{Title: "Oldest order for " + region, Unit: "seconds"}
		for lane := range d.Lanes {
			queue, label := d.ordersQueue(region, lane), fmt.Sprintf("lane %d", lane)
			count.Metrics = append(count.Metrics, named(waiting(queue), label))
			age.Metrics = append(age.Metrics, oldest(queue, label))
		}
		rows = append(rows, []Graph{count, age})
	}
	return rows
}

// dead is what people must look at, in all Regions.
func (d deployment) dead() Graph {
	g := graph("Dead letters", "messages", waiting(d.eventsDeadQueue), waiting(d.ordersDeadQueue), waiting(d.undeliveredQueue))
	for _, region := range d.looked {
		m := named(waiting(d.forwarderUndelivered), "not forwarded from "+region)
		m.Region = region
		g.Metrics = append(g.Metrics, m)
	}
	return g
}

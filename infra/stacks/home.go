package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"

	"snapferry/infra/blueprint"
)

// busID is the logical id of the bus.
const busID = "Bus"

// newHome makes the one stack with code in it.
func newHome(app awscdk.App, b blueprint.Blueprint, dist string) awscdk.Stack {
	h := b.Home
	stack := newStackWithAssets(app, b.Settings, h.Region, "snapferry: queues, functions, alarms")
	made := newQueues(stack, h.Queues)

	bus := awsevents.NewCfnEventBus(stack, new(busID), &awsevents.CfnEventBusProps{
		Name:        new(h.Bus),
		Description: new("shares and copies of all Regions, and what became of them"),
	})
	for _, r := range h.Rules {
		newRule(stack, bus.Ref(), r, made)
	}
	scheduler := newRole(stack, "Scheduler", h.Scheduler)
	for _, f := range h.Functions {
		newFunction(stack, f, b.Settings.Architecture, dist, scheduler, made)
	}
	topic := newTopic(stack, h.Topic)
	for _, a := range h.Alarms {
		newAlarm(stack, a, topic)
	}
	newDashboard(stack, h.Dashboard, h.Region)
	return stack
}

// newForwarder makes a Region's rules, whose target is the bus in the home
// Region.
func newForwarder(app awscdk.App, settings blueprint.Settings, f blueprint.Forwarder) awscdk.Stack {
	stack := newStack(app, settings.StackName("forwarder-"+f.Region), settings.Account, f.Region, "snapferry: sends the events of "+f.Region+" home")
	made := newQueues(stack, []blueprint.Queue{f.Undelivered})
	for _, r := range f.Rules {
		newRule(stack, nil, r, made)
	}
	topic := newTopic(stack, f.Topic)
	for _, a := range f.Alarms {
		newAlarm(stack, a, topic)
	}
	return stack
}

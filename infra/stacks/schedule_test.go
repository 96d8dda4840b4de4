package stacks

import (
	"slices"
	"testing"
)

// TestSchedulesComeLast: a schedule runs at once when it is made, so that it waits
// for all that its function names in its environment.
func TestSchedulesComeLast(t *testing.T) {
	schedules := 0
	each(t, func(t *testing.T, _ deployment, in template) {
		needed := append(in.of("AWS::SQS::QueuePolicy"), in.of("AWS::Events::EventBus")...)
		for _, id := range in.of("AWS::SQS::QueuePolicy") {
			if len(list(in.Resources[id].Properties["Queues"])) != 1 {
				t.Errorf("%s is not of one queue", id)
			}
		}
		for _, id := range in.of("AWS::Scheduler::Schedule") {
			schedules++
			for _, other := range needed {
				if !slices.Contains(in.Resources[id].DependsOn, other) {
					t.Errorf("%s may run before %s is there", id, other)
				}
			}
		}
	})
	if schedules < 4 {
		t.Errorf("%d schedules were looked at, want more", schedules)
	}
}

package stacks

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// described is what template.yaml and the home stack both say of a function.
type described struct {
	Runtime, Handler, Description string
	Architectures                 []string
	Memory, Timeout               int
	Environment                   map[string]string
	Schedule                      string
	Queue                         string
	Batch, Window, Concurrent     int
	Answers                       []string // FunctionResponseTypes
}

// TestAgreesWithSAM: template.yaml, for trying single events, describes the same
// functions as the home stack of the guide's example, the values of their
// environment included: with another number of lanes they would look into queues
// that are not deployed.
func TestAgreesWithSAM(t *testing.T) {
	got := describedInHome(t, deployments["guide"].home())
	want := describedInSAM(t, read(t, "../../template.yaml"))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("template.yaml (-) and the home stack (+) differ:\n%s", diff)
	}
}

// The environment has to differ in this: only SAM's functions are sent elsewhere
// than to Amazon, and only a deployment has its permissions made for its policies.
const (
	onlyInSAM  = "AWS_ENDPOINT_URL"
	onlyInHome = "POLICY_HASH"
)

func describedInHome(t *testing.T, in template) map[string]described {
	functions := make(map[string]described)
	for _, id := range in.of("AWS::Lambda::Function") {
		p := in.Resources[id].Properties
		variables := at(p, "Environment", "Variables").(map[string]any)
		if variables[onlyInHome] == nil {
			t.Errorf("%s is deployed without %s", id, onlyInHome)
		}
		d := described{
			Runtime:       p["Runtime"].(string),
			Handler:       p["Handler"].(string),
			Description:   p["Description"].(string),
			Architectures: words(p["Architectures"]),
			Memory:        int(p["MemorySize"].(float64)),
			Timeout:       int(p["Timeout"].(float64)),
			Environment:   make(map[string]string),
		}
		for name, value := range variables {
			if name != onlyInHome {
				d.Environment[name] = value.(string)
			}
		}
		if schedule, ok := in.Resources[id+"Schedule"]; ok {
			d.Schedule = schedule.Properties["ScheduleExpression"].(string)
		}
		if source, ok := in.Resources[id+"Source"]; ok {
			p := source.Properties
			d.Queue = in.Resources[refersTo(p["EventSourceArn"])].Properties["QueueName"].(string)
			d.Batch = int(p["BatchSize"].(float64))
			d.Window = int(p["MaximumBatchingWindowInSeconds"].(float64))
			d.Concurrent = int(at(p, "ScalingConfig", "MaximumConcurrency").(float64))
			d.Answers = words(p["FunctionResponseTypes"])
		}
		functions[id] = d
	}
	return functions
}

// samFunction is a function of template.yaml, or what all of them have.
type samFunction struct {
	Runtime, Handler, Description string
	Architectures                 []string
	MemorySize, Timeout           int
	Environment                   struct{ Variables map[string]any }
	Events                        map[string]struct {
		Type       string
		Properties struct {
			Queue, ScheduleExpression      string
			BatchSize                      int
			MaximumBatchingWindowInSeconds int
			ScalingConfig                  struct{ MaximumConcurrency int }
			FunctionResponseTypes          []string
		}
	}
}

func describedInSAM(t *testing.T, file string) map[string]described {
	t.Helper()
	var sam struct {
		Parameters map[string]struct{ Default any }
		Globals    struct{ Function samFunction }
		Resources  map[string]struct {
			Type       string
			Properties samFunction
		}
	}
	// By way of JSON, to whose names the fields are matched. A function such as
	// !Ref becomes what it is given.
	var loose any
	if err := yaml.Unmarshal([]byte(file), &loose); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(loose)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &sam); err != nil {
		t.Fatal(err)
	}
	all := sam.Globals.Function
	functions := make(map[string]described)
	for id, r := range sam.Resources {
		p := r.Properties
		variables := maps.Clone(all.Environment.Variables)
		maps.Copy(variables, p.Environment.Variables)
		d := described{
			Runtime:     all.Runtime,
			Handler:     all.Handler,
			Description: p.Description,
			Memory:      all.MemorySize,
			Timeout:     p.Timeout,
			Environment: make(map[string]string),
		}
		for name, value := range variables {
			text := fmt.Sprint(value)
			if parameter, ok := sam.Parameters[text]; ok { // by !Ref
				text = fmt.Sprint(parameter.Default)
			}
			if name != onlyInSAM {
				d.Environment[name] = text
			}
		}
		for _, a := range all.Architectures {
			d.Architectures = append(d.Architectures, fmt.Sprint(sam.Parameters[a].Default))
		}
		for name, e := range p.Events {
			switch e.Type {
			case "ScheduleV2":
				d.Schedule = e.Properties.ScheduleExpression
			case "SQS":
				queue := e.Properties.Queue
				d.Queue = queue[strings.LastIndex(queue, ":")+1:]
				d.Batch = e.Properties.BatchSize
				d.Window = e.Properties.MaximumBatchingWindowInSeconds
				d.Concurrent = e.Properties.ScalingConfig.MaximumConcurrency
				d.Answers = e.Properties.FunctionResponseTypes
			default:
				t.Errorf("%s is fed by %s, %s, which the home stack has not", id, name, e.Type)
			}
		}
		functions[id] = d
	}
	return functions
}

package cloudformation

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Deployment is what was made.
type Deployment struct {
	// Functions are sorted by account, Region and name.
	Functions []Function
	// Roles are in the order of their making.
	Roles []*Role
	// Idle are the resources that have no meaning in the simulation.
	Idle []Idle
	// Outputs are by stack and name.
	Outputs map[string]map[string]string
}

// Function is an AWS::Lambda::Function with what makes it run.
type Function struct {
	Account, Region, Name, ARN string
	Role                       *Role
	Runtime, Handler           string
	Architecture               string // x86_64 or arm64
	MemoryMB                   int
	Timeout                    time.Duration
	Reserved                   int // concurrent executions; -1: none are reserved
	Environment                map[string]string
	LogGroup                   string // its name
	Sources                    []EventSource
	Schedules                  []Schedule
}

// EventSource is an AWS::Lambda::EventSourceMapping from a queue.
type EventSource struct {
	QueueARN       string
	QueueURL       string // as Amazon's, at https://sqs.REGION.amazonaws.com
	Enabled        bool
	BatchSize      int
	Window         time.Duration // that an incomplete batch waits for more
	PartialAnswers bool          // ReportBatchItemFailures
	MaxConcurrency int           // 0: no bound
}

// Schedule is an AWS::Scheduler::Schedule that invokes a function.
type Schedule struct {
	Account, Region string
	Name, Group     string
	Enabled         bool
	Expression      Expression
	Input           string // JSON; "" means an event of Scheduler's own
	FunctionARN     string
	RoleARN         string
	DeadLetterARN   string // of the queue for what can't be delivered; "": there is none
}

// Role is an AWS::IAM::Role with all its policies.
type Role struct {
	Account, Name, ARN string
	// Boundary is the ARN of the managed policy that bounds it; "": none does.
	Boundary string
	// AccessKeyID signs as the role.
	AccessKeyID string
	// Policies are in the order in which the simulated IAM counts them.
	Policies []Policy
}

// Policy is a policy of a role: one of the role's own, or a managed one that is
// attached to it.
type Policy struct {
	Name, Document string
	ARN            string // of a managed policy
}

// Idle is a resource that the simulation passes over.
type Idle struct {
	Stack, ID, Type string
	Reason          string
}

// Function finds a function by its name, before which there may be a prefix that
// ends with a hyphen: "snapferry-copy" finds acme-snapferry-copy too.
func (d *Deployment) Function(name string) (*Function, error) {
	var found *Function
	for i := range d.Functions {
		f := &d.Functions[i]
		switch {
		case f.Name != name && !strings.HasSuffix(f.Name, "-"+name):
		case found != nil:
			return nil, fmt.Errorf("find function %s: it is in %s and in %s: give templates of one deployment", name, found.ARN, f.ARN)
		default:
			found = f
		}
	}
	if found == nil {
		return nil, fmt.Errorf("find function %s: no template has it", name)
	}
	return found, nil
}

// connect gives the functions their event sources and schedules.
func (d *deployer) connect() error {
	functions := d.done.Functions
	for i := range functions {
		f := &functions[i]
		f.Sources, f.Schedules = d.sources[f.ARN], d.planned[f.ARN]
		delete(d.sources, f.ARN)
		delete(d.planned, f.ARN)
	}
	for arn := range d.sources {
		return fmt.Errorf("connect an event source: there is no function %s", arn)
	}
	for arn, schedules := range d.planned {
		return fmt.Errorf("connect schedule %s: there is no function %s", schedules[0].Name, arn)
	}
	slices.SortFunc(functions, func(a, b Function) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Name, b.Name))
	})
	return nil
}

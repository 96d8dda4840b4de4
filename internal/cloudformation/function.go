package cloudformation

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"snapferry/internal/sim"
)

// Lambda's bounds (Lambda developer guide, "Lambda quotas").
const (
	minMemory, maxMemory   = 128, 10_240 // MB
	maxTimeout             = 900         // seconds
	maxEnvironment         = 4 << 10     // bytes
	maxBatch, maxFIFOBatch = 10_000, 10
	maxWindow              = 300 // seconds
	minMappingConcurrency  = 2
	maxMappingConcurrency  = 1000
)

var variableName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]+$`)

func (d *deployer) createFunction(_ context.Context, p *properties) (made, error) {
	f := Function{
		Account: d.stack.Account, Region: d.stack.Region,
		Name:         d.name(p.text("FunctionName"), 64),
		Runtime:      p.text("Runtime"),
		Handler:      p.text("Handler"),
		Architecture: "x86_64",
		MemoryMB:     p.number("MemorySize", minMemory, minMemory, maxMemory),
		Timeout:      time.Duration(p.number("Timeout", 3, 1, maxTimeout)) * time.Second,
		Reserved:     p.number("ReservedConcurrentExecutions", -1, 0, 1<<20),
	}
	f.ARN = d.arn("lambda", "function:"+f.Name)
	if architectures := p.texts("Architectures"); len(architectures) > 0 {
		f.Architecture = architectures[0]
	}
	role := p.required("Role")
	environment := p.group("Environment")
	f.Environment = d.variables(environment)
	environment.leftovers()
	logging := p.group("LoggingConfig")
	f.LogGroup = cmp.Or(logging.text("LogGroup"), "/aws/lambda/"+f.Name)
	logging.leftovers()
	// The code is what whoever runs the function has built; its traces go to them
	// too.
	p.ignore("Code", "Description", "Tags", "TracingConfig", "PackageType", "EphemeralStorage")
	if err := p.end(); err != nil {
		return made{}, err
	}
	at := slices.IndexFunc(d.done.Roles, func(r *Role) bool { return r.ARN == role })
	if at < 0 {
		return made{}, fmt.Errorf("create function %s: no template has its role %s", f.Name, role)
	}
	f.Role = d.done.Roles[at]
	if err := d.world.Permit(f.act("", "")); err != nil {
		return made{}, fmt.Errorf("create function %s: the role defined for the function cannot be assumed by Lambda: %w", f.Name, err)
	}
	if slices.ContainsFunc(d.done.Functions, func(other Function) bool { return other.ARN == f.ARN }) {
		return made{}, fmt.Errorf("create function %s: it exists already", f.Name)
	}
	d.done.Functions = append(d.done.Functions, f)
	return made{ref: f.Name, attributes: map[string]string{"Arn": f.ARN}}, nil
}

// act is what Lambda does under the function's role.
func (f *Function) act(action, resource string) sim.ServiceAct {
	return sim.ServiceAct{
		Service: "lambda.amazonaws.com", Account: f.Account, Region: f.Region, SourceARN: f.ARN,
		RoleARN: f.Role.ARN, Action: action, Resource: resource,
	}
}

// variables are a function's environment, as far as Lambda takes it.
func (d *deployer) variables(p *properties) map[string]string {
	variables, size := map[string]string{}, 0
	group := p.group("Variables")
	for _, name := range slices.Sorted(maps.Keys(group.values)) {
		variables[name] = group.text(name)
		size += len(name) + len(variables[name])
		if !variableName.MatchString(name) {
			group.problem(name, "a variable's name begins with a letter and has letters, digits and _ only")
		}
		if strings.HasPrefix(name, "AWS_LAMBDA_") || name == "AWS_REGION" || name == "AWS_ACCESS_KEY_ID" || name == "AWS_SECRET_ACCESS_KEY" || name == "AWS_SESSION_TOKEN" {
			group.problem(name, "Lambda sets this variable itself")
		}
	}
	if size > maxEnvironment {
		p.problem("Variables", "they have %d bytes and Lambda takes %d", size, maxEnvironment)
	}
	return variables
}

func (d *deployer) createEventSource(ctx context.Context, p *properties) (made, error) {
	queue, name := p.required("EventSourceArn"), p.required("FunctionName")
	fifo := strings.HasSuffix(queue, ".fifo")
	most := maxBatch
	if fifo {
		most = maxFIFOBatch
	}
	s := EventSource{
		QueueARN:  queue,
		Enabled:   p.yes("Enabled", true),
		BatchSize: p.number("BatchSize", 10, 1, most),
		Window:    time.Duration(p.number("MaximumBatchingWindowInSeconds", 0, 0, maxWindow)) * time.Second,
	}
	if s.BatchSize > 10 && s.Window == 0 {
		p.problem("BatchSize", "more than 10 take a MaximumBatchingWindowInSeconds of 1 at least")
	}
	for _, kind := range p.texts("FunctionResponseTypes") {
		if kind != "ReportBatchItemFailures" {
			p.problem("FunctionResponseTypes", "%s is not ReportBatchItemFailures", kind)
		}
		s.PartialAnswers = true
	}
	scaling := p.group("ScalingConfig")
	s.MaxConcurrency = scaling.number("MaximumConcurrency", 0, minMappingConcurrency, maxMappingConcurrency)
	scaling.leftovers()
	p.ignore("Tags")
	if err := p.end(); err != nil {
		return made{}, err
	}
	var err error
	if s.QueueURL, err = queueAt(queue); err != nil {
		return made{}, err
	}
	arn := name
	if !strings.HasPrefix(name, "arn:") {
		arn = d.arn("lambda", "function:"+name)
	}
	at := slices.IndexFunc(d.done.Functions, func(f Function) bool { return f.ARN == arn })
	if at < 0 {
		return made{}, fmt.Errorf("map %s to function %s: no template has the function", queue, name)
	}
	if err := d.checkMapping(ctx, &d.done.Functions[at], s); err != nil {
		return made{}, fmt.Errorf("map %s to function %s: %w", queue, name, err)
	}
	d.sources[arn] = append(d.sources[arn], s)
	sum := sha256.Sum256([]byte(stackARN(d.stack) + d.resource.id))
	return made{ref: fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])}, nil
}

// checkMapping refuses what Lambda refuses when the mapping is made (Lambda
// developer guide, "Creating and configuring an Amazon SQS event source mapping").
func (d *deployer) checkMapping(ctx context.Context, f *Function, s EventSource) error {
	for _, action := range []string{"ReceiveMessage", "DeleteMessage", "GetQueueAttributes"} {
		if err := d.world.Permit(f.act("sqs:"+action, s.QueueARN)); err != nil {
			return fmt.Errorf("the function execution role does not have permissions to call %s on SQS: %w", action, err)
		}
	}
	var queue struct{ Attributes map[string]string }
	in := map[string]any{"QueueUrl": s.QueueURL, "AttributeNames": []string{"VisibilityTimeout"}}
	if err := d.do(ctx, "sqs", "GetQueueAttributes", in, &queue); err != nil {
		return err
	}
	seconds, err := strconv.Atoi(queue.Attributes["VisibilityTimeout"])
	if err != nil {
		return fmt.Errorf("read the queue's visibility timeout: %w", err)
	}
	if visibility := time.Duration(seconds) * time.Second; visibility < f.Timeout {
		return fmt.Errorf("queue visibility timeout: %v is less than function timeout: %v", visibility, f.Timeout)
	}
	return nil
}

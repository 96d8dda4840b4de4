package cloudformation

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"maps"
	"slices"
	"strings"

	"snapferry/internal/sim"
)

// place is where a stack's exports are known.
type place struct{ account, region string }

// deployer deploys the stacks of an assembly, one after the other.
type deployer struct {
	world    *sim.World
	done     *Deployment
	exports  map[place]map[string]string
	managed  map[string]Policy // IAM policies on their own, by ARN
	bounds   string            // Assembly.Boundary
	sources  map[string][]EventSource
	planned  map[string][]Schedule // by the function's ARN
	stack    *Stack
	scope    *scope
	resource *resource
}

// Deploy creates the resources of all stacks in a world, in which nothing of
// them exists yet. An error names the template and the logical id, and leaves
// behind what had been created before it.
func (a *Assembly) Deploy(ctx context.Context, world *sim.World) (*Deployment, error) {
	d := newDeployer(world)
	d.bounds = a.Boundary
	for i := range a.Stacks {
		if err := d.deploy(ctx, &a.Stacks[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", a.Stacks[i].File, err)
		}
	}
	return d.done, d.connect()
}

func newDeployer(world *sim.World) *deployer {
	return &deployer{
		world:   world,
		done:    &Deployment{Outputs: map[string]map[string]string{}},
		exports: map[place]map[string]string{},
		managed: map[string]Policy{},
		sources: map[string][]EventSource{},
		planned: map[string][]Schedule{},
	}
}

func (d *deployer) deploy(ctx context.Context, s *Stack) error {
	here := place{s.Account, s.Region}
	if d.exports[here] == nil {
		d.exports[here] = map[string]string{}
	}
	d.stack = s
	d.scope = &scope{stack: s, made: map[string]made{}, exported: func(name string) (string, bool) {
		value, exists := d.exports[here][name]
		return value, exists
	}}
	for _, id := range s.template.order {
		d.resource = s.template.resources[id]
		if err := d.create(ctx); err != nil {
			return fmt.Errorf("%s (%s): %w", id, d.resource.kind, err)
		}
	}
	outputs := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(s.template.outputs)) {
		if err := d.output(outputs, id, s.template.outputs[id]); err != nil {
			return fmt.Errorf("Outputs: %s: %w", id, err)
		}
	}
	d.done.Outputs[s.Name] = outputs
	return nil
}

// create makes the resource at hand, unless its condition does not hold.
func (d *deployer) create(ctx context.Context) error {
	r := d.resource
	yes, err := d.scope.holds(r.condition)
	if err != nil || !yes {
		return err
	}
	values, err := d.scope.properties(r)
	if err != nil {
		return err
	}
	d.scope.made[r.id], err = d.make(ctx, values)
	return err
}

// properties are the resolved properties of a resource.
func (s *scope) properties(r *resource) (map[string]any, error) {
	resolved, err := s.resolve(r.properties)
	if err != nil {
		return nil, err
	}
	values, ok := resolved.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("Properties: %v is not an object", resolved)
	}
	return values, nil
}

// make makes the resource at hand with its properties.
func (d *deployer) make(ctx context.Context, values map[string]any) (made, error) {
	r := d.resource
	if create, known := creators[r.kind]; known {
		return create(d, ctx, newProperties(values))
	}
	idle, known := idles[r.kind]
	if !known {
		return made{}, fmt.Errorf("resources of this type are not simulated")
	}
	d.done.Idle = append(d.done.Idle, Idle{Stack: d.stack.Name, ID: r.id, Type: r.kind, Reason: idle.reason})
	if idle.identify == nil {
		return made{}, nil
	}
	return idle.identify(d, newProperties(values)), nil
}

func (d *deployer) output(outputs map[string]string, id string, o output) error {
	yes, err := d.scope.holds(o.condition)
	if err != nil || !yes {
		return err
	}
	resolved, err := d.scope.resolve([]any{o.value, o.export})
	if err != nil {
		return err
	}
	pair, _ := resolved.([]any)
	value, ok := wordOf(pair[0])
	if !ok {
		return fmt.Errorf("%v is not a string", pair[0])
	}
	outputs[id] = value
	if name, exported := wordOf(pair[1]); exported {
		exports := d.exports[place{d.stack.Account, d.stack.Region}]
		if _, taken := exports[name]; taken {
			return fmt.Errorf("another stack exports %q already", name)
		}
		exports[name] = value
	}
	return nil
}

// do makes a call as the stack's account.
func (d *deployer) do(ctx context.Context, service, action string, in, out any) error {
	return d.world.Do(ctx, d.stack.Account, d.stack.Region, service, action, in, out)
}

// name is the resource's name: as given, or one like CloudFormation makes, of
// the names of stack and resource and an ending that follows from them.
func (d *deployer) name(given string, most int) string {
	if given != "" {
		return given
	}
	sum := sha256.Sum256([]byte(stackARN(d.stack) + "/" + d.resource.id))
	ending := "-" + base32.StdEncoding.EncodeToString(sum[:])[:12]
	name := d.stack.Name + "-" + d.resource.id
	return name[:min(len(name), most-len(ending))] + ending
}

func (d *deployer) arn(service, resource string) string {
	return arnOf(service, d.stack.Region, d.stack.Account, resource)
}

func arnOf(service, region, account, resource string) string {
	return strings.Join([]string{"arn:aws", service, region, account, resource}, ":")
}

func stackARN(s *Stack) string {
	if s.id != "" {
		return s.id
	}
	sum := sha256.Sum256([]byte(s.Account + s.Region + s.Name))
	return arnOf("cloudformation", s.Region, s.Account, fmt.Sprintf("stack/%s/%x", s.Name, sum[:8]))
}

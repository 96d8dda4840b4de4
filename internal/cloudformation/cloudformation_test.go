package cloudformation

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"snapferry/internal/sim"
)

const (
	account = "222222222222"
	region  = "us-east-1"
)

// folder is an assembly of stacks in one account and Region: pairs of a name and
// a template.
func folder(stacks ...string) fstest.MapFS {
	files, index := fstest.MapFS{}, []string{}
	for i := 0; i < len(stacks); i += 2 {
		file := stacks[i] + ".template.json"
		files[file] = &fstest.MapFile{Data: []byte(stacks[i+1])}
		index = append(index, fmt.Sprintf(`{"name":%q,"account":%q,"region":%q,"template":%q}`, stacks[i], account, region, file))
	}
	files["index.json"] = &fstest.MapFile{Data: []byte(`{"stacks":[` + strings.Join(index, ",") + `]}`)}
	return files
}

// deploy deploys stacks into a new world.
func deploy(t *testing.T, stacks ...string) (*sim.World, *Deployment, error) {
	t.Helper()
	world := sim.New(sim.Options{})
	assembly, err := Open(folder(stacks...))
	if err != nil {
		return world, nil, err
	}
	d, err := assembly.Deploy(t.Context(), world)
	return world, d, err
}

func mustDeploy(t *testing.T, stacks ...string) (*sim.World, *Deployment) {
	t.Helper()
	world, d, err := deploy(t, stacks...)
	if err != nil {
		t.Fatal(err)
	}
	return world, d
}

// do asks a world as the account.
func do(t *testing.T, world *sim.World, service, action string, in, out any) {
	t.Helper()
	if err := world.Do(t.Context(), account, region, service, action, in, out); err != nil {
		t.Fatal(err)
	}
}

// resources is a template with these resources, and outputs.
func resources(body string, outputs ...string) string {
	return `{"Resources":{` + body + `},"Outputs":{` + strings.Join(outputs, ",") + `}}`
}

// failure is what deploying the stack "s" fails with.
func failure(t *testing.T, template string) string {
	t.Helper()
	_, _, err := deploy(t, "s", template)
	return fmt.Sprint(err)
}

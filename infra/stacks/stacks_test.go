package stacks

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/jsii-runtime-go"

	"snapferry/infra/blueprint"
	"snapferry/infra/stacks/standin"
	"snapferry/internal/policy"
)

var update = flag.Bool("update", false, "write the golden templates anew")

// goldens is where the cases are: a folder for each, with settings.json and
// policies/ that people write, and target/, source/ and guard/ that -update writes.
const goldens = "../golden"

// offlinePrograms is a file with the names of the Node programs that were cut off
// from the network.
var offlinePrograms string

// templateSuffix ends the names of the CDK's template files.
const templateSuffix = ".template.json"

// deployments are the cases, synthesized once for all tests.
var deployments = make(map[string]deployment)

type deployment struct {
	blueprint blueprint.Blueprint
	dist      string // what stands for the functions' code
	out       string // where target/, source/ and guard/ were synthesized
	// The templates, by the name of their stacks.
	target, source, guard map[string]template
	// What was written, by path below the folder of the case, asset hashes aside.
	files map[string]string
}

type template struct{ Resources map[string]resource }

type resource struct {
	Type           string
	Properties     map[string]any
	DeletionPolicy string
	DependsOn      []string
}

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// run starts one Node for all tests, cut off from the network.
func run(m *testing.M) (int, error) {
	offline, err := filepath.Abs(filepath.Join("testdata", "offline.js"))
	if err != nil {
		return 1, err
	}
	scratch, err := os.MkdirTemp("", "stacks")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(scratch)
	offlinePrograms = filepath.Join(scratch, "programs")
	os.Setenv("OFFLINE_PROGRAMS", offlinePrograms)
	os.Setenv("NODE_OPTIONS", "--require="+offline)
	os.Setenv("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
	// The client that packages made when they were initialized has the
	// environment of then; the next one has this.
	jsii.Close()
	defer jsii.Close()
	cases, err := filepath.Glob(filepath.Join(goldens, "*", "settings.json"))
	if err != nil || len(cases) == 0 {
		return 1, fmt.Errorf("find the cases in %s: %d of them, %v", goldens, len(cases), err)
	}
	for _, settings := range cases {
		dir := filepath.Dir(settings)
		name := filepath.Base(dir)
		d, err := deploy(dir, filepath.Join(scratch, name))
		if err != nil {
			return 1, fmt.Errorf("synthesize the case %s: %w", name, err)
		}
		deployments[name] = d
	}
	return m.Run(), nil
}

// deploy synthesizes a case into out.
func deploy(dir, out string) (d deployment, err error) {
	settings, problems := blueprint.LoadSettings(filepath.Join(dir, "settings.json"), blueprint.Overrides{})
	policies, wrong := policy.Load(filepath.Join(dir, "policies"))
	files, err := policy.ReadDir(filepath.Join(dir, "policies"))
	if problems = append(problems, wrong...); len(problems) == 0 {
		d.blueprint, problems = blueprint.New(settings, policies, policy.Hash(files))
	}
	if err != nil || len(problems) > 0 {
		return d, fmt.Errorf("%v %v", err, problems)
	}
	d.dist, d.out = filepath.Join(out, "dist"), out
	for _, f := range d.blueprint.Home.Functions {
		if err := standin.Write(filepath.Join(d.dist, f.Name), machines[settings.Architecture].machine, files); err != nil {
			return d, err
		}
	}
	d.files = make(map[string]string)
	if err := Target(d.blueprint, d.dist, filepath.Join(out, "target")); err != nil {
		return d, err
	}
	if err := Source(d.blueprint, filepath.Join(out, "source")); err != nil {
		return d, err
	}
	if err := Guard(d.blueprint, filepath.Join(out, "guard")); err != nil {
		return d, err
	}
	if d.target, err = d.read(out, "target"); err == nil {
		d.source, err = d.read(out, "source")
	}
	if err == nil {
		d.guard, err = d.read(out, "guard")
	}
	return d, err
}

var assetPattern = regexp.MustCompile(`[0-9a-f]{64}\.zip`)

func (d deployment) read(out, which string) (map[string]template, error) {
	paths, err := filepath.Glob(filepath.Join(out, which, "*"+templateSuffix))
	if err != nil {
		return nil, err
	}
	templates := make(map[string]template)
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		var t template
		if err := json.Unmarshal(data, &t); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		base := filepath.Base(path)
		name := strings.TrimSuffix(base, templateSuffix)
		templates[name] = t
		for _, id := range t.of("AWS::CloudFormation::StackSet") {
			var each template
			if err := json.Unmarshal([]byte(t.Resources[id].Properties["TemplateBody"].(string)), &each); err != nil {
				return nil, fmt.Errorf("%s: the template of %s: %w", path, id, err)
			}
			templates[name+"-each"] = each
		}
		d.files[which+"/"+base] = assetPattern.ReplaceAllString(string(data), "asset.zip")
	}
	return templates, nil
}

// assemblies are the folders that a case is synthesized into.
func (d deployment) assemblies() map[string]map[string]template {
	all := map[string]map[string]template{"target": d.target, "source": d.source}
	if d.blueprint.Guard != nil {
		all["guard"] = d.guard
	}
	return all
}

// home is the home stack's template.
func (d deployment) home() template { return d.target[d.stack("home")] }

// stack is the name of a stack of the case.
func (d deployment) stack(what string) string { return d.blueprint.Settings.StackName(what) }

// of is the ids of the resources of a type, sorted.
func (t template) of(kind string) []string {
	var ids []string
	for id, r := range t.Resources {
		if r.Type == kind {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// each runs a test on every template of every case.
func each(t *testing.T, check func(t *testing.T, d deployment, in template)) {
	for name, d := range deployments {
		for _, templates := range []map[string]template{d.target, d.source} {
			for stack, in := range templates {
				t.Run(name+"/"+stack, func(t *testing.T) { check(t, d, in) })
			}
		}
	}
}

// at is the value at a path of a JSON value, nil if it is not there.
func at(v any, path ...string) any {
	for _, name := range path {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	return v
}

// list is a JSON value as a list of itself, if it is none.
func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

// words is a JSON value that is a string, or a list of them.
func words(v any) []string {
	var out []string
	for _, item := range list(v) {
		out = append(out, item.(string))
	}
	return out
}

// refersTo is the logical id that a Ref or Fn::GetAtt is about.
func refersTo(v any) string {
	if id, ok := at(v, "Ref").(string); ok {
		return id
	}
	if get, ok := at(v, "Fn::GetAtt").([]any); ok {
		return get[0].(string)
	}
	return ""
}

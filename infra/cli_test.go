package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"snapferry/infra/blueprint"
	"snapferry/internal/cloudformation"
	"snapferry/internal/sim"
)

var commandLine = flag.String("cli", "", "the CDK's command line, as a program")

// The accounts of the golden cases: one keeps copies, one shares snapshots, and
// one manages the organisation.
const (
	targetAccount     = "222222222222"
	sourceAccount     = "111111111111"
	managementAccount = "999999999999"
)

// root is the repository.
const root = ".."

// sent is one call to CloudFormation, as it was on the wire.
type sent struct {
	account, region, action string
	role                    bool // by a role's session, not by the account's own credentials
	form                    url.Values
	code                    string // of the error it got
}

func (s sent) stack() string {
	name := s.form.Get("StackName")
	if strings.HasPrefix(name, "arn:") {
		name = strings.Split(name, "/")[1]
	}
	return name
}

// cloud is the simulated AWS on loopback; it puts down what CloudFormation was sent.
type cloud struct {
	*testing.T
	url      string
	world    *sim.World
	clock    *sim.ScaledClock
	settings blueprint.Settings // of what is deployed

	mu    sync.Mutex
	calls []sent
}

var credential = regexp.MustCompile(`Credential=([^/]+)/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/`)

func newCloud(t *testing.T) *cloud {
	// At the machine's own speed: the command line's SDK tries again, for minutes,
	// whatever a server refuses whose Date is five minutes off.
	clock := sim.NewScaledClock(time.Now(), 1)
	c := &cloud{T: t, clock: clock, world: sim.New(sim.Options{Clock: clock, Templates: cloudformation.NewStacks})}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

func (c *cloud) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	m := credential.FindStringSubmatch(r.Header.Get("Authorization"))
	if m == nil || m[3] != "cloudformation" {
		c.world.ServeHTTP(rw, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	c.world.ServeHTTP(answer, r)
	maps.Copy(rw.Header(), answer.Header())
	rw.WriteHeader(answer.Code)
	rw.Write(answer.Body.Bytes())
	form, _ := url.ParseQuery(string(body))
	s := sent{account: m[1], region: m[2], action: form.Get("Action"), role: strings.HasPrefix(m[1], "ASIA"), form: form}
	if found := errorCode.FindSubmatch(answer.Body.Bytes()); answer.Code != http.StatusOK && found != nil {
		s.code = string(found[1])
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, s)
}

var errorCode = regexp.MustCompile(`<Code>([^<]*)</Code>`)

// take returns the calls of some actions since the last time.
func (c *cloud) take(actions ...string) []sent {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []sent
	for _, s := range c.calls {
		if slices.Contains(actions, s.action) {
			found = append(found, s)
		}
	}
	c.calls = nil
	return found
}

// run runs a program in the repository with an account's credentials.
func (c *cloud) run(account string, words ...string) (output string, err error) {
	c.Helper()
	command := exec.CommandContext(c.Context(), words[0], words[1:]...)
	command.Dir = root
	command.Env = append(os.Environ(),
		"AWS_ENDPOINT_URL="+c.url, "AWS_ACCESS_KEY_ID="+account, "AWS_SECRET_ACCESS_KEY=any", "AWS_SESSION_TOKEN=", "AWS_REGION=us-east-1", "AWS_PROFILE=",
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_EC2_METADATA_DISABLED=true",
		// Nothing leaves this machine, and nothing is remembered in the user's home.
		"CDK_HOME="+filepath.Join(c.scratch(), "cdk"), "CDK_NOTICES=false", "CDK_DISABLE_CLI_TELEMETRY=true", "CDK_DISABLE_VERSION_CHECK=1", "NODE_NO_WARNINGS=1",
		"NODE_OPTIONS=--require="+filepath.Join(c.here(), "testdata", "loopback.js"), "CONNECTED_ELSEWHERE="+c.elsewhere(),
	)
	began := time.Now()
	text, err := command.CombinedOutput()
	c.Logf("%s (%v)", strings.Join(words, " "), time.Since(began).Round(time.Second))
	return string(text), err
}

var scratches sync.Map

func (c *cloud) scratch() string {
	dir, known := scratches.Load(c)
	if !known {
		dir = c.TempDir()
		scratches.Store(c, dir)
	}
	return dir.(string)
}

func (c *cloud) here() string {
	dir, err := os.Getwd()
	if err != nil {
		c.Fatal(err)
	}
	return dir
}

func (c *cloud) elsewhere() string { return filepath.Join(c.scratch(), "elsewhere") }

// makeBoundary makes the managed policy that the settings name as the permissions
// boundary, as the organisation would.
func (c *cloud) makeBoundary() {
	c.Helper()
	template := fmt.Sprintf(`{"Resources": {"Boundary": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"ManagedPolicyName": %q,
		"PolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}}}}}`, c.settings.Boundary)
	for _, call := range []struct {
		action string
		form   url.Values
	}{
		{"CreateChangeSet", url.Values{"ChangeSetType": {"CREATE"}, "TemplateBody": {template}, "Capabilities.member.1": {"CAPABILITY_NAMED_IAM"}}},
		{"DescribeChangeSet", url.Values{}},
		{"ExecuteChangeSet", url.Values{}},
	} {
		call.form.Set("StackName", "organization")
		call.form.Set("ChangeSetName", "boundary")
		if err := c.world.Do(c.Context(), targetAccount, c.settings.HomeRegion, "cloudformation", call.action, call.form, nil); err != nil {
			c.Fatal(err)
		}
	}
}

// make runs one of the Makefile's targets, as a user does.
func (c *cloud) make(account string, words ...string) string {
	c.Helper()
	output, err := c.run(account, append([]string{"make", "--no-print-directory", "CDK=" + *commandLine}, words...)...)
	if err != nil {
		c.Fatalf("make %q: %v:\n%s", words, err, output)
	}
	return output
}

// deployment is a golden case, as the Makefile is told of it.
type deployment struct{ settings []string }

func (c *cloud) open(name string, more ...string) deployment {
	c.Helper()
	dir := filepath.Join("infra", "golden", name)
	settings, problems := blueprint.LoadSettings(filepath.Join(root, dir, "settings.json"), blueprint.Overrides{})
	if len(problems) > 0 {
		c.Fatal(problems)
	}
	c.settings = settings
	return deployment{append([]string{"SETTINGS=" + filepath.Join(dir, "settings.json"), "POLICIES=" + filepath.Join(dir, "policies"), "NAMES_REST=0"}, more...)}
}

func (d deployment) target(target string, more ...string) []string {
	return append(append([]string{target}, d.settings...), more...)
}

const yes = "ARGS=--require-approval never"

// TestCommandLine deploys and destroys golden cases with the CDK's command line,
// through the Makefile, in a simulated AWS that refuses what CloudFormation
// refuses, and looks at what was sent.
func TestCommandLine(t *testing.T) {
	if *commandLine == "" {
		t.Skip("it takes the CDK's command line: make cdk-cli")
	}
	t.Run("guide", func(t *testing.T) {
		c := newCloud(t)
		d := c.open("guide")
		c.withoutBootstrap(d)
		c.clock.Jump(2 * time.Minute) // then the queues' names are free again
		c.bootstrap(d)
		c.whole(d, sourceAccount)
		c.again(d)
		c.stayedHere()
	})
	t.Run("organization", func(t *testing.T) {
		c := newCloud(t)
		d := c.open("organization", "ARCH=amd64")
		c.makeBoundary()
		c.bootstrap(d)
		c.whole(d, managementAccount)
		c.guard(d)
		c.stayedHere()
	})
	t.Run("bootstrapless", func(t *testing.T) { newCloud(t).bootstrapless() })
}

// withoutBootstrap: all stacks but the home stack can be deployed into an account
// that was never bootstrapped, and removed; the home stack says what it lacks.
func (c *cloud) withoutBootstrap(d deployment) {
	c.Helper()
	output, err := c.run(targetAccount, append([]string{"make", "CDK=" + *commandLine}, d.target("deploy", "STACKS=snapferry-home", yes)...)...)
	if err == nil || !strings.Contains(output, "Please run 'cdk bootstrap'") {
		c.Errorf("the home stack without cdk bootstrap: %v:\n%s", err, output)
	}
	if calls := c.take("CreateChangeSet"); len(calls) > 0 {
		c.Errorf("without cdk bootstrap CloudFormation was asked for %v", calls)
	}
	c.make(targetAccount, d.target("deploy", "STACKS=snapferry-forwarder-*", yes+" --exclusively")...)
	c.checkDeployed(c.take("CreateChangeSet"), "infra/cdk.out", func(name string) bool { return strings.HasPrefix(name, "snapferry-forwarder-") })
	c.make(targetAccount, d.target("destroy", "STACKS=snapferry-forwarder-*", "ARGS=--force --exclusively")...)
	c.checkDestroyed(c.take("DeleteStack"), "infra/cdk.out", func(name string) bool { return strings.HasPrefix(name, "snapferry-forwarder-") })
}

func (c *cloud) bootstrap(d deployment) {
	c.Helper()
	c.make(targetAccount, d.target("bootstrap")...)
	c.take()
}

func all(string) bool { return true }

// whole deploys everything, asks for differences, and destroys everything.
func (c *cloud) whole(d deployment, sources string) {
	c.Helper()
	const here, there = "infra/cdk.out", "infra/cdk.out/source"
	// The sources' stacks are among the artifacts of their own assembly only.
	c.make(targetAccount, d.target("deploy", yes)...)
	c.checkDeployed(c.take("CreateChangeSet"), here, all)
	c.make(sources, d.target("deploy", "TARGET=source", yes)...)
	c.checkDeployed(c.take("CreateChangeSet"), there, all)
	c.checkMade(targetAccount, here)
	c.checkMade(sources, there)
	for target, account := range map[string]string{"target": targetAccount, "source": sources} {
		if output := c.make(account, d.target("diff", "TARGET="+target)...); !strings.Contains(output, "Number of stacks with differences: 0") {
			c.Errorf("after the deployment diff TARGET=%s says:\n%s", target, output)
		}
	}
	c.take()
	c.make(sources, d.target("destroy", "TARGET=source", "ARGS=--force")...)
	c.checkDestroyed(c.take("DeleteStack"), there, all)
	if output := c.make(targetAccount, d.target("destroy", "ARGS=--force")...); !strings.Contains(output, "the logs /aws/lambda/") {
		c.Errorf("destroy does not say that logs stay:\n%s", output)
	}
	c.checkDestroyed(c.take("DeleteStack"), here, all)
}

// guard deploys and removes the service control policies, from the management
// account, which was never bootstrapped.
func (c *cloud) guard(d deployment) {
	c.Helper()
	const dir = "infra/cdk.out/guard"
	c.make(managementAccount, d.target("deploy", "TARGET=guard", yes)...)
	c.checkDeployed(c.take("CreateChangeSet"), dir, all)
	c.checkMade(managementAccount, dir)
	c.make(managementAccount, d.target("destroy", "TARGET=guard", "ARGS=--force")...)
	c.checkDestroyed(c.take("DeleteStack"), dir, all)
}

// again: after a destroy all is deployed once more, and the log groups that stayed
// are taken over.
func (c *cloud) again(d deployment) {
	c.Helper()
	c.clock.Jump(2 * time.Minute)
	output := c.make(targetAccount, d.target("deploy", yes)...)
	if n := strings.Count(output, "IMPORT_COMPLETE"); n != 3 {
		c.Errorf("%d resources were taken over, want the log groups of three functions:\n%s", n, output)
	}
	c.checkMade(targetAccount, "infra/cdk.out")
}

// stayedHere: no program of Node's went to another machine.
func (c *cloud) stayedHere() {
	c.Helper()
	if lines, err := os.ReadFile(c.elsewhere()); err == nil {
		c.Errorf("other machines were asked:\n%s", lines)
	}
}

// written is what `cdk synth` wrote.
type written struct {
	dir             string
	stacks          map[string]stack
	home, qualifier string // the home stack's name; that of cdk bootstrap
}

type stack struct {
	Type        string
	Environment string // aws://222222222222/us-east-1
	Properties  struct {
		TemplateFile                   string
		Tags                           map[string]string
		CloudFormationExecutionRoleArn string
	}
}

func (c *cloud) assembly(dir string) written {
	c.Helper()
	data, err := os.ReadFile(filepath.Join(root, dir, "manifest.json"))
	if err != nil {
		c.Fatal(err)
	}
	var manifest struct{ Artifacts map[string]stack }
	if err := json.Unmarshal(data, &manifest); err != nil {
		c.Fatal(err)
	}
	maps.DeleteFunc(manifest.Artifacts, func(_ string, s stack) bool { return s.Type != "aws:cloudformation:stack" })
	return written{filepath.Join(root, dir), manifest.Artifacts, c.settings.StackName("home"), c.settings.Qualifier}
}

// serviceRole is the one that CloudFormation has to be handed for a stack: that of
// `cdk bootstrap` for the home stack, and none for the others.
func (a written) serviceRole(name string) string {
	if name != a.home {
		return ""
	}
	environment := a.stacks[name].Environment
	region := environment[strings.LastIndexByte(environment, '/')+1:]
	return "arn:aws:iam::" + targetAccount + ":role/cdk-" + a.qualifier + "-cfn-exec-role-" + targetAccount + "-" + region
}

// checkDeployed holds the change sets that were sent against an assembly: one for
// each of the stacks that are wanted, and in it what the assembly says.
func (c *cloud) checkDeployed(calls []sent, dir string, wanted func(string) bool) {
	c.Helper()
	a := c.assembly(dir)
	for _, problem := range a.faults(calls, wanted) {
		c.Errorf("%s: %s", dir, problem)
	}
}

// faults is what is wrong with the change sets that were sent for an assembly.
func (a written) faults(calls []sent, wanted func(string) bool) (all []string) {
	seen := map[string]int{}
	for _, s := range calls {
		name := s.stack()
		found, known := a.stacks[name]
		fault := func(format string, args ...any) { all = append(all, name+": "+fmt.Sprintf(format, args...)) }
		if seen[name]++; !known {
			fault("the assembly has no such stack")
			continue
		}
		if s.code != "" {
			fault("CloudFormation refuses it: %s", s.code)
		}
		if got, want := s.form.Get("RoleARN"), a.serviceRole(name); got != want {
			fault("the role is %q, want %q", got, want)
		}
		if s.role != (name == a.home) {
			fault("it was sent by a role's session: %v", s.role)
		}
		if got, want := s.region, found.Environment[strings.LastIndexByte(found.Environment, '/')+1:]; got != want {
			fault("it was sent to %s, want %s", got, want)
		}
		if diff := cmp.Diff([]string{"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"}, members(s.form, "Capabilities", "")); diff != "" {
			fault("capabilities (-want +sent):\n%s", diff)
		}
		tags := map[string]string{}
		for i, key := range members(s.form, "Tags", ".Key") {
			tags[key] = members(s.form, "Tags", ".Value")[i]
		}
		if diff := cmp.Diff(found.Properties.Tags, tags); diff != "" || tags["Application"] != "snapferry" {
			fault("tags (-assembly +sent):\n%s", diff)
		}
		if s.form.Get("ImportExistingResources") != "true" {
			fault("it does not take over log groups that stayed: ImportExistingResources is %q", s.form.Get("ImportExistingResources"))
		}
		if problem := a.template(s, found); problem != "" {
			fault("%s", problem)
		}
	}
	for name := range a.stacks {
		if wanted(name) && seen[name] != 1 || !wanted(name) && seen[name] > 0 {
			all = append(all, fmt.Sprintf("%s: sent %d times", name, seen[name]))
		}
	}
	return all
}

// members is a list among the parameters of a call.
func members(form url.Values, name, rest string) (all []string) {
	for i := 1; form.Has(fmt.Sprintf("%s.member.%d%s", name, i, rest)); i++ {
		all = append(all, form.Get(fmt.Sprintf("%s.member.%d%s", name, i, rest)))
	}
	return all
}

// template is what is wrong with the template that was sent: the home stack's goes
// through the bootstrap's bucket, all others are in the call.
func (a written) template(s sent, of stack) string {
	body := s.form.Get("TemplateBody")
	if (s.form.Get("TemplateURL") != "") != (s.stack() == a.home) || (body == "") != (s.stack() == a.home) {
		return fmt.Sprintf("its template has %d bytes in the call and is at %q", len(body), s.form.Get("TemplateURL"))
	}
	if body == "" {
		return ""
	}
	data, err := os.ReadFile(filepath.Join(a.dir, of.Properties.TemplateFile))
	if err != nil {
		return err.Error()
	}
	var want, got any
	if err := json.Unmarshal(data, &want); err != nil {
		return err.Error()
	}
	if err := yaml.Unmarshal([]byte(body), &got); err != nil {
		return err.Error()
	}
	// Both as JSON has them: numbers of YAML are of several types.
	wanted, _ := json.Marshal(want)
	found, err := json.Marshal(got)
	if err != nil || string(wanted) != string(found) {
		return fmt.Sprintf("the template is not the assembly's (-assembly +sent): %v\n%s", err, cmp.Diff(string(wanted), string(found)))
	}
	return ""
}

// checkDestroyed: each stack is deleted, with the role that it was made with and no
// other.
func (c *cloud) checkDestroyed(calls []sent, dir string, wanted func(string) bool) {
	c.Helper()
	a := c.assembly(dir)
	seen := map[string]int{}
	for _, s := range calls {
		name := s.stack()
		if seen[name]++; s.code != "" {
			c.Errorf("%s: CloudFormation refuses to delete it: %s", name, s.code)
		}
		if got, want := s.form.Get("RoleARN"), a.serviceRole(name); got != want {
			c.Errorf("%s: deleted with the role %q, want %q", name, got, want)
		}
	}
	for name := range a.stacks {
		if got := seen[name]; wanted(name) && got != 1 || !wanted(name) && got > 0 {
			c.Errorf("%s: deleted %d times", name, got)
		}
	}
}

// checkMade: every resource of the assembly's templates is there.
func (c *cloud) checkMade(account, dir string) {
	c.Helper()
	a := c.assembly(dir)
	for name, s := range a.stacks {
		region := s.Environment[strings.LastIndexByte(s.Environment, '/')+1:]
		data, err := os.ReadFile(filepath.Join(a.dir, s.Properties.TemplateFile))
		if err != nil {
			c.Fatal(err)
		}
		var template struct {
			Resources map[string]struct{ Type string }
		}
		if err := json.Unmarshal(data, &template); err != nil {
			c.Fatal(err)
		}
		var list struct {
			Resources []struct{ LogicalResourceId, ResourceType, ResourceStatus string } `xml:"DescribeStackResourcesResult>StackResources>member"`
		}
		if err := c.world.Do(c.Context(), account, region, "cloudformation", "DescribeStackResources", url.Values{"StackName": {name}}, &list); err != nil {
			c.Errorf("%s: %v", name, err)
			continue
		}
		want, got := map[string]string{}, map[string]string{}
		for id, r := range template.Resources {
			want[id] = r.Type
		}
		for _, r := range list.Resources {
			if strings.HasSuffix(r.ResourceStatus, "_COMPLETE") {
				got[r.LogicalResourceId] = r.ResourceType
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			c.Errorf("%s: resources (-template +made):\n%s", name, diff)
		}
	}
}

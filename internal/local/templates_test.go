package local

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"snapferry/internal/cloudformation"
	"snapferry/internal/sim"
)

// templates are a deployment from us-east-1 to eu-west-2.
var templates = os.DirFS("../cloudformation/testdata/snapferry")

func open(t *testing.T, folder fs.FS) *cloudformation.Assembly {
	t.Helper()
	assembly, err := cloudformation.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	return assembly
}

// templated makes settings those of a deployment by templates.
func templated(t *testing.T) func(*Settings) {
	t.Helper()
	assembly := open(t, templates)
	return func(s *Settings) { s.Templates, s.SourceRegions, s.TargetRegions = assembly, nil, nil }
}

// changed is the templates with a text of one of their files replaced.
func changed(t *testing.T, file, old, new string) *cloudformation.Assembly {
	t.Helper()
	files := fstest.MapFS{}
	names, err := fs.ReadDir(templates, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(templates, name.Name())
		if err != nil {
			t.Fatal(err)
		}
		if name.Name() == file {
			if !strings.Contains(string(data), old) {
				t.Fatalf("%s has no %s", file, old)
			}
			data = []byte(strings.ReplaceAll(string(data), old, new))
		}
		files[name.Name()] = &fstest.MapFile{Data: data}
	}
	return open(t, files)
}

func TestTemplatesAreWhatIsDeployed(t *testing.T) {
	d, _, happened := start(t, templated(t))
	if d.Account != "222222222222" || d.Home != "us-east-1" || d.EventsQueueURL() != d.URL()+"/222222222222/snapferry-events" {
		t.Errorf("account %s, home %s, queue %s", d.Account, d.Home, d.EventsQueueURL())
	}
	const owner, id = "111111111111", "snap-0123456789abcdef0"
	if err := d.World.AddSnapshot(sim.Seed{Region: "us-east-1", ID: id, Owner: owner}); err != nil {
		t.Fatal(err)
	}
	share := url.Values{"SnapshotId": {id}, "CreateVolumePermission.Add.1.UserId": {d.Account}}
	if err := d.World.Do(t.Context(), owner, "us-east-1", "ec2", "ModifySnapshotAttribute", share, nil); err != nil {
		t.Fatal(err)
	}
	expectEvent(t, next(t, happened), "shareSnapshot", id)
	if lost := d.World.Lost(); len(lost) > 0 {
		t.Errorf("lost events: %v", lost)
	}
}

func TestTemplatesSayHowFunctionsRun(t *testing.T) {
	d, _, _ := start(t, func(s *Settings) {
		templated(t)(s)
		s.LogLevel = "debug"
	})
	for name, want := range map[string]struct {
		processes int
		timeout   time.Duration
	}{Copy: {4, time.Minute}, Reconcile: {0, 15 * time.Minute}, Expire: {0, 15 * time.Minute}} {
		f, err := d.deployed.Function("snapferry-" + name)
		if err != nil {
			t.Fatal(err)
		}
		config := d.functions[name].config
		if config.MemoryMB != 256 || config.Timeout != want.timeout || want.processes > 0 && config.Concurrency != want.processes {
			t.Errorf("%s: got %d MB, %v, %d processes", name, config.MemoryMB, config.Timeout, config.Concurrency)
		}
		environment := maps.Clone(f.Environment)
		maps.Copy(environment, map[string]string{
			"AWS_ENDPOINT_URL": d.URL(), "AWS_ACCESS_KEY_ID": f.Role.AccessKeyID, "AWS_SECRET_ACCESS_KEY": "local", "LOG_LEVEL": "debug",
		})
		if diff := cmp.Diff(environment, config.Environment); diff != "" {
			t.Errorf("environment of %s (-want +got):\n%s", name, diff)
		}
	}
}

func TestTemplatesSayWhenFunctionsRun(t *testing.T) {
	_, clock, happened := start(t, templated(t))
	clock.Jump(15 * time.Minute)
	if got := next(t, happened); got.function != Reconcile || got.answer != "{}" || got.err != nil {
		t.Errorf("after 15 minutes: got %+v, want reconcile with the input {}", got)
	}
}

// A schedule invokes what its role may, and nothing else.
func TestTemplatesScheduleWithoutPermission(t *testing.T) {
	output := &record{}
	refusing := changed(t, "snapferry-home.template.json", "lambda:InvokeFunction", "lambda:InvokeNothing")
	_, clock, happened := start(t, func(s *Settings) {
		templated(t)(s)
		s.Templates, s.Output = refusing, output
	})
	clock.Jump(15 * time.Minute)
	eventually(t, "the refusal", func() bool {
		return strings.Contains(output.String(), "schedule: InvokeFunction: AccessDenied (403): User: arn:aws:sts::222222222222:assumed-role/snapferry-scheduler/scheduler is not authorized")
	})
	if len(happened) > 0 {
		t.Errorf("invoked all the same: %+v", <-happened)
	}
}

func TestTemplatesThatCantBeDeployed(t *testing.T) {
	const home = "snapferry-home.template.json"
	for name, test := range map[string]struct {
		change func(*Settings)
		want   string
	}{
		"a setting that they decide": {func(s *Settings) { s.CopySlots = 5 }, "deploy: CopySlots is given, and the templates say it: leave it out"},
		"a function's name":          {func(s *Settings) { s.Templates = changed(t, home, `"snapferry-expire"`, `"snapferry-delete"`) }, "find function snapferry-expire: no template has it"},
		"a runtime":                  {func(s *Settings) { s.Templates = changed(t, home, "provided.al2023", "python3.13") }, "run function snapferry-copy: it has the runtime python3.13"},
		"no hash of the policies":    {func(s *Settings) { s.Templates = changed(t, home, "POLICY_HASH", "POLICY_SUM") }, "run function snapferry-copy: its environment has no POLICY_HASH"},
		"a poller without permission": {func(s *Settings) { s.Templates = changed(t, home, `"sqs:GetQueueAttributes"`, `"sqs:GetQueueUrl"`) },
			"deploy the templates: " + home + ": CopyEventsC4D5E6F7 (AWS::Lambda::EventSourceMapping): map arn:aws:sqs:us-east-1:222222222222:snapferry-events to function snapferry-copy: the function execution role does not have permissions to call GetQueueAttributes"},
	} {
		t.Run(name, func(t *testing.T) {
			settings := Settings{World: sim.New(sim.Options{}), Clock: sim.WallClock{}, Functions: functions(t, Copy, Reconcile, Expire), Output: &record{}}
			templated(t)(&settings)
			test.change(&settings)
			_, err := Start(t.Context(), settings)
			if got := fmt.Sprint(err); !strings.HasPrefix(got, test.want) {
				t.Errorf("got %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestTemplatesForOneInvocation(t *testing.T) {
	settings := Settings{World: sim.New(sim.Options{}), Clock: sim.WallClock{}, Functions: functions(t, Copy, Reconcile, Expire), Output: &record{}}
	templated(t)(&settings)
	answer, err := InvokeAlone(t.Context(), settings, Reconcile, []byte(`{"do":"environment","names":["SOURCE_REGIONS","AWS_ACCESS_KEY_ID"]}`))
	var got map[string]string
	if err != nil || json.Unmarshal(answer, &got) != nil {
		t.Fatalf("got %s, %v", answer, err)
	}
	if got["SOURCE_REGIONS"] != "us-east-1" || !strings.HasPrefix(got["AWS_ACCESS_KEY_ID"], "ASIA") {
		t.Errorf("got %v", got)
	}
}

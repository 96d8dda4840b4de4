package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"snapferry/internal/sim"
)

// invoked is one call of Settings.Invoked.
type invoked struct {
	function string
	answer   string
	err      error
}

// start deploys the echo function three times, between us-east-1 and sa-east-1
// and eu-west-2.
func start(t *testing.T, change func(*Settings)) (*Deployment, *sim.ScaledClock, <-chan invoked) {
	t.Helper()
	clock := sim.NewScaledClock(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), 1)
	happened := make(chan invoked, 100)
	settings := Settings{
		World:         sim.New(sim.Options{Clock: clock, CreateTime: instantly, CopyTime: instantly}),
		Clock:         clock,
		SourceRegions: []string{"us-east-1"},
		TargetRegions: []string{"sa-east-1", "eu-west-2"},
		Functions:     functions(t, Copy, Reconcile, Expire),
		Policies:      policies(t, "a.json", "b.json", "README.md"),
		Output:        &record{},
		Invoked: func(function string, answer []byte, err error) {
			happened <- invoked{function, string(answer), err}
		},
	}
	if change != nil {
		change(&settings)
	}
	d, err := Start(t.Context(), settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d, clock, happened
}

func instantly(int) time.Duration { return time.Millisecond }

// functions is a directory in which each named function is the echo binary.
func functions(t *testing.T, names ...string) string {
	t.Helper()
	directory := t.TempDir()
	for _, name := range names {
		if err := os.Mkdir(filepath.Join(directory, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(echoBinary, filepath.Join(directory, name, "bootstrap")); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

func policies(t *testing.T, names ...string) string {
	t.Helper()
	directory := t.TempDir()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(directory, name), []byte("{}"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

func next(t *testing.T, happened <-chan invoked) invoked {
	t.Helper()
	select {
	case i := <-happened:
		return i
	case <-time.After(20 * time.Second):
		t.Fatal("no function was invoked")
		return invoked{}
	}
}

func ec2(t *testing.T, d *Deployment, account, region, action string, in url.Values, out any) {
	t.Helper()
	if err := d.World.Do(t.Context(), account, region, "ec2", action, in, out); err != nil {
		t.Fatal(err)
	}
}

func TestDeploymentCarriesSharesAndCopyResultsToCopy(t *testing.T) {
	d, _, happened := start(t, nil)
	var volume struct {
		ID string `xml:"volumeId"`
	}
	var snapshot struct {
		ID string `xml:"snapshotId"`
	}
	ec2(t, d, "111111111111", "us-east-1", "CreateVolume", url.Values{"AvailabilityZone": {"us-east-1a"}, "Size": {"1"}}, &volume)
	ec2(t, d, "111111111111", "us-east-1", "CreateSnapshot", url.Values{"VolumeId": {volume.ID}}, &snapshot)
	eventually(t, "the snapshot", func() bool {
		var listed struct {
			States []string `xml:"snapshotSet>item>status"`
		}
		ec2(t, d, "111111111111", "us-east-1", "DescribeSnapshots", url.Values{"SnapshotId.1": {snapshot.ID}}, &listed)
		return slices.Equal(listed.States, []string{"completed"})
	})
	ec2(t, d, "111111111111", "us-east-1", "ModifySnapshotAttribute",
		url.Values{"SnapshotId": {snapshot.ID}, "CreateVolumePermission.Add.1.UserId": {"222222222222"}}, nil)
	expectEvent(t, next(t, happened), "shareSnapshot", snapshot.ID)

	for _, region := range []string{"sa-east-1", "eu-west-2"} {
		var copied struct {
			ID string `xml:"snapshotId"`
		}
		ec2(t, d, "222222222222", region, "CopySnapshot",
			url.Values{"SourceRegion": {"us-east-1"}, "SourceSnapshotId": {snapshot.ID}}, &copied)
		expectEvent(t, next(t, happened), "copySnapshot", copied.ID)
	}
}

// expectEvent wants copy to have got, and echoed, a batch with one event.
func expectEvent(t *testing.T, got invoked, kind, snapshot string) {
	t.Helper()
	var b struct {
		Records []struct{ Body, EventSourceARN string }
	}
	if got.function != Copy || got.err != nil || json.Unmarshal([]byte(got.answer), &b) != nil || len(b.Records) != 1 {
		t.Fatalf("got %+v, want one record for copy", got)
	}
	var event struct {
		Detail struct {
			Event      string
			SnapshotID string `json:"snapshot_id"`
		}
	}
	if err := json.Unmarshal([]byte(b.Records[0].Body), &event); err != nil {
		t.Fatal(err)
	}
	if event.Detail.Event != kind || !strings.HasSuffix(event.Detail.SnapshotID, "/"+snapshot) {
		t.Errorf("got %+v, want %s of %s", event.Detail, kind, snapshot)
	}
	if arn := b.Records[0].EventSourceARN; arn != "arn:aws:sqs:us-east-1:222222222222:snapferry-events" {
		t.Errorf("got it from %s", arn)
	}
}

func TestDeploymentQueues(t *testing.T) {
	d, _, _ := start(t, nil)
	got := map[string]map[string]string{}
	var listed struct{ QueueUrls []string }
	do := func(action string, in, out any) {
		if err := d.World.Do(t.Context(), "222222222222", "us-east-1", "sqs", action, in, out); err != nil {
			t.Fatal(err)
		}
	}
	do("ListQueues", nil, &listed)
	for _, url := range listed.QueueUrls {
		names := []string{"VisibilityTimeout", "MessageRetentionPeriod", "FifoQueue", "RedrivePolicy"}
		var attributes struct{ Attributes map[string]string }
		do("GetQueueAttributes", map[string]any{"QueueUrl": url, "AttributeNames": names}, &attributes)
		got[filepath.Base(url)] = attributes.Attributes
	}
	redrive := func(queue string, receives int) string {
		return fmt.Sprintf(`{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:222222222222:%s","maxReceiveCount":%d}`, queue, receives)
	}
	want := map[string]map[string]string{
		"snapferry-events": {"VisibilityTimeout": "360", "MessageRetentionPeriod": "1209600",
			"RedrivePolicy": redrive("snapferry-events-dlq", 5)},
		"snapferry-events-dlq":      {"VisibilityTimeout": "30", "MessageRetentionPeriod": "1209600"},
		"snapferry-orders-dlq.fifo": {"VisibilityTimeout": "30", "MessageRetentionPeriod": "1209600", "FifoQueue": "true"},
	}
	for _, region := range []string{"sa-east-1", "eu-west-2"} {
		for lane := range Lanes {
			want[fmt.Sprintf("snapferry-orders-%s-%d.fifo", region, lane)] =
				map[string]string{"VisibilityTimeout": "360", "MessageRetentionPeriod": "1209600", "FifoQueue": "true"}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("queues (-want +got):\n%s", diff)
	}
}

func TestDeploymentEnvironment(t *testing.T) {
	d, _, _ := start(t, func(s *Settings) { s.CopySlots, s.CatchUp, s.LogLevel = 7, 24*time.Hour, "debug" })
	names := []string{"ORDERS_QUEUE_URL", "ORDERS_DLQ_URL", "EVENTS_QUEUE_URL", "EVENT_BUS", "SOURCE_REGIONS", "EXPIRE_REGIONS", "COPY_SLOTS",
		"CATCH_UP", "LOG_LEVEL", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"}
	ask, err := json.Marshal(map[string]any{"do": "environment", "names": names})
	if err != nil {
		t.Fatal(err)
	}
	want := func(more map[string]string) map[string]string {
		all := map[string]string{
			"EVENT_BUS": "snapferry", "LOG_LEVEL": "debug", "AWS_REGION": "us-east-1",
			"AWS_ENDPOINT_URL": d.URL(), "AWS_ACCESS_KEY_ID": "222222222222", "AWS_SECRET_ACCESS_KEY": "local",
		}
		for _, name := range names {
			if all[name] == "" {
				all[name] = more[name]
			}
		}
		return all
	}
	orders := d.URL() + "/222222222222/snapferry-orders-{region}-{lane}.fifo"
	for function, want := range map[string]map[string]string{
		Copy: want(map[string]string{"ORDERS_QUEUE_URL": orders, "COPY_SLOTS": "7",
			"ORDERS_DLQ_URL": d.URL() + "/222222222222/snapferry-orders-dlq.fifo"}),
		Reconcile: want(map[string]string{"ORDERS_QUEUE_URL": orders, "SOURCE_REGIONS": "us-east-1", "CATCH_UP": "24h0m0s",
			"EVENTS_QUEUE_URL": d.URL() + "/222222222222/snapferry-events"}),
		Expire: want(map[string]string{"EXPIRE_REGIONS": "sa-east-1,eu-west-2"}),
	} {
		answer, err := d.Invoke(t.Context(), function, ask)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]string
		if err := json.Unmarshal(answer, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("environment of %s (-want +got):\n%s", function, diff)
		}
	}
}

func TestDeploymentPackagesThePolicies(t *testing.T) {
	d, _, _ := start(t, nil)
	got, err := d.Invoke(t.Context(), Expire, []byte(`{"do":"files"}`))
	if want := `["policies/a.json","policies/b.json"]`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

func TestDeploymentSchedules(t *testing.T) {
	d, clock, happened := start(t, func(s *Settings) { s.ReconcileEvery = time.Hour })
	clock.Jump(time.Hour)
	got := next(t, happened)
	if got.function != Reconcile || !strings.Contains(got.answer, `"detail-type":"Scheduled Event"`) ||
		!strings.Contains(got.answer, `rule/snapferry-reconcile`) {
		t.Errorf("got %+v, want reconcile with its schedule's event", got)
	}
	d.Close()
	clock.Jump(24 * time.Hour)
	if len(happened) > 0 {
		t.Errorf("after close: got %+v", <-happened)
	}
}

func TestDeploymentClose(t *testing.T) {
	d, _, _ := start(t, nil)
	var pids []int
	var roots []string
	for name, f := range d.functions {
		answer, err := d.Invoke(t.Context(), name, []byte(`{"do":"pid"}`))
		if err != nil {
			t.Fatal(err)
		}
		pid, _ := strconv.Atoi(string(answer))
		pids, roots = append(pids, pid), append(roots, f.root)
	}
	d.Close()
	d.Close()
	for _, pid := range pids {
		if !gone(pid) {
			t.Errorf("process %d is still there", pid)
		}
	}
	for _, root := range roots {
		if _, err := os.Stat(root); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there", root)
		}
	}
	if response, err := http.Get(d.URL()); err == nil {
		response.Body.Close()
		t.Error("the world is still served")
	}
}

package proof

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"snapferry/internal/policy"
	"snapferry/internal/reactor"
	"snapferry/internal/sim"
	"snapferry/internal/snapshot"
)

// cpuTime is what this process has used of the processors.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func median[T int64 | float64](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}

// figuresOfEvent measures how long a warm copy function works from a share's
// event to sending CopySnapshot, for one target Region and a system that does
// nothing else. The time that passes within the simulated AWS is taken off, and
// off the processor time too, of which it is nearly all there is meanwhile.
func figuresOfEvent(t *testing.T, f figures) {
	s := Storm{Seed: 4, Sources: 300}.withDefaults()
	p, err := s.policy()
	if err != nil {
		t.Fatal(err)
	}
	p.Rules = p.Rules[:1]
	watching := &stopwatch{}
	d, err := Deploy(t.Context(), Settings{
		Simulation: sim.Options{NoThrottling: true, CopyQuota: 1 << 20, CopyTime: func(int) time.Duration { return time.Nanosecond }},
		Policies:   []policy.Policy{p}, Slots: 1 << 20, Transport: watching,
	})
	if err != nil {
		t.Fatal(err)
	}
	watching.next = d.World.Transport()
	var walls, cpus []float64
	for n := range 300 {
		id := fmt.Sprintf("snap-0%016x", n+1)
		if err := d.World.AddSnapshot(sim.Seed{Region: Home, ID: id, Owner: account(0), Description: "nightly", SharedWith: []string{Account}}); err != nil {
			t.Fatal(err)
		}
		event := shareEvent(id)
		watching.inside, watching.sent = 0, time.Time{}
		wall, before := time.Now(), cpuTime()
		failures, _, err := d.Copy(t.Context(), []reactor.Record{{ID: "1", Body: event, Receives: 1}})
		if err != nil || len(failures) > 0 || watching.sent.IsZero() {
			t.Fatalf("event %d: %v, %v", n, err, failures)
		}
		if n >= 20 { // warm
			walls = append(walls, float64(watching.sent.Sub(wall)-watching.until)/1e6)
			cpus = append(cpus, float64(watching.cpu-before-watching.until)/1e6)
		}
	}
	f["event.wall_ms"], f["event.cpu_ms"] = median(walls), max(median(cpus), 0)
}

// stopwatch takes the time of a process's calls.
type stopwatch struct {
	next   http.RoundTripper
	inside time.Duration // the simulation, so far
	// When CopySnapshot was sent, with the processor time used and the time
	// spent inside until then.
	sent       time.Time
	cpu, until time.Duration
}

// RoundTrip implements http.RoundTripper.
func (w *stopwatch) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.sent.IsZero() && r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if bytes.Contains(body, []byte("Action=CopySnapshot&")) {
			w.sent, w.cpu, w.until = time.Now(), cpuTime(), w.inside
		}
	}
	began := time.Now()
	response, err := w.next.RoundTrip(r)
	w.inside += time.Since(began)
	return response, err
}

func shareEvent(id string) []byte {
	event, err := json.Marshal(map[string]any{
		"version": "0", "id": "01234567-0123-0123-0123-0123456789ab", "detail-type": "EBS Snapshot Notification", "source": "aws.ec2",
		"account": Account, "time": time.Now().UTC().Format(time.RFC3339), "region": Home,
		"resources": []string{"arn:aws:ec2::" + Home + ":snapshot/" + id},
		"detail": map[string]any{"event": "shareSnapshot", "result": "succeeded", "cause": "", "request-id": "",
			"snapshot_id": "arn:aws:ec2::" + Home + ":snapshot/" + id, "source": account(0),
			"startTime": time.Now().UTC().Format(time.RFC3339), "endTime": time.Now().UTC().Format(time.RFC3339)},
	})
	if err != nil {
		panic(err)
	}
	return event
}

// figuresOfColdStart compares functions/copy with an empty function: from the
// start of the process to its first answer over the Runtime API. Between the two
// is a function that is empty but for the SDK.
func figuresOfColdStart(t *testing.T, f figures) {
	document := stormDocument(t)
	ours := realFunction{build(t, "snapferry/functions/copy", document), functionEnvironment("http://127.0.0.1:9")}
	sdk := realFunction{build(t, "./testdata/sdk", document), functionEnvironment("http://127.0.0.1:9")}
	empty := realFunction{build(t, "./testdata/empty", document), nil}
	event := `{"Records":[{"messageId":"1","body":"{\"source\":\"aws.s3\",\"detail-type\":\"x\"}","eventSource":"aws:sqs","attributes":{"ApproximateReceiveCount":"1"}}]}`
	functions := []realFunction{ours, sdk, empty}
	took := make([][]float64, len(functions))
	for n := range 101 {
		for i, function := range functions {
			once, _, _ := function.once(t, event, 20*time.Second)
			if n > 0 { // the first reads the programs from disk
				took[i] = append(took[i], once.Seconds()*1000)
			}
		}
	}
	f["coldstart.copy_ms"], f["coldstart.sdk_ms"], f["coldstart.empty_ms"] = median(took[0]), median(took[1]), median(took[2])
	f["coldstart.ratio"] = f["coldstart.copy_ms"] / f["coldstart.empty_ms"]
}

func functionEnvironment(endpoint string) []string {
	url := func(name string) string { return endpoint + "/" + Account + "/" + name }
	return []string{
		"AWS_REGION=" + Home, "AWS_ENDPOINT_URL=" + endpoint, "AWS_ACCESS_KEY_ID=" + Account, "AWS_SECRET_ACCESS_KEY=simulated",
		"ORDERS_QUEUE_URL=" + url(ordersQueue("{region}", "{lane}")), "ORDERS_DLQ_URL=" + url(ordersDLQ), "EVENTS_QUEUE_URL=" + url(eventsQueue),
		"EVENT_BUS=" + busName, "SOURCE_REGIONS=" + Home, "LOG_LEVEL=error",
	}
}

func stormDocument(t *testing.T) string {
	t.Helper()
	document, err := Storm{}.withDefaults().document()
	if err != nil {
		t.Fatal(err)
	}
	return string(document)
}

// figuresOfReconcile runs reconcile over as many copies as a Region may have.
func figuresOfReconcile(t *testing.T, f figures) {
	const many = 100_000
	calls, peak, took := reconcileOver(t, many)
	least := many/1000 + len(stormTargets)*many/1000
	f["reconcile.calls_ratio"] = float64(calls) / float64(least)
	f["reconcile.peak_mb"], f["reconcile.seconds"] = peak, took.Seconds()
}

// reconcileOver runs the real function, as a process of its own with no limit to
// its memory, over so many sources with a copy of each in three Regions, and one
// source that has none. It returns the calls to EC2, the most memory that was
// resident, in MB, and the time.
func reconcileOver(t *testing.T, many int) (calls int, peak float64, took time.Duration) {
	t.Helper()
	d, err := Deploy(t.Context(), Settings{Simulation: sim.Options{NoThrottling: true}, Policies: stormPolicies(t)})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now().Add(-48 * time.Hour).UTC().Truncate(time.Second)
	for n := range many {
		src := snapshot.Ref{Region: Home, ID: fmt.Sprintf("snap-0%016x", n+1)}
		seed := sim.Seed{Region: Home, ID: src.ID, Owner: account(n % 40), Description: "nightly", Volume: fmt.Sprintf("vol-0%016x", n+1),
			Started: began, SharedWith: []string{Account}}
		if err := d.World.AddSnapshot(seed); err != nil {
			t.Fatal(err)
		}
		mark := snapshot.Mark{Policy: "storm", Source: src, SourceAccount: seed.Owner, SourceVolume: seed.Volume, SourceTime: began, Expires: began.AddDate(0, 2, 0)}
		for region, target := range stormTargets {
			tags := mark.Tags()
			tags[snapshot.TagSettled] = "told"
			if n == many/2 {
				continue
			}
			copied := sim.Seed{Region: target, ID: fmt.Sprintf("snap-0%x%015x", region+1, n+1), Owner: Account, Started: began, Tags: tags}
			if err := d.World.AddSnapshot(copied); err != nil {
				t.Fatal(err)
			}
		}
	}
	server := httptest.NewServer(d.World)
	defer server.Close()
	before := describes(d.World)
	reconcile := realFunction{build(t, "snapferry/functions/reconcile", stormDocument(t)), functionEnvironment(server.URL)}
	took, peak, answer := reconcile.once(t, "{}", 14*time.Minute)
	t.Logf("reconcile over %d x %d took %s, %.1f MB: %.300s", many, many, took, peak, answer)
	var summary reactor.Summary
	if _, body, found := strings.Cut(answer, " "); found {
		if err := json.Unmarshal([]byte(body), &summary); err != nil {
			t.Error(err)
		}
	}
	if got := summary.Counts["ordered"]; got != len(stormTargets) {
		t.Errorf("reconcile ordered %d copies, want %d: %v", got, len(stormTargets), summary.Counts)
	}
	return describes(d.World) - before, peak, took
}

// describes counts the calls to EC2 by the target account.
func describes(w *sim.World) (n int) {
	for call, count := range w.Counts() {
		if call.Service == "ec2" && call.Account == Account {
			n += count
		}
	}
	return n
}

func stormPolicies(t *testing.T) []policy.Policy {
	t.Helper()
	p, err := Storm{}.withDefaults().policy()
	if err != nil {
		t.Fatal(err)
	}
	return []policy.Policy{p}
}

package start

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snapferry/internal/cloud"
	"snapferry/internal/policy"
)

func TestDryRun(t *testing.T) {
	for payload, want := range map[string]bool{
		`{"dryRun": true}`:                       true,
		`{"dryRun": false}`:                      false,
		`{}`:                                     false,
		``:                                       false,
		`null`:                                   false,
		`[1]`:                                    false,
		`{"source":"aws.scheduler","detail":{}}`: false,
		`{"dryRun": true, "other": 1}`:           true,
	} {
		if got, err := dryRun([]byte(payload)); err != nil || got != want {
			t.Errorf("dryRun(%s) = %v, %v; want %v", payload, got, err, want)
		}
	}
	for _, payload := range []string{
		`{"dryRun": "true"}`, `{"dryRun": 1}`, `{"dryRun": null}`, `{"dry_run": true}`, `{"dry-run": true}`, `{"DryRun": true}`,
		`{"detail": {"dryRun": true}}`, `[{"dryRun": true}]`, `"{\"dryRun\": true}"`, `{"dryRun": tru}`, `dryRun`, `xx`,
	} {
		if got, err := dryRun([]byte(payload)); err == nil {
			t.Errorf("dryRun(%s) = %v, want an error: it must not be taken for no", payload, got)
		}
	}
}

// The variables reach the queues: what is wrong with one is said by its name.
func TestOrders(t *testing.T) {
	t.Setenv("AWS_REGION", "us-east-1")
	opened, err := cloud.Open(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	e := Environment{Cloud: opened, Policies: []policy.Policy{{Owners: []string{"111111111111"}}}}
	const url = "http://127.0.0.1:9/222222222222/orders-{region}-{lane}.fifo"
	for _, test := range []struct{ url, lanes, letters, problem string }{
		{url, "", "", ""},
		{url, "64", "http://127.0.0.1:9/222222222222/dlq.fifo", ""},
		{url, "65", "", "ORDERS_LANES"},
		{"", "", "", "ORDERS_QUEUE_URL"},
		{url, "", "http://127.0.0.1:9/222222222222/dlq", "ORDERS_DLQ_URL"},
	} {
		t.Setenv("ORDERS_QUEUE_URL", test.url)
		t.Setenv("ORDERS_LANES", test.lanes)
		switch _, err := e.Orders(test.letters); {
		case test.problem == "" && err != nil:
			t.Errorf("%+v: %v", test, err)
		case test.problem != "" && (err == nil || !strings.Contains(err.Error(), test.problem+" is ")):
			t.Errorf("%+v: %v, want an error that names %s", test, err, test.problem)
		}
	}
}

func TestRegions(t *testing.T) {
	for value, want := range map[string][]string{
		"":                        nil,
		"us-east-1":               {"us-east-1"},
		" us-east-1 , eu-west-2,": {"us-east-1", "eu-west-2"},
	} {
		t.Setenv("SOME_REGIONS", value)
		got, err := Regions("SOME_REGIONS")
		if err != nil {
			t.Errorf("%q: %v", value, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", value, diff)
		}
	}
	for _, value := range []string{"US-EAST-1", "us-east-1;eu-west-2", "everywhere"} {
		t.Setenv("SOME_REGIONS", value)
		if got, err := Regions("SOME_REGIONS"); err == nil || !strings.Contains(err.Error(), "SOME_REGIONS") {
			t.Errorf("%q: %v, %v; want an error that names the variable", value, got, err)
		}
	}
}

func TestPolicies(t *testing.T) {
	example, err := os.ReadFile("../../../infra/golden/guide/policies/example.json")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := policies(dir, "", true); err == nil {
		t.Error("a function without policies starts")
	}
	if got, err := policies(dir, "", false); err != nil || len(got) != 0 {
		t.Errorf("expiry without policies: %v, %v; copies are left to expire", got, err)
	}
	write("nightly.json", string(example))
	files, err := policy.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	hash := policy.Hash(files)
	if got, err := policies(dir, hash, true); err != nil || len(got) != 1 || got[0].Name != "nightly" {
		t.Errorf("policies = %+v, %v", got, err)
	}
	if _, err := policies(dir, strings.Repeat("0", 64), true); err == nil || !strings.Contains(err.Error(), "POLICY_HASH") {
		t.Errorf("another hash: %v, want an error that names POLICY_HASH", err)
	}
	write("bad.json", `{"PolicyType":"EVENT_BASED_POLICY"}`)
	if _, err := policies(dir, "", true); err == nil || !strings.Contains(err.Error(), "bad.json: $") {
		t.Errorf("a bad policy: %v, want its problems", err)
	}
}

func TestLogger(t *testing.T) {
	for value, want := range map[string]slog.Level{"": slog.LevelInfo, "debug": slog.LevelDebug, "WARN": slog.LevelWarn, "error": slog.LevelError} {
		log, err := logger(value)
		if err != nil {
			t.Errorf("LOG_LEVEL=%q: %v", value, err)
			continue
		}
		if !log.Enabled(context.Background(), want) || log.Enabled(context.Background(), want-1) {
			t.Errorf("LOG_LEVEL=%q does not log from %s on", value, want)
		}
	}
	if log, err := logger("loud"); err == nil || log == nil {
		t.Errorf("LOG_LEVEL=loud: %v, want an error and a logger to tell it", err)
	}
}

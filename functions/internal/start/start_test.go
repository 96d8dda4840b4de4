package start

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snapferry/internal/policy"
)

func TestDryRun(t *testing.T) {
	for payload, want := range map[string]bool{
		`{"dryRun": true}`:                       true,
		`{"dryRun": false}`:                      false,
		`{}`:                                     false,
		``:                                       false,
		`[1]`:                                    false,
		`{"source":"aws.scheduler","detail":{}}`: false,
		`{"dryRun": true, "other": 1}`:           true,
	} {
		if got, err := dryRun([]byte(payload)); err != nil || got != want {
			t.Errorf("DryRun(%s) = %v, %v; want %v", payload, got, err, want)
		}
	}
	for _, payload := range []string{`{"dryRun": "true"}`, `{"dryRun": 1}`, `{"dryRun": "yes"}`} {
		if got, err := dryRun([]byte(payload)); err == nil {
			t.Errorf("DryRun(%s) = %v, want an error: it must not be taken for no", payload, got)
		}
	}
}

func TestList(t *testing.T) {
	for value, want := range map[string][]string{
		"":                        nil,
		"us-east-1":               {"us-east-1"},
		" us-east-1 , eu-west-2,": {"us-east-1", "eu-west-2"},
	} {
		if diff := cmp.Diff(want, List(value)); diff != "" {
			t.Errorf("List(%q): %s", value, diff)
		}
	}
}

func TestPolicies(t *testing.T) {
	example, err := os.ReadFile("../../../policies/example.json")
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
	if _, err := policies(dir, ""); err == nil {
		t.Error("a function without policies starts")
	}
	write("nightly.json", string(example))
	files, err := policy.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	hash := policy.Hash(files)
	if got, err := policies(dir, hash); err != nil || len(got) != 1 || got[0].Name != "nightly" {
		t.Errorf("policies = %+v, %v", got, err)
	}
	if _, err := policies(dir, strings.Repeat("0", 64)); err == nil || !strings.Contains(err.Error(), "POLICY_HASH") {
		t.Errorf("another hash: %v, want an error that names POLICY_HASH", err)
	}
	write("bad.json", `{"PolicyType":"EVENT_BASED_POLICY"}`)
	if _, err := policies(dir, ""); err == nil || !strings.Contains(err.Error(), "bad.json: $") {
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

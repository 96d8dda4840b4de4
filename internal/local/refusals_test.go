package local

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"snapferry/internal/sim"
)

func TestDeploymentThatDoesNotStart(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Settings)
		want   string
		is     error
	}{
		"a function is missing": {
			func(s *Settings) { s.Functions = functions(t, Copy, Expire) },
			`build the functions for this machine with "make build-local"`, fs.ErrNotExist,
		},
		"a function is not executable": {
			func(s *Settings) {
				s.Functions = t.TempDir()
				if err := os.MkdirAll(filepath.Join(s.Functions, Copy), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(s.Functions, Copy, "bootstrap"), nil, 0o644); err != nil {
					t.Fatal(err)
				}
			},
			`bootstrap is not an executable file: build it again with "make build-local"`, ErrNoProgram,
		},
		"there are no policies": {
			func(s *Settings) { s.Policies = t.TempDir() },
			"package the policies: there is no .json file in", nil,
		},
		"no target": {
			func(s *Settings) { s.TargetRegions = nil },
			"no source or no target Region given", nil,
		},
		"an address for everyone": {
			func(s *Settings) { s.Listen = "0.0.0.0:0" },
			"0.0.0.0 is open to others", ErrAddress,
		},
	} {
		t.Run(name, func(t *testing.T) {
			settings := Settings{
				World: sim.New(sim.Options{}), Clock: sim.WallClock{},
				SourceRegions: []string{"us-east-1"}, TargetRegions: []string{"sa-east-1"},
				Functions: functions(t, Copy, Reconcile, Expire), Policies: policies(t, "a.json"),
			}
			test.change(&settings)
			_, err := Start(t.Context(), settings)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("got %v, want %v", err, test.is)
			}
		})
	}
}

func TestInvokeAlone(t *testing.T) {
	settings := Settings{
		World: sim.New(sim.Options{}), Clock: sim.WallClock{},
		SourceRegions: []string{"us-east-1"}, TargetRegions: []string{"sa-east-1"},
		Functions: functions(t, Reconcile), // no other is needed
		Policies:  policies(t, "a.json"),
	}
	got, err := InvokeAlone(t.Context(), settings, Reconcile, []byte(`"hello"`))
	if err != nil || string(got) != `"hello"` {
		t.Errorf("got %s, %v", got, err)
	}
	if _, err := InvokeAt(t.Context(), settings, "http://127.0.0.1:1", "repair", nil); err == nil || !strings.Contains(err.Error(), `find function "repair"`) {
		t.Errorf("an unknown function: got %v", err)
	}
}

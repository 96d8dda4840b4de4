package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"snapferry/infra/blueprint"
	"snapferry/internal/cloud"
	"snapferry/internal/local"
)

// TestLanesAgree: the functions use as many lanes as there are queues, wherever
// nobody says a number: in the cloud, on this machine, and in README. None of
// the packages may import the others; template.yaml is held to the deployment by
// a test of infra/stacks.
func TestLanesAgree(t *testing.T) {
	settings, problems := blueprint.LoadSettings(filepath.Join("..", "..", "infra", "golden", "guide", "settings.json"), blueprint.Overrides{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for what, got := range map[string]int{"a deployment": settings.Lanes, "internal/local": local.Lanes} {
		if got != cloud.DefaultLanes {
			t.Errorf("%s makes %d lanes per target Region, and internal/cloud uses %d", what, got, cloud.DefaultLanes)
		}
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("| how many lanes each target Region has, 1 to 64; default %d, or 1 ", cloud.DefaultLanes); !strings.Contains(string(readme), want) {
		t.Errorf("README.md does not say %q", want)
	}
}

package internal

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const dependencies = "docs/dependencies.md"

// pin matches tools where they are pinned, as pip, npx and go run name them.
var pin = regexp.MustCompile(`([\w./-]+)(?:\[\w+\])?(?:==|@)(v?\d[\w.-]*)`)

// TestDependencies: the tables of dependencies are those that are used.
func TestDependencies(t *testing.T) {
	want := map[string]string{}
	cmd := exec.Command("go", "mod", "edit", "-json")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go mod edit: %v", err)
	}
	var mod struct {
		Require []struct {
			Path, Version string
			Indirect      bool
		}
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	for _, r := range mod.Require {
		if !r.Indirect {
			want[r.Path] = r.Version
		}
	}
	modules := len(want)
	// Tools are named where they run, and in commands that people copy.
	tools := map[string]string{}
	for _, file := range []string{"Makefile", ".ci/run"} {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		tools[file] = string(text)
	}
	for file, text := range documents(t) {
		if file != "CHANGELOG.md" && file != dependencies {
			tools[file] = text
		}
	}
	for file, text := range tools {
		for _, match := range pin.FindAllStringSubmatch(text, -1) {
			name, version := match[1], match[2]
			if before, known := want[name]; known && before != version {
				t.Errorf("%s has %s at %s, elsewhere it is at %s", file, name, version, before)
			}
			want[name] = version
		}
	}
	if modules < 10 || len(want) < modules+8 {
		t.Fatalf("found are %d modules and %d tools: %v", modules, len(want)-modules, want)
	}

	text, err := os.ReadFile(filepath.Join(root, dependencies))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		name, isRow := strings.CutPrefix(strings.TrimSpace(cells[0]), "`")
		if !strings.HasPrefix(line, "| `") || !isRow {
			continue
		}
		name = strings.TrimSuffix(name, "`")
		got[name] = true
		if version := strings.TrimSpace(cells[1]); version != want[name] {
			t.Errorf("%s has %s at %s, used is %q", dependencies, name, version, want[name])
		}
		for i, cell := range cells[2:] {
			if strings.TrimSpace(cell) == "" {
				t.Errorf("%s: %s has an empty cell", dependencies, name)
			}
			if dates := len(cells) - 4; i < dates { // the last two are sentences
				if _, err := time.Parse(time.DateOnly, strings.TrimSpace(cell)); err != nil {
					t.Errorf("%s: %s: %v", dependencies, name, err)
				}
			}
		}
	}
	for name, version := range want {
		if !got[name] {
			t.Errorf("%s has no row for %s %s", dependencies, name, version)
		}
	}
}

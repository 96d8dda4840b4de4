package stacks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestGolden holds the templates against those that people have looked at.
func TestGolden(t *testing.T) {
	for name, d := range deployments {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(goldens, name)
			if *update {
				rewrite(t, dir, d.files)
			}
			want := make(map[string]string)
			for _, which := range []string{"target", "source", "guard"} {
				files, err := filepath.Glob(filepath.Join(dir, which, "*"))
				if err != nil {
					t.Fatal(err)
				}
				for _, file := range files {
					want[which+"/"+filepath.Base(file)] = read(t, file)
				}
			}
			if diff := cmp.Diff(want, d.files); diff != "" {
				t.Errorf("the templates differ (-golden +synthesized); if they should, go test ./infra/stacks -update:\n%s", diff)
			}
		})
	}
}

func rewrite(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for _, which := range []string{"target", "source", "guard"} {
		if err := os.RemoveAll(filepath.Join(dir, which)); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestSynthAgain: the same blueprint gives the same bytes, all files included
// that a deployment reads.
func TestSynthAgain(t *testing.T) {
	d := deployments["organization"]
	synthesized := func() map[string]string {
		dir := t.TempDir()
		if err := Target(d.blueprint, d.dist, filepath.Join(dir, "target")); err != nil {
			t.Fatal(err)
		}
		if err := Source(d.blueprint, filepath.Join(dir, "source")); err != nil {
			t.Fatal(err)
		}
		if err := Guard(d.blueprint, filepath.Join(dir, "guard")); err != nil {
			t.Fatal(err)
		}
		files := make(map[string]string)
		for _, which := range []string{"target", "source", "guard"} {
			matches, err := filepath.Glob(filepath.Join(dir, which, "*.json"))
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range matches {
				files[which+"/"+filepath.Base(file)] = read(t, file)
			}
		}
		return files
	}
	first := synthesized()
	if want := len(d.files) + 2; len(first) <= want { // the manifests, and lists of assets
		t.Errorf("%d files were written, want more than %d", len(first), want)
	}
	if diff := cmp.Diff(first, synthesized()); diff != "" {
		t.Errorf("a second synthesis differs:\n%s", diff)
	}
}

// TestOffline: all that is synthesized here is synthesized without the network,
// which the CDK's own program could not reach.
func TestOffline(t *testing.T) {
	if programs := read(t, offlinePrograms); !strings.Contains(programs, "program.js") {
		t.Errorf("cut off from the network were %q, and the CDK's kernel was not", programs)
	}
}

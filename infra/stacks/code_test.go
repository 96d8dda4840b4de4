package stacks

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"snapferry/infra/blueprint"
	"snapferry/infra/stacks/standin"
	"snapferry/internal/policy"
)

// TestCheckCode: what is deployed is what the permissions were made for.
func TestCheckCode(t *testing.T) {
	files := map[string][]byte{"a.json": []byte(`{}`)}
	function := blueprint.Function{Name: "copy", Environment: map[string]string{"POLICY_HASH": policy.Hash(files)}}
	others := maps.Clone(files)
	others["b.json"] = []byte(`{}`)
	for name, test := range map[string]struct {
		built    string // for which architecture; "" is not at all
		policies map[string][]byte
		want     string // in the error; "" is none
	}{
		"as it should be":     {"arm64", files, ""},
		"not built":           {"", files, "no such file or directory: run make build ARCH=arm64"},
		"for another machine": {"x86_64", files, "is for EM_X86_64 and the settings say arm64: build it with ARCH=arm64"},
		"with other policies": {"arm64", others, "those to deploy " + policy.Hash(files) + ": run make build ARCH=arm64"},
		"without policies":    {"arm64", nil, "run make build ARCH=arm64"},
	} {
		t.Run(name, func(t *testing.T) {
			dist := t.TempDir()
			if test.built != "" {
				if err := standin.Write(filepath.Join(dist, "copy"), machines[test.built].machine, test.policies); err != nil {
					t.Fatal(err)
				}
			}
			err := checkCode(function, dist, "arm64")
			if test.want == "" && err != nil {
				t.Errorf("checkCode: %v", err)
			}
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("checkCode: %v, want %q", err, test.want)
			}
		})
	}
}

// TestTargetWantsCode: nothing is written for code that does not fit.
func TestTargetWantsCode(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	if err := Target(deployments["guide"].blueprint, t.TempDir(), out); err == nil {
		t.Error("Target: no error without any code")
	}
	if _, err := os.Stat(out); err == nil {
		t.Errorf("Target wrote %s for code that is not there", out)
	}
}

package main

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snapferry/infra/stacks/standin"
	"snapferry/internal/policy"
)

// TestAllOrNothing: what was synthesized before stays whole when the settings, or
// what is built, do not fit, and that is said.
func TestAllOrNothing(t *testing.T) {
	for name, fault := range map[string]func(env map[string]string){
		"bad settings": func(env map[string]string) { env["SETTINGS"] = "golden" },
		"no code":      func(map[string]string) {},
	} {
		for _, before := range []bool{true, false} {
			env := guide(t)
			fault(env)
			old := filepath.Join(env["CDK_OUTDIR"], "old")
			want := env["CDK_OUTDIR"] + " is not written\n"
			if before {
				want = env["CDK_OUTDIR"] + " is as it was: it does not have these settings and policies\n"
				if err := os.MkdirAll(old, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if code, _, stderr := start([]string{"all"}, env); code != 1 || !strings.HasSuffix(stderr, want) {
				t.Errorf("%s: exit %d, stderr %q: want it to end with %q", name, code, stderr, want)
			}
			if _, err := os.Stat(old); (err == nil) != before {
				t.Errorf("%s: the old assembly: %v", name, err)
			}
			left, err := os.ReadDir(filepath.Dir(env["CDK_OUTDIR"]))
			if err != nil || len(left) > 1 || len(left) == 1 && !before {
				t.Errorf("%s: left behind is %v, %v", name, left, err)
			}
		}
	}
}

// TestSaysWhatItDoes runs the program as `make synth` does, several times since the
// CDK's library has had lines that came only sometimes: stderr has what is done and
// nothing else, and stdout what there is.
func TestSaysWhatItDoes(t *testing.T) {
	program := filepath.Join(t.TempDir(), "infra")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	env := guide(t)
	files, err := policy.ReadDir(env["POLICIES"])
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"copy", "reconcile", "expire"} {
		if err := standin.Write(filepath.Join(env["DIST"], name), elf.EM_AARCH64, files); err != nil {
			t.Fatal(err)
		}
	}
	environment := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, silence) })
	for name, value := range env {
		environment = append(environment, name+"="+value)
	}
	node := regexp.MustCompile(`(?m)^Node\.js v20\.\S+ works, though it is no longer maintained: 24 is recommended\n`)
	for run := range 8 {
		var stdout, stderr strings.Builder
		cmd := exec.Command(program, "all")
		cmd.Env, cmd.Stdout, cmd.Stderr = environment, &stdout, &stderr
		if run > 0 { // the validation takes most of the time, and says the same each time
			cmd.Env = append(cmd.Env, "CDK_VALIDATION=false")
		}
		if err := cmd.Run(); err != nil {
			t.Fatalf("infra all: %v\n%s", err, stderr.String())
		}
		want := "warning: golden/guide/settings.json: $.alarmEmails: is empty, so that alarms reach nobody: " +
			"write an address, or subscribe to the topic snapferry-alarms yourself\n" +
			"synthesize the stacks of the target account\n" +
			"synthesize the stacks of the source accounts\n"
		if diff := cmp.Diff(want, node.ReplaceAllString(stderr.String(), "")); diff != "" {
			t.Errorf("stderr (-want +got):\n%s", diff)
		}
		if strings.Contains(stdout.String(), ".new.") {
			t.Errorf("stdout names what is gone:\n%s", stdout.String())
		}
		for _, line := range []string{
			`(?m)^snapferry-home +222222222222/us-east-1 +\d\d +\d\d\.\d kB$`,
			`(?m)^snapferry-source-111111111111-us-east-1 +111111111111/us-east-1 +\d +\d\.\d kB$`,
			`(?m)^5 stacks in \S+/out +1\d\d`,
		} {
			if !regexp.MustCompile(line).MatchString(stdout.String()) {
				t.Errorf("stdout has no %s:\n%s", line, stdout.String())
			}
		}
	}
	for _, file := range []string{"manifest.json", "source/manifest.json", "source/key-policy-111111111111-us-east-1.json"} {
		if _, err := os.Stat(filepath.Join(env["CDK_OUTDIR"], file)); err != nil {
			t.Error(err)
		}
	}
}

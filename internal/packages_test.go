// Package internal holds tests of the repository as a whole: who may import
// whom, and whether what documents name is there.
package internal

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const (
	module = "snapferry"
	sdk    = "github.com/aws/aws-sdk-go-v2"
	smithy = "github.com/aws/smithy-go"
	lambda = "github.com/aws/aws-lambda-go"
	cobra  = "github.com/spf13/cobra"
	pflag  = "github.com/spf13/pflag" // cobra's own flags
	yaml   = "go.yaml.in/yaml/v3"
	// The CDK, what its constructs are, and what runs it in Node.
	cdk        = "github.com/aws/aws-cdk-go/awscdk/v2"
	constructs = "github.com/aws/constructs-go/constructs/v10"
	jsii       = "github.com/aws/jsii-runtime-go"
)

// mayImport says for every package what it may import besides the standard
// library, in tests aside. A name stands for everything below it too.
var mayImport = map[string][]string{
	"internal":                 {},
	"internal/snapshot":        {},
	"internal/event":           {"internal/snapshot"},
	"internal/policy":          {"internal/snapshot"},
	"internal/plan":            {"internal/snapshot", "internal/policy"},
	"internal/reactor":         {"internal/event", "internal/snapshot", "internal/policy", "internal/plan"},
	"internal/cloud":           {"internal/reactor", "internal/plan", "internal/snapshot", sdk, smithy},
	"internal/sim":             {"internal/sim/iam"},
	"internal/cloudformation":  {"internal/sim", yaml},
	"internal/sim/iam":         {},
	"internal/local":           {"internal/cloudformation", "internal/event", "internal/sim"},
	"internal/proof":           {"internal", sdk},
	"internal/probe":           {sdk, smithy},
	"cmd/snapferry":            {"internal", "infra/blueprint", "infra/golden", cobra, pflag},
	"infra":                    {"infra/blueprint", "infra/stacks", "internal/policy", jsii},
	"infra/stacks":             {"infra/blueprint", "internal/policy", cdk, constructs},
	"infra/stacks/standin":     {},
	"infra/golden":             {"internal/cloudformation"},
	"infra/blueprint":          {"internal/policy", "internal/event", "internal/snapshot"},
	"functions/internal/start": {"internal/cloud", "internal/policy", "internal/reactor", "internal/snapshot", lambda},
	"functions/copy":           {"functions/internal/start", "internal/reactor", lambda},
	"functions/reconcile":      {"functions/internal/start", "internal/reactor", lambda},
	"functions/expire":         {"functions/internal/start", "internal/reactor", lambda},
}

// pure packages decide and read; time, logs and processes are other people's
// business. policy may read files, because Load does.
var pure = map[string][]string{
	"internal/snapshot": {"context", "log", "log/slog", "os", "net", "net/http"},
	"internal/event":    {"context", "log", "log/slog", "os", "net", "net/http"},
	"internal/policy":   {"context", "log", "log/slog", "net", "net/http", "time"},
	"internal/plan":     {"context", "log", "log/slog", "os", "net", "net/http"},
	"infra/blueprint":   {"context", "log", "log/slog", "os", "net", "net/http"},
}

func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		name := strings.TrimPrefix(fields[0], module+"/")
		if strings.Contains(name, "/testdata/") {
			continue
		}
		seen[name] = true
		allowed, listed := mayImport[name]
		if !listed {
			t.Errorf("%s is in no row of the table: say what it may import", name)
			continue
		}
		for _, imported := range fields[1:] {
			if slices.Contains(pure[name], imported) {
				t.Errorf("%s is pure and imports %s", name, imported)
			}
			if first, _, _ := strings.Cut(imported, "/"); first != module && !strings.Contains(first, ".") {
				continue // the standard library
			}
			within := func(prefix string) bool {
				path := strings.TrimPrefix(imported, module+"/")
				return path == prefix || strings.HasPrefix(path, prefix+"/")
			}
			if !slices.ContainsFunc(allowed, within) {
				t.Errorf("%s imports %s; it may import %s", name, imported, strings.Join(allowed, ", "))
			}
		}
	}
	for name := range mayImport {
		if !seen[name] {
			t.Errorf("the table has a row for %s, which does not exist", name)
		}
	}
}

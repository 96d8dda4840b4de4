package proof

import (
	"cmp"
	"encoding/json"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"snapferry/infra/golden"
	"snapferry/internal/cloudformation"
)

// goldenCase is one of the deployments in infra/golden: the templates of its
// target account, and its policies.
type goldenCase struct {
	folder   fs.FS
	stacks   []cloudformation.Stack
	policies map[string][]byte // by file name
}

// goldenOf reads a case.
func goldenOf(t testing.TB, name string) goldenCase {
	t.Helper()
	folder, err := fs.Sub(golden.Cases, name)
	if err != nil {
		t.Fatal(err)
	}
	var settings struct{ Account, HomeRegion string }
	if err := json.Unmarshal(readFile(t, folder, "settings.json"), &settings); err != nil {
		t.Fatal(err)
	}
	c := goldenCase{folder: folder, policies: map[string][]byte{}}
	for _, file := range glob(t, folder, "policies/*.json") {
		c.policies[path.Base(file)] = readFile(t, folder, file)
	}
	for _, file := range glob(t, folder, "target/*.template.json") {
		stack := strings.TrimSuffix(path.Base(file), ".template.json")
		region := settings.HomeRegion
		for _, kind := range []string{"snapferry-forwarder-", "snapferry-key-"} {
			if in, found := strings.CutPrefix(stack, kind); found {
				region = in
			}
		}
		c.stacks = append(c.stacks, cloudformation.Stack{Name: stack, Account: settings.Account, Region: region, File: file})
	}
	// Forwarders send to what the home stack has: it comes first.
	slices.SortStableFunc(c.stacks, func(a, b cloudformation.Stack) int {
		return cmp.Compare(strings.Index(b.Name, "home"), strings.Index(a.Name, "home"))
	})
	return c
}

// templates are the case's, those aside that are given in their place, by file.
func (c goldenCase) templates(t testing.TB, instead fstest.MapFS) *cloudformation.Assembly {
	t.Helper()
	files := fstest.MapFS{}
	for _, s := range c.stacks {
		files[s.File] = &fstest.MapFile{Data: readFile(t, c.folder, s.File)}
		if other, given := instead[s.File]; given {
			files[s.File] = other
		}
	}
	assembly, err := cloudformation.Read(files, c.stacks...)
	if err != nil {
		t.Fatal(err)
	}
	return assembly
}

func glob(t testing.TB, folder fs.FS, pattern string) []string {
	t.Helper()
	files, err := fs.Glob(folder, pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(files), err)
	}
	return files
}

func readFile(t testing.TB, folder fs.FS, name string) []byte {
	t.Helper()
	data, err := fs.ReadFile(folder, name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

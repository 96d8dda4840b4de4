// Package golden holds deployments that people have looked at: for each a folder
// with its settings and policies, and the templates that infra makes of them. A
// folder with settings.json and policies/ is all that a new one takes; then
// `go test ./infra/stacks -update` writes its templates. A function's code, which
// differs with every build, is asset.zip in all of them. What the demo and the
// storms of internal/proof deploy into the simulated AWS is here.
package golden

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"snapferry/internal/cloudformation"
)

// Cases has a folder for each case: settings.json, policies/*.json, and the
// templates of the target account and of the source accounts in target/ and
// source/, in files STACK.template.json.
//
//go:embed */settings.json */policies */target */source
var Cases embed.FS

// Target reads the templates of a case's target account.
func Target(name string) (*cloudformation.Assembly, error) {
	data, err := Cases.ReadFile(path.Join(name, "settings.json"))
	if err != nil {
		return nil, fmt.Errorf("open golden case %s: %w", name, err)
	}
	var settings struct{ Account, HomeRegion, NamePrefix string }
	if err := json.Unmarshal(data, &settings); err != nil {
		return nil, fmt.Errorf("open golden case %s: %w", name, err)
	}
	folder, err := fs.Sub(Cases, path.Join(name, "target"))
	if err != nil {
		return nil, fmt.Errorf("open golden case %s: %w", name, err)
	}
	files, err := fs.Glob(folder, "*.template.json")
	if err != nil {
		return nil, fmt.Errorf("open golden case %s: %w", name, err)
	}
	home := settings.NamePrefix + "snapferry-home"
	var stacks []cloudformation.Stack
	for _, file := range files {
		stack := cloudformation.Stack{Name: strings.TrimSuffix(file, ".template.json"), Account: settings.Account, Region: settings.HomeRegion, File: file}
		if stack.Name != home {
			// snapferry-forwarder-eu-west-2, snapferry-key-eu-west-2
			stack.Region = strings.SplitN(strings.TrimPrefix(stack.Name, settings.NamePrefix), "-", 3)[2]
		}
		stacks = append(stacks, stack)
	}
	// The bus is there before what is forwarded to it.
	slices.SortStableFunc(stacks, func(a, b cloudformation.Stack) int {
		switch {
		case a.Name == home:
			return -1
		case b.Name == home:
			return 1
		}
		return 0
	})
	return cloudformation.Read(folder, stacks...)
}

// Policies are the policy documents of a case, by file name.
func Policies(name string) (map[string][]byte, error) {
	folder := path.Join(name, "policies")
	entries, err := Cases.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("open golden case %s: %w", name, err)
	}
	files := map[string][]byte{}
	for _, entry := range entries {
		data, err := Cases.ReadFile(path.Join(folder, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("open golden case %s: %w", name, err)
		}
		files[entry.Name()] = data
	}
	return files, nil
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
)

// printStacks says in a table what is in the assemblies of the folder out.
func printStacks(w io.Writer, out string) error {
	var all []synthesized
	for _, a := range assemblies {
		folder := filepath.Join(out, a.folder)
		if _, err := os.Stat(folder); os.IsNotExist(err) {
			continue // no guard
		}
		found, err := readStacks(folder)
		if err != nil {
			return fmt.Errorf("read what was synthesized: %w", err)
		}
		all = append(all, found...)
	}
	resources := 0
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "stack\taccount/Region\tresources\ttemplate")
	for _, s := range all {
		resources += s.resources
		fmt.Fprintf(table, "%s\t%s\t%9d\t%5.1f kB\n", s.name, s.environment, s.resources, float64(s.size)/1000)
	}
	fmt.Fprintf(table, "%d stacks in %s\t\t%9d\t\n", len(all), out, resources)
	return table.Flush()
}

// A synthesized stack.
type synthesized struct {
	name, environment string
	resources, size   int
}

// readStacks reads an assembly's stacks, in the order of their names.
func readStacks(dir string) ([]synthesized, error) {
	var manifest struct {
		Artifacts map[string]struct {
			Type, Environment string
			Properties        struct{ TemplateFile string }
		}
	}
	if err := decode(filepath.Join(dir, "manifest.json"), &manifest); err != nil {
		return nil, err
	}
	var all []synthesized
	for name, artifact := range manifest.Artifacts {
		if artifact.Type != "aws:cloudformation:stack" {
			continue
		}
		file := filepath.Join(dir, artifact.Properties.TemplateFile)
		info, err := os.Stat(file)
		if err != nil {
			return nil, err
		}
		var template struct{ Resources map[string]json.RawMessage }
		if err := decode(file, &template); err != nil {
			return nil, err
		}
		environment := strings.Replace(strings.TrimPrefix(artifact.Environment, "aws://"), "unknown-account", "any", 1)
		all = append(all, synthesized{name, environment, len(template.Resources), int(info.Size())})
	}
	slices.SortFunc(all, func(a, b synthesized) int { return strings.Compare(a.name, b.name) })
	return all, nil
}

func decode(file string, into any) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

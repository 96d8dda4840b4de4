package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"snapferry/infra/blueprint"
	"snapferry/infra/stacks"
)

// sources synthesizes the stacks of the source accounts, and beside them writes
// what people have to add to the policies of keys, which are not snapferry's.
func sources(b blueprint.Blueprint, out string, stdout io.Writer) error {
	if err := stacks.Source(b, out); err != nil {
		return err
	}
	for _, s := range b.Sources {
		if len(s.KeyStatements) == 0 {
			continue
		}
		data, err := json.MarshalIndent(blueprint.Document(s.KeyStatements...), "", "  ")
		if err != nil {
			return fmt.Errorf("write the statements for keys: %w", err)
		}
		file := filepath.Join(out, fmt.Sprintf("key-policy-%s-%s.json", s.Account, s.Region))
		if err := os.WriteFile(file, append(data, '\n'), 0o644); err != nil {
			return fmt.Errorf("write the statements for keys: %w", err)
		}
		fmt.Fprintf(stdout, "%s: add these statements to the policy of the key that the volumes of %s in %s are encrypted under\n", file, s.Account, s.Region)
	}
	return nil
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"snapferry/infra/blueprint"
	"snapferry/infra/stacks"
)

// sources synthesizes the stacks of the source accounts, and beside them writes
// what people have to add to the policies of keys, which are not snapferry's. The
// folder out is to become named.
func sources(b blueprint.Blueprint, out, named string, stdout io.Writer) error {
	if err := stacks.Source(b, out); err != nil {
		return err
	}
	for _, account := range b.Settings.Sources {
		for _, key := range account.Keys {
			region := strings.Split(key, ":")[3]
			name := fmt.Sprintf("key-policy-%s-%s.json", account.Account, region)
			data, err := keyPolicy(b, account.Account, region)
			if err == nil {
				err = os.WriteFile(filepath.Join(out, name), data, 0o644)
			}
			if err != nil {
				return fmt.Errorf("write the statements for the policy of %s: %w", key, err)
			}
			fmt.Fprintf(stdout, "%s: the statements to add to the policy of %s\n", filepath.Join(named, name), key)
		}
	}
	return nil
}

// keyPolicy is what the policies of an account's keys in a Region need besides,
// as JSON.
func keyPolicy(b blueprint.Blueprint, account, region string) ([]byte, error) {
	var statements []blueprint.Statement
	for _, s := range b.Sources {
		if s.Account == account && s.Region == region {
			statements = s.KeyStatements
		}
	}
	if b.StackSet != nil {
		statements = b.StackSet.Source.KeyStatements
	}
	data, err := readable(statements)
	// What CloudFormation fills in for a StackSet, nobody does here.
	return []byte(strings.NewReplacer("${AWS::AccountId}", account, "${AWS::Region}", region).Replace(string(data))), err
}

// readable are statements as JSON for people.
func readable(statements []blueprint.Statement) ([]byte, error) {
	data, err := json.MarshalIndent(blueprint.Document(statements...), "", "  ")
	return append(data, '\n'), err
}

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"snapferry/infra/blueprint"
	"snapferry/infra/stacks"
)

// target synthesizes the stacks of the target account, and beside them writes what
// people have to add to the policies of the keys in encryptionKeys, which are not
// snapferry's. The folder out is to become named.
func target(b blueprint.Blueprint, dist, out, named string, stdout io.Writer) error {
	if err := stacks.Target(b, dist, out); err != nil {
		return err
	}
	return writeEncryptionStatements(b, out, named, stdout)
}

func writeEncryptionStatements(b blueprint.Blueprint, out, named string, stdout io.Writer) error {
	for _, key := range b.EncryptionKeys {
		name := "encryption-key-policy-" + key.Region + ".json"
		data, err := readable(key.Statements)
		if err == nil {
			err = os.WriteFile(filepath.Join(out, name), data, 0o644)
		}
		if err != nil {
			return fmt.Errorf("write the statements for the policy of %s: %w", key.ARN, err)
		}
		fmt.Fprintf(stdout, "%s: the statements to add to the policy of %s before you deploy\n", filepath.Join(named, name), key.ARN)
	}
	return nil
}

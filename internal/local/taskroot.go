package local

import (
	"fmt"
	"os"
	"path/filepath"
)

// makeTaskRoot makes a temporary directory as Lambda unpacks a function's zip:
// with policies/, copied from a directory of documents or from one document.
func makeTaskRoot(policies string) (root string, err error) {
	if root, err = os.MkdirTemp("", "snapferry-"); err != nil {
		return "", fmt.Errorf("make its task root: %w", err)
	}
	if policies != "" {
		if err := copyPolicies(policies, filepath.Join(root, "policies")); err != nil {
			os.RemoveAll(root)
			return "", fmt.Errorf("package the policies: %w", err)
		}
	}
	return root, nil
}

func copyPolicies(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	documents := []string{from}
	if info.IsDir() {
		if documents, err = documentsIn(from); err != nil {
			return err
		}
	}
	if len(documents) == 0 {
		return fmt.Errorf("there is no .json file in %s", from)
	}
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	for _, document := range documents {
		data, err := os.ReadFile(document)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(document)), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// documentsIn is the policy documents of a directory.
func documentsIn(directory string) ([]string, error) {
	entries, err := os.ReadDir(directory)
	if err != nil {
		return nil, err
	}
	var documents []string
	for _, entry := range entries {
		if !entry.IsDir() && filepath.Ext(entry.Name()) == ".json" {
			documents = append(documents, filepath.Join(directory, entry.Name()))
		}
	}
	return documents, nil
}

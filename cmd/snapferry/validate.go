package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"snapferry/internal/policy"
)

func newValidate() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "validate PATH...",
		Short: "Check policy documents and say what they will do",
		Long: `Check policy documents: files, or directories with .json files. "-" reads one
document from standard input.

Every problem is one line "file: path: problem" on stdout, all of them at once,
and the exit code is 1. If there is none, each policy is described in one line.
Of a single directory the hash is told too: a function with it in POLICY_HASH
starts only with just these documents. Warnings are about what is valid and
perhaps not meant.`,
		Example: `  snapferry validate policies
  aws dlm get-lifecycle-policy --policy-id ID | snapferry validate -
  snapferry validate --json policies/example.json`,
		Args: func(_ *cobra.Command, paths []string) error {
			if len(paths) == 0 {
				return usage("which policies? name files or directories, or - for standard input")
			}
			return nil
		},
		RunE: func(c *cobra.Command, paths []string) error {
			checked, err := validate(c.Context(), paths, c.InOrStdin())
			if err != nil {
				return err
			}
			if asJSON {
				err = writeJSON(c.OutOrStdout(), checked.json())
			} else {
				checked.print(c.OutOrStdout(), c.ErrOrStderr())
			}
			if n := len(checked.problems); err == nil && n > 0 {
				err = no(fmt.Errorf("%s in %s: nothing would be deployed", count(n, "problem"), listed(paths)))
			}
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, for machines")
	return c
}

// validated is what there is to say about documents.
type validated struct {
	policies []policy.Policy
	problems []policy.Problem
	warnings []string
	hash     string // for POLICY_HASH; "" unless one valid directory was asked about
}

// validate checks the documents in paths.
func validate(ctx context.Context, paths []string, stdin io.Reader) (validated, error) {
	var checked validated
	var err error
	checked.policies, checked.problems, err = loadPolicies(ctx, paths, stdin)
	if err != nil {
		return checked, err
	}
	for _, path := range paths {
		checked.warnings = append(checked.warnings, passedOver(path)...)
	}
	for _, p := range checked.policies {
		if p.Filter.Literal() {
			checked.warnings = append(checked.warnings, fmt.Sprintf(
				"%s: DescriptionRegex %q matches only that very description: write %q if it may be a part of one",
				p.Name, p.Filter, ".*"+p.Filter.String()+".*"))
		}
	}
	if len(checked.problems) == 0 && len(paths) == 1 && isDirectory(paths[0]) {
		files, err := policy.ReadDir(paths[0])
		if err != nil {
			return checked, err
		}
		checked.hash = policy.Hash(files)
	}
	return checked, nil
}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// passedOver tells of the YAML files in a directory, which may have been meant
// as policies.
func passedOver(path string) []string {
	if !isDirectory(path) {
		return nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil // policy.Load says so
	}
	var warnings []string
	for _, entry := range entries {
		if extension := strings.ToLower(filepath.Ext(entry.Name())); extension == ".yaml" || extension == ".yml" {
			warnings = append(warnings, fmt.Sprintf("%s is passed over: policies are .json files", filepath.Join(path, entry.Name())))
		}
	}
	return warnings
}

// stdinName is the file that standard input stands for: a document's name is
// its policy's name, and must end in .json.
const stdinName = "stdin.json"

// loadPolicies is policy.Load that knows "-".
func loadPolicies(ctx context.Context, paths []string, stdin io.Reader) ([]policy.Policy, []policy.Problem, error) {
	files := slices.DeleteFunc(slices.Clone(paths), func(path string) bool { return path == "-" })
	policies, problems := policy.Load(files...)
	if len(files) == len(paths) {
		return policies, problems, nil
	}
	data, err := interruptible(ctx, func() ([]byte, error) { return io.ReadAll(stdin) })
	if err != nil {
		return nil, nil, fmt.Errorf("read standard input: %w", err)
	}
	p, wrong := policy.Parse(stdinName, data)
	if problems = append(problems, wrong...); len(problems) > 0 {
		return nil, problems, nil
	}
	return append(policies, p), nil, nil
}

// interruptible reads what may keep us waiting for ever, such as a pipe: when ctx
// ends, the reader is left behind.
func interruptible(ctx context.Context, reader func() ([]byte, error)) ([]byte, error) {
	type result struct {
		data []byte
		err  error
	}
	read := make(chan result, 1)
	go func() {
		data, err := reader()
		read <- result{data, err}
	}()
	select {
	case done := <-read:
		return done.data, done.err
	case <-ctx.Done():
		return nil, no(errors.New("interrupted"))
	}
}

func (checked validated) print(stdout, stderr io.Writer) {
	for _, p := range checked.problems {
		fmt.Fprintln(stdout, p)
	}
	if len(checked.problems) == 0 {
		for _, p := range checked.policies {
			fmt.Fprintln(stdout, describe(p))
		}
	}
	for _, w := range checked.warnings {
		fmt.Fprintln(stderr, "warning:", w)
	}
	if checked.hash != "" {
		fmt.Fprintf(stderr, "POLICY_HASH=%s\n", checked.hash)
	}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

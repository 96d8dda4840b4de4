package main

import (
	"fmt"
	"io"
	"slices"

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
and the exit code is 1. If there is none, each policy is described in one line.`,
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
			policies, problems, err := loadPolicies(paths, c.InOrStdin())
			if err != nil {
				return err
			}
			if asJSON {
				err = writeJSON(c.OutOrStdout(), validation(policies, problems))
			} else {
				printValidation(c.OutOrStdout(), policies, problems)
			}
			if err == nil && len(problems) > 0 {
				err = no(fmt.Errorf("%s in %s: nothing would be deployed", count(len(problems), "problem"), listed(paths)))
			}
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, for machines")
	return c
}

// stdinName is the file that standard input stands for: a document's name is
// its policy's name, and must end in .json.
const stdinName = "stdin.json"

// loadPolicies is policy.Load that knows "-".
func loadPolicies(paths []string, stdin io.Reader) ([]policy.Policy, []policy.Problem, error) {
	files := slices.DeleteFunc(slices.Clone(paths), func(path string) bool { return path == "-" })
	policies, problems := policy.Load(files...)
	if len(files) == len(paths) {
		return policies, problems, nil
	}
	data, err := io.ReadAll(stdin)
	if err != nil {
		return nil, nil, fmt.Errorf("read standard input: %w", err)
	}
	p, wrong := policy.Parse(stdinName, data)
	if problems = append(problems, wrong...); len(problems) > 0 {
		return nil, problems, nil
	}
	return append(policies, p), nil, nil
}

func printValidation(w io.Writer, policies []policy.Policy, problems []policy.Problem) {
	for _, p := range problems {
		fmt.Fprintln(w, p)
	}
	if len(problems) == 0 {
		for _, p := range policies {
			fmt.Fprintln(w, describe(p))
		}
	}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

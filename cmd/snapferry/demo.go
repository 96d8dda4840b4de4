package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newDemo() *cobra.Command {
	var functions string
	var logs, asJSON bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "See the whole story, once, in under a minute",
		Long: `See the whole story, once, in under a minute: two accounts share snapshots with a
target account, snapferry copies them into two Regions and, as days pass on the
simulated clock, deletes the copies. The functions are the real binaries, each
under its own role; queues, rules and roles are those of CloudFormation templates
that the CDK synthesized; the AWS around them is simulated.

At the end the demo compares what EC2 shows with what it expected. If anything
is not as it should be the exit code is 1.`,
		Example: `  make build-local
  snapferry demo`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			stdout, stderr := c.OutOrStdout(), c.ErrOrStderr()
			told := stdout
			if asJSON {
				told = stderr
			}
			d, err := newStory(c.Context(), told, stderr, !logs, functionsDirectory(functions))
			if err != nil {
				return deploying(err)
			}
			defer d.close()
			if err := d.play(); err != nil {
				return err
			}
			report := d.report()
			if asJSON {
				err = writeJSON(stdout, report)
			} else {
				report.print(stdout)
			}
			if failed := report.failed(); err == nil && failed > 0 {
				err = no(fmt.Errorf("%s not as expected", count(failed, "thing")))
			}
			return err
		},
	}
	c.Flags().BoolVar(&logs, "log", false, "print the functions' logs on stderr")
	c.Flags().BoolVar(&asJSON, "json", false, "print only the final report, as JSON, on stdout; the timeline goes to stderr")
	functionFlags(c, &functions, nil)
	return c
}

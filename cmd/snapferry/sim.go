package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"snapferry/internal/cloudformation"
	"snapferry/internal/local"
	"snapferry/internal/sim"
)

const defaultListen = "127.0.0.1:4566"

func newSim() *cobra.Command {
	var flags worldFlags
	var listen string
	var logCalls bool
	c := &cobra.Command{
		Use:   "sim",
		Short: "Serve the simulated AWS",
		Long: `Serve the simulated AWS: EC2 (snapshots), KMS, SQS, EventBridge, CloudWatch Logs and
STS, and what deploying takes, CloudFormation, S3 and SSM, for every account and
Region, until interrupted.

The account that calls is its access key id, when that is 12 digits; signatures
are not checked. Therefore only loopback addresses are served. The first line on
stdout is the endpoint.`,
		Example: `  snapferry sim --listen 127.0.0.1:0 --copy-time 10s --log`,
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			stderr := c.ErrOrStderr()
			options, err := flags.options()
			if err != nil {
				return err
			}
			if logCalls {
				options.Log = callLog(stderr, options.Clock)
			}
			options.Templates = cloudformation.NewStacks
			endpoint, err := local.Serve(c.Context(), listen, sim.New(options))
			if err != nil {
				return deploying(err)
			}
			fmt.Fprintln(c.OutOrStdout(), endpoint.URL)
			fmt.Fprintf(stderr, `The simulated AWS is at %[1]s until you press Ctrl-C. To try it:
  export AWS_ENDPOINT_URL=%[1]s AWS_ACCESS_KEY_ID=111111111111 AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=us-east-1
  aws ec2 describe-snapshots --owner-ids self
`, endpoint.URL)
			<-c.Context().Done()
			endpoint.Close()
			ended(stderr)
			return nil
		},
	}
	c.Flags().StringVar(&listen, "listen", defaultListen, "serve at this loopback `HOST:PORT`; port 0 picks a free one")
	c.Flags().BoolVar(&logCalls, "log", false, "print each call on stderr")
	flags.bind(c.Flags())
	return c
}

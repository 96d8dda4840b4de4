package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"snapferry/internal/local"
	"snapferry/internal/policy"
	"snapferry/internal/sim"
)

type localFlags struct {
	worldFlags
	listen, functions, policies string
	sources                     []string
	slots                       int
	catchUp                     time.Duration
	reconcileEvery, expireEvery time.Duration
	logLevel                    string
	asJSON                      bool
}

func newLocal() *cobra.Command {
	var flags localFlags
	c := &cobra.Command{
		Use:   "local",
		Short: "Run everything on this machine, until interrupted",
		Long: `Run everything on this machine, until interrupted: the simulated AWS, and in it
snapferry as account 222222222222, with its three functions as real processes.
The KMS keys that the policies name exist there.

The first line on stdout is the endpoint. Then come commands to try with the aws
command line, and then what happens, as it does. The functions' logs go to stderr.

With --speed the simulated clock runs faster than the machine's, and with it the
queues' time-outs; the functions run at the machine's own speed.`,
		Example: `  make build-local
  snapferry local
  snapferry local --policies policies/example.json --speed 60 --expire-every 6h`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return flags.run(c) },
	}
	f := c.Flags()
	f.StringVar(&flags.listen, "listen", defaultListen, "serve the simulated AWS at this loopback `HOST:PORT`; port 0 picks a free one")
	functionFlags(c, &flags.functions, &flags.policies)
	f.StringSliceVar(&flags.sources, "source-regions", []string{homeRegion}, "the `REGIONS` in which snapshots are shared, separated by commas")
	f.IntVar(&flags.slots, "copy-slots", 20, "how many copies snapferry has pending per target Region")
	f.DurationVar(&flags.catchUp, "catch-up", 168*time.Hour, "how old a source reconcile still looks at")
	f.DurationVar(&flags.reconcileEvery, "reconcile-every", 15*time.Minute, "how often reconcile runs, on the simulated clock; 0 means never")
	f.DurationVar(&flags.expireEvery, "expire-every", time.Hour, "how often expire runs, on the simulated clock; 0 means never")
	f.StringVar(&flags.logLevel, "log-level", "info", "what the functions log: debug, info, warn or error")
	f.BoolVar(&flags.asJSON, "json", false, "print one JSON object per line, for machines")
	flags.bind(f)
	return c
}

// functionFlags are the flags of every command that runs the functions.
func functionFlags(c *cobra.Command, functions, policies *string) {
	c.Flags().StringVar(functions, "functions", "dist/local", "the functions, built for this machine: `DIR`/NAME/bootstrap")
	if policies != nil {
		c.Flags().StringVar(policies, "policies", "policies", "the policies: a directory, or one document, at `PATH`")
	}
}

func (flags *localFlags) run(c *cobra.Command) error {
	ctx, stdout, stderr := c.Context(), c.OutOrStdout(), c.ErrOrStderr()
	options, err := flags.options()
	if err != nil {
		return err
	}
	if len(flags.sources) == 0 {
		return usage("--source-regions: want at least one Region")
	}
	policies, err := validPolicies(flags.policies)
	if err != nil {
		return err
	}
	happened := &timeline{clock: options.Clock, w: stdout, asJSON: flags.asJSON}
	options.Log = happened.call
	world := sim.New(options)
	world.OnEvent(happened.event)
	if err := addKeys(world, policies); err != nil {
		return err
	}
	d, err := local.Start(ctx, local.Settings{
		World:          world,
		Clock:          options.Clock,
		Account:        targetAccount,
		Home:           homeRegion,
		SourceRegions:  flags.sources,
		TargetRegions:  targets(policies),
		Functions:      flags.functions,
		Policies:       flags.policies,
		CopySlots:      flags.slots,
		CatchUp:        flags.catchUp,
		LogLevel:       flags.logLevel,
		ReconcileEvery: flags.reconcileEvery,
		ExpireEvery:    flags.expireEvery,
		Listen:         flags.listen,
		Output:         stderr,
		Invoked:        happened.invoked,
	})
	if err != nil {
		return deploying(err)
	}
	defer d.Close()
	if !flags.asJSON {
		printLocalHelp(stdout, d.URL(), flags.sources[0], policies)
	}
	happened.note("snapferry is at work at %s; press Ctrl-C to end it", d.URL())
	<-ctx.Done()
	return nil
}

// printLocalHelp prints commands that can be pasted into a shell.
func printLocalHelp(w io.Writer, url, source string, policies []policy.Policy) {
	owner := "111111111111"
	if len(policies) > 0 && len(policies[0].Owners) > 0 {
		owner = policies[0].Owners[0]
	}
	fmt.Fprintln(w, url)
	for _, p := range policies {
		fmt.Fprintln(w, "#", describe(p))
	}
	fmt.Fprintf(w, `
# In another terminal: account %[2]s makes a snapshot and shares it.
export AWS_ENDPOINT_URL=%[1]s AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=%[3]s
export AWS_ACCESS_KEY_ID=%[2]s
volume=$(aws ec2 create-volume --availability-zone %[3]sa --size 8 --query VolumeId --output text)
snapshot=$(aws ec2 create-snapshot --volume-id $volume --description "nightly production" --query SnapshotId --output text)
aws ec2 wait snapshot-completed --snapshot-ids $snapshot
aws ec2 modify-snapshot-attribute --snapshot-id $snapshot --attribute createVolumePermission --operation-type add --user-ids %[4]s

# Then account %[4]s has the copies.
export AWS_ACCESS_KEY_ID=%[4]s
`, url, owner, source, targetAccount)
	for _, region := range targets(policies) {
		fmt.Fprintf(w, "aws ec2 describe-snapshots --owner-ids self --region %s --query 'Snapshots[].[SnapshotId,State,Encrypted,Tags]'\n", region)
	}
	fmt.Fprintln(w)
}

// addKeys makes the KMS keys that the policies name: whoever deploys for real
// has made them.
func addKeys(world *sim.World, policies []policy.Policy) error {
	for _, arn := range keys(policies) {
		if err := world.AddKey(arn); err != nil {
			return fmt.Errorf("make the policies' KMS keys: %w", err)
		}
	}
	return nil
}

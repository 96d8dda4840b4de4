package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"snapferry/internal/cloudformation"
	"snapferry/internal/local"
	"snapferry/internal/policy"
	"snapferry/internal/sim"
)

type localFlags struct {
	worldFlags
	listen, functions, policies string
	templates, boundary         string
	sources                     []string
	slots                       int
	catchUp                     time.Duration
	reconcileEvery, expireEvery time.Duration
	log                         bool
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
command line, and then what happens, as it does. With --log the functions' logs go
to stderr.

With --templates it deploys what CloudFormation templates say, as "cdk synth" writes
them: queues, rules and keys are theirs, and each function has their environment,
memory and time-out and may do only what its role may. They have to be made for
the same policies, or the functions do not start. Where roles have a permissions
boundary, --boundary is its document.

With --speed the simulated clock runs faster than the machine's, and with it the
queues' time-outs; the functions run at the machine's own speed.`,
		Example: `  make build-local
  snapferry local
  snapferry local --policies policies/example.json --speed 60 --expire-every 1h`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return flags.run(c) },
	}
	f := c.Flags()
	f.StringVar(&flags.listen, "listen", defaultListen, "serve the simulated AWS at this loopback `HOST:PORT`; port 0 picks a free one")
	functionFlags(c, &flags.functions, &flags.policies)
	f.StringVar(&flags.templates, "templates", "", "deploy the synthesized CloudFormation templates in `DIR`")
	f.StringVar(&flags.boundary, "boundary", "", "what the permissions boundary of the templates' roles lets through, a policy's document in `FILE`")
	f.StringSliceVar(&flags.sources, "source-regions", []string{homeRegion}, "the `REGIONS` in which snapshots are shared, separated by commas")
	f.IntVar(&flags.slots, "copy-slots", 20, "how many copies snapferry has pending per target Region")
	f.DurationVar(&flags.catchUp, "catch-up", 168*time.Hour, "how old a source reconcile still looks at")
	f.DurationVar(&flags.reconcileEvery, "reconcile-every", 15*time.Minute, "how often reconcile runs, on the simulated clock; 0 means never")
	f.DurationVar(&flags.expireEvery, "expire-every", 6*time.Hour, "how often expire runs, on the simulated clock; 0 means never")
	f.BoolVar(&flags.log, "log", false, "print the functions' logs on stderr")
	f.StringVar(&flags.logLevel, "log-level", "info", "what they log: debug, info, warn or error")
	f.BoolVar(&flags.asJSON, "json", false, "print one JSON object per line, for machines")
	flags.bind(f)
	return c
}

// decided are the flags whose values templates decide.
var decided = []string{"source-regions", "copy-slots", "catch-up", "reconcile-every", "expire-every"}

// check refuses the flags' values that can't be meant.
func (flags *localFlags) check(given func(flag string) bool) error {
	if at := slices.IndexFunc(decided, given); at >= 0 && flags.templates != "" {
		return usage("--%s: the templates say it: leave it out, or --templates", decided[at])
	}
	if flags.boundary != "" && flags.templates == "" {
		return usage("--boundary: without --templates nothing has roles: leave it out")
	}
	if len(flags.sources) == 0 {
		return usage("--source-regions: want at least one Region")
	}
	for _, region := range flags.sources {
		if fault := policy.RegionFault(region); fault != "" {
			return usage("--source-regions: %q %s", region, fault)
		}
	}
	switch {
	case flags.slots < 1:
		return usage("--copy-slots %d: want 1 or more", flags.slots)
	case flags.catchUp <= 0:
		return usage("--catch-up %v: want more than 0s, such as 168h", flags.catchUp)
	case flags.reconcileEvery < 0:
		return usage("--reconcile-every %v: want no less than 0s", flags.reconcileEvery)
	case flags.expireEvery < 0:
		return usage("--expire-every %v: want no less than 0s", flags.expireEvery)
	}
	return checkLogLevel(flags.logLevel)
}

// checkLogLevel refuses what the functions would.
func checkLogLevel(level string) error {
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, level) {
		return usage("--log-level %q: want debug, info, warn or error", level)
	}
	return nil
}

func (flags *localFlags) run(c *cobra.Command) error {
	ctx, stdout, stderr := c.Context(), c.OutOrStdout(), c.ErrOrStderr()
	if err := flags.check(c.Flags().Changed); err != nil {
		return err
	}
	options, err := flags.options()
	if err != nil {
		return err
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
	settings := local.Settings{
		World:     world,
		Clock:     options.Clock,
		Functions: functionsDirectory(flags.functions),
		Policies:  flags.policies,
		LogLevel:  flags.logLevel,
		Listen:    flags.listen,
		Output:    stderr,
		Quiet:     !flags.log,
		Invoked:   happened.invoked,
	}
	if flags.templates != "" {
		if settings.Templates, err = cloudformation.Open(os.DirFS(flags.templates)); err != nil {
			return no(err)
		}
		if flags.boundary != "" {
			document, err := os.ReadFile(flags.boundary)
			if err != nil {
				return no(fmt.Errorf("read the permissions boundary: %w", err))
			}
			settings.Templates.Boundary = string(document)
		}
		if !c.Flags().Changed("log-level") {
			settings.LogLevel = "" // the templates'
		}
	} else {
		settings.Account, settings.Home = targetAccount, homeRegion
		settings.SourceRegions, settings.TargetRegions = flags.sources, targets(policies)
		settings.CopySlots, settings.CatchUp = flags.slots, flags.catchUp
		settings.ReconcileEvery, settings.ExpireEvery = flags.reconcileEvery, flags.expireEvery
	}
	d, err := local.Start(ctx, settings)
	if err != nil {
		return deploying(err)
	}
	if !flags.asJSON {
		flags.printCommands(stdout, d, policies)
	}
	happened.note("snapferry is at work at %s; press Ctrl-C to end it", d.URL())
	<-ctx.Done()
	d.Close()
	ended(stderr)
	return nil
}

// ended is said when a world that was served has come to its end.
func ended(stderr io.Writer) { fmt.Fprintln(stderr, "ended; nothing is kept") }

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

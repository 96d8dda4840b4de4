package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"snapferry/infra/blueprint"
	"snapferry/internal/policy"
	"snapferry/internal/probe"
)

type testEventFlags struct {
	settings, policies string
	overrides          blueprint.Overrides
	wait               time.Duration
	asJSON             bool
}

func newTestEvent() *cobra.Command {
	var flags testEventFlags
	c := &cobra.Command{
		Use:   "test-event",
		Short: "See whether events get through a deployment",
		Long: `See whether events get through a deployment: for each rule on the default bus of a
Region it puts a test event there, which takes the way of EBS's events over the home
bus and the events queue into the copy function. That does nothing but write a line
into its log, for which test-event waits. Of an event that does not arrive it says
where it stopped, and what to do next. The exit code is 0 if all have arrived.

What is deployed, and where, is computed from the settings and the policies: they
must be those that were deployed.

Credentials and endpoint are the AWS SDK's own settings, such as AWS_PROFILE and
AWS_ENDPOINT_URL; the credentials must be the target account's. It takes
events:PutEvents on the default bus of each Region and logs:FilterLogEvents on the
copy function's log group, and to say where an event stopped events:DescribeRule,
sqs:GetQueueAttributes, and sqs:ReceiveMessage and DeleteMessage on the dead-letter
queues, out of which it takes its own test events. Where these are encrypted under a
key of yours, kms:Decrypt besides.`,
		Example: `  AWS_PROFILE=target snapferry test-event
  AWS_PROFILE=target make test-event SETTINGS=../ours/settings.json POLICIES=../ours/policies
  AWS_ENDPOINT_URL=http://127.0.0.1:4566 AWS_ACCESS_KEY_ID=222222222222 AWS_SECRET_ACCESS_KEY=any snapferry test-event`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return flags.run(c) },
	}
	f := c.Flags()
	f.StringVar(&flags.settings, "settings", "infra/settings.json", "what is deployed, and where: the settings in `FILE`")
	f.StringVar(&flags.policies, "policies", defaultPolicies, "the policies: a directory at `PATH`")
	f.StringVar(&flags.overrides.Account, "account", "", "the target `ACCOUNT`, instead of the settings'")
	f.StringVar(&flags.overrides.HomeRegion, "home-region", "", "the home `REGION`, instead of the settings'")
	f.DurationVar(&flags.wait, "wait", 2*time.Minute, "how long to wait for the events")
	f.BoolVar(&flags.asJSON, "json", false, "print JSON, for machines")
	return c
}

// lookEvery is how often the log is looked into: CloudWatch Logs allows five looks
// a second in an account.
const lookEvery = 2 * time.Second

func (flags *testEventFlags) run(c *cobra.Command) error {
	ctx, stdout, stderr := c.Context(), c.OutOrStdout(), c.ErrOrStderr()
	if flags.wait <= 0 {
		return usage("--wait %v: want more than 0s, such as 2m", flags.wait)
	}
	way, err := flags.way()
	if err != nil {
		return err
	}
	aws, err := probe.Open(ctx)
	if err != nil {
		return usage("%w", err)
	}
	account, err := aws.Account(ctx, way.Home)
	switch {
	case err != nil:
		return err
	case account != way.Account:
		return usage("the credentials are those of account %s, and the settings are about %s: use credentials of that account, or --account", account, way.Account)
	}
	fmt.Fprintf(stderr, "snapferry: sending %s, and waiting for them in %s of %s, for %v at most\n",
		count(len(way.Routes), "test event"), way.LogGroup, way.Home, flags.wait)
	run := &testRun{way: way, probe: aws, id: newTestID(), wait: flags.wait, every: lookEvery, progress: progressOn(stderr)}
	results, err := run.do(ctx)
	// Whatever went wrong, what was found is said.
	if flags.asJSON {
		report := testReport{Test: run.id, Account: way.Account, HomeRegion: way.Home, LogGroup: way.LogGroup, Events: results}
		err = errors.Join(err, writeJSON(stdout, report))
	} else {
		printTests(stdout, results)
	}
	if err != nil {
		return err
	}
	arrived := 0
	for _, r := range results {
		if r.Arrived != nil {
			arrived++
		}
	}
	verdict := fmt.Sprintf("%d of %s arrived", arrived, count(len(results), "test event"))
	if arrived < len(results) {
		return no(errors.New(verdict))
	}
	fmt.Fprintln(stderr, "snapferry: "+verdict)
	return nil
}

// testReport is what test-event --json prints.
type testReport struct {
	Test       string       `json:"test"`
	Account    string       `json:"account"`
	HomeRegion string       `json:"homeRegion"`
	LogGroup   string       `json:"logGroup"`
	Events     []testResult `json:"events"`
}

// way is the events' way in what the settings and the policies deploy.
func (flags *testEventFlags) way() (eventsWay, error) {
	settings, problems := blueprint.LoadSettings(flags.settings, flags.overrides)
	policies, wrong := policy.Load(flags.policies)
	problems = append(problems, wrong...)
	var b blueprint.Blueprint
	if len(problems) == 0 {
		// Of the hash hangs only which code the functions run.
		b, problems = blueprint.New(settings, policies, "")
	}
	if len(problems) > 0 {
		var lines []string
		for _, p := range problems {
			lines = append(lines, p.String())
		}
		return eventsWay{}, no(fmt.Errorf("read what is deployed: %s:\n%s", count(len(problems), "problem"), strings.Join(lines, "\n")))
	}
	return wayOf(b)
}

// newTestID is an id that nothing else in a log has.
func newTestID() string {
	id := make([]byte, 16)
	rand.Read(id) // never fails
	return hex.EncodeToString(id)
}

// progressOn shows on a terminal how far things are, in one line that is gone
// afterwards; elsewhere it shows nothing.
func progressOn(w io.Writer) func(missing int, waited time.Duration) {
	file, isFile := w.(*os.File)
	if !isFile {
		return func(int, time.Duration) {}
	}
	if info, err := file.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return func(int, time.Duration) {}
	}
	return func(missing int, waited time.Duration) {
		const clear = "\r\x1b[K"
		if fmt.Fprint(w, clear); missing > 0 {
			fmt.Fprintf(w, "%s on the way, %.0f s", count(missing, "test event"), waited.Seconds())
		}
	}
}

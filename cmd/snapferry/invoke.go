package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"snapferry/internal/event"
	"snapferry/internal/local"
	"snapferry/internal/sim"
)

type invokeFlags struct {
	function, event      string
	functions, policies  string
	endpoint             string
	description, logging string
}

func newInvoke() *cobra.Command {
	var flags invokeFlags
	c := &cobra.Command{
		Use:   "invoke --function NAME --event FILE",
		Short: "Run one function once, with one event",
		Long: `Run one function once, as a real process, with the event in FILE ("-" is standard
input). Its answer is printed on stdout, its log on stderr. If the function fails
the exit code is 1.

Without --endpoint it runs against a new simulated AWS, in which every snapshot
that the event says was shared with 222222222222 has been, by the account that
the event names. With --endpoint it runs against that of "snapferry local".`,
		Example: `  snapferry invoke --function copy --event events/share-snapshot.json
  echo '{"dryRun": true}' | snapferry invoke --function expire --event - --endpoint http://127.0.0.1:4566`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return flags.run(c) },
	}
	f := c.Flags()
	f.StringVar(&flags.function, "function", "", "copy, reconcile or expire (required)")
	f.StringVar(&flags.event, "event", "", "the event, JSON, in this `FILE` (required)")
	f.StringVar(&flags.endpoint, "endpoint", "", "run against the AWS at this `URL` instead of a new one")
	f.StringVar(&flags.description, "description", "shared for snapferry invoke", "the description of the shared snapshots in a new world")
	f.StringVar(&flags.logging, "log-level", "info", "what the function logs: debug, info, warn or error")
	functionFlags(c, &flags.functions, &flags.policies)
	return c
}

func (flags *invokeFlags) run(c *cobra.Command) error {
	switch {
	case !slices.Contains([]string{local.Copy, local.Reconcile, local.Expire}, flags.function):
		return usage("--function %q: want copy, reconcile or expire", flags.function)
	case flags.event == "":
		return usage("--event: say which FILE has the event")
	}
	if flags.endpoint != "" {
		if u, err := url.Parse(flags.endpoint); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return usage("--endpoint %q: want http://HOST:PORT", flags.endpoint)
		}
	}
	payload, err := readFile(flags.event, c.InOrStdin())
	if err != nil {
		return no(fmt.Errorf("read the event: %w", err))
	}
	policies, err := validPolicies(flags.policies)
	if err != nil {
		return err
	}
	shares := sharesIn(payload)
	settings := local.Settings{
		Account:       targetAccount,
		Home:          homeRegion,
		SourceRegions: regionsOf(shares),
		TargetRegions: targets(policies),
		Functions:     flags.functions,
		Policies:      flags.policies,
		LogLevel:      flags.logging,
		Output:        c.ErrOrStderr(),
	}
	var answer []byte
	if flags.endpoint == "" {
		clock := sim.NewScaledClock(time.Now(), 1)
		settings.World, settings.Clock = sim.New(sim.Options{Clock: clock}), clock
		if err := addKeys(settings.World, policies); err != nil {
			return err
		}
		if err := addShared(c.Context(), settings.World, shares, flags.description); err != nil {
			return err
		}
		answer, err = local.InvokeAlone(c.Context(), settings, flags.function, payload)
	} else {
		answer, err = local.InvokeAt(c.Context(), settings, flags.endpoint, flags.function, payload)
	}
	if err != nil {
		return deploying(err)
	}
	return printAnswer(c.OutOrStdout(), answer)
}

// printAnswer prints what a function answered, indented when it is JSON.
func printAnswer(w io.Writer, answer []byte) error {
	var indented bytes.Buffer
	if json.Indent(&indented, answer, "", "  ") == nil {
		answer = indented.Bytes()
	}
	_, err := fmt.Fprintf(w, "%s\n", answer)
	return err
}

func readFile(path string, stdin io.Reader) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(path)
}

// sharesIn finds the shares in an event, or in the bodies of an SQS batch. What
// can't be read is the function's to judge.
func sharesIn(payload []byte) []event.Share {
	var batch struct {
		Records []struct {
			Body string `json:"body"`
		}
	}
	bodies := [][]byte{payload}
	if json.Unmarshal(payload, &batch) == nil && len(batch.Records) > 0 {
		bodies = nil
		for _, record := range batch.Records {
			bodies = append(bodies, []byte(record.Body))
		}
	}
	var shares []event.Share
	for _, body := range bodies {
		if decoded, err := event.Decode(body); err == nil {
			if share, ok := decoded.(event.Share); ok {
				shares = append(shares, share)
			}
		}
	}
	return shares
}

// regionsOf is where shares are, and at least the home Region.
func regionsOf(shares []event.Share) []string {
	regions := []string{homeRegion}
	for _, share := range shares {
		regions = append(regions, share.Snapshot.Region)
	}
	slices.Sort(regions)
	return slices.Compact(regions)
}

// addShared makes the snapshots that shares are about.
func addShared(ctx context.Context, world *sim.World, shares []event.Share, description string) error {
	for _, share := range shares {
		err := world.AddSnapshot(sim.Seed{
			Region:      share.Snapshot.Region,
			ID:          share.Snapshot.ID,
			Owner:       share.Account,
			Description: description,
			GiB:         8,
			SharedWith:  []string{targetAccount},
		})
		if err != nil {
			return fmt.Errorf("share %s: %w", share.Snapshot, err)
		}
	}
	return nil
}

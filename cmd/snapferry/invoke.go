package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

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

Without --endpoint it runs against a new simulated AWS, in which is what the event
is about: a snapshot that was shared with 222222222222, by the account that the
event names; a copy that has ended, with a mark as of the policy for its Region.
With --endpoint it runs against that of "snapferry local".`,
		Example: `  snapferry invoke --function copy --event events/share-snapshot.json
  echo '{"dryRun": true}' | snapferry invoke --function expire --event - --endpoint http://127.0.0.1:4566`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return flags.run(c) },
	}
	f := c.Flags()
	f.StringVar(&flags.function, "function", "", "copy, reconcile or expire (required)")
	f.StringVar(&flags.event, "event", "", "the event, JSON, in this `FILE` (required)")
	f.StringVar(&flags.endpoint, "endpoint", "", "run against the simulated AWS at this loopback `URL` instead of a new one")
	f.StringVar(&flags.description, "description", "shared for snapferry invoke", "the description of the shared snapshots in a new world")
	f.StringVar(&flags.logging, "log-level", "info", "what the function logs: debug, info, warn or error")
	functionFlags(c, &flags.functions, &flags.policies)
	return c
}

// check refuses the flags' values that can't be meant.
func (flags *invokeFlags) check() error {
	switch {
	case !slices.Contains([]string{local.Copy, local.Reconcile, local.Expire}, flags.function):
		return usage("--function %q: want copy, reconcile or expire", flags.function)
	case flags.event == "":
		return usage("--event: say which FILE has the event%s", samples())
	}
	return checkLogLevel(flags.logging)
}

func (flags *invokeFlags) run(c *cobra.Command) error {
	if err := flags.check(); err != nil {
		return err
	}
	if flags.endpoint != "" {
		if err := reach(c.Context(), flags.endpoint); err != nil {
			return err
		}
	}
	payload, err := readEvent(c.Context(), flags.event, c.InOrStdin())
	if err != nil {
		return err
	}
	told := subjectsOf(payload)
	if flags.function == local.Copy && told.unreadable != nil {
		return no(fmt.Errorf("%s is not an event for copy: %w%s", flags.event, told.unreadable, samples()))
	}
	policies, err := validPolicies(flags.policies)
	if err != nil {
		return err
	}
	settings := local.Settings{
		Account:       targetAccount,
		Home:          homeRegion,
		SourceRegions: told.regions(),
		TargetRegions: targets(policies),
		Functions:     functionsDirectory(flags.functions),
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
		if err := told.seed(settings.World, policies, flags.description, clock.Now()); err != nil {
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

// reach says what is wrong with an endpoint. Only loopback will do: the function
// would run with the rights of whoever calls.
func reach(ctx context.Context, endpoint string) error {
	err := local.Reach(ctx, endpoint)
	switch {
	case errors.Is(err, local.ErrAddress):
		return usage("--endpoint: %w", err)
	case errors.Is(err, local.ErrNobody):
		return fmt.Errorf("%w: is `snapferry local` running?", err)
	}
	return err
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

// readEvent reads the file with the event; "-" is standard input.
func readEvent(ctx context.Context, path string, stdin io.Reader) ([]byte, error) {
	payload, err := interruptible(ctx, func() ([]byte, error) {
		if path == "-" {
			return io.ReadAll(stdin)
		}
		return os.ReadFile(path)
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, no(fmt.Errorf("read the event: %w%s", err, samples()))
	case err != nil:
		return nil, no(fmt.Errorf("read the event: %w", err))
	}
	return payload, nil
}

// samples names the repository's sample events, if they are here.
func samples() string {
	files, err := filepath.Glob("events/*.json")
	if err != nil || len(files) == 0 {
		return ""
	}
	return "; samples: " + strings.Join(files, ", ")
}

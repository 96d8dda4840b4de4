// Package start is what the three functions' mains have in common: the
// environment that all of them read, the policies in their package, and the
// answer to an invocation. Only here and in the mains is the environment read.
package start

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"snapferry/internal/cloud"
	"snapferry/internal/policy"
	"snapferry/internal/reactor"
	"snapferry/internal/snapshot"
)

// Environment is what every function starts from.
type Environment struct {
	Policies []policy.Policy
	Cloud    *cloud.Cloud
	Outcomes *cloud.Outcomes
}

// Handle answers one invocation: what it returns is the answer, as JSON.
type Handle func(ctx context.Context, log *slog.Logger, payload []byte) (any, error)

// Function runs a function until Lambda stops it: it reads the environment,
// has build read the rest, and then answers invocations. A function that can't
// start says why and exits, so that no event is taken by one that is not fit.
func Function(build func(Environment) (Handle, error)) { run(build, true) }

// FunctionWithoutPolicies is Function for one that has work left when the last
// policy is gone.
func FunctionWithoutPolicies(build func(Environment) (Handle, error)) { run(build, false) }

func run(build func(Environment) (Handle, error), needPolicies bool) {
	log, err := logger(os.Getenv("LOG_LEVEL"))
	if err == nil {
		var handle Handle
		if handle, err = prepare(log, build, needPolicies); err == nil {
			lambda.StartWithOptions(handler{handle, log})
			return
		}
	}
	log.Error("not started", "error", err.Error())
	os.Exit(1)
}

func prepare(log *slog.Logger, build func(Environment) (Handle, error), needPolicies bool) (Handle, error) {
	dir, err := packaged()
	if err != nil {
		return nil, err
	}
	policies, err := policies(dir, os.Getenv("POLICY_HASH"), needPolicies)
	if err != nil {
		return nil, err
	}
	opened, err := cloud.Open(context.Background(), log)
	if err != nil {
		return nil, err
	}
	outcomes, err := opened.Outcomes(os.Getenv("EVENT_BUS"))
	if err != nil {
		return nil, err
	}
	return build(Environment{Policies: policies, Cloud: opened, Outcomes: outcomes})
}

// packaged is the directory of the policies that were deployed with the
// function: beside the program, which is where Lambda unpacks it.
func packaged() (string, error) {
	if root := os.Getenv("LAMBDA_TASK_ROOT"); root != "" {
		return filepath.Join(root, "policies"), nil
	}
	program, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find the policies beside the program: %w", err)
	}
	return filepath.Join(filepath.Dir(program), "policies"), nil
}

// policies reads the packaged policies. If hash is set, the files must be the
// ones that the deployment was made with, permissions and rules included.
func policies(dir, hash string, need bool) ([]policy.Policy, error) {
	files, err := policy.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	if hash != "" {
		if got := policy.Hash(files); got != hash {
			return nil, fmt.Errorf("policies in %s have the hash %s and POLICY_HASH is %s: deploy the function and its settings together", dir, got, hash)
		}
	}
	if len(files) == 0 && !need {
		return nil, nil
	}
	loaded, problems := policy.Load(dir)
	if len(problems) == 0 {
		return loaded, nil
	}
	texts := make([]string, len(problems))
	for i, p := range problems {
		texts[i] = p.String()
	}
	return nil, errors.New(strings.Join(texts, "; "))
}

// logger writes one JSON object a line to standard error, where Lambda picks it
// up. It returns a usable logger also with an error.
func logger(level string) (*slog.Logger, error) {
	var l slog.Level
	var err error
	switch strings.ToLower(level) {
	case "", "info":
	case "debug", "warn", "error":
		err = l.UnmarshalText([]byte(level))
	default:
		err = fmt.Errorf("LOG_LEVEL is %q: use debug, info, warn or error", level)
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: l, ReplaceAttr: lambdacontext.ReplaceAttr})), err
}

// Failure is the error that an invocation ends with; Lambda shows its name.
type Failure string

func (f Failure) Error() string { return string(f) }

// handler is a Handle as Lambda calls it, with the payload's bytes as they are:
// Amazon's own examples of events are not all valid JSON.
type handler struct {
	handle Handle
	log    *slog.Logger
}

func (h handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	log := h.log
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		log = log.With("requestId", lc.AwsRequestID)
	}
	answer, err := h.handle(ctx, log, payload)
	if err != nil {
		log.Error("failed", "error", err.Error())
		return nil, Failure(err.Error())
	}
	return json.Marshal(answer)
}

// Scheduled is a function that takes any event, does one thing, and answers with
// its summary; {"dryRun": true} makes it only decide and report.
func Scheduled(run func(context.Context, *reactor.Journal) error) Handle {
	return func(ctx context.Context, log *slog.Logger, payload []byte) (any, error) {
		dryRun, err := dryRun(payload)
		if err != nil {
			return nil, err
		}
		journal := reactor.NewJournal(log, dryRun)
		err = run(ctx, journal)
		Measure(journal)
		return journal.Summary(), err
	}
}

// likeDryRun finds every way in which people ask for a dry run.
const likeDryRun = `(?i)dry[\s_-]*run`

// dryRun says whether the payload asks only to decide and report. A payload
// that asks for it in a way that is not ours is an error: to do it all the same
// is what the caller did not want. Any other event, of whatever shape, asks for
// nothing.
func dryRun(payload []byte) (bool, error) {
	if len(bytes.TrimSpace(payload)) == 0 {
		return false, nil
	}
	if !json.Valid(payload) {
		return false, errors.New(`the event is not JSON: send {}, or {"dryRun": true} to decide and report only`)
	}
	if !regexp.MustCompile(likeDryRun).Match(payload) {
		return false, nil
	}
	var asked map[string]json.RawMessage
	var dry *bool
	if json.Unmarshal(payload, &asked) != nil || json.Unmarshal(asked["dryRun"], &dry) != nil || dry == nil {
		return false, errors.New(`the event asks for a dry run in a way that is not understood: send {"dryRun": true}`)
	}
	return *dry, nil
}

// Orders opens the orders' queues, with the dead-letter queue at letters, if that
// is not "". All functions that send orders agree about the accounts' lanes.
func (e Environment) Orders(letters string) (*cloud.Orders, error) {
	return e.Cloud.Orders(cloud.Queues{
		URL:      os.Getenv("ORDERS_QUEUE_URL"),
		Lanes:    os.Getenv("ORDERS_LANES"),
		Letters:  letters,
		Accounts: policy.Accounts(e.Policies),
	})
}

// Regions reads a comma-separated list of Regions; blanks around its parts do
// not count.
func Regions(variable string) ([]string, error) {
	var regions []string
	for part := range strings.SplitSeq(os.Getenv(variable), ",") {
		part = strings.TrimSpace(part)
		switch {
		case part == "":
		case !snapshot.LooksLikeRegion(part):
			return nil, fmt.Errorf("%s has %q, which is not a Region: write Regions such as eu-west-2, with commas between them", variable, part)
		default:
			regions = append(regions, part)
		}
	}
	return regions, nil
}

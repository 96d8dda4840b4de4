package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"snapferry/internal/cloud"
	"snapferry/internal/reactor"
	"snapferry/internal/snapshot"
)

type redriveFlags struct {
	dlq, orders, lanes, order string
	dryRun, asJSON            bool
}

func newRedrive() *cobra.Command {
	var flags redriveFlags
	c := &cobra.Command{
		Use:   "redrive --dlq-url URL --orders-url URL",
		Short: "Put refused orders back, once their cause is mended",
		Long: `Put the orders that EC2 has refused for a day back from the dead-letter queue into
their orders queues, as if they had never been refused: they are tried with the
next wake-up, and people are told anew. Each is listed with what EC2 said, since
when, and what to mend. What can't be read as an order is listed and stays.

The two URLs are the copy function's ORDERS_DLQ_URL and ORDERS_QUEUE_URL, and --lanes
is its ORDERS_LANES, if that is set: each order goes back into the lane that it was
in, or, where there are fewer lanes now, into one of those.

Region, credentials and endpoint are the AWS SDK's own settings, such as AWS_PROFILE,
AWS_REGION and AWS_ENDPOINT_URL. It needs sqs:ReceiveMessage, DeleteMessage,
ChangeMessageVisibility and GetQueueAttributes on the dead-letter queue and
sqs:SendMessage on the orders queues.

It may be interrupted at any time, and run again: an order leaves the dead-letter
queue only after it is back in its own.`,
		Example: `  export ORDERS=https://sqs.us-east-1.amazonaws.com/222222222222
  snapferry redrive --dlq-url $ORDERS/snapferry-orders-dlq.fifo --orders-url "$ORDERS/snapferry-orders-{region}-{lane}.fifo" --dry-run
  snapferry redrive --dlq-url ... --orders-url ... --order nightly/snap-0123456789abcdef0`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return flags.run(c) },
	}
	f := c.Flags()
	f.StringVar(&flags.dlq, "dlq-url", "", "the `URL` of the orders' dead-letter queue (required)")
	f.StringVar(&flags.orders, "orders-url", "", "the `URL` of the orders queues, with {region} and, where there are lanes, {lane} (required)")
	f.StringVar(&flags.lanes, "lanes", "", fmt.Sprintf("how many lanes there are, a `NUMBER` (default %d where the URL has {lane})", cloud.DefaultLanes))
	f.StringVar(&flags.order, "order", "", "put back only the order with this `KEY`, policy/snapshot, in whatever Regions")
	f.BoolVar(&flags.dryRun, "dry-run", false, "list the orders and leave them where they are")
	f.BoolVar(&flags.asJSON, "json", false, "print JSON, for machines")
	return c
}

func (flags *redriveFlags) run(c *cobra.Command) error {
	switch {
	case flags.dlq == "":
		return usage("--dlq-url: say which URL the orders' dead-letter queue has")
	case flags.orders == "":
		return usage("--orders-url: say which URL the orders queues have, with {region}")
	case flags.order != "" && !isOrderKey(flags.order):
		return usage("--order %q: want policy/snapshot, such as nightly/snap-0123456789abcdef0", flags.order)
	}
	aws, err := cloud.Open(c.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		return usage("%w", err)
	}
	letters, err := aws.Letters(cloud.Queues{URL: flags.orders, Lanes: flags.lanes, Letters: flags.dlq})
	if err != nil {
		return usage("--dlq-url, --orders-url, --lanes: %w", err)
	}
	report := redriveReport{DryRun: flags.dryRun, Orders: []redriven{}, Unreadable: []unreadable{}}
	err = flags.redrive(c.Context(), letters, &report)
	// Whatever went wrong, what was done is said.
	if flags.asJSON {
		err = errors.Join(err, writeJSON(c.OutOrStdout(), report))
	} else {
		report.print(c.OutOrStdout())
	}
	if err != nil {
		return err
	}
	return report.verdict(c.ErrOrStderr(), flags.order)
}

func isOrderKey(key string) bool {
	policy, id, found := strings.Cut(key, "/")
	return found && policy != "" && snapshot.LooksLikeID(id)
}

// redrive goes through the dead-letter queue. What stays is handed back at the
// end only, because it would come round again before.
func (flags *redriveFlags) redrive(ctx context.Context, letters *cloud.Letters, report *redriveReport) error {
	var problems []error
	var staying []cloud.Letter
	err := letters.Read(ctx, func(letter cloud.Letter) error {
		if letter.Problem != nil {
			staying = append(staying, letter)
			report.Unreadable = append(report.Unreadable, unreadable{letter.ID, letter.Problem.Error()})
			return nil
		}
		if flags.order != "" && letter.Order.Key() != flags.order {
			staying = append(staying, letter)
			return nil
		}
		entry := redrivenOf(letter)
		if flags.dryRun {
			staying = append(staying, letter)
		} else if err := letters.PutBack(ctx, letter); err != nil {
			staying = append(staying, letter)
			problems = append(problems, err)
			entry.Error = err.Error()
		} else {
			entry.PutBack = true
		}
		report.Orders = append(report.Orders, entry)
		return nil
	})
	if err != nil {
		problems = append(problems, err)
	}
	for _, letter := range staying {
		// If this fails, the queue's time-out does it.
		_ = letters.Return(context.WithoutCancel(ctx), letter)
	}
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	report.Hidden, err = letters.Hidden(ctx)
	return err
}

// redriveReport is what redrive --json prints.
type redriveReport struct {
	DryRun     bool         `json:"dryRun"`
	Orders     []redriven   `json:"orders"`
	Unreadable []unreadable `json:"unreadable"`
	// Hidden counts messages that somebody else has in hand.
	Hidden int `json:"hidden"`
}

type redriven struct {
	Order        string       `json:"order"`
	Source       snapshot.Ref `json:"source"`
	Account      string       `json:"sourceAccount"`
	TargetRegion string       `json:"targetRegion"`
	Cause        string       `json:"cause,omitempty"`
	Since        *time.Time   `json:"since,omitempty"`
	Fix          string       `json:"fix,omitempty"`
	PutBack      bool         `json:"putBack"`
	Error        string       `json:"error,omitempty"`
}

type unreadable struct {
	Message string `json:"message"`
	Problem string `json:"problem"`
}

func redrivenOf(letter cloud.Letter) redriven {
	o := letter.Order
	r := redriven{Order: o.Key(), Source: o.Source, Account: o.Facts.Owner, TargetRegion: o.Target}
	if d := o.Denial; d != nil {
		r.Cause, r.Since, r.Fix = d.Cause, &d.Since, reactor.Fix(d.Cause)
	}
	return r
}

func (r redriveReport) print(w io.Writer) {
	for _, o := range r.Orders {
		what := "put back"
		switch {
		case o.Error != "":
			what = "stays"
		case !o.PutBack:
			what = "would be put back"
		}
		fmt.Fprintf(w, "%s to %s: %s\n", o.Order, o.TargetRegion, what)
		if o.Since != nil {
			fmt.Fprintf(w, "  since  %s\n  cause  %s\n  fix    %s\n", o.Since.UTC().Format(time.RFC3339), o.Cause, o.Fix)
		}
	}
	for _, u := range r.Unreadable {
		fmt.Fprintf(w, "message %s: no order, stays: %s\n", u.Message, u.Problem)
	}
}

// verdict says in one line what came of it; order is what was asked for.
func (r redriveReport) verdict(w io.Writer, order string) error {
	if r.Hidden > 0 {
		fmt.Fprintf(w, "snapferry: somebody else has %s of the dead-letter queue in hand: look again in a few minutes\n", count(r.Hidden, "message"))
	}
	switch n := len(r.Orders); {
	case n == 0 && order != "":
		return no(fmt.Errorf("there is no order %s in the dead-letter queue", order))
	case r.DryRun:
		fmt.Fprintf(w, "snapferry: %s to put back\n", count(n, "order"))
	default:
		fmt.Fprintf(w, "snapferry: %s put back\n", count(n, "order"))
	}
	if n := len(r.Unreadable); n > 0 {
		return no(fmt.Errorf("%s in the dead-letter queue can't be read as an order: delete what is not snapferry's", count(n, "message")))
	}
	return nil
}

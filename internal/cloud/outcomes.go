package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"snapferry/internal/reactor"
)

// outcomeSource is the source of snapferry's own events.
const outcomeSource = "snapferry"

// Outcomes is the event bus. It serves the reactor's port of that name.
type Outcomes struct {
	client *eventbridge.Client
	bus    string
}

// Outcomes opens the bus for outcomes.
func (c *Cloud) Outcomes(bus string) (*Outcomes, error) {
	if bus == "" {
		return nil, errors.New("EVENT_BUS is not set: it names the bus for outcomes, in the home Region; \"default\" is one that every account has")
	}
	return &Outcomes{eventbridge.NewFromConfig(c.config), bus}, nil
}

// Publish implements reactor.Outcomes.
func (o *Outcomes) Publish(ctx context.Context, outcomes []reactor.Outcome) error {
	for some := range slices.Chunk(outcomes, perBatch) {
		entries := make([]types.PutEventsRequestEntry, len(some))
		for i, outcome := range some {
			detail, err := json.Marshal(outcome)
			if err != nil {
				return fmt.Errorf("write outcome: %w", err)
			}
			entries[i] = types.PutEventsRequestEntry{
				EventBusName: &o.bus,
				Source:       aws.String(outcomeSource),
				DetailType:   aws.String(string(outcome.Type)),
				Detail:       aws.String(string(detail)),
			}
		}
		output, err := o.client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: entries})
		if err != nil {
			return fmt.Errorf("put events on bus %s: %w", o.bus, classify(err))
		}
		for _, entry := range output.Entries {
			if code := aws.ToString(entry.ErrorCode); code != "" {
				return fmt.Errorf("put events on bus %s: %d of %d refused, the first with %s: %s",
					o.bus, output.FailedEntryCount, len(entries), code, aws.ToString(entry.ErrorMessage))
			}
		}
	}
	return nil
}

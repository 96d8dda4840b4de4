// Package probe sends test events into a deployment, and looks how far they came.
// Only the operator's command line uses it: it is not in internal/cloud, so that
// the functions do not link the clients that it takes. It decides nothing: it
// reports facts, and the caller draws the conclusions.
package probe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Probe is one account's EventBridge, SQS and CloudWatch Logs, in any Region. It
// is safe for concurrent use.
type Probe struct{ config aws.Config }

// patience is how long one attempt at a call may take: a Region that does not
// answer must not keep the others from being looked at.
const patience = 15 * time.Second

// Open reads the SDK's own settings from the environment: credentials, endpoint.
func Open(ctx context.Context) (*Probe, error) {
	loaded, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(patience)))
	if err != nil {
		return nil, fmt.Errorf("read the AWS configuration: %w", err)
	}
	return New(loaded), nil
}

// New makes a Probe of a configuration, whose Region does not matter.
func New(c aws.Config) *Probe { return &Probe{c.Copy()} }

func (p *Probe) in(region string) aws.Config {
	c := p.config.Copy()
	c.Region = region
	return c
}

// Account is whose credentials these are.
func (p *Probe) Account(ctx context.Context, region string) (string, error) {
	who, err := sts.NewFromConfig(p.in(region)).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", fmt.Errorf("ask whose the credentials are: %w", err)
	}
	return aws.ToString(who.Account), nil
}

// Event is an event to be put on a bus.
type Event struct{ Source, DetailType, Detail string }

// Send puts an event on the default bus of a Region, and returns when it was
// taken, on Amazon's clock.
func (p *Probe) Send(ctx context.Context, region string, e Event) (time.Time, error) {
	out, err := eventbridge.NewFromConfig(p.in(region)).PutEvents(ctx, &eventbridge.PutEventsInput{
		Entries: []types.PutEventsRequestEntry{{Source: &e.Source, DetailType: &e.DetailType, Detail: &e.Detail}},
	})
	if err == nil && len(out.Entries) != 1 {
		err = errors.New("the answer has no entry")
	}
	if err == nil && aws.ToString(out.Entries[0].ErrorCode) != "" {
		err = fmt.Errorf("%s: %s", aws.ToString(out.Entries[0].ErrorCode), aws.ToString(out.Entries[0].ErrorMessage))
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("put an event on the default bus of %s: %w", region, err)
	}
	return serverTime(out.ResultMetadata), nil
}

// Line is a line of a log.
type Line struct {
	Time time.Time
	Text string
}

// Lines are those lines of a log group since a time that contain a phrase, which
// has neither quotes nor backslashes. A line shows some seconds after it was
// written.
func (p *Probe) Lines(ctx context.Context, region, group, phrase string, since time.Time) ([]Line, error) {
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(cloudwatchlogs.NewFromConfig(p.in(region)), &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName:  &group,
		FilterPattern: aws.String(`"` + phrase + `"`),
		StartTime:     aws.Int64(since.UnixMilli()),
	})
	var lines []Line
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("look into log group %s in %s: %w", group, region, err)
		}
		for _, e := range page.Events {
			lines = append(lines, Line{time.UnixMilli(aws.ToInt64(e.Timestamp)), aws.ToString(e.Message)})
		}
	}
	return lines, nil
}

func (p *Probe) events(region string) *eventbridge.Client {
	return eventbridge.NewFromConfig(p.in(region))
}

func (p *Probe) queues(region string) *sqs.Client { return sqs.NewFromConfig(p.in(region)) }

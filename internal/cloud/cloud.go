// Package cloud is the only door to AWS: it turns the ports of internal/reactor
// into calls of EC2, SQS and EventBridge, and Amazon's error codes into the
// reactor's classes of failure. It decides nothing.
package cloud

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
)

// Cloud is one account's AWS. The Region of its configuration is the home
// Region, where queues and bus are; EC2 is called in any Region.
type Cloud struct {
	config aws.Config
	clock  *Clock
}

// Open reads the SDK's own settings from the environment: Region, credentials,
// endpoint, retry mode.
func Open(ctx context.Context, log *slog.Logger) (*Cloud, error) {
	loaded, err := config.LoadDefaultConfig(ctx, config.WithLogger(logging.LoggerFunc(func(_ logging.Classification, format string, values ...any) {
		// What matters of it comes back as an error.
		log.Debug("aws sdk", "message", fmt.Sprintf(format, values...))
	})))
	if err != nil {
		return nil, fmt.Errorf("read the AWS configuration: %w", err)
	}
	if loaded.Region == "" {
		return nil, fmt.Errorf("read the AWS configuration: there is no home Region: set AWS_REGION")
	}
	return New(loaded), nil
}

// New makes a Cloud of a configuration.
func New(c aws.Config) *Cloud {
	cloud := &Cloud{config: c.Copy(), clock: &Clock{}}
	cloud.config.APIOptions = append(cloud.config.APIOptions, cloud.clock.watch)
	return cloud
}

// Now is Amazon's time; see Clock.
func (c *Cloud) Now() time.Time { return c.clock.Now() }

// watch has the clock set by every answer.
func (c *Clock) watch(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("snapferry:Clock",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			out, metadata, err := next.HandleInitialize(ctx, in)
			if served, ok := awsmiddleware.GetServerTime(metadata); ok {
				c.set(served)
			}
			return out, metadata, err
		}), middleware.Before)
}

package sim_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"snapferry/internal/sim"
)

// TestSDKRoles: Amazon's own clients, signing with a role's key, get what its
// policy allows and understand what it does not, in memory and over HTTP.
func TestSDKRoles(t *testing.T) {
	const policy = `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"ec2:DescribeSnapshots","Resource":"*"},
		{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"arn:aws:sqs:*:222222222222:orders"},
		{"Effect":"Allow","Action":"events:PutEvents","Resource":"*","Condition":{"StringEquals":{"events:source":"mine"}}}]}`
	tests := map[string]func(t *testing.T, w *sim.World) (endpoint string, client aws.HTTPClient){
		"in memory": func(t *testing.T, w *sim.World) (string, aws.HTTPClient) {
			return "http://sim", &http.Client{Transport: w.Transport()}
		},
		"over HTTP": func(t *testing.T, w *sim.World) (string, aws.HTTPClient) {
			server := httptest.NewServer(w)
			t.Cleanup(server.Close)
			return server.URL, server.Client()
		},
	}
	for name, serve := range tests {
		t.Run(name, func(t *testing.T) {
			w := sim.New(sim.Options{})
			if err := w.Do(t.Context(), vault, "eu-west-1", "sqs", "CreateQueue", map[string]any{"QueueName": "orders"}, nil); err != nil {
				t.Fatal(err)
			}
			key, err := w.AddRole(vault, "copier", policy)
			if err != nil {
				t.Fatal(err)
			}
			endpoint, client := serve(t, w)
			config := aws.Config{
				Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider(key, "any", "any"),
				HTTPClient: client, BaseEndpoint: &endpoint, Retryer: func() aws.Retryer { return aws.NopRetryer{} },
			}
			compute, queues, bridge := ec2.NewFromConfig(config), sqs.NewFromConfig(config), eventbridge.NewFromConfig(config)
			url := aws.String(endpoint + "/222222222222/orders")
			entry := func(source string) *eventbridge.PutEventsInput {
				return &eventbridge.PutEventsInput{Entries: []eventtypes.PutEventsRequestEntry{{Source: &source, DetailType: aws.String("T"), Detail: aws.String("{}")}}}
			}
			insecure := func(o *sqs.Options) { o.HTTPClient = marked{client} }
			calls := map[string]func(ctx context.Context) error{
				"look": func(ctx context.Context) error {
					_, err := compute.DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{})
					return err
				},
				"copy":             func(ctx context.Context) error { return copyOne(ctx, compute) },
				"send":             func(ctx context.Context) error { return sendOne(ctx, queues, url) },
				"send without TLS": func(ctx context.Context) error { return sendOne(ctx, queues, url, insecure) },
				"receive": func(ctx context.Context) error {
					_, err := queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url})
					return err
				},
				"put":                 func(ctx context.Context) error { _, err := bridge.PutEvents(ctx, entry("mine")); return err },
				"put what is others'": func(ctx context.Context) error { _, err := bridge.PutEvents(ctx, entry("yours")); return err },
			}
			deny := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`
			set := map[string]any{"QueueUrl": *url, "Attributes": map[string]string{"Policy": deny}}
			if err := w.Do(t.Context(), vault, "eu-west-1", "sqs", "SetQueueAttributes", set, nil); err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for name, call := range calls {
				got[name] = "allowed"
				var refusal smithy.APIError
				if err := call(t.Context()); errors.As(err, &refusal) {
					got[name] = refusal.ErrorCode()
				} else if err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			want := map[string]string{
				"look": "allowed", "copy": "UnauthorizedOperation", "send": "allowed", "send without TLS": "AccessDenied", "receive": "AccessDenied",
				"put": "allowed", "put what is others'": "AccessDeniedException",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func copyOne(ctx context.Context, c *ec2.Client) error {
	_, err := c.CopySnapshot(ctx, &ec2.CopySnapshotInput{SourceRegion: aws.String("us-east-1"), SourceSnapshotId: aws.String("snap-0123456789abcdef0")})
	return err
}

func sendOne(ctx context.Context, c *sqs.Client, url *string, options ...func(*sqs.Options)) error {
	_, err := c.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("a")}, options...)
	return err
}

// marked marks requests as such that came without TLS.
type marked struct{ aws.HTTPClient }

func (m marked) Do(r *http.Request) (*http.Response, error) {
	r.Header.Set(sim.InsecureHeader, "true")
	return m.HTTPClient.Do(r)
}

package cloud

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// Wakers is the queue that feeds functions/copy. It serves the reactor's port
// of that name.
type Wakers struct {
	client *sqs.Client
	url    string
}

// Wakers opens the events queue.
func (c *Cloud) Wakers(url string) (*Wakers, error) {
	if url == "" {
		return nil, errors.New("EVENTS_QUEUE_URL is not set: it is the queue that feeds the copy function")
	}
	return &Wakers{sqs.NewFromConfig(c.config), url}, nil
}

// Wake implements reactor.Wakers.
func (w *Wakers) Wake(ctx context.Context, event []byte) error {
	_, err := w.client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &w.url, MessageBody: aws.String(string(event))})
	return classify(err)
}

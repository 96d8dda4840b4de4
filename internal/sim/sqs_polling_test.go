package sim

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

func TestLongPolling(t *testing.T) {
	// poll receives with patience and says what came after how long.
	poll := func(c queues, url string) (result func() string) {
		started, done := time.Now(), make(chan string, 1)
		go func() {
			m := c.receive(url, 1, "WaitTimeSeconds", 20)
			done <- fmt.Sprint(bodies(m), " after ", time.Since(started))
		}()
		synctest.Wait()
		return func() string { return <-done }
	}
	cases := map[string]struct {
		do   func(c queues, url string)
		want string
	}{
		"nothing comes": {func(c queues, url string) {}, "[] after 20s"},
		"a message is sent": {func(c queues, url string) {
			time.Sleep(3 * time.Second)
			c.send(url, "a")
		}, "[a] after 3s"},
		"a delayed message becomes visible": {func(c queues, url string) {
			time.Sleep(3 * time.Second)
			c.sqs("SendMessage", jsonObject{"QueueUrl": url, "MessageBody": "a", "DelaySeconds": 4})
		}, "[a] after 7s"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			inQueueWorld(t, func(c queues) {
				url := c.create("queue")
				result := poll(c, url)
				test.do(c, url)
				if got := result(); got != test.want {
					t.Errorf("got %s, want %s", got, test.want)
				}
			})
		})
	}
	t.Run("a visibility timeout ends, an earlier change included", func(t *testing.T) {
		inQueueWorld(t, func(c queues) {
			url := c.create("queue")
			c.send(url, "a")
			m := c.expect(url, 1, "a")[0]
			result := poll(c, url)
			time.Sleep(2 * time.Second)
			c.sqs("ChangeMessageVisibility", jsonObject{"QueueUrl": url, "ReceiptHandle": m.ReceiptHandle, "VisibilityTimeout": 5})
			if got, want := result(), "[a] after 7s"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	})
	t.Run("the queue itself can have patience", func(t *testing.T) {
		inQueueWorld(t, func(c queues) {
			url := c.create("queue", "ReceiveMessageWaitTimeSeconds", "7")
			started := time.Now()
			c.expect(url, 1)
			if got, want := time.Since(started), 7*time.Second; got != want {
				t.Errorf("waited %v, want %v", got, want)
			}
		})
	})
	t.Run("each of many waiting receivers gets one of as many messages", func(t *testing.T) {
		inQueueWorld(t, func(c queues) {
			url := c.create("queue")
			var results []func() string
			for range 20 {
				results = append(results, poll(c, url))
			}
			time.Sleep(time.Second)
			for i := range 20 {
				c.send(url, strconv.Itoa(i))
			}
			seen := map[string]bool{}
			for _, result := range results {
				seen[result()] = true
			}
			if len(seen) != 20 || seen["[] after 20s"] {
				t.Errorf("got %v, want 20 different messages", seen)
			}
		})
	})
	t.Run("a deleted queue ends the wait", func(t *testing.T) {
		inQueueWorld(t, func(c queues) {
			url := c.create("queue")
			done := make(chan error, 1)
			go func() {
				done <- c.w.Do(context.Background(), c.account, c.region, "sqs", "ReceiveMessage", jsonObject{"QueueUrl": url, "WaitTimeSeconds": 20}, nil)
			}()
			synctest.Wait()
			c.sqs("DeleteQueue", jsonObject{"QueueUrl": url})
			var e *Error
			if err := <-done; !errors.As(err, &e) || e.Code != "QueueDoesNotExist" {
				t.Errorf("got %v, want QueueDoesNotExist", err)
			}
		})
	})
	t.Run("a caller that gives up gets no messages and takes none", func(t *testing.T) {
		inQueueWorld(t, func(c queues) {
			url := c.create("queue")
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			err := c.w.Do(ctx, c.account, c.region, "sqs", "ReceiveMessage", jsonObject{"QueueUrl": url, "WaitTimeSeconds": 20}, nil)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want deadline exceeded", err)
			}
			c.send(url, "a")
			c.expect(url, 1, "a")
		})
	})
}

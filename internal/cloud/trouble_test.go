package cloud

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"snapferry/internal/sim"
)

// inTheWay answers some requests itself.
type inTheWay struct {
	next   http.RoundTripper
	answer func(r *http.Request, body string) (*http.Response, error) // nothing: the next one
}

func (w inTheWay) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if response, err := w.answer(r, string(body)); response != nil || err != nil {
		return response, err
	}
	return w.next.RoundTrip(r)
}

// troubled opens the queues of four accounts, where lane 0 gives trouble to
// whoever receives from it.
func troubled(t *testing.T, trouble func(r *http.Request) (*http.Response, error)) *Orders {
	t.Helper()
	w := sim.New(sim.Options{})
	queues(t, w, true, accounts(4)...)
	c := New(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String("http://sim"),
		HTTPClient: &http.Client{Transport: inTheWay{w.Transport(), func(r *http.Request, body string) (*http.Response, error) {
			if strings.HasSuffix(r.Header.Get("X-Amz-Target"), "ReceiveMessage") && strings.Contains(body, "-0.fifo") {
				return trouble(r)
			}
			return nil, nil
		}}},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "222222222222", SecretAccessKey: "x"}, nil
		}),
	})
	o, err := c.Orders(Queues{URL: lanesURL, Letters: lettersURL, Accounts: accounts(4)})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// A lane that can't be looked into is told about, also while the others always
// have orders, and is not asked in every round.
func TestATroubledLaneIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		o := troubled(t, func(r *http.Request) (*http.Response, error) {
			asked++
			text := `{"__type":"com.amazon.coral.service#AccessDeniedException","message":"not authorized to perform: sqs:receivemessage"}`
			return &http.Response{StatusCode: 400, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
		})
		told, served := 0, 0
		for i := range 100 {
			send(t, o, order(accounts(4)[1+i%3], i+1))
			got, err := o.Receive(t.Context(), target, 1)
			if err != nil {
				told++
				if !strings.Contains(err.Error(), "lane 0 ") || !strings.Contains(err.Error(), "AccessDenied") {
					t.Errorf("told %v, want which lane it is and why", err)
				}
			}
			for _, d := range got {
				served++
				if err := o.Finish(t.Context(), d); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Minute)
		}
		if served != 100 {
			t.Errorf("%d of 100 orders of the other lanes were handed out", served)
		}
		if told < 5 || told != asked || asked > 40 {
			t.Errorf("told %d times of %d refusals in 100 minutes, want each, and not many", told, asked)
		}
	})
}

// A lane that hangs does not keep back what the others have handed out.
func TestAHangingLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := troubled(t, func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		for _, account := range accounts(4) {
			send(t, o, order(account, 1))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		got, err := o.Receive(ctx, target, 10)
		if len(got) != 3 || err == nil {
			t.Errorf("%d orders and error %v, want those of the three other lanes and an error", len(got), err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("they came after %s of the function's minute", took)
		}
	})
}

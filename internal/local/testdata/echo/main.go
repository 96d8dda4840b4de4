// Echo is a Lambda function that does as it is told, for the tests of the
// processes that run functions.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// request is an event that names what to do; any other event is echoed.
type request struct {
	Do    string   `json:"do"`
	Text  string   `json:"text"`
	Names []string `json:"names"`
}

func main() {
	if text := os.Getenv("ECHO_REFUSE"); text != "" {
		fmt.Fprintln(os.Stderr, text)
		os.Exit(3)
	}
	lambda.Start(handle)
}

func handle(ctx context.Context, event json.RawMessage) (any, error) {
	var r request
	json.Unmarshal(event, &r) // whatever is no request is echoed
	switch r.Do {
	case "fail":
		return nil, errors.New(r.Text)
	case "exit":
		os.Exit(7)
	case "panic":
		panic(r.Text)
	case "hang":
		fmt.Println("hanging")
		select {}
	case "print":
		fmt.Println(r.Text)
		return nil, nil
	case "wait-for-file":
		fmt.Println("waiting")
		for {
			if _, err := os.Stat(r.Text); err == nil {
				return os.Getpid(), nil
			}
			time.Sleep(5 * time.Millisecond)
		}
	case "pid":
		return os.Getpid(), nil
	case "environment":
		values := map[string]string{}
		for _, name := range r.Names {
			values[name] = os.Getenv(name)
		}
		return values, nil
	case "files":
		var names []string
		err := fs.WalkDir(os.DirFS(os.Getenv("LAMBDA_TASK_ROOT")), ".", func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				names = append(names, path)
			}
			return err
		})
		return names, err
	case "context":
		c, _ := lambdacontext.FromContext(ctx)
		deadline, _ := ctx.Deadline()
		return map[string]any{
			"id":       c.AwsRequestID,
			"arn":      c.InvokedFunctionArn,
			"deadline": time.Until(deadline) > 0,
		}, nil
	}
	return event, nil
}

// Command empty is the least that a Lambda function in Go can be: what the cold
// start of functions/copy is measured against.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func(context.Context) (string, error) { return "", nil })
}

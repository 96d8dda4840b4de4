// Command expire is the Lambda function that deletes copies whose time is up.
// It takes any event; {"dryRun": true} makes it only decide and report. It
// answers with a summary.
package main

import (
	"os"

	"snapferry/functions/internal/start"
	"snapferry/internal/reactor"
)

func main() { start.Function(build) }

func build(e start.Environment) (start.Handle, error) {
	expirer := &reactor.Expirer{
		Policies: e.Policies,
		Regions:  start.List(os.Getenv("EXPIRE_REGIONS")),
		Copies:   e.Cloud.EC2(),
		Outcomes: e.Outcomes,
		Now:      e.Cloud.Now,
	}
	return start.Scheduled(expirer.Expire), nil
}

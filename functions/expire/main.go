// Command expire is the Lambda function that deletes copies whose time is up.
// It takes any event; {"dryRun": true} makes it only decide and report. It
// answers with a summary.
package main

import (
	"snapferry/functions/internal/start"
	"snapferry/internal/reactor"
)

func main() { start.FunctionWithoutPolicies(build) }

func build(e start.Environment) (start.Handle, error) {
	further, err := start.Regions("EXPIRE_REGIONS")
	if err != nil {
		return nil, err
	}
	expirer := &reactor.Expirer{
		Policies: e.Policies,
		Regions:  further,
		Copies:   e.Cloud.EC2(),
		Outcomes: e.Outcomes,
		Now:      e.Cloud.Now,
	}
	return start.Scheduled(expirer.Expire), nil
}

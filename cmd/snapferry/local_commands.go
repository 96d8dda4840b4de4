package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"snapferry/internal/local"
	"snapferry/internal/policy"
)

// printCommands prints commands that can be pasted into a shell.
func (flags *localFlags) printCommands(w io.Writer, d *local.Deployment, policies []policy.Policy) {
	url := d.URL()
	owner := "111111111111"
	if len(policies) > 0 && len(policies[0].Owners) > 0 {
		owner = policies[0].Owners[0]
	}
	regions := targets(policies)
	fmt.Fprintln(w, url)
	for _, p := range policies {
		fmt.Fprintln(w, "#", describe(p))
	}
	fmt.Fprintf(w, `
# In another terminal: account %[2]s makes a snapshot and shares it.
export AWS_ENDPOINT_URL=%[1]s AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=%[3]s
export AWS_ACCESS_KEY_ID=%[2]s
volume=$(aws ec2 create-volume --availability-zone %[3]sa --size 8 --query VolumeId --output text)
snapshot=$(aws ec2 create-snapshot --volume-id $volume --description "nightly production" --query SnapshotId --output text)
aws ec2 wait snapshot-completed --snapshot-ids $snapshot
aws ec2 modify-snapshot-attribute --snapshot-id $snapshot --attribute createVolumePermission --operation-type add --user-ids %[4]s

# Then account %[4]s has the copies. While a copy is pending, EC2 shows it as not encrypted.
export AWS_ACCESS_KEY_ID=%[4]s
`, url, owner, d.SourceRegions[0], d.Account)
	for _, region := range regions {
		fmt.Fprintf(w, `aws ec2 wait snapshot-completed --owner-ids self --region %[1]s
aws ec2 describe-snapshots --owner-ids self --region %[1]s --query 'Snapshots[].[SnapshotId,State,Encrypted,Tags]'
`, region)
	}
	if len(regions) > 0 {
		fmt.Fprintf(w, `
# A hold keeps a copy past its day, whatever its value. What would expire, and why not?
copy=$(aws ec2 describe-snapshots --owner-ids self --region %[1]s --query 'Snapshots[0].SnapshotId' --output text)
aws ec2 create-tags --region %[1]s --resources $copy --tags Key=snapferry:hold,Value=please
echo '{"dryRun": true}' | %[2]s --function expire --event - --endpoint %[3]s
`, regions[0], flags.invocation(), url)
	}
	fmt.Fprintf(w, `
# The queues. Version 1 of the aws command line sends aws sqs to Amazon without --endpoint-url.
aws sqs list-queues --endpoint-url %s --region %s

`, url, d.Home)
}

// invocation is how to call invoke with the same functions and policies.
func (flags *localFlags) invocation() string {
	words := []string{quoted(os.Args[0]), "invoke"}
	if flags.functions != "" {
		words = append(words, "--functions", quoted(flags.functions))
	}
	if flags.policies != defaultPolicies {
		words = append(words, "--policies", quoted(flags.policies))
	}
	return strings.Join(words, " ")
}

// quoted is a word that a shell takes as it is.
func quoted(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"snapferry/internal/sim"
)

// The demo's accounts; snapferry works in targetAccount.
const (
	shopAccount     = "111111111111"
	factoryAccount  = "333333333333"
	strangerAccount = "999999999999"
)

// The demo's Regions.
const (
	shopRegion    = "us-east-1"
	factoryRegion = "eu-central-1"
	shortRegion   = "sa-east-1" // unencrypted, 3 days
	longRegion    = "eu-west-2" // under the target account's key, 1 month
)

// demoClockSpeed makes a minute of the story a second.
const demoClockSpeed = 60

// demoOptions is a world in which copies take minutes.
func demoOptions(clock sim.Clock) sim.Options {
	return sim.Options{
		Clock:      clock,
		Seed:       1,
		CreateTime: func(gib int) time.Duration { return time.Duration(gib) * 3 * time.Second },
		CopyTime:   func(gib int) time.Duration { return time.Minute + time.Duration(gib)*time.Second },
	}
}

// demoPolicy is the one policy of the story.
const demoPolicy = `{
  "PolicyType": "EVENT_BASED_POLICY",
  "EventSource": {
    "Type": "MANAGED_CWE",
    "Parameters": {
      "EventType": "shareSnapshot",
      "SnapshotOwner": ["%s", "%s"],
      "DescriptionRegex": ".*production.*"
    }
  },
  "Actions": [{
    "Name": "Copy production to Sao Paulo and London",
    "CrossRegionCopy": [
      {
        "Target": "%s",
        "EncryptionConfiguration": {"Encrypted": false},
        "RetainRule": {"Interval": 3, "IntervalUnit": "DAYS"}
      },
      {
        "Target": "%s",
        "EncryptionConfiguration": {"Encrypted": true, "CmkArn": "%s"},
        "RetainRule": {"Interval": 1, "IntervalUnit": "MONTHS"}
      }
    ]
  }]
}
`

// writeDemoPolicy writes the policy document "vault" into a new directory.
func writeDemoPolicy(keyARN string) (directory string, err error) {
	if directory, err = os.MkdirTemp("", "snapferry-demo-"); err != nil {
		return "", fmt.Errorf("write the policy: %w", err)
	}
	text := fmt.Sprintf(demoPolicy, shopAccount, factoryAccount, shortRegion, longRegion, keyARN)
	if err := os.WriteFile(filepath.Join(directory, "vault.json"), []byte(text), 0o644); err != nil {
		os.RemoveAll(directory)
		return "", fmt.Errorf("write the policy: %w", err)
	}
	return directory, nil
}

// hands make calls in a world, as people would with their own tools.
type hands struct {
	ctx   context.Context
	world *sim.World
}

// createKey makes a KMS key that also the account named may use, if any.
func (h hands) createKey(account, region, alsoFor string) (arn string, err error) {
	type statement struct {
		Effect    string
		Principal map[string]string
		Action    []string
		Resource  string
	}
	root := func(account string) map[string]string {
		return map[string]string{"AWS": "arn:aws:iam::" + account + ":root"}
	}
	statements := []statement{{"Allow", root(account), []string{"kms:*"}, "*"}}
	if alsoFor != "" {
		use := []string{"kms:DescribeKey", "kms:CreateGrant", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"}
		statements = append(statements, statement{"Allow", root(alsoFor), use, "*"})
	}
	policy, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		return "", err
	}
	var made struct{ KeyMetadata struct{ Arn string } }
	err = h.world.Do(h.ctx, account, region, "kms", "CreateKey", map[string]string{"Policy": string(policy)}, &made)
	return made.KeyMetadata.Arn, err
}

// createSnapshot makes a volume, encrypted under the key if there is one, and a
// snapshot of it.
func (h hands) createSnapshot(account, region, description, keyARN string, gib int) (id string, err error) {
	in := url.Values{"AvailabilityZone": {region + "a"}, "Size": {strconv.Itoa(gib)}}
	if keyARN != "" {
		in.Set("Encrypted", "true")
		in.Set("KmsKeyId", keyARN)
	}
	var volume struct {
		ID string `xml:"volumeId"`
	}
	if err := h.world.Do(h.ctx, account, region, "ec2", "CreateVolume", in, &volume); err != nil {
		return "", err
	}
	var made struct {
		ID string `xml:"snapshotId"`
	}
	in = url.Values{"VolumeId": {volume.ID}, "Description": {description}}
	err = h.world.Do(h.ctx, account, region, "ec2", "CreateSnapshot", in, &made)
	return made.ID, err
}

// share lets the target account use a snapshot.
func (h hands) share(account, region, id string) error {
	return h.world.Do(h.ctx, account, region, "ec2", "ModifySnapshotAttribute", url.Values{
		"SnapshotId":                          {id},
		"CreateVolumePermission.Add.1.UserId": {targetAccount},
	}, nil)
}

// defaultKey is the ARN of a Region's default key for EBS, or "".
func (h hands) defaultKey(account, region string) string {
	var found struct{ KeyMetadata struct{ Arn string } }
	err := h.world.Do(h.ctx, account, region, "kms", "DescribeKey", map[string]string{"KeyId": "alias/aws/ebs"}, &found)
	if err != nil {
		return "" // no key is called so
	}
	return found.KeyMetadata.Arn
}

func (h hands) tag(account, region, id, key, value string) error {
	return h.world.Do(h.ctx, account, region, "ec2", "CreateTags", url.Values{
		"ResourceId.1": {id}, "Tag.1.Key": {key}, "Tag.1.Value": {value},
	}, nil)
}

// shown is a snapshot as EC2 shows it to its owner.
type shown struct {
	ID        string    `xml:"snapshotId"`
	State     string    `xml:"status"`
	Message   string    `xml:"statusMessage"`
	Encrypted bool      `xml:"encrypted"`
	Key       string    `xml:"kmsKeyId"`
	Started   time.Time `xml:"startTime"`
	Tags      []struct {
		Key   string `xml:"key"`
		Value string `xml:"value"`
	} `xml:"tagSet>item"`
	Region string `xml:"-"`
}

func (s shown) tag(key string) string {
	for _, tag := range s.Tags {
		if tag.Key == key {
			return tag.Value
		}
	}
	return ""
}

// own lists an account's own snapshots in a Region.
func (h hands) own(account, region string) ([]shown, error) {
	var listed struct {
		Items []shown `xml:"snapshotSet>item"`
	}
	err := h.world.Do(h.ctx, account, region, "ec2", "DescribeSnapshots", url.Values{"Owner.1": {"self"}}, &listed)
	if err != nil {
		return nil, fmt.Errorf("list snapshots of %s in %s: %w", account, region, err)
	}
	for i := range listed.Items {
		listed.Items[i].Region = region
	}
	return listed.Items, nil
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"snapferry/infra/golden"
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

// demoDeployment is the synthesized deployment that the story is about: its
// policy, "vault", its Regions and its roles.
const demoDeployment = "demo"

// The keys that policy and roles of the deployment name.
const (
	vaultKey   = "arn:aws:kms:" + longRegion + ":" + targetAccount + ":key/8af79514-350d-4c52-bac8-8985e84171c7"
	shopKey    = "arn:aws:kms:" + shopRegion + ":" + shopAccount + ":key/1234abcd-12ab-34cd-56ef-1234567890ab"
	factoryKey = "arn:aws:kms:" + factoryRegion + ":" + factoryAccount + ":key/5678dcba-34cd-56ef-78ab-0987654321cd"
)

// writeDemoPolicies writes the policy documents into a new directory.
func writeDemoPolicies() (directory string, err error) {
	files, err := golden.Policies(demoDeployment)
	if err != nil {
		return "", err
	}
	if directory, err = os.MkdirTemp("", "snapferry-demo-"); err != nil {
		return "", fmt.Errorf("write the policies: %w", err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(directory, name), text, 0o644); err != nil {
			os.RemoveAll(directory)
			return "", fmt.Errorf("write the policies: %w", err)
		}
	}
	return directory, nil
}

// hands make calls in a world, as people would with their own tools.
type hands struct {
	ctx   context.Context
	world *sim.World
}

// createKey makes a KMS key under an ARN that settings and policies name, as if
// its account had made it. It is for the account alone, or for another one too.
func (h hands) createKey(arn, alsoFor string) error {
	if err := h.world.AddKey(arn); err != nil || alsoFor == "" {
		return err
	}
	type statement struct {
		Effect    string
		Principal map[string]string
		Action    []string
		Resource  string
		Condition map[string]map[string]string `json:",omitempty"`
	}
	root := func(account string) map[string]string {
		return map[string]string{"AWS": "arn:aws:iam::" + account + ":root"}
	}
	fields := strings.Split(arn, ":")
	region, account := fields[3], fields[4]
	policy, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []statement{
		{"Allow", root(account), []string{"kms:*"}, "*", nil},
		{"Allow", root(alsoFor), []string{"kms:DescribeKey", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"}, "*", nil},
		{"Allow", root(alsoFor), []string{"kms:CreateGrant"}, "*", map[string]map[string]string{"Bool": {"kms:GrantIsForAWSResource": "true"}}},
	}})
	if err != nil {
		return err
	}
	return h.world.Do(h.ctx, account, region, "kms", "PutKeyPolicy", map[string]string{"KeyId": arn, "PolicyName": "default", "Policy": string(policy)}, nil)
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

func (s shown) tag(key string) string { return s.tags()[key] }

func (s shown) tags() map[string]string {
	tags := map[string]string{}
	for _, tag := range s.Tags {
		tags[tag.Key] = tag.Value
	}
	return tags
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

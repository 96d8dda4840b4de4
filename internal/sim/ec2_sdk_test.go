package sim_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"snapferry/internal/sim"
)

const (
	owner = "111111111111"
	vault = "222222222222"
)

// sdkFor is Amazon's own client for an account in a Region. Nothing of the
// machine's configuration reaches it.
func sdkFor(w *sim.World, account, region string) *ec2.Client {
	return ec2.NewFromConfig(aws.Config{
		Region:      region,
		Credentials: credentials.NewStaticCredentialsProvider(account, "secret", ""),
		HTTPClient:  &http.Client{Transport: w.Transport()},
	}, func(o *ec2.Options) { o.BaseEndpoint = aws.String("http://sim") })
}

func sdkCode(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return fmt.Sprint(err)
}

// sdkSource makes a completed snapshot of the owner's in us-east-1.
func sdkSource(t *testing.T, c *ec2.Client) string {
	t.Helper()
	v, err := c.CreateVolume(t.Context(), &ec2.CreateVolumeInput{AvailabilityZone: aws.String("us-east-1a"), Size: aws.Int32(3)})
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.CreateSnapshot(t.Context(), &ec2.CreateSnapshotInput{VolumeId: v.VolumeId, Description: aws.String("nightly")})
	if err != nil {
		t.Fatal(err)
	}
	waiter := ec2.NewSnapshotCompletedWaiter(c)
	if err := waiter.Wait(t.Context(), &ec2.DescribeSnapshotsInput{SnapshotIds: []string{*s.SnapshotId}}, time.Hour); err != nil {
		t.Fatal(err)
	}
	return *s.SnapshotId
}

func TestSDK(t *testing.T) {
	t.Run("a shared snapshot is copied across accounts and Regions", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := sim.New(sim.Options{})
			from, here, to := sdkFor(w, owner, "us-east-1"), sdkFor(w, vault, "us-east-1"), sdkFor(w, vault, "eu-west-1")
			source := sdkSource(t, from)
			_, err := from.ModifySnapshotAttribute(t.Context(), &ec2.ModifySnapshotAttributeInput{
				SnapshotId:             &source,
				CreateVolumePermission: &types.CreateVolumePermissionModifications{Add: []types.CreateVolumePermission{{UserId: aws.String(vault)}}},
			})
			if err != nil {
				t.Fatal(err)
			}
			shared, err := here.DescribeSnapshots(t.Context(), &ec2.DescribeSnapshotsInput{
				OwnerIds: []string{owner}, RestorableByUserIds: []string{"self"}, MaxResults: aws.Int32(1000),
				Filters: []types.Filter{{Name: aws.String("status"), Values: []string{"completed"}}},
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(shared.Snapshots) != 1 || *shared.Snapshots[0].SnapshotId != source || *shared.Snapshots[0].Description != "nightly" {
				t.Fatalf("shared: got %+v", shared.Snapshots)
			}
			request := &ec2.CopySnapshotInput{
				SourceRegion: aws.String("us-east-1"), SourceSnapshotId: &source, Encrypted: aws.Bool(true),
				TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeSnapshot, Tags: []types.Tag{{Key: aws.String("order"), Value: aws.String("<p>/s")}}}},
			}
			copied, err := to.CopySnapshot(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			// The SDK wrote the presigned URL into the request, and it only
			// fits this Region.
			if _, err := here.CopySnapshot(t.Context(), request); sdkCode(err) != "InvalidParameterValue" {
				t.Errorf("the request used again: got %v", err)
			}
			pending, err := to.DescribeSnapshots(t.Context(), &ec2.DescribeSnapshotsInput{SnapshotIds: []string{*copied.SnapshotId}})
			if err != nil {
				t.Fatal(err)
			}
			if got := pending.Snapshots[0]; got.State != types.SnapshotStatePending || aws.ToString(got.StateMessage) != "Metadata not updated" || *got.VolumeSize != 0 {
				t.Errorf("pending: got %+v", got)
			}
			time.Sleep(time.Minute)
			done, err := to.DescribeSnapshots(t.Context(), &ec2.DescribeSnapshotsInput{Filters: []types.Filter{{Name: aws.String("tag:order"), Values: []string{"<p>/s"}}}})
			if err != nil {
				t.Fatal(err)
			}
			got := done.Snapshots[0]
			if got.State != types.SnapshotStateCompleted || *got.VolumeSize != 3 || !*got.Encrypted || got.CompletionTime == nil || got.StateMessage != nil {
				t.Errorf("completed: got %+v", got)
			}
			if diff := cmp.Diff("<p>/s", *got.Tags[0].Value); diff != "" {
				t.Error(diff)
			}
		})
	})
	t.Run("the paginator sees every snapshot once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := sim.New(sim.Options{NoThrottling: true})
			c := sdkFor(w, owner, "us-east-1")
			v, err := c.CreateVolume(t.Context(), &ec2.CreateVolumeInput{AvailabilityZone: aws.String("us-east-1a"), Size: aws.Int32(1)})
			if err != nil {
				t.Fatal(err)
			}
			var want, got []string
			for range 23 {
				s, err := c.CreateSnapshot(t.Context(), &ec2.CreateSnapshotInput{VolumeId: v.VolumeId})
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, *s.SnapshotId)
			}
			pages := ec2.NewDescribeSnapshotsPaginator(c, &ec2.DescribeSnapshotsInput{OwnerIds: []string{"self"}, MaxResults: aws.Int32(5)})
			for pages.HasMorePages() {
				page, err := pages.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range page.Snapshots {
					got = append(got, *s.SnapshotId)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	})
	t.Run("errors arrive with their codes, and throttling is tried again", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := sim.New(sim.Options{})
			c := sdkFor(w, vault, "us-east-1")
			_, err := c.DescribeSnapshots(t.Context(), &ec2.DescribeSnapshotsInput{SnapshotIds: []string{"snap-0123456789abcdef0"}})
			if sdkCode(err) != "InvalidSnapshot.NotFound" {
				t.Errorf("unknown id: got %v", err)
			}
			_, err = c.DeleteSnapshot(t.Context(), &ec2.DeleteSnapshotInput{SnapshotId: aws.String("snap-0123456789abcdef0"), DryRun: aws.Bool(true)})
			if sdkCode(err) != "DryRunOperation" {
				t.Errorf("dry run: got %v", err)
			}
			once := func(o *ec2.Options) { o.Retryer = aws.NopRetryer{} }
			codes := []string{}
			for range 200 {
				if _, err := c.DescribeRegions(context.Background(), &ec2.DescribeRegionsInput{}, once); err != nil {
					codes = append(codes, sdkCode(err))
				}
			}
			if diff := cmp.Diff(slices.Repeat([]string{"RequestLimitExceeded"}, 100), codes); diff != "" {
				t.Errorf("200 calls at once (-want +got):\n%s", diff)
			}
			patient := func(o *ec2.Options) { o.Retryer = retry.NewStandard() }
			if _, err := c.DescribeRegions(t.Context(), &ec2.DescribeRegionsInput{}, patient); err != nil {
				t.Errorf("with retries: %v", err)
			}
		})
	})
	t.Run("the other answers parse", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := sim.New(sim.Options{})
			c := sdkFor(w, owner, "us-east-1")
			id := sdkSource(t, c)
			lock, err := c.LockSnapshot(t.Context(), &ec2.LockSnapshotInput{SnapshotId: &id, LockMode: types.LockModeCompliance, LockDuration: aws.Int32(2), CoolOffPeriod: aws.Int32(1)})
			if err != nil {
				t.Fatal(err)
			}
			if lock.LockState != types.LockStateComplianceCooloff || *lock.LockDuration != 2 || !lock.LockExpiresOn.Equal(w.Now().Add(48*time.Hour)) {
				t.Errorf("lock: got %+v", lock)
			}
			locked, err := c.DescribeLockedSnapshots(t.Context(), &ec2.DescribeLockedSnapshotsInput{})
			if err != nil || len(locked.Snapshots) != 1 || *locked.Snapshots[0].OwnerId != owner {
				t.Errorf("locked: got %+v, %v", locked, err)
			}
			until := w.Now().Add(72 * time.Hour).Truncate(time.Millisecond)
			if lock, err = c.LockSnapshot(t.Context(), &ec2.LockSnapshotInput{SnapshotId: &id, LockMode: types.LockModeGovernance, ExpirationDate: &until}); err != nil || !lock.LockExpiresOn.Equal(until) {
				t.Errorf("lock until: got %+v, %v", lock, err)
			}
			tags := []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("b"), Value: aws.String("")}}
			if _, err := c.CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{id}, Tags: tags}); err != nil {
				t.Fatal(err)
			}
			if _, err := c.DeleteTags(t.Context(), &ec2.DeleteTagsInput{Resources: []string{id}, Tags: []types.Tag{{Key: aws.String("a")}}}); err != nil {
				t.Fatal(err)
			}
			left, err := c.DescribeTags(t.Context(), &ec2.DescribeTagsInput{})
			if err != nil || len(left.Tags) != 1 || *left.Tags[0].Key != "b" || left.Tags[0].ResourceType != types.ResourceTypeSnapshot {
				t.Errorf("tags: got %+v, %v", left, err)
			}
			regions, err := c.DescribeRegions(t.Context(), &ec2.DescribeRegionsInput{Filters: []types.Filter{{Name: aws.String("region-name"), Values: []string{"eu-*-1"}}}})
			if err != nil || len(regions.Regions) == 0 || *regions.Regions[0].RegionName != "eu-central-1" {
				t.Errorf("regions: got %+v, %v", regions, err)
			}
			attribute, err := c.DescribeSnapshotAttribute(t.Context(), &ec2.DescribeSnapshotAttributeInput{SnapshotId: &id, Attribute: types.SnapshotAttributeNameCreateVolumePermission})
			if err != nil || len(attribute.CreateVolumePermissions) != 0 {
				t.Errorf("attribute: got %+v, %v", attribute, err)
			}
			key, err := c.GetEbsDefaultKmsKeyId(t.Context(), &ec2.GetEbsDefaultKmsKeyIdInput{})
			if err != nil || *key.KmsKeyId != "alias/aws/ebs" {
				t.Errorf("default key: got %+v, %v", key, err)
			}
		})
	})
}
